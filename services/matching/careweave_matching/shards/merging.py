"""Putting streams of lists of people together, in order of name."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Final

from careweave.v1.matching_pb2 import PersonList, RankEveryoneResponse

LISTS_AT_ONCE: Final = 500
"""Lists in one message."""


class _Part:
    """One stream. total: how many people it has in all, known once it has begun."""

    def __init__(self, replies: AsyncIterator[RankEveryoneResponse]) -> None:
        self._replies = replies
        self._lists: deque[PersonList] = deque()
        self.total = 0

    async def first(self) -> PersonList | None:
        """Return the next list without taking it; None at the end."""
        while not self._lists:
            try:
                reply = await anext(self._replies)
            except StopAsyncIteration:
                return None
            self.total = reply.total_size
            self._lists.extend(reply.people)
        return self._lists[0]

    def take(self) -> None:
        """Take the list that `first` has returned."""
        self._lists.popleft()


async def merged(parts: Sequence[AsyncIterator[RankEveryoneResponse]]) -> AsyncIterator[RankEveryoneResponse]:
    """Yield the lists of all `parts` in order of name; each part has its own in that order.

    Every message says how many people there are in all parts together.
    """
    opened = [_Part(part) for part in parts]
    firsts = dict(zip(opened, await asyncio.gather(*(part.first() for part in opened)), strict=True))
    heads = {part: first for part, first in firsts.items() if first is not None}
    total = sum(part.total for part in heads)
    message = RankEveryoneResponse(total_size=total)
    while heads:
        part = min(heads, key=lambda each: heads[each].person)
        message.people.append(heads.pop(part))
        part.take()
        following = await part.first()
        if following is not None:
            heads[part] = following
        if len(message.people) == LISTS_AT_ONCE or not heads:
            yield message
            message = RankEveryoneResponse(total_size=total)
