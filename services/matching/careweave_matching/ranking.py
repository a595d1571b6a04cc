"""Ranking opportunities for a person, people for an opportunity, and explaining one pair."""

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from careweave.audit.asked import note_people
from careweave.errors import Forbidden, NotFound
from careweave.policy import Action, Caller, Resource, Role, authorise
from careweave_matching.applied import marked
from careweave_matching.bulk import Ranked, Wish, best_rows, kind_bits
from careweave_matching.crowd import Crowd, rank_people
from careweave_matching.decisions import Decisions, Paging, items_of
from careweave_matching.eligibility import Gate, gates
from careweave_matching.entries import Integers, OpportunityEntry, PersonEntry
from careweave_matching.following import ReadModel
from careweave_matching.index import Board, Index
from careweave_matching.model import Pair
from careweave_matching.pair import Match, judge
from careweave_matching.screening import Screened
from careweave_matching.spreading import WINDOW, spread
from careweave_matching.terms import ConsentPurpose, GateKind, GateResult, ProfileField, Stage
from careweave_matching.travel import effective_mode, journey_minutes

CREDENTIAL_GATES = frozenset(GateKind) - {GateKind.OPEN, GateKind.TRAVEL, GateKind.HOURS}
"""Gates that are shown where credentials are opened."""
EMPLOYER_ROLES = frozenset({Role.MANAGER, Role.RECRUITER})
"""Roles that see a person as far as a consent goes."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What part of a ranking to return.

    offset, size: which page. kinds: only these; empty means those of the person's preferences.
    """

    offset: int
    size: int
    kinds: frozenset[int] = frozenset()
    ineligible: bool = False
    full: bool = True
    per_organisation: int = 0
    """If not 0, the list is spread; see `spreading`."""
    dismissed: bool = False
    """Whether also what the person has put aside."""
    applied: bool = True
    """Whether also what the person has applied for, which is marked."""


@dataclass(frozen=True, slots=True)
class EncodedPage:
    """A page of matches in the wire format.

    matches: the elements of `FindOpportunitiesResponse.matches`. shown: how many matches these are.
    total: how many were ranked. more: whether another page follows.
    """

    matches: bytes
    shown: int
    decision: str
    total: int
    more: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """A person ranked for an opportunity; display name and match hold only what consent opens."""

    person: str
    display_name: str
    match: Match


@dataclass(frozen=True, slots=True)
class CandidatePage:
    """A page of candidates; see `EncodedPage`."""

    candidates: list[Candidate]
    decision: str
    total: int
    more: bool


async def find_opportunities(
    model: ReadModel, decisions: Decisions, caller: Caller, person: str, wanted: Wanted
) -> EncodedPage:
    """Rank the offered opportunities for `person`, and record it.

    Raises:
        Forbidden: the caller may not. NotFound: there is no such person. Unavailable: no index yet.
    """
    authorise(caller, Action.FIND_OPPORTUNITIES, Resource(person=person))
    index, as_of = model.index, model.today()
    entry = index.person(person, as_of) or await appearing(model, person)
    if decisions.full:
        await decisions.room()
    board = index.board(as_of)
    kinds = wanted.kinds or entry.person.wishes.kinds
    wish = Wish(wanted.offset + wanted.size, kind_bits(kinds), wanted.ineligible)
    screened = board.screener.screen(entry, index.place(entry))
    paging = None
    applied = index.applied.of(person)
    left_out = left_out_of(entry, applied, wanted)
    hidden = hidden_rows(entry, board, wish, left_out) if left_out else frozenset()
    if wanted.per_organisation:
        ranked, paging = _spread(entry, board, screened, (wish, hidden), wanted)
    else:
        ranked = listed(entry, board, screened, wish, hidden)
        if wanted.offset:
            ranked.best, paging = ranked.best.beyond(wanted.offset), Paging(wanted.offset)
    encoder, shown = board.full if wanted.full else board.basic, len(ranked.best.rows)
    page, items = encoder.page(entry, ranked), encoder.items(ranked.best)
    if applied:
        names = (board.entries[row].opportunity.name for row in ranked.best.rows.tolist())
        page = marked(page, [applied.get(name, 0) for name in names])
    versions = index.versions(entry.person.version, 0)
    decision = decisions.record(person, as_of, versions, items, ranked.total, paging=paging)
    return EncodedPage(page, shown, decision, ranked.total, wanted.offset + shown < ranked.total)


def left_out_of(entry: PersonEntry, applied: Mapping[str, Stage], wanted: Wanted) -> AbstractSet[str]:
    """Return the opportunities that `wanted` leaves out of the person's list."""
    dismissed = frozenset() if wanted.dismissed else entry.person.wishes.dismissed
    return dismissed if wanted.applied else dismissed | applied.keys()


def hidden_rows(entry: PersonEntry, board: Board, wish: Wish, left_out: AbstractSet[str]) -> frozenset[int]:
    """Return the rows of the opportunities `left_out`, as far as `wish` would list them."""
    rows = (board.table.row(name) for name in left_out)
    return frozenset(row for row in rows if row is not None and _is_listed(entry, board.entries[row], board, wish))


