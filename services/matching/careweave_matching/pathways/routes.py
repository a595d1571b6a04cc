"""Which ways are worth showing: the best by each preference, and no two that are nearly the same."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeAlias

import numpy as np

from careweave_matching.pathways import rules
from careweave_matching.pathways.career import Work
from careweave_matching.pathways.facts import Way
from careweave_matching.pathways.ground import Ground
from careweave_matching.pathways.network import COUNT, Link, Network
from careweave_matching.pathways.rules import Flags, Integers, Numbers
from careweave_matching.pathways.search import Paths, Step, paths_of

ALIKE: Final = 0.5
"""How much two ways may have in common (`likeness`); above, one is a variant of the other."""
NEARLY_SAME: Final = 0.8
"""The same for ways that are each the best by a preference."""
FARTHER: Final = 24
"""Months by which a way that no preference asks for may take longer than the quickest."""
HOURS_A_MONTH: Final = 10
"""What a month counts where ways are ordered by hours of learning: few would wait years to spare a few hours."""
Steps: TypeAlias = tuple[Step, ...]


class Preference(IntEnum):
    """What a way is chosen for; numbers as in `pathways.proto`."""

    QUICKEST = 1
    LEAST_TRAINING = 2
    EARN_WHILE_LEARNING = 3
    THROUGH_HOME_CARE = 4
    STAYING_LOCAL = 5
    WITHOUT_PROGRAMME = 6


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
    sorts = sorts_of_work(network.ground)
    chosen: dict[Steps, list[Preference]] = {}
    unmet: list[Preference] = []
    spare: list[Steps] = []
    for preference in wanted:
        ways = [way for way in _ways(network, targets, preference, nearby, limit) if months_of(way) <= limit]
        if not ways:
            unmet.append(preference)
            continue
        twin = max(chosen, key=lambda way: likeness(way, ways[0], sorts), default=None)
        if twin is None or likeness(twin, ways[0], sorts) <= NEARLY_SAME:
            if len(chosen) < most:
                chosen[ways[0]] = [preference]
        elif _serves(twin, ways[0], preference):
            chosen[twin].append(preference)
        spare += ways
    longest = min(map(months_of, chosen), default=0.0) + FARTHER
    for way in spare:
        if len(chosen) >= most:
            break
        if months_of(way) <= longest and all(_differs(way, other, sorts) for other in chosen):
            chosen[way] = []
    return [Route(way, tuple(preferences)) for way, preferences in chosen.items()], tuple(unmet)


def _differs(way: Steps, other: Steps, sorts: Integers) -> bool:
    """Say whether `way` is worth listing beside `other`: the plain form of a detour is, a detour of it is not."""
    plain = goes_beyond(other, way, sorts)
    return plain or (likeness(way, other, sorts) <= ALIKE and not goes_beyond(way, other, sorts))


def _serves(way: Steps, best: Steps, preference: Preference) -> bool:
    """Say whether `way`, which is nearly the same as the best by a preference, is as good by it."""
    return way == best or (preference in _COSTS and _COSTS[preference](way) <= _COSTS[preference](best))


def _ways(network: Network, targets: frozenset[int], preference: Preference, nearby: Nearby, limit: int) -> list[Steps]:
    allowed = leads_on(network, targets)
    if preference is Preference.LEAST_TRAINING:
        cost = network.links.hours + HOURS_A_MONTH * network.links.months
        return paths_of(network, cost, allowed, np.inf).shortest()
    if preference is Preference.THROUGH_HOME_CARE:
        return _through_home_care(network, targets, allowed, limit)
    if preference is Preference.EARN_WHILE_LEARNING:
        allowed = allowed & _paid(network)
    if preference is Preference.WITHOUT_PROGRAMME:
        allowed = allowed & (network.links.programme < 0)
    if preference is Preference.STAYING_LOCAL:
        allowed = allowed & _near_home(network, nearby)
    return by_months(network, allowed, limit).shortest()


def by_months(network: Network, allowed: Flags, limit: float) -> Paths:
    """Return the network by months."""
    return paths_of(network, network.links.months, allowed, limit)


def _through_home_care(network: Network, targets: frozenset[int], allowed: Flags, limit: int) -> list[Steps]:
    links, works = network.links, network.ground.works
    rows = frozenset(row for row, work in enumerate(works) if work.in_home_care and network.work is not work) - targets
    here = network.work is not None and network.work.in_home_care
    further = np.append(network.ground.levels, network.level)[links.target] > network.level
    into = (links.kind == Link.MOVE) & np.isin(links.target, sorted(rows)) & ~_same_sort(network)
    if here:
        into &= further
        rows = frozenset(row for row in rows if works[row].level > network.level)
    return by_months(network, allowed | (into & ~_leaves(network, targets)), limit).through(rows)


def leads_on(network: Network, targets: frozenset[int]) -> Flags:
    """Say of each link whether it is a step on the way to the targets.

    It is if it comes to a target, or to work that is of a higher level, nearer to the aim (`rules.TOWARDS`) or the next
    rung of the Care Workforce Pathway, and neither the same work elsewhere nor aside of the way (`is_aside`). What is
    no step into other work always is.
    """
    links, ground = network.links, network.ground
    ends = sorted(targets)
    towards = np.append(ground.related[:, ends].max(axis=1), network.related[ends].max())
    levels = np.append(ground.levels, network.level)
    nearer = towards[links.target] >= towards[links.origin] + rules.TOWARDS
    higher = levels[links.target] > levels[links.origin]
    aside = np.append(is_aside(ground, network.work, network.related, network.level, targets), np.False_)
    step = (nearer | higher | _is_rung(network)) & ~_same_sort(network) & ~aside[links.target]
    whole: Flags = step | np.isin(links.target, ends)
    whole |= ~np.isin(links.kind, (Link.MOVE, Link.FINISH))
    whole &= ~_leaves(network, targets)
    return whole


def is_aside(ground: Ground, work: Work | None, related: Numbers, level: int, targets: frozenset[int]) -> Flags:
    """Say which occupations are no step on the way from `work`, at `level`, to the targets.

    Those farther from the aim than where one stands (`rules.ASTRAY`), those of as high a level, unless they share the
    register that the aim needs, and those of a field that neither the aim nor where one stands is of.

    related: how related `work` is to each occupation.
    """
    ends = sorted(targets)
    fields = np.array([each.field for each in ground.works])
    own = {"", work.field if work else "", *fields[ends].tolist()}
    shared = (ground.registers > 0) & np.isin(ground.registers, ground.registers[ends])
    known = np.array([bool(each.rows) for each in ground.works])
    farther = known & (ground.related[:, ends].max(axis=1) < float(related[ends].max()) - rules.ASTRAY)
    as_high = (ground.levels >= max(int(ground.levels[ends].max()), level)) & ~shared
    found: Flags = farther | as_high | ~np.isin(fields, sorted(own))
    found[ends] = False
    return found


def _same_sort(network: Network) -> Flags:
    """Say of each link whether it leads to the same sort of work at the same level."""
    links, ground = network.links, network.ground
    related = np.vstack([ground.related, network.related])
    levels = np.append(ground.levels, network.level)
    same: Flags = related[links.origin, links.target] >= rules.SAME_SORT
    same &= levels[links.origin] == levels[links.target]
    same &= links.kind == Link.MOVE
    return same


def _is_rung(network: Network) -> Flags:
    links, ground = network.links, network.ground
    here = ground.rows.get(network.work.name, -1) if network.work else -1
    origin = np.where(links.origin >= 0, links.origin, here)
    rung = (origin >= 0) & (links.target >= 0) & (links.kind == Link.MOVE)
    rung[rung] = ground.rung[origin[rung], links.target[rung]] > 0
    found: Flags = rung
    return found


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


def effort_of(way: Iterable[Step]) -> float:
    """Return what ways are ordered by where little training is wanted: hours of learning, and some for time."""
    return sum(step.hours + HOURS_A_MONTH * step.months for step in way)


_COSTS: Final = {Preference.QUICKEST: months_of, Preference.LEAST_TRAINING: effort_of}


def sorts_of_work(ground: Ground) -> Integers:
    """Return, for each occupation, the first one that is the same sort of work at the same level; see `rules`."""
    alike = (ground.related >= rules.SAME_SORT) & (ground.levels[:, None] == ground.levels[None, :])
    np.fill_diagonal(alike, np.True_)
    found: Integers = alike.argmax(axis=1)
    return found


def _keys(way: Steps, sorts: Integers) -> dict[tuple[int, int], float]:
    """Return the months of each step by what it is; a qualification is the same beside whatever work."""
    found: dict[tuple[int, int], float] = defaultdict(float)
    for step in way:
        found[-1 if step.kind is Link.QUALIFY else int(sorts[step.target]), step.programme] += step.months
    return found


def likeness(one: Steps, other: Steps, sorts: Integers) -> float:
    """Return how much two ways have in common, 0 to 1: Jaccard's index of their steps, each weighed by its months.

    sorts: see `sorts_of_work`.
    """
    these, those = _keys(one, sorts), _keys(other, sorts)
    common = sum(min(months, those[key]) for key, months in these.items() if key in those)
    return common / (sum(these.values()) + sum(those.values()) - common)


def goes_beyond(way: Steps, other: Steps, sorts: Integers) -> bool:
    """Say whether `way` holds all steps of `other` and more: a detour of it."""
    return _keys(other, sorts).keys() < _keys(way, sorts).keys()


def relevant(ground: Ground, work: Work | None, related: Numbers, level: int, targets: frozenset[int]) -> Integers:
    """Return the rows of occupations that a way from `work` to the targets may go through; see `is_aside`."""
    kept = ~is_aside(ground, work, related, level, targets)
    kept |= np.array([each.in_home_care or (work is not None and each.name == work.name) for each in ground.works])
    return np.flatnonzero(kept)


def renamed(routes: Sequence[Route], totals: Mapping[Steps, tuple[float, float]]) -> list[Route]:
    """Return `routes` with the preferences for time and for little training where they belong among these.

    What earlier steps teach shortens later ones, which the search does not count.

    totals: months, and effort as of `effort_of`, of each way with that counted.
    """
    found = {route.steps: set(route.preferences) for route in routes}
    for place, preference in enumerate(_COSTS):
        if any(preference in names for names in found.values()):
            least = min(totals[way][place] for way in found)
            best = [way for way in found if totals[way][place] == least]
            for way, names in found.items():
                names.discard(preference)
                if way == best[0]:
                    names.add(preference)
    return [Route(route.steps, tuple(sorted(found[route.steps]))) for route in routes]
