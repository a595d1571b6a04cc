"""Reading a log to its end."""

import asyncio

from careweave.events.port import Delivered, EventLog, Positions

SECONDS = 20.0
"""How long the end may be in coming; only a failure takes so long."""


async def everything(log: EventLog, *topics: str) -> list[Delivered]:
    """Return all events there are. The last one of a partition is never compacted away."""
    found: list[Delivered] = []
    missing = {place: offset for place, offset in (await log.end(topics)).offsets.items() if offset}
    following = log.follow(topics, Positions())
    async with asyncio.timeout(SECONDS):
        while missing:
            found.append(await anext(following))
            place = (found[-1].event.topic, found[-1].partition)
            if found[-1].offset + 1 >= missing.get(place, 0):
                missing.pop(place, None)
    return found
