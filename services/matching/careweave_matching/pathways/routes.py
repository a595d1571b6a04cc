"""Which ways are worth showing: the best by each preference, and no two that are nearly the same."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeAlias

import numpy as np

from careweave_matching.pathways import rules
from careweave_matching.pathways.facts import Way
from careweave_matching.pathways.ground import Ground
from careweave_matching.pathways.network import COUNT, Link, Network
from careweave_matching.pathways.rules import Flags, Numbers
from careweave_matching.pathways.search import Paths, Step, paths_of

ALIKE: Final = 0.5
"""Share of steps that two ways may have in common (Jaccard's index); above, they are one way and a variant of it."""
_MONTHS_AMONG_HOURS: Final = 0.01
"""What a month counts where ways are ordered by hours of learning: it decides between equal ones."""
Steps: TypeAlias = tuple[Step, ...]


class Preference(IntEnum):
    """What a way is chosen for; numbers as in `pathways.proto`."""

    QUICKEST = 1
    LEAST_TRAINING = 2
    EARN_WHILE_LEARNING = 3
    THROUGH_HOME_CARE = 4
    STAYING_LOCAL = 5


ALL: Final = tuple(Preference)


@dataclass(frozen=True, slots=True)
class Nearby:
    """What is on offer within somebody's reach now: occupations with work, standards with an apprenticeship."""

    occupations: frozenset[str]
    standards: frozenset[str]


@dataclass(frozen=True, slots=True)
class Route:
    """A way. preferences: what it is the best for; none of one that is listed for being different."""

    steps: Steps
    preferences: tuple[Preference, ...]


def find_routes(
    network: Network, targets: frozenset[int], wanted: Sequence[Preference], nearby: Nearby, *, limit: int, most: int
) -> tuple[list[Route], tuple[Preference, ...]]:
    """Return at most `most` ways of at most `limit` months, and the preferences that no way meets.

    wanted: the preferences, the most important first.
    """
    chosen: dict[Steps, list[Preference]] = {}
    unmet: list[Preference] = []
    spare: list[Steps] = []
    for preference in wanted:
        ways = [way for way in _ways(network, targets, preference, nearby, limit) if months_of(way) <= limit]
        if not ways:
            unmet.append(preference)
        elif (twin := next((way for way in chosen if likeness(way, ways[0]) > ALIKE), None)) is not None and _serves(
            twin, ways[0], preference
        ):
            chosen[twin].append(preference)
        elif len(chosen) < most:
            chosen.setdefault(ways[0], []).append(preference)
        spare += ways
    for way in spare:
        if len(chosen) >= most:
            break
        if all(likeness(way, other) <= ALIKE and not goes_beyond(way, other) for other in chosen):
            chosen[way] = []
    return [Route(way, tuple(preferences)) for way, preferences in chosen.items()], tuple(unmet)


def _serves(way: Steps, best: Steps, preference: Preference) -> bool:
    """Say whether `way`, which is nearly the same as the best by a preference, is as good by it."""
    if preference is Preference.QUICKEST:
        return months_of(way) <= months_of(best)
    if preference is Preference.LEAST_TRAINING:
        return hours_of(way) <= hours_of(best)
    return way == best


def _ways(network: Network, targets: frozenset[int], preference: Preference, nearby: Nearby, limit: int) -> list[Steps]:
    allowed = leads_on(network, targets)
    if preference is Preference.LEAST_TRAINING:
        cost = network.links.hours + _MONTHS_AMONG_HOURS * network.links.months
        return paths_of(network, cost, allowed, np.inf).shortest()
    if preference is Preference.THROUGH_HOME_CARE:
        return _through_home_care(network, targets, allowed, limit)
    if preference is Preference.EARN_WHILE_LEARNING:
        allowed = allowed & _paid(network)
    if preference is Preference.STAYING_LOCAL:
        allowed = allowed & _near_home(network, nearby)
    return by_months(network, allowed, limit).shortest()


def by_months(network: Network, allowed: Flags, limit: float) -> Paths:
    """Return the network by months."""
    return paths_of(network, network.links.months, allowed, limit)


def _through_home_care(network: Network, targets: frozenset[int], allowed: Flags, limit: int) -> list[Steps]:
    links, works = network.links, network.ground.works
    rows = frozenset(row for row, work in enumerate(works) if work.in_home_care) - targets
    into = (links.kind == Link.MOVE) & np.isin(links.target, sorted(rows))
    return by_months(network, allowed | (into & ~_leaves(network, targets)), limit).through(rows)


def leads_on(network: Network, targets: frozenset[int]) -> Flags:
    """Say of each link whether it is a step on the way to the targets, see `rules.TOWARDS` and `rules.ASTRAY`."""
    links, ground = network.links, network.ground
    ends = sorted(targets)
    towards = np.append(ground.related[:, ends].max(axis=1), network.related[ends].max())
    levels = np.append(ground.levels, network.level)
    nearer = towards[links.target] >= towards[links.origin] + rules.TOWARDS
    higher = levels[links.target] > levels[links.origin]
    astray = towards[links.target] < towards[links.origin] - rules.ASTRAY
    rung = (links.origin >= 0) & (links.target >= 0)
    rung[rung] = ground.rung[links.origin[rung], links.target[rung]] > 0
    step = (nearer | higher) & ~astray | rung | np.isin(links.target, ends)
    whole: Flags = (step | ~np.isin(links.kind, (Link.MOVE, Link.FINISH))) & ~_leaves(network, targets)
    return whole


def _leaves(network: Network, targets: frozenset[int]) -> Flags:
    """Say of each link whether it leads on from where one wanted to."""
    links = network.links
    arrived = (links.tail < network.first_programme) & np.isin(links.tail // COUNT, sorted(targets))
    leaves: Flags = arrived & (links.kind != Link.END)
    return leaves


def _paid(network: Network) -> Flags:
    """Say of each link whether one is paid all the while: everything but study."""
    study = [
        place
        for place, programme in enumerate(network.ground.career.programmes)
        if programme.way in {Way.STUDY, Way.QUALIFICATION}
    ]
    paid: Flags = ~np.isin(network.links.programme, study)
    return paid


def _near_home(network: Network, nearby: Nearby) -> Flags:
    """Say of each link whether the step can be begun near home now."""
    links, ground = network.links, network.ground
    work = np.array([row for row, each in enumerate(ground.works) if each.name in nearby.occupations], np.int64)
    offered = np.array(
        [place for place, each in enumerate(ground.career.programmes) if each.name in nearby.standards], np.int64
    )
    moved = (links.kind == Link.MOVE) & np.isin(links.target, work)
    trained = np.isin(links.kind, (Link.FINISH, Link.QUALIFY)) & np.isin(links.programme, offered)
    local: Flags = moved | trained | np.isin(links.kind, (Link.ENTRY, Link.END))
    return local


def months_of(way: Iterable[Step]) -> float:
    """Return the months of a way."""
    return sum(step.months for step in way)


def hours_of(way: Iterable[Step]) -> float:
    """Return the hours of learning of a way."""
    return sum(step.hours for step in way)


def _keys(way: Steps) -> frozenset[tuple[int, int]]:
    return frozenset((step.target, step.programme) for step in way)


def likeness(one: Steps, other: Steps) -> float:
    """Return the share of steps that two ways have in common, 0 to 1."""
    these, those = _keys(one), _keys(other)
    return len(these & those) / len(these | those)


def goes_beyond(way: Steps, other: Steps) -> bool:
    """Say whether `way` holds all steps of `other` and more: a detour of it."""
    return _keys(other) < _keys(way)


def relevant(ground: Ground, start: Numbers, targets: frozenset[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the rows of occupations that any way to the targets may go through.

    start: how related where one stands is to each occupation.
    """
    ends = sorted(targets)
    towards = ground.related[:, ends].max(axis=1)
    least = float(start[ends].max()) - rules.ASTRAY
    kept = (towards >= least) | (ground.rung > 0).any(axis=0) | (ground.rung > 0).any(axis=1)
    kept |= np.array([work.in_home_care for work in ground.works])
    kept[ends] = True
    return np.flatnonzero(kept)


def renamed(routes: Sequence[Route], totals: Mapping[Steps, tuple[float, float]]) -> list[Route]:
    """Return `routes` with the first two preferences where they belong among these, by what each really takes.

    totals: months and hours of each way once what earlier steps teach is counted.
    """
    found = {route.steps: set(route.preferences) for route in routes}
    for place, preference in enumerate((Preference.QUICKEST, Preference.LEAST_TRAINING)):
        if any(preference in names for names in found.values()):
            best = min(found, key=lambda way: totals[way][place])
            for way, names in found.items():
                if way != best and totals[way][place] > totals[best][place]:
                    names.discard(preference)
            if not any(preference in names for names in found.values()):
                found[best].add(preference)
    return [Route(route.steps, tuple(sorted(found[route.steps]))) for route in routes]
