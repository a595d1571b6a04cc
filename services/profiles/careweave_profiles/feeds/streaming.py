"""A stream of updates, answered in order: what waits is taken together, and no more waits than a window holds."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

from careweave.errors import InvalidArgument
from careweave.patience import patiently
from careweave.policy import Action, Caller, Resource, authorise
from careweave.v1.hr_pb2 import FeedOpening, ProfileUpdate
from careweave_profiles.feeds.answering import Content, in_place
from careweave_profiles.feeds.applying import Answer, Feeds, Prepared, apply_prepared, prepare
from careweave_profiles.feeds.positions import Mark, acknowledged
from careweave_profiles.violations import refuse

WINDOW: Final = 1000
"""Updates that are read ahead; beyond, the client is not read from, and its transport makes it wait."""
BATCH: Final = 500
"""Updates taken into one unit of work, at most."""
WAITING: Final = "HR updates"
"""What waits while a store does not answer, for the log."""
TRIES: Final = 8
"""How often a batch is tried while a store does not answer, half a minute in all, before the stream ends."""


@dataclass(frozen=True, slots=True)
class Item:
    """One message of a stream. position: as the client numbers it; 0 if it could not be read."""

    position: int
    content: Content


@dataclass(frozen=True, slots=True)
class _Ready:
    """A batch that waits for its unit of work."""

    positions: Sequence[int]
    contents: Sequence[Content]
    prepared: Prepared


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
    preparing = asyncio.create_task(_prepare_next(feeds, caller, opening, waiting))
    try:
        while batch := await preparing:
            # While one batch is written, which is the engine's work, the next one is made ready.
            preparing = asyncio.create_task(_prepare_next(feeds, caller, opening, waiting))
            for answered in await patiently(partial(_answer, feeds, opening, batch), WAITING, TRIES):
                yield answered
        await reading
    finally:
        for task in (preparing, reading):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task


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


async def _prepare_next(
    feeds: Feeds, caller: Caller, opening: FeedOpening, waiting: "asyncio.Queue[Item | None]"
) -> _Ready | None:
    items = await _next_batch(waiting)
    if not items:
        return None
    contents = [_of_this_feed(item.content, opening) for item in items]
    updates = [content for content in contents if isinstance(content, ProfileUpdate)]
    prepared = await patiently(partial(prepare, feeds, caller, updates), WAITING, TRIES)
    return _Ready([item.position for item in items], contents, prepared)


async def _answer(feeds: Feeds, opening: FeedOpening, batch: _Ready) -> list[Answered]:
    mark = Mark(opening.source_system, opening.feed, max(batch.positions))
    answers = in_place(batch.contents, await apply_prepared(feeds, batch.prepared, mark))
    return list(zip(batch.positions, answers, strict=True))


def _of_this_feed(content: Content, opening: FeedOpening) -> Content:
    if isinstance(content, ProfileUpdate) and content.source_system != opening.source_system:
        return _of_another(opening)
    return content


def _of_another(opening: FeedOpening) -> InvalidArgument:
    return refuse(
        "update.source_system", f"this stream was opened for {opening.source_system} alone", "SOURCE_SYSTEM_MISMATCH"
    )
