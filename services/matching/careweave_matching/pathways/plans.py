"""Planning pathways: from where somebody stands to an occupation, or to several that are worth a thought."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import numpy as np

from careweave.errors import CareweaveError, NotFound
from careweave.graph.port import Reads
from careweave.policy import Action, Caller, Resource, authorise
from careweave_matching.decisions import Decisions, items_of
from careweave_matching.entries import PersonEntry
from careweave_matching.following import ReadModel
from careweave_matching.index import Board, Index
from careweave_matching.model import Versions
from careweave_matching.pathways.career import CareerMap, build_map
from careweave_matching.pathways.describing import Describer, PlannedRoute
from careweave_matching.pathways.destinations import find_destinations, proposable
from careweave_matching.pathways.facts import packaged_facts
from careweave_matching.pathways.ground import Ground, Grounds, relatedness
from careweave_matching.pathways.network import build_network
from careweave_matching.pathways.offers import Offers, changes_of, offers_on
from careweave_matching.pathways.reading import read_career_rows
from careweave_matching.pathways.routes import (
    ALL,
    HOURS_A_MONTH,
    Preference,
    Route,
    by_months,
    find_routes,
    leads_on,
    relevant,
    renamed,
)
from careweave_matching.pathways.standing import Standing, standing_of
from careweave_matching.pathways.suits import Suits
from careweave_matching.ranking import no_such

FARTHEST: Final = 96
"""Months that a way to a given occupation takes at most, unless the caller says otherwise: eight years."""
FARTHEST_OPEN: Final = 60
"""The same where no occupation is given."""
LOOK_EVERY: Final = 2.0
"""Seconds between two looks at which taxonomy is served."""
EVER: Final = 600
"""Months within which a way is looked for to say how long it would take."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to plan.

    target: occupation; empty to plan openly. preferences: all of them if empty. months: at most, 0 for the service's
    own limit. routes: how many at most.
    """

    person: str
    target: str
    preferences: tuple[Preference, ...]
    months: int
    routes: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Ways, and what is to be said where there are none, or none by a preference."""

    routes: tuple[PlannedRoute, ...]
    reason: str
    unmet: tuple[Preference, ...]
    decision: str
    versions: Versions


@dataclass(frozen=True, slots=True)
class Charted:
    """A map of careers, the grounds of it that were asked for, and what judges people by its occupations."""

    career: CareerMap
    grounds: Grounds
    suits: Suits


class Careers:
    """Holds the map of careers for the taxonomy that is served, and what is on offer by occupation."""

    def __init__(self, graph: Reads) -> None:
        """Begin without a map; it is made when it is first asked for."""
        self._graph = graph
        self._charted: Charted | None = None
        self._making = asyncio.Lock()
        self._offers: Offers | None = None

    async def charted(self, index: Index) -> Charted:
        """Return the map for the index's taxonomy, with the grounds that searches go through.

        Raises:
            Unavailable: the graph or the model does not answer.
        """
        async with self._making:
            if self._charted is None or self._charted.career.taxonomy is not index.taxonomy:
                rows = await read_career_rows(self._graph)
                career = await asyncio.to_thread(build_map, index.taxonomy, rows, packaged_facts())
                charted = Charted(career, Grounds(career), Suits(index))
                if career.between:
                    await asyncio.to_thread(charted.grounds.of, frozenset())
                await charted.suits.learn(work for work in career.works.values() if work.in_care)
                self._charted = charted
            return self._charted

    def offers_on(self, board: Board) -> Offers:
        """Return what is on offer, by occupation."""
        offers = self._offers
        if offers is None or offers.board is not board or offers.changes != changes_of(board):
            offers = self._offers = offers_on(board)
        return offers

    async def keep_ready(self, model: ReadModel) -> None:
        """Make the map whenever an index with another taxonomy is served, so that no call waits for it.

        A failure is left to the call that asks next, which tells its caller.
        """
        while True:
            with suppress(CareweaveError):
                await self.charted(await model.until_current())
            await asyncio.sleep(LOOK_EVERY)


async def plan_pathways(
    careers: Careers, model: ReadModel, decisions: Decisions, caller: Caller, wanted: Wanted
) -> Plan:
    """Plan ways for a person, and record the opportunities that are shown as a ranking.

    Raises:
        Forbidden: the caller may not. NotFound: there is no such person or occupation. Unavailable: no index yet.
    """
    authorise(caller, Action.PLAN_PATHWAYS, Resource(person=wanted.person))
    index, as_of = model.index, model.today()
    person = await _entry_of(model, wanted.person)
    charted = await careers.charted(index)
    works = charted.career.works
    if wanted.target and wanted.target not in works:
        raise NotFound(
            f"There is no {wanted.target}. SearchOccupations finds occupations by words.",
            reason="OCCUPATION_NOT_FOUND",
            metadata={"resource": wanted.target},
        )
    present = person.person.work.occupation if person.person.work else ""
    await charted.suits.learn(works[each] for each in (wanted.target, present) if each in works)
    if decisions.full:
        await decisions.room()
    board = index.board(as_of)
    planner = _Planner(charted.grounds, person, careers.offers_on(board), charted.suits, as_of)
    found = await asyncio.to_thread(planner.search, wanted)
    routes = planner.describe(found, board)
    versions = index.versions(person.person.version, 0)
    shown = {match.entry.opportunity.name: match for route in routes for step in route.steps for match in step.offers}
    ranked = sorted(shown.values(), key=lambda match: (-match.score, match.entry.opportunity.name))
    items = [
        (match.entry.opportunity.name, match.entry.opportunity.version, match.score, match.components.suitability)
        for match in ranked
    ]
    decision = decisions.record(wanted.person, as_of, versions, items_of(items), len(items))
    return Plan(tuple(routes), found.reason, found.unmet, decision, versions)


