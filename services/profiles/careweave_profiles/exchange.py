"""The messages of StreamProfileUpdates: from requests to updates, and from answers to replies with their status."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Final

from google.rpc.status_pb2 import Status

from careweave.errors import InvalidArgument
from careweave.policy import Caller
from careweave.rpc.errors import status_of, status_of_unexpected
from careweave.rpc.incoming import Refused
from careweave.v1 import hr_pb2
from careweave_profiles.feeds.applying import Answer, Feeds, Outcome
from careweave_profiles.feeds.streaming import Item, answers, open_feed

Request = hr_pb2.StreamProfileUpdatesRequest
Reply = hr_pb2.StreamProfileUpdatesResponse

_OUTCOMES: Final = {
    Outcome.APPLIED: hr_pb2.UPDATE_OUTCOME_APPLIED,
    Outcome.DUPLICATE: hr_pb2.UPDATE_OUTCOME_DUPLICATE,
    Outcome.STALE: hr_pb2.UPDATE_OUTCOME_STALE,
    Outcome.REJECTED: hr_pb2.UPDATE_OUTCOME_REJECTED,
}


async def replies(feeds: Feeds, caller: Caller, requests: AsyncIterator[Request | Refused]) -> AsyncIterator[Reply]:
    """Yield what was opened, then an answer for each update of `requests`.

    Raises:
        Forbidden: `caller` may not send for that source system.
        InvalidArgument: the first message is not an opening, or a wrong one.
        Unavailable, Exhausted, Conflict: a store has not answered for long; what was answered is kept.
    """
    opening = _opening(await anext(requests, None))
    yield Reply(opened=hr_pb2.FeedOpened(acknowledged_position=await open_feed(feeds, caller, opening)))
    async with aclosing(answers(feeds, caller, opening, _items(requests))) as answered:
        async for position, answer in answered:
            yield Reply(
                answer=hr_pb2.UpdateAnswer(position=position, outcome=_OUTCOMES[answer.outcome], status=reason(answer))
            )


def reason(answer: Answer) -> Status | None:
    """Return why an update was rejected, None if it was not."""
    if answer.unexpected:
        return status_of_unexpected(answer.unexpected)
    return status_of(answer.error) if answer.error else None


def _opening(first: Request | Refused | None) -> hr_pb2.FeedOpening:
    if isinstance(first, Refused):
        raise first.error
    if first is None or first.WhichOneof("message") != "opening":
        raise InvalidArgument("The first message must be an opening.", reason="OPENING_MISSING")
    return first.opening


async def _items(requests: AsyncIterator[Request | Refused]) -> AsyncIterator[Item]:
    async for request in requests:
        yield _item(request)


def _item(request: Request | Refused) -> Item:
    if isinstance(request, Refused):
        position = request.message.position if isinstance(request.message, Request) else 0
        return Item(position, request.error)
    if request.WhichOneof("message") != "update":
        return Item(request.position, InvalidArgument("The feed is open already; send updates.", "OPENED_ALREADY"))
    if not request.position:
        return Item(
            0, InvalidArgument("position: must be 1 or more; it says where a feed goes on.", "POSITION_MISSING")
        )
    return Item(request.position, request.update)
