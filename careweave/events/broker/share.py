"""A group member's share of the partitions: which it holds, and how far it has handled each."""

import threading
import time
from collections.abc import Mapping
from typing import Any, Final

from kafka import AsyncConsumerRebalanceListener, OffsetAndMetadata

HANDLER_SECONDS: Final = 240.0
"""How long a partition that goes to another member is kept for the sake of the events in hand."""
_POLL_SECONDS: Final = 0.02


class Share(AsyncConsumerRebalanceListener):  # type: ignore[misc]
    """Kept on three threads: the event loop's, which handles; the one that polls; and kafka-python's own.

    A partition that goes to another member goes when its events in hand are handled and that is committed.
    """

    def __init__(self) -> None:
        """Begin with nothing; `join` follows."""
        self._guard = threading.Lock()
        self._held: set[Any] = set()
        self._in_hand: Any = None
        self._handled: dict[Any, int] = {}
        self._consumer: Any = None
        self._loop: Any = None

    def join(self, consumer: Any, loop: Any) -> None:
        """Know the consumer whose share this is, and the loop that it runs on."""
        self._consumer, self._loop = consumer, loop

    def begin(self, partition: Any) -> bool:
        """Take events of `partition` in hand; returns False if the partition is another member's now."""
        with self._guard:
            if partition not in self._held:
                return False
            self._in_hand = partition
            return True

    def finish(self, partition: Any, following: int | None) -> None:
        """Put the events in hand away; `following` is the next offset if they were handled, else None."""
        with self._guard:
            self._in_hand = None
            if following is not None:
                self._handled[partition] = following

    def uncommitted(self) -> dict[Any, OffsetAndMetadata]:
        """Return what is handled and not committed, as kafka-python wants it."""
        with self._guard:
            return _as_offsets(self._handled)

    def committed(self, offsets: Mapping[Any, OffsetAndMetadata]) -> None:
        """Note that `offsets` are committed."""
        with self._guard:
            for partition, committed in offsets.items():
                if self._handled.get(partition) == committed.offset:
                    del self._handled[partition]

    async def on_partitions_assigned(self, assigned: set[Any]) -> None:
        """Hold `assigned`."""
        with self._guard:
            self._held |= assigned

    async def on_partitions_lost(self, lost: set[Any]) -> None:
        """Let go of `lost`, which others may hold already; nothing can be committed."""
        with self._guard:
            self._let_go(lost)

    async def on_partitions_revoked(self, revoked: set[Any]) -> None:
        """Begin nothing more of `revoked`, see the events in hand through, and commit."""
        with self._guard:
            self._held -= revoked
        until = time.monotonic() + HANDLER_SECONDS
        while self._in_hand in revoked and time.monotonic() < until:
            await self._loop.sleep(_POLL_SECONDS)
        with self._guard:
            handled = self._let_go(revoked)
        if handled:
            await self._consumer.commit_async(_as_offsets(handled))

    def _let_go(self, partitions: set[Any]) -> dict[Any, int]:
        self._held -= partitions
        return {each: self._handled.pop(each) for each in partitions & self._handled.keys()}


def _as_offsets(handled: Mapping[Any, int]) -> dict[Any, OffsetAndMetadata]:
    return {partition: OffsetAndMetadata(offset, "", -1) for partition, offset in handled.items()}