async def _entry_of(model: ReadModel, name: str) -> PersonEntry:
    """Return the entry of a person, also of one whom the index did not hold a moment ago.

    Raises:
        NotFound: there is no such person.
    """
    entry = model.index.person(name, model.today())
    if entry is None and await model.person_appears(name):
        entry = model.index.person(name, model.today())
    if entry is None:
        raise no_such("person", name)
    return entry


@dataclass(frozen=True, slots=True)
class _Found:
    ground: Ground | None
    routes: tuple[Route, ...]
    unmet: tuple[Preference, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class _Planner:
    """Plans for one person on one day."""

    grounds: Grounds
    person: PersonEntry
    offers: Offers
    suits: Suits
    as_of: date

    @property
    def career(self) -> CareerMap:
        """The map."""
        return self.grounds.career

    @property
    def standing(self) -> Standing:
        """Where the person stands."""
        return standing_of(self.person, self.career, self.as_of)

    def search(self, wanted: Wanted) -> _Found:
        """Return the ways; long enough to be left to a thread."""
        standing = self.standing
        if not self.career.between:
            return _Found(None, (), reason="No occupations of health and social care are loaded: careweave load all.")
        ground = self.grounds.of(frozenset({wanted.target, standing.occupation}))
        if not wanted.target:
            return self._openly(ground, standing, wanted)
        return self._to(ground, standing, wanted)

    def _to(self, ground: Ground, standing: Standing, wanted: Wanted) -> _Found:
        target, present = self.career.works[wanted.target], self.career.works.get(standing.occupation)
        same = standing.current and (
            standing.occupation == wanted.target or (standing.occupation, wanted.target) in self.career.same
        )
        if same and present:
            return _Found(ground, (), reason=f"This person works as “{present.label}” already, which is the same work.")
        start = relatedness(self.career, present, ground.works) if present else np.zeros(len(ground))
        level = present.level if present and standing.current else 0
        ground = ground.only(relevant(ground, present, start, level, frozenset({ground.rows[wanted.target]})))
        targets = frozenset({ground.rows[wanted.target]})
        network = build_network(ground, standing, targets)
        limit = wanted.months or FARTHEST
        preferences = wanted.preferences or ALL
        nearby = self.offers.nearby(self.person)
        routes, unmet = find_routes(network, targets, preferences, nearby, limit=limit, most=wanted.routes)
        if routes:
            return _Found(ground, tuple(routes), unmet)
        longer = by_months(network, leads_on(network, targets), EVER).shortest(1)
        if longer and preferences == ALL:
            months = round(sum(step.months for step in longer[0]))
            reason = f"The quickest way to “{target.label}” that is known takes {months} months, more than {limit}."
        elif target.register and not any(target.name in each.outcomes for each in self.career.programmes):
            reason = (
                f"Nobody may work as a {target.register.profession} without being on the register of the "
                f"{target.register.regulator} ({target.register.law.text}), and no programme that leads there is known."
            )
        else:
            reason = f"No way to “{target.label}” is known that keeps to every rule and to what is asked for."
        return _Found(ground, (), unmet, reason)

    def _openly(self, ground: Ground, standing: Standing, wanted: Wanted) -> _Found:
        ground = ground.only(proposable(ground, self.career.works.get(standing.occupation), self.person))
        network = build_network(ground, standing, frozenset())
        nearby = self.offers.nearby(self.person)
        limit = wanted.months or FARTHEST_OPEN
        ways = find_destinations(network, self.person, self.offers, nearby, limit=limit, most=wanted.routes)
        reason = "" if ways else f"Nothing is known that could be reached within {limit} months."
        return _Found(ground, tuple(Route(way, ()) for way in ways), reason=reason)

    def describe(self, found: _Found, board: Board) -> Sequence[PlannedRoute]:
        """Return the ways with all that is known of their steps."""
        works = found.ground.works if found.ground else ()
        describer = Describer(self.person, self.standing, self.career, works, board.frame, self.offers, self.suits)
        planned = {route.steps: describer.route(route) for route in found.routes}
        totals = {
            way: (float(route.months), route.hours + float(HOURS_A_MONTH * route.months))
            for way, route in planned.items()
        }
        again = renamed(found.routes, totals) if planned else []
        return [replace(planned[route.steps], preferences=route.preferences) for route in again]
