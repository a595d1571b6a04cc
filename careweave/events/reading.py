"""Reading a stretch of the event log to its end."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

from careweave.events.port import Delivered, EventLog, Positions

_FIRST_SECONDS: Final = 10.0
"""How long the first event may take: a log that is a server has to be reached."""
_QUIET_SECONDS: Final = 5.0


async def until(log: EventLog, topics: Sequence[str], start: Positions, end: Positions) -> AsyncIterator[Delivered]:
    """Yield the events of `topics` between two positions.

    The last message before `end` may be no event, or compacted away: then some quiet seconds stand for the end.
    """
    following = log.follow(topics, start)
    reached, patience = start, _FIRST_SECONDS
    while any(reached.offsets.get(place, 0) < offset for place, offset in end.offsets.items()):
        try:
            delivered = await asyncio.wait_for(anext(following), patience)
        except (TimeoutError, StopAsyncIteration):
            return
        reached, patience = reached.after(delivered), _QUIET_SECONDS
        yield delivered


async def all_kept(log: EventLog, topic: str) -> AsyncIterator[Delivered]:
    """Yield all events that `topic` keeps now, in order within each partition."""
    async for delivered in until(log, [topic], Positions(), await log.end([topic])):
        yield delivered
