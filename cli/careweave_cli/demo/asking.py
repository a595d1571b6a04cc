"""Asking for somebody's next steps, once the index knows what was just loaded."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

import grpc

from careweave.errors import Unavailable
from careweave.rpc.channels import Channels
from careweave.v1 import common_pb2, matching_pb2, skills_pb2

_PATIENCE_SECONDS: Final = 300.0
_POLL_SECONDS: Final = 0.25
_QUIET_POLLS: Final = 12
_ALL_KINDS: Final = [kind for kind in common_pb2.OpportunityKind.values() if kind]
_FROM_ONE_ORGANISATION: Final = 2
_LOOKED_THROUGH: Final = 50

Match = matching_pb2.Match


async def until_indexed(services: Channels, person: str) -> int:
    """Wait until the index has `person` and what is on offer; returns how many opportunities it ranks.

    The index follows the event log and the taxonomy, so what was loaded a moment ago may still be on its way. It
    counts as complete when it is made from the present taxonomy and ranks all that is offered, or does not grow
    any more.

    Raises:
        Unavailable: it takes longer than five minutes.
    """
    request = matching_pb2.FindOpportunitiesRequest(
        person=person, page_size=1, kinds=_ALL_KINDS, include_ineligible=True, view=matching_pb2.MATCH_VIEW_BASIC
    )
    taxonomy = (await services.skills.GetTaxonomyStatus(skills_pb2.GetTaxonomyStatusRequest())).version
    offered, quiet, before = await _open_opportunities(services), 0, 0
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        ranked = await _ranked(services, request, taxonomy)
        quiet = quiet + 1 if ranked == before else 0
        if ranked >= offered or (ranked and quiet >= _QUIET_POLLS):
            return ranked
        before = ranked
        await asyncio.sleep(_POLL_SECONDS)
    raise Unavailable("The index is not complete after five minutes; look at the server's log.", "INDEX_BEHIND")


async def _ranked(services: Channels, request: matching_pb2.FindOpportunitiesRequest, taxonomy: str) -> int:
    """Return how many opportunities are ranked; 0 if the person or the present taxonomy is not there yet."""
    try:
        reply = await services.matching.FindOpportunities(request)
    except grpc.aio.AioRpcError as error:
        if error.code() in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNAVAILABLE):
            return 0
        raise
    current = reply.matches and reply.matches[0].versions.taxonomy == taxonomy
    return reply.total_size if current else 0


async def _open_opportunities(services: Channels) -> int:
    count, token = 0, ""
    while True:
        reply = await services.matching.ListOpportunities(
            matching_pb2.ListOpportunitiesRequest(page_size=1000, page_token=token)
        )
        count += len(reply.opportunities)
        token = reply.next_page_token
        if not token:
            return count


async def next_steps_of(services: Channels, person: str, count: int) -> tuple[list[Match], int]:
    """Return the `count` best for `person`, at most two of one organisation, and how many were ranked."""
    reply = await services.matching.FindOpportunities(
        matching_pb2.FindOpportunitiesRequest(
            person=person, page_size=_LOOKED_THROUGH, view=matching_pb2.MATCH_VIEW_FULL
        )
    )
    return varied(reply.matches, count), reply.total_size


def varied(matches: Sequence[Match], count: int) -> list[Match]:
    """Return the first `count` of `matches`, leaving out the third and further ones of an organisation."""
    seen: Counter[str] = Counter()
    chosen = []
    for match in matches:
        seen[match.organisation] += 1
        if seen[match.organisation] <= _FROM_ONE_ORGANISATION:
            chosen.append(match)
    return chosen[:count]
