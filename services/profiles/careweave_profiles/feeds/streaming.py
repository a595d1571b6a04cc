"""A stream of updates, answered in order: what waits is taken together, and no more waits than a window holds."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

from careweave.errors import CareweaveError, InvalidArgument
from careweave.policy import Action, Caller, Resource, authorise
from careweave.v1.hr_pb2 import FeedOpening, ProfileUpdate
from careweave_profiles.feeds.applying import Answer, Feeds, Outcome, apply_updates
from careweave_profiles.feeds.patience import patiently
from careweave_profiles.feeds.positions import Mark, acknowledged
from careweave_profiles.violations import refuse

WINDOW: Final = 600
"""Updates that are read ahead; beyond, the client is not read from, and its transport makes it wait."""
BATCH: Final = 300
"""Updates taken into one unit of work, at most."""
TRIES: Final = 8
"""How often a batch is tried while a store does not answer, half a minute in all, before the stream ends."""


@dataclass(frozen=True, slots=True)
class Item:
    """One message of a stream.

    position: as the client numbers it; 0 if it could not be read.
    content: the update, or why it cannot be taken.
    """

    position: int
    content: ProfileUpdate | CareweaveError


Answered: TypeAlias = tuple[int, Answer]
"""Position and answer."""


async def open_feed(feeds: Feeds, caller: Caller, opening: FeedOpening) -> int:
    """Return the last position of the feed that was answered, 0 if none was.

    Raises:
        Forbidden: `caller` may not.
    """
    authorise(caller, Action.STREAM_PROFILE_UPDATES, Resource(source_system=opening.source_system))
    return await acknowledged(feeds.ports.graph, Mark(opening.source_system, opening.feed))


async def answers(
    feeds: Feeds, caller: Caller, opening: FeedOpening, items: AsyncIterator[Item]
) -> AsyncGenerator[Answered, None]:
    """Yield an answer for each of `items`, in order, until they end.

    Raises:
        Unavailable, Exhausted, Conflict: a store has not answered for long; what was answered is kept.
    """
    waiting: asyncio.Queue[Item | None] = asyncio.Queue(WINDOW)
    reading = asyncio.create_task(_read(items, waiting))
    try:
        while batch := await _next_batch(waiting):
            for answered in await patiently(partial(_answer, feeds, caller, opening, batch), TRIES):
                yield answered
        await reading
    finally:
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await reading


async def _read(items: AsyncIterator[Item], waiting: "asyncio.Queue[Item | None]") -> None:
    failure: Exception | None = None
    try:
        async for item in items:
            await waiting.put(item)
    except Exception as error:  # noqa: BLE001  raised once what came before it is answered
        failure = error
    await waiting.put(None)
    if failure is not None:
        raise failure


async def _next_batch(waiting: "asyncio.Queue[Item | None]") -> list[Item]:
    """Return what waits, at most BATCH and at least one; nothing at the end."""
    batch: list[Item] = []
    while len(batch) < BATCH and not (batch and waiting.empty()):
        item = await waiting.get()
        if item is None:
            if batch:
                waiting.put_nowait(None)
            break
        batch.append(item)
    return batch


async def _answer(feeds: Feeds, caller: Caller, opening: FeedOpening, batch: Sequence[Item]) -> list[Answered]:
    contents = [_of_this_feed(item.content, opening) for item in batch]
    updates = [content for content in contents if isinstance(content, ProfileUpdate)]
    last = max(item.position for item in batch)
    mark = Mark(opening.source_system, opening.feed, last)
    found = iter(await apply_updates(feeds, caller, updates, mark))
    return [
        (
            item.position,
            Answer(Outcome.REJECTED, content) if isinstance(content, CareweaveError) else next(found),
        )
        for item, content in zip(batch, contents, strict=True)
    ]


def _of_this_feed(content: ProfileUpdate | CareweaveError, opening: FeedOpening) -> ProfileUpdate | CareweaveError:
    if isinstance(content, ProfileUpdate) and content.source_system != opening.source_system:
        return _of_another(opening)
    return content


def _of_another(opening: FeedOpening) -> InvalidArgument:
    return refuse(
        "update.source_system", f"this stream was opened for {opening.source_system} alone", "SOURCE_SYSTEM_MISMATCH"
    )
