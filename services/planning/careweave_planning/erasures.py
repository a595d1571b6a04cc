"""Erased people: their declarations go when the profiles topic says so.

The topic is compacted and thin: of each person the last change, or the tombstone. A token may outlive its person, so
the store also refuses what comes after a tombstone, until the topic tells of the person again.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

from careweave.events.port import Delivered, Event, EventLog, Topic
from careweave.patience import patiently
from careweave_planning.ports import DeclarationStore, Standing

GROUP: Final = "planning.erasures"
"""The consumer group; its members share the partitions."""


class Erasures:
    """A member of the group that follows who was erased."""

    def __init__(self, store: DeclarationStore, events: EventLog) -> None:
        """Read from `events`, and keep `store` free of those who were erased."""
        self._store = store
        self._events = events

    async def run(self) -> None:
        """Follow until cancelled; go on where the group had come to when log and store answer again."""
        await patiently(partial(self._events.consume, [Topic.PROFILES], GROUP, self.handle), "erasures")

    async def handle(self, batch: Sequence[Delivered]) -> None:
        """Take note of what events say; returns when that is durable."""
        await self._store.take_note([standing_of(delivered.event) for delivered in batch])


def standing_of(event: Event) -> Standing:
    """Return what an event of the profiles topic says of its person."""
    return Standing(event.key, event.version, erased=event.payload is None)
