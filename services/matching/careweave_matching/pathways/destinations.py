"""Where somebody who names no occupation could go: a few that differ, each with the quickest way there."""

from typing import Final

import numpy as np

from careweave_matching.affinity import nearness_to_aim
from careweave_matching.entries import PersonEntry
from careweave_matching.pathways import rules
from careweave_matching.pathways.career import Work
from careweave_matching.pathways.ground import Ground
from careweave_matching.pathways.network import COUNT, Network
from careweave_matching.pathways.offers import Offers
from careweave_matching.pathways.routes import Nearby, Steps, by_months, months_of
from careweave_matching.pathways.rules import Integers, Numbers
from careweave_matching.pathways.search import is_sensible
from careweave_matching.weights import CURRENT

AIM: Final = 0.45
"""Share of nearness to what the person aims at, or where no aim is stated of how related the work is to theirs."""
RISE: Final = 0.20
"""Share of how far the work rises, three levels or more counting in full."""
ON_OFFER: Final = 0.20
"""Share of whether it is on offer: half anywhere on the board, the rest within reach."""
SOON: Final = 0.15
"""Share of how soon it is reached."""
_MOST_RISE: Final = 3
LEAST: Final = 0.25
"""Share of the nearness of what is nearest, to aim or work, below which nothing is proposed: fewer are better."""
APART: Final = 0.75
"""Relatedness from which on two destinations are too much alike to list both."""


def find_destinations(
    network: Network, person: PersonEntry, offers: Offers, nearby: Nearby, *, limit: int, most: int
) -> list[Steps]:
    """Return the quickest way to each of at most `most` destinations, the most promising first; ties by name."""
    paths = by_months(network, np.ones(len(network.links.tail), np.bool_), limit)
    cost, before = paths.reached()
    ground = network.ground
    months = cost[: len(ground) * COUNT].reshape(len(ground), COUNT)
    band, soonest = months.argmin(axis=1), months.min(axis=1)
    scores = _promise(network, person, offers, nearby, soonest / limit)
    found: list[tuple[int, Steps]] = []
    for row in np.argsort(-scores, kind="stable").tolist():
        if len(found) == most:
            break
        if not np.isfinite(soonest[row]) or soonest[row] > limit or scores[row] <= 0:
            continue
        if any(ground.related[row, other] >= APART or ground.same[row, other] for other, _ in found):
            continue
        way = paths.way_to(row * COUNT + int(band[row]), before)
        trains = any(step.programme >= 0 for step in way)
        if trains and not person.aims and ground.levels[row] <= network.level:
            continue  # nobody trains anew for work that is no higher, unless they say so
        if is_sensible(way) and way[-1].target == row and months_of(way) <= limit:
            found.append((row, way))
    return [way for _, way in found]


def proposable(ground: Ground, present: Work | None, person: PersonEntry) -> Integers:
    """Return the rows of what may be proposed to somebody who names no occupation.

    Work of a field of its own, such as teeth, justice or acupuncture, is for who works in that field or aims at it, or
    at work that is all but the same.
    """
    own = {"", present.field if present else ""}
    kept = np.array([work.field in own for work in ground.works], np.bool_)
    aims = _nearness_to_aims(ground, person)
    return np.flatnonzero(kept if aims is None else kept | (aims >= rules.SAME_FIELD))


def _promise(network: Network, person: PersonEntry, offers: Offers, nearby: Nearby, share: Numbers) -> Numbers:
    """Return how promising each occupation of the ground is, 0 to 1; 0 for the present work and for steps back.

    share: of the limit that it takes to reach each.
    """
    ground = network.ground
    aims = _nearness_to_aims(ground, person)
    wanted = network.related if aims is None else aims
    rise = np.clip((ground.levels - network.level) / _MOST_RISE, 0.0, 1.0)
    somewhere = np.array([work.name in offers.work for work in ground.works], np.float64)
    near = np.array([work.name in nearby.occupations for work in ground.works], np.float64)
    soon = 1.0 - np.clip(np.where(np.isfinite(share), share, 1.0), 0.0, 1.0)
    found: Numbers = AIM * wanted + RISE * rise + ON_OFFER * (somewhere + near) / 2 + SOON * soon
    present = np.array([work.name == person.occupation for work in ground.works])
    backwards = (ground.levels < network.level) & (wanted < 1.0)
    far = wanted < LEAST * wanted.max(initial=0.0)
    return np.where(present | backwards | far, 0.0, found)


def _nearness_to_aims(ground: Ground, person: PersonEntry) -> Numbers | None:
    """Return how near each occupation is to what the person aims at; None if they do not say."""
    if not person.aims:
        return None
    table = ground.career.taxonomy.relatedness
    found = np.zeros(len(ground))
    for aim, clear in person.aims:
        row = table.of(aim)
        for place, work in enumerate(ground.works):
            related = max((float(row[each]) for each in work.rows), default=0.0)
            found[place] = max(found[place], nearness_to_aim(related, clear, CURRENT))
    return found
