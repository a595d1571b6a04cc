"""Rankings that go beyond one shard, put together so that they equal, to the last bit, those of one process for all.

A score depends on the pair alone, so the best of everything are among the best of each shard, and the order is by score
and name in either case. Each opportunity is ranked by the one shard that owns it, and each person by the one that they
live in, so nothing is counted twice. The shard that was asked authorises, records the decision and notes who was shown;
the others answer it alone and record nothing.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

from careweave.audit.asked import note_people
from careweave.errors import FailedPrecondition
from careweave.policy import Action, Caller, Resource, authorise
from careweave.v1 import matching_pb2 as pb
from careweave_matching.applied import marked
from careweave_matching.bulk import Wish, kind_bits
from careweave_matching.decisions import Decisions, Paging, items_of
from careweave_matching.entries import PersonEntry
from careweave_matching.following import ReadModel
from careweave_matching.index import Index
from careweave_matching.messages import match_message
from careweave_matching.ranking import (
    Wanted,
    appearing,
    as_candidates,
    candidates_held,
    hidden_rows,
    left_out_of,
    listed,
    no_such,
)
from careweave_matching.shards.plan import Shard
from careweave_matching.shards.territory import Territory
from careweave_matching.spreading import WINDOW, spread
from careweave_matching.whole_place import Line

ELSEWHERE: Final = "PERSON_ELSEWHERE"
"""Reason of the error that names, as `shard`, where somebody lives."""


class Peers(Protocol):
    """The other shards. All must answer.

    Both raise Unavailable, which names the shard and what it serves, if one does not.
    """

    async def opportunities(self, request: pb.FindShardOpportunitiesRequest) -> list[pb.FindOpportunitiesResponse]:
        """Return the list of each."""
        ...

    async def candidates(self, request: pb.FindShardCandidatesRequest) -> list[pb.FindCandidatesResponse]:
        """Return the list of each."""
        ...


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list. more: whether another one follows."""

    matches: list[pb.Match]
    decision: str
    total: int
    more: bool


def territory_of(index: Index) -> Territory:
    """Return what a shard holds; only shards come here."""
    if index.territory is None:
        raise FailedPrecondition(
            "This process holds everyone; it is no shard, see CAREWEAVE_SHARDS.", reason="NOT_A_SHARD"
        )
    return index.territory


def elsewhere(person: str, shard: Shard) -> FailedPrecondition:
    """Return the error that says in which shard somebody lives."""
    return FailedPrecondition(
        f"{person} is served by the shard {shard.name}; ask the front, which finds it.",
        reason=ELSEWHERE,
        metadata={"resource": person, "shard": shard.name},
    )


def part_of_list(model: ReadModel, entry: PersonEntry, wanted: Wanted) -> pb.FindOpportunitiesResponse:
    """Return the best `wanted.size` of the opportunities that this shard owns for somebody, and how many it ranked."""
    index = model.index
    board = index.board(model.today())
    wish = Wish(max(1, board.table.count), kind_bits(wanted.kinds or entry.person.wishes.kinds), wanted.ineligible)
    applied = index.applied.of(entry.person.name)
    left_out = left_out_of(entry, applied, wanted)
    hidden = hidden_rows(entry, board, wish, left_out) if left_out else frozenset()
    ranked = listed(entry, board, board.screener.screen(entry, index.place(entry)), wish, hidden)
    places = board.table.columns["places"][ranked.best.rows]
    own = territory_of(index).owned(places).nonzero()[0].tolist()
    ranked.best = ranked.best.picked(own[: wanted.size])
    encoder = board.full if wanted.full else board.basic
    stages = [applied.get(board.entries[row].opportunity.name, 0) for row in ranked.best.rows.tolist()]
    reply = pb.FindOpportunitiesResponse.FromString(marked(encoder.page(entry, ranked), stages))
    reply.total_size = len(own)
    return reply


async def answer_for_list(
    model: ReadModel, caller: Caller, request: pb.FindShardOpportunitiesRequest, wanted: Wanted
) -> pb.FindOpportunitiesResponse:
    """Return this shard's part of a list of somebody who lives in another one, for that one.

    Raises:
        Forbidden: the caller is no service. NotFound: there is no such person. Unavailable: no index yet.
    """
    authorise(caller, Action.FIND_SHARD_OPPORTUNITIES, Resource(person=request.request.person))
    territory_of(model.index)
    entry = await model.visitor(request.request.person, request.profile_version)
    if entry is None:
        raise no_such("person", request.request.person)
    return part_of_list(model, entry, wanted)


@dataclass(frozen=True, slots=True)
class Joint:
    """What a shard ranks with over all shards: its own index and record, and its peers."""

    model: ReadModel
    decisions: Decisions
    peers: Peers


async def find_everywhere(joint: Joint, caller: Caller, request: pb.FindOpportunitiesRequest, wanted: Wanted) -> Page:
    """Rank for somebody over all shards, as `ranking.find_opportunities` does in one, and record it.

    Raises:
        as `ranking.find_opportunities`, and Unavailable if a shard does not answer.
    """
    authorise(caller, Action.FIND_OPPORTUNITIES, Resource(person=request.person))
    model, decisions = joint.model, joint.decisions
    entry = model.index.person(request.person, model.today()) or await appearing(model, request.person)
    if decisions.full:
        await decisions.room()
    needed = first = wanted.offset + wanted.size
    paging = Paging(wanted.offset) if wanted.offset else None
    while True:
        matches, total = await _merged(joint, entry, request, _first(wanted, first))
        order = list(range(len(matches)))
        if not wanted.per_organisation:
            break
        owners = [match.organisation for match in matches]
        order, sure = spread(owners, wanted.per_organisation, needed)
        if len(matches) == total or (sure and len(order) == needed):
            before = [owners[each] for each in order[: wanted.offset]]
            paging = Paging(wanted.offset, wanted.per_organisation, before[-(WINDOW - 1) :])
            break
        first *= 4
    shown = [matches[each] for each in order[wanted.offset : needed]]
    index = model.index
    items = [(each.opportunity, each.versions.opportunity, each.score, each.components.suitability) for each in shown]
    versions = index.versions(entry.person.version, 0)
    decision = decisions.record(request.person, model.today(), versions, items_of(items), total, paging=paging)
    return Page(shown, decision, total, wanted.offset + len(shown) < total)


