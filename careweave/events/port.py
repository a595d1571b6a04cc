"""What an event log must do, stated once. Every adapter passes `tests/contract/test_events.py`.

Semantics that callers rely on:

- Events of one key keep their order; there is no order between keys of different partitions.
- Delivery is at least once. `Event.version` lets an effect happen once: see `outbox.apply_once`.
- `append` returns when all given events are durable; if it raises, some or none may be.
- A position maps (topic, partition) to the offset of the next event to read. Taken before a
  snapshot, it makes `follow` deliver everything the snapshot may lack.
- A tombstone is an event whose payload is None; compaction keeps the last event of each key.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol, TypeAlias

POSITIONS_LOST: Final = "POSITIONS_LOST"
"""Reason of the error for a position that events can no longer be followed from."""
MOST_AT_ONCE: Final = 500
"""Events that a consumer is given at once, unless it asks for fewer or more."""


class Topic(StrEnum):
    """Names of all topics; others depend on them."""

    OPPORTUNITIES = "careweave.opportunities.v1"
    PROFILES = "careweave.profiles.v1"
    MATCHES = "careweave.matches.v1"
    APPLICATIONS = "careweave.applications.v1"
    DECISIONS = "careweave.decisions.v1"
    REVIEWS = "careweave.reviews.v1"
    HR_UPDATES = "careweave.hr-updates.v1"
    HR_REJECTED = "careweave.hr-updates.v1.dlq"
    REVOCATIONS = "careweave.revocations.v1"
    AUDIT = "careweave.audit.v1"


@dataclass(frozen=True, slots=True)
class Event:
    """One event, as CloudEvents 1.0 names its attributes.

    id: unique with `source`.
    type: full name of the payload's message, for example `careweave.v1.ProfileChanged`.
    source: URI reference of the service, for example `/careweave/profiles`.
    key: resource name of the aggregate; orders and compacts.
    version: of the aggregate after the change, from 1.
    time: when it happened, with zone.
    payload: serialised message; None is a tombstone.
    traceparent: W3C trace context; empty if none.
    """

    topic: str
    id: str
    type: str
    source: str
    key: str
    version: int
    time: datetime
    payload: bytes | None
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class Positions:
    """Where a reader is: (topic, partition) → offset of the next event.

    Missing means the start: the oldest event that is kept, whatever went before it.
    """

    offsets: Mapping[tuple[str, int], int] = field(default_factory=dict)

    def after(self, delivered: "Delivered") -> "Positions":
        """Return these positions advanced past `delivered`."""
        place = (delivered.event.topic, delivered.partition)
        return Positions({**self.offsets, place: delivered.offset + 1})


@dataclass(frozen=True, slots=True)
class Delivered:
    """An event with its place in the log."""

    event: Event
    partition: int
    offset: int


Handle: TypeAlias = Callable[[Sequence[Delivered]], Awaitable[None]]
"""What a consumer does with events: at least one, all of one partition, in their order."""


class EventLog(Protocol):
    """A durable, partitioned log of events."""

    async def append(self, events: Sequence[Event]) -> None:
        """Append `events` durably, in order; an engine may leave out one whose source and id it has.

        Raises:
            Unavailable: the log does not answer.
            Exhausted: the disk is full.
        """
        ...

    async def end(self, topics: Sequence[str]) -> Positions:
        """Return the positions just past the last event of each partition of `topics`."""
        ...

    def follow(self, topics: Sequence[str], positions: Positions) -> AsyncIterator[Delivered]:
        """Yield every event of `topics` from `positions` on, then new ones as they come, without end.

        Each caller gets every event. For indexes and watches.

        Raises:
            FailedPrecondition: reason `POSITIONS_LOST`, at once or later. The log no longer keeps what follows a
                position, or ends before it: whoever follows must begin again with a snapshot. Compaction is no such
                loss, since the last event of each key stays; of tombstones that it took nothing can be told.
        """
        ...

    async def recall(self, topic: str, key: str, since: datetime) -> list[Event]:
        """Return the events of `key` in `topic` that happened at `since` or later and are kept, in their order.

        For what one person asks of their own. An engine may have to read all of the key's partition from `since` on:
        keep `since` as late as the question allows.

        Raises:
            Unavailable: the log does not answer.
        """
        ...

    async def consume(self, topics: Sequence[str], group: str, handle: Handle, most: int = MOST_AT_ONCE) -> None:
        """Call `handle` with the next events, sharing the partitions among the group's members.

        It is given what waits in one partition, at most `most` events. The position is committed after it
        returns; if it raises, consuming stops, the error is raised, and all events it was given are delivered
        again to the next member that asks. For effects. Runs until cancelled.
        """
        ...

    async def lag(self, topics: Sequence[str], group: str) -> Mapping[tuple[str, int], int]:
        """Return how many offsets `group` is behind the end, for each partition of `topics`.

        Events in hand count until their position is committed. After compaction there may be fewer
        events than offsets.
        """
        ...

    async def compact(self, topic: str, forget_before: datetime | None = None) -> int:
        """Drop events that a later one of the same key supersedes; returns how many went.

        forget_before: tombstones from before this time go, too; None keeps them all.

        Offsets stay. A no-op where the engine compacts by itself.
        """
        ...

    async def drop_before(self, topic: str, time: datetime, *, dry_run: bool = False) -> int:
        """Drop, of each partition, what lies before its first event of `time` or later; returns how many events went.

        dry_run: whether to drop nothing, and return how many would go.

        Offsets stay; whoever follows from one that went gets `POSITIONS_LOST`, and a group goes on with what is
        kept. A no-op where the engine drops old events by itself.
        """
        ...

    async def scrub(self) -> None:
        """Leave nothing of what was dropped or compacted away in any file of the log.

        Appends wait meanwhile, for as long as it takes to write anew what is kept. A no-op where the engine drops old
        events by whole files.

        Raises:
            Exhausted: there is no room for a second copy of what is kept. Unavailable: the log does not answer.
        """
        ...

    async def close(self) -> None:
        """Release files and connections; followers end."""
        ...