def _is_listed(person: PersonEntry, entry: OpportunityEntry, board: Board, wish: Wish) -> bool:
    if not wish.kinds >> entry.opportunity.kind & 1:
        return False
    return wish.ineligible or _is_eligible(person, entry, board)


def _is_eligible(person: PersonEntry, entry: OpportunityEntry, board: Board) -> bool:
    miles = board.frame.geography.miles(person.person.place, entry.opportunity.place)
    minutes = journey_minutes(miles, effective_mode(person.person.wishes.travel_mode)) if miles >= 0 else -1
    found = gates(person.person, entry.opportunity, minutes, board.frame.as_of)
    return all(gate.result != GateResult.FAIL for gate in found)


def listed(entry: PersonEntry, board: Board, screened: Screened, wish: Wish, hidden: Collection[int]) -> Ranked:
    """Return the best of the person's own list, as many as `wish` says, without the rows `hidden`, which it lists."""
    if not hidden:
        return best_rows(entry, board.table, screened, board.frame.reach, wish)
    more = replace(wish, wanted=wish.wanted + len(hidden))
    ranked = best_rows(entry, board.table, screened, board.frame.reach, more)
    left = [place for place, row in enumerate(ranked.best.rows.tolist()) if row not in hidden]
    ranked.best = ranked.best.picked(left[: wish.wanted])
    ranked.total -= len(hidden)
    return ranked


def _spread(
    entry: PersonEntry, board: Board, screened: Screened, what: tuple[Wish, Collection[int]], wanted: Wanted
) -> tuple[Ranked, Paging]:
    """Return the page of the spread list, and where in it that is. As many are ranked as it takes to be sure of it."""
    wish, hidden = what
    needed = wish.wanted
    while True:
        ranked = listed(entry, board, screened, wish, hidden)
        rows = ranked.best.rows
        owners = [board.entries[row].opportunity.organisation for row in rows.tolist()]
        order, sure = spread(owners, wanted.per_organisation, needed)
        if len(rows) == ranked.total or (sure and len(order) == needed):
            break
        wish = replace(wish, wanted=4 * wish.wanted)
    before = [owners[each] for each in order[: wanted.offset]]
    ranked.best = ranked.best.picked(order[wanted.offset :])
    return ranked, Paging(wanted.offset, wanted.per_organisation, before[-(WINDOW - 1) :])


async def appearing(model: ReadModel, person: str) -> PersonEntry:
    """Return the entry of somebody whom the index did not hold a moment ago.

    Raises:
        NotFound: there is no such person.
    """
    if await model.person_appears(person):
        entry = model.index.person(person, model.today())
        if entry is not None:
            return entry
    raise no_such("person", person)


def no_such(what: str, name: str) -> NotFound:
    """Return the error that says that there is no `what` called `name`."""
    return NotFound(f"There is no {name}.", reason=f"{what.upper()}_NOT_FOUND", metadata={"resource": name})


async def find_candidates(
    model: ReadModel, decisions: Decisions, caller: Caller, opportunity: str, wanted: Wanted
) -> CandidatePage:
    """Rank those people for `opportunity` whose consent lets its organisation find them, and record it.

    Consent is asked of everybody, the organisation's own staff included, and before anything else: whom it
    leaves out is neither ranked nor counted.

    Raises:
        Forbidden: the caller may not. NotFound: there is no such opportunity. Unavailable: no index yet.
    """
    now = model.now()
    index, as_of = model.index, now.date()
    entry = index.opportunity(opportunity)
    authorise(caller, Action.FIND_CANDIDATES, Resource(organisation=entry.opportunity.organisation if entry else ""))
    if entry is None:
        raise no_such("opportunity", opportunity)
    if decisions.full:
        await decisions.room()
    board = index.board(as_of)
    page, total = candidates_held(index, entry, board, now, wanted)
    candidates = as_candidates(page, entry, board, now, full=wanted.full)
    note_people(each.person for each in candidates)
    people = [(each.person.name, each.person.version, suit, suit) for each, suit in page]
    versions, paging = index.versions(0, entry.opportunity.version), Paging(wanted.offset) if wanted.offset else None
    decision = decisions.record(opportunity, as_of, versions, items_of(people), total, people=people, paging=paging)
    return CandidatePage(candidates, decision, total, wanted.offset + len(candidates) < total)


def candidates_held(
    index: Index, entry: OpportunityEntry, board: Board, now: datetime, wanted: Wanted
) -> tuple[list[tuple[PersonEntry, float]], int]:
    """Return the page of those held here whom a consent opens, with their suitability, and how many they are in all."""
    found = [_allowed(crowd, entry, board, now, wanted) for crowd in index.crowds(now.date())]
    ranked = sorted(
        (each for crowd, rows in found for each in _ranked(index, crowd, rows, entry, wanted)), key=_in_order
    )
    return ranked[wanted.offset : wanted.offset + wanted.size], sum(len(rows) for _, rows in found)