def _first(wanted: Wanted, first: int) -> Wanted:
    return replace(wanted, offset=0, size=first, per_organisation=0)


async def _merged(
    joint: Joint, entry: PersonEntry, request: pb.FindOpportunitiesRequest, wanted: Wanted
) -> tuple[list[pb.Match], int]:
    """Return the best `wanted.size` of all shards, best first, ties by name, and how many were ranked."""
    version = entry.person.version
    asked = pb.FindShardOpportunitiesRequest(request=request, first=wanted.size, profile_version=version)
    parts = [*await joint.peers.opportunities(asked), part_of_list(joint.model, entry, wanted)]
    matches = sorted((each for part in parts for each in part.matches), key=lambda m: (-m.score, m.opportunity))
    return matches[: wanted.size], sum(part.total_size for part in parts)


def roaming_lists(joint: Joint, wanted: int) -> Callable[[PersonEntry], Awaitable[tuple[list[Line], int]]]:
    """Return what ranks for one of those who roam, for `whole_place.rank_whole_place`."""

    async def ranked(entry: PersonEntry) -> tuple[list[Line], int]:
        request = pb.FindOpportunitiesRequest(person=entry.person.name, view=pb.MATCH_VIEW_BASIC)
        matches, total = await _merged(joint, entry, request, Wanted(0, wanted, full=False))
        lines = [
            Line(each.opportunity, each.versions.opportunity, each.score, each.components.suitability)
            for each in matches
        ]
        return lines, total

    return ranked


async def part_of_candidates(model: ReadModel, opportunity: str, wanted: Wanted) -> pb.FindCandidatesResponse:
    """Return the best `wanted.size` of those who live here, and how many were ranked.

    Raises:
        NotFound: there is no such opportunity. Unavailable: no index yet, or a store does not answer.
    """
    await model.set_aside(opportunity)
    now = model.now()
    index = model.index
    entry = index.opportunity(opportunity)
    if entry is None:
        raise no_such("opportunity", opportunity)
    board = index.board(now.date())
    page, total = candidates_held(index, entry, board, now, wanted)
    title = index.organisation_title(entry.opportunity.organisation)
    return pb.FindCandidatesResponse(
        candidates=[
            pb.Candidate(person=each.person, display_name=each.display_name, match=match_message(each.match, title))
            for each in as_candidates(page, entry, board, now, full=wanted.full)
        ],
        total_size=total,
    )


async def answer_for_candidates(
    model: ReadModel, caller: Caller, request: pb.FindShardCandidatesRequest, wanted: Wanted
) -> pb.FindCandidatesResponse:
    """Return this shard's part of a ranking of people, for the shard that was asked for it.

    Raises:
        Forbidden: the caller is no service. Else as `part_of_candidates`.
    """
    authorise(caller, Action.FIND_SHARD_CANDIDATES)
    territory_of(model.index)
    return await part_of_candidates(model, request.request.opportunity, wanted)


async def find_candidates_everywhere(
    joint: Joint, caller: Caller, request: pb.FindCandidatesRequest, wanted: Wanted
) -> pb.FindCandidatesResponse:
    """Rank the people of all shards, as `ranking.find_candidates` does those of one process, and record it.

    The reply has no page token yet: `next_page_token` is the offset of the next page, empty at the end.

    Raises:
        as `ranking.find_candidates`, and Unavailable if a shard does not answer.
    """
    model, decisions = joint.model, joint.decisions
    index = model.index
    known = index.opportunity(request.opportunity) or index.notice(request.opportunity)
    organisation = known.opportunity.organisation if known else ""
    authorise(caller, Action.FIND_CANDIDATES, Resource(organisation=organisation))
    if known is None:
        raise no_such("opportunity", request.opportunity)
    if decisions.full:
        await decisions.room()
    first = Wanted(0, wanted.offset + wanted.size, ineligible=wanted.ineligible, full=wanted.full)
    asked = pb.FindShardCandidatesRequest(request=request, first=first.size)
    parts = [*await joint.peers.candidates(asked), await part_of_candidates(model, request.opportunity, first)]
    ranked = sorted((each for part in parts for each in part.candidates), key=lambda c: (-c.match.score, c.person))
    page, total = ranked[wanted.offset : first.size], sum(part.total_size for part in parts)
    note_people(each.person for each in page)
    people = [(each.person, each.match.versions.profile, each.match.score, each.match.score) for each in page]
    versions = index.versions(0, known.opportunity.version)
    paging = Paging(wanted.offset) if wanted.offset else None
    decision = decisions.record(
        request.opportunity, model.today(), versions, items_of(people), total, people=people, paging=paging
    )
    more = wanted.offset + len(page) < total
    place = str(wanted.offset + len(page)) if more else ""
    return pb.FindCandidatesResponse(candidates=page, next_page_token=place, decision=decision, total_size=total)
