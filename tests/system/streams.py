"""A stream of changes into an outbox and on through a relay, and effects at the other end, for tests of faults."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

from careweave.errors import CareweaveError
from careweave.events.outbox import Relay, apply_once
from careweave.events.port import Delivered, Event, EventLog
from careweave.graph.port import Graph, Query

TOPIC = "careweave.test.v1"
SOURCE = "/careweave/test"
GROUP = "effects"
KEYS = 20
AHEAD = 30
"""Versions that may be committed before their effects happen."""
SECONDS = 300.0
"""How long the end may be in coming; only a failure takes so long."""
PENDING = Query("test.pending", "MATCH (o:Outbox) RETURN o.id AS id LIMIT 1")
_NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


@dataclass
class Stream:
    """Versions of `KEYS` aggregates, from the graph's outbox to effects in a group.

    committed: versions of each key that the graph has.
    effects: versions of each key whose effect has happened, in order.
    """

    graph: Graph
    log: EventLog
    committed: int = 0
    effects: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Relay and consume during the block."""
        relay = Relay(self.graph, self.log, SOURCE, lambda: datetime.now(UTC), lambda: uuid4().hex)
        tasks = [asyncio.create_task(relay.run()), asyncio.create_task(self.log.consume([TOPIC], GROUP, self._apply))]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def commit(self) -> None:
        """Commit the next version of each key."""
        self.committed += 1
        async with self.graph.unit_of_work() as unit:
            for key in range(KEYS):
                unit.emit(
                    Event(TOPIC, uuid4().hex, "careweave.v1.Test", SOURCE, f"k{key}", self.committed, _NOON, b"x")
                )

    async def commit_until(self, stop: asyncio.Event) -> None:
        """Commit versions, one after the other and not far ahead of the effects, until `stop` is set."""
        while not stop.is_set():
            if self.committed - max(self.effects["k0"], default=0) > AHEAD:
                await asyncio.sleep(0.05)
            else:
                await self.commit()

    async def settled(self) -> None:
        """Return when the effect of the last version of every key has happened and the outbox is empty."""
        async with asyncio.timeout(SECONDS):
            while not self._is_settled() or await self.graph.run(PENDING):  # noqa: ASYNC110  another process's state
                await asyncio.sleep(0.05)

    def _is_settled(self) -> bool:
        return len(self.effects) == KEYS and all(each[-1] == self.committed for each in self.effects.values())

    async def _apply(self, batch: Sequence[Delivered]) -> None:
        async with self.graph.unit_of_work() as unit:
            fresh = [each.event for each in batch if await apply_once(unit, "test.effect", each.event)]
        for event in fresh:
            self.effects[event.key].append(event.version)


async def append_all(log: EventLog, events: list[Event]) -> int:
    """Append `events`, again and again as a relay does until the log has them; returns how often it failed."""
    failures = 0
    async with asyncio.timeout(SECONDS):
        while True:
            try:
                await log.append(events)
            except CareweaveError:
                failures += 1
                await asyncio.sleep(0.2)
            else:
                return failures


def first_seen(delivered: list[Delivered]) -> dict[str, list[int]]:
    """Return the versions of each key in the order in which the log first has each."""
    found: dict[str, list[int]] = defaultdict(list)
    for each in delivered:
        if each.event.version not in found[each.event.key]:
            found[each.event.key].append(each.event.version)
    return dict(found)


def numbered(first: int, versions: int) -> list[Event]:
    """Return `versions` versions of each key from `first` on, in order of version."""
    return [
        Event(TOPIC, uuid4().hex, "careweave.v1.Test", SOURCE, f"k{key}", version, _NOON, b"x" * 200)
        for version in range(first, first + versions)
        for key in range(KEYS)
    ]
