"""Sending an HR feed: every update answered, whatever becomes of the connection on the way.

    async with connect("127.0.0.1:50051", caller) as services:
        opening = hr_pb2.FeedOpening(source_system="sourceSystems/esr-oaks", feed="staff")
        async for answer in send_updates(services, opening, updates_after):
            ...

`updates_after(position)` gives (position, update) for all that comes after a position, in order. If the
connection is lost, or ends since its token expired, sending goes on after the last answer that came; what was taken in
without its answer coming back is sent again, and answered as a duplicate.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Final, TypeAlias

import grpc

from careweave.errors import CareweaveError, Unauthenticated, Unavailable
from careweave.rpc.channels import Channels
from careweave.rpc.errors import error_of
from careweave.v1.hr_pb2 import (
    FeedOpening,
    ProfileUpdate,
    StreamProfileUpdatesRequest,
    StreamProfileUpdatesResponse,
    UpdateAnswer,
)

UpdatesAfter: TypeAlias = Callable[[int], Iterable[tuple[int, ProfileUpdate]]]

TRIES: Final = 8
"""How often to connect without getting any answer before giving up: about a minute."""
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 15.0
"""Seconds between two tries; doubles each time."""
_FINAL: Final = ("UNEXPECTED", "UNIMPLEMENTED")
"""Reasons of errors that a server gives and that trying again does not mend."""


async def send_updates(
    services: Channels, opening: FeedOpening, updates_after: UpdatesAfter, after: int | None = None
) -> AsyncIterator[UpdateAnswer]:
    """Yield the answer to each update, in order.

    after: the position to begin after; None is where the server says that the feed has come to.

    Raises:
        CareweaveError: as the server answers; Unavailable if it did not for long.
    """
    tried, let_in = 0, True
    while True:
        try:
            async for reply in _connected(services, opening, updates_after, after):
                let_in = True
                if reply.WhichOneof("message") == "opened":
                    after = reply.opened.acknowledged_position if after is None else after
                    continue
                tried = 0
                after = max(after or 0, reply.answer.position)
                yield reply.answer
        except grpc.aio.AioRpcError as failure:
            tried += 1
            error = error_of(failure)
            # The next try is made with another token, if there is one; without, once is enough.
            turned_away = isinstance(error, Unauthenticated)
            if not (_lost_on_the_way(error) or (turned_away and let_in)) or tried == TRIES:
                raise error from failure
            let_in = not turned_away
        else:
            return
        await asyncio.sleep(min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (tried - 1)))


def _lost_on_the_way(error: CareweaveError) -> bool:
    """Tell whether trying again may work: the server or a store is away, or the connection broke.

    A connection that breaks while something is being written to it shows as INTERNAL, without a reason.
    """
    return isinstance(error, Unavailable) and error.reason not in _FINAL


async def _connected(
    services: Channels, opening: FeedOpening, updates_after: UpdatesAfter, after: int | None
) -> AsyncIterator[StreamProfileUpdatesResponse]:
    start: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    call = services.profiles.StreamProfileUpdates(_requests(opening, updates_after, start))
    try:
        async for reply in call:
            if reply.WhichOneof("message") == "opened":
                start.set_result(reply.opened.acknowledged_position if after is None else after)
            yield reply
    finally:
        call.cancel()
        start.cancel()


async def _requests(
    opening: FeedOpening, updates_after: UpdatesAfter, start: "asyncio.Future[int]"
) -> AsyncIterator[StreamProfileUpdatesRequest]:
    yield StreamProfileUpdatesRequest(opening=opening)
    for position, update in updates_after(await start):
        yield StreamProfileUpdatesRequest(update=update, position=position)