def as_candidates(
    page: Sequence[tuple[PersonEntry, float]], entry: OpportunityEntry, board: Board, now: datetime, *, full: bool
) -> list[Candidate]:
    """Return those of `page` as far as their consents open them to the organisation."""
    organisation = entry.opportunity.organisation
    opened = [each.person.consent_for(organisation, ConsentPurpose.BE_FOUND, now) or frozenset() for each, _ in page]
    return [
        _candidate(person, fields, entry, board, full=full) for (person, _), fields in zip(page, opened, strict=True)
    ]


def _allowed(
    crowd: Crowd, entry: OpportunityEntry, board: Board, now: datetime, wanted: Wanted
) -> tuple[Crowd, Integers]:
    """Return `crowd` and the rows of whose consent covers the organisation, and who are eligible unless all count."""
    allowed = crowd.here & crowd.opened(entry.opportunity.organisation, ConsentPurpose.BE_FOUND, now)
    if not wanted.ineligible:
        offered = entry.opportunity.is_offered(board.frame.as_of)
        allowed &= crowd.eligible(entry, board.frame.geography) & offered
    return crowd, np.flatnonzero(allowed)


def _ranked(
    index: Index, crowd: Crowd, allowed: Integers, entry: OpportunityEntry, wanted: Wanted
) -> list[tuple[PersonEntry, float]]:
    """Return who may be on the page, with their suitability."""
    rows, suits = rank_people(
        crowd,
        allowed,
        entry,
        reach=index.reach,
        relatedness=index.taxonomy.relatedness,
        weights=index.weights,
        wanted=wanted.offset + wanted.size,
    )
    return [(crowd.entries[row], suit) for row, suit in zip(rows.tolist(), suits.tolist(), strict=True)]


def _in_order(ranked: tuple[PersonEntry, float]) -> tuple[float, str]:
    return -ranked[1], ranked[0].person.name


def _candidate(
    person: PersonEntry, fields: frozenset[int], entry: OpportunityEntry, board: Board, *, full: bool
) -> Candidate:
    match = as_opened(judge(person, entry, board.frame, own=False), fields)
    if not full:
        match = replace(match, skills=(), gates=tuple(g for g in match.gates if g.result != GateResult.PASS))
    name = person.person.display_name if ProfileField.DISPLAY_NAME in fields else ""
    return Candidate(person.person.name, name, match)


def as_opened(match: Match, fields: frozenset[int]) -> Match:
    """Return `match` without what a consent to `fields` does not open.

    Scores stay: they are what the person agreed to be found by.
    """
    shown: Sequence[Gate] = match.gates
    if ProfileField.CREDENTIALS not in fields:
        shown = [gate for gate in shown if gate.kind not in CREDENTIAL_GATES]
    if ProfileField.PLACE not in fields:
        shown = [gate for gate in shown if gate.kind != GateKind.TRAVEL]
        match = replace(match, distance_miles=-1.0, travel_minutes=-1)
    if ProfileField.SKILLS not in fields:
        match = replace(match, skills=(), reasons=())
    return replace(match, gates=tuple(shown))


async def explain_match(model: ReadModel, caller: Caller, pair: Pair) -> Match:
    """Return one person and one opportunity in full.

    An employer gets it as far as the person's consent opens the profile to the organisation, without preference.

    Raises:
        Forbidden: the caller may not, or no consent covers it. NotFound: one of the two does not exist.
    """
    person, opportunity = pair.person, pair.opportunity
    now = model.now()
    index, as_of = model.index, now.date()
    entry = index.opportunity(opportunity)
    organisation = entry.opportunity.organisation if entry else ""
    authorise(caller, Action.EXPLAIN_MATCH, Resource(person=person, organisation=organisation))
    if entry is None:
        raise no_such("opportunity", opportunity)
    who = index.person(person, as_of)
    if caller.role not in EMPLOYER_ROLES:
        who = who or await appearing(model, person)
        return judge(who, entry, index.board(as_of).frame, own=True)
    fields = who.person.consent_for(organisation, ConsentPurpose.BE_FOUND, now) if who else None
    if who is None or fields is None:
        raise Forbidden(
            "This person is not open to this organisation, or does not exist.",
            reason="NOT_OPENED",
            metadata={"action": Action.EXPLAIN_MATCH},
        )
    return as_opened(judge(who, entry, index.board(as_of).frame, own=False), fields)


def fits(person: PersonEntry, match: Match, minimum: float) -> bool:
    """Say whether a match is worth telling the person of.

    It is of a kind they want and not put aside, no gate fails, and the score is at least `minimum`.
    """
    wishes, opportunity = person.person.wishes, match.entry.opportunity
    wanted = (not wishes.kinds or opportunity.kind in wishes.kinds) and opportunity.name not in wishes.dismissed
    return wanted and match.score >= minimum and all(gate.result != GateResult.FAIL for gate in match.gates)
