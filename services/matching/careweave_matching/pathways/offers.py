"""What is on offer now for the steps of a way, and what work pays."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from careweave_matching.entries import OpportunityEntry, PersonEntry
from careweave_matching.geography import Geography
from careweave_matching.index import Board
from careweave_matching.notices import Notice
from careweave_matching.pair import Match, judge
from careweave_matching.pathways.routes import Nearby
from careweave_matching.terms import GateKind, GateResult, OpportunityKind
from careweave_matching.travel import effective_mode, journey_minutes

WORK: Final = frozenset({OpportunityKind.JOB, OpportunityKind.SECONDMENT})
SHOWN: Final = 3
"""Opportunities shown for a step."""
JUDGED: Final = 24
"""Opportunities judged for a step, the nearest first."""
_NOT_NOW: Final = frozenset({GateKind.OPEN, GateKind.TRAVEL, GateKind.HOURS})
"""Gates that no step of a way can open."""


Offer: TypeAlias = OpportunityEntry | Notice


@dataclass(frozen=True, slots=True)
class Pay:
    """What work pays, from what is on offer now.

    median_gbp: of yearly full-time pay, whole pounds. count: from how many. fictional: whether any is of a sample.
    """

    median_gbp: int
    count: int
    fictional: bool


@dataclass(frozen=True)
class Offers:
    """A board by occupation and by standard, as it was after so many `changes`; see `changes_of`.

    What another shard holds is told of by notices: it counts for pay and for what there is, and is shown to nobody.

    work: jobs and secondments. apprenticeships: by standard.
    """

    board: Board
    changes: tuple[int, int]
    work: Mapping[str, tuple[Offer, ...]]
    apprenticeships: Mapping[str, tuple[Offer, ...]]

    def pay(self, occupation: str) -> Pay | None:
        """Return what an occupation pays; None if nothing on offer says."""
        stated = [each.opportunity for each in self.work.get(occupation, ()) if each.opportunity.annual_pay_gbp]
        if not stated:
            return None
        median = statistics.median(each.annual_pay_gbp for each in stated)
        return Pay(round(median), len(stated), any(each.fictional for each in stated))

    def nearby(self, person: PersonEntry) -> Nearby:
        """Return what is on offer within the person's reach."""
        within = _Reach(person, self.board.frame.geography)
        return Nearby(_within(self.work, within), _within(self.apprenticeships, within))

    def best(self, person: PersonEntry, entries: Sequence[Offer], *, now: bool) -> tuple[list[Match], int]:
        """Return the best of `entries` for the person, and how many there are.

        now: whether the step comes first, so that everything that it asks for must be met or be met in time.
        """
        within = _Reach(person, self.board.frame.geography)
        nearest = sorted(entries, key=lambda each: (within.minutes(each), each.opportunity.name))[:JUDGED]
        here = [each for each in nearest if isinstance(each, OpportunityEntry)]
        matches = [judge(person, each, self.board.frame, own=True) for each in here]
        fitting = [match for match in matches if not _is_shut(match, now=now)]
        fitting.sort(key=lambda match: (-match.score, match.entry.opportunity.name))
        return fitting[:SHOWN], len(fitting)


def _is_shut(match: Match, *, now: bool) -> bool:
    return any(gate.result == GateResult.FAIL and (now or gate.kind in _NOT_NOW) for gate in match.gates)


def _within(entries: Mapping[str, Iterable[Offer]], within: "_Reach") -> frozenset[str]:
    return frozenset(name for name, some in entries.items() if any(within.holds(each) for each in some))


class _Reach:
    """Journeys of one person; each place is reckoned once."""

    def __init__(self, person: PersonEntry, geography: Geography) -> None:
        self._person = person.person
        self._geography = geography
        self._known: dict[str, int] = {}

    def minutes(self, entry: Offer) -> int:
        """Return the journey; 0 for what can be done from anywhere, and a great many if it is not known."""
        place = entry.opportunity.place
        found = self._known.get(place)
        if found is None:
            miles = self._geography.miles(self._person.place, place) if place else 0.0
            mode = effective_mode(self._person.wishes.travel_mode)
            far = 10_000 if miles < 0 else journey_minutes(miles, mode)
            found = self._known[place] = far if place else 0
        return found

    def holds(self, entry: Offer) -> bool:
        """Say whether it is within the person's limit."""
        return self.minutes(entry) <= self._person.wishes.maximum_minutes


def changes_of(board: Board) -> tuple[int, int]:
    """Return how often what is on offer has changed: here, and elsewhere."""
    return board.table.changes, board.notices.changes


def offers_on(board: Board) -> Offers:
    """Return what a board offers, by occupation and by standard."""
    work: dict[str, list[Offer]] = defaultdict(list)
    apprenticeships: dict[str, list[Offer]] = defaultdict(list)
    offered: list[Offer] = [*board.offered, *board.notices.offered(board.frame.as_of)]
    for entry in offered:
        opportunity = entry.opportunity
        if opportunity.kind in WORK and opportunity.occupation:
            work[opportunity.occupation].append(entry)
        elif opportunity.kind == OpportunityKind.APPRENTICESHIP and opportunity.standard:
            apprenticeships[opportunity.standard].append(entry)
    return Offers(
        board,
        changes_of(board),
        {name: tuple(some) for name, some in work.items()},
        {name: tuple(some) for name, some in apprenticeships.items()},
    )
