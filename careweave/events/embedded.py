"""The embedded event log: one SQLite file, for any number of processes on one machine."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from careweave.errors import CareweaveError, FailedPrecondition, Unavailable
from careweave.events.port import MOST_AT_ONCE, POSITIONS_LOST, Delivered, Event, Handle, Positions
from careweave.events.sqlite import groups, records
from careweave.events.sqlite.file import PARTITIONS, connect, prepare, translate
from careweave.events.sqlite.groups import Membership
from careweave.events.sqlite.member import Member
from careweave.events.sqlite.writer import Writer
from careweave.events.wakeup import Wakeup

LEASE_SECONDS = 10.0
"""How long after its last sign of life a member's partitions go to others."""
POLL_SECONDS = 0.25
"""How often to look for what other processes appended; within a process readers are woken."""
READ_THREADS = 2
BATCH = 500

T = TypeVar("T")


async def open_embedded(
    path: Path,
    clock: Callable[[], datetime],
    new_id: Callable[[], str],
    *,
    partitions: int = PARTITIONS,
    lease_seconds: float = LEASE_SECONDS,
) -> "EmbeddedEventLog":
    """Open the log in the file `path`, making it if need be.

    partitions: of each topic, if the file is made now; else it keeps the number it has.

    Raises:
        Unavailable: the file cannot be made or opened.
        DataLoss: it is not an event log.
        Exhausted: the disk is full.
    """
    kept = await asyncio.to_thread(prepare, path, partitions)
    return EmbeddedEventLog(path, kept, clock, new_id, lease_seconds)


class EmbeddedEventLog:
    """The event port on a file. Appends that come together are committed together."""

    def __init__(
        self,
        path: Path,
        partitions: int,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        """Take a prepared file; connect when first used."""
        self.appended = Wakeup()
        self.closed = False
        self.poll_seconds = min(POLL_SECONDS, lease_seconds / 3)
        self._path = path
        self._partitions = partitions
        self._clock = clock
        self._new_id = new_id
        self._lease_seconds = lease_seconds
        self._writer = Writer(path)
        self._read_threads = ThreadPoolExecutor(READ_THREADS, "events-reader")
        self._own = threading.local()
        self._connections: list[sqlite3.Connection] = []

    async def append(self, events: Sequence[Event]) -> None:
        """Append `events` durably, in order, all or none."""
        if not events:
            return
        rows = [records.record_of(event, self._partitions) for event in events]
        await self.write(lambda connection: records.append(connection, rows))
        self.appended.notify()

    async def end(self, topics: Sequence[str]) -> Positions:
        """Return the positions just past the last event of each partition of `topics`."""
        names = [str(topic) for topic in topics]
        return Positions(await self.read(lambda connection: records.ends(connection, names, self._partitions)))

    async def follow(self, topics: Sequence[str], positions: Positions) -> AsyncIterator[Delivered]:
        """Yield every event of `topics` from `positions` on, then new ones as they come, until closed.

        Raises:
            FailedPrecondition: a position lies past the end, so this is not the log that it was taken from; or
                before what is kept, so that events are missing.
        """
        names = [str(topic) for topic in topics]
        await self._require_reached(names, positions)
        places = [(name, partition) for name in names for partition in range(self._partitions)]
        starts = await self.read(lambda connection: records.starts(connection, places))
        following = {place: positions.offsets.get(place, start) for place, start in starts.items()}
        while not self.closed:
            seen = self.appended.count
            found = await self.read(lambda connection: _read_all(connection, following))
            for delivered in found:
                yield delivered
                following[delivered.event.topic, delivered.partition] = delivered.offset + 1
            if not found:
                await self.appended.wait(seen, self.poll_seconds)

    async def _require_reached(self, topics: Sequence[str], positions: Positions) -> None:
        end = await self.end(topics)
        for place, offset in end.offsets.items():
            if positions.offsets.get(place, 0) > offset:
                raise FailedPrecondition(
                    f"{place[0]} ends at {offset} in partition {place[1]}, before the position to follow from: it is "
                    "another log. Take positions and a snapshot anew.",
                    reason=POSITIONS_LOST,
                )

    async def recall(self, topic: str, key: str, since: datetime) -> list[Event]:
        """Return the events of `key` in `topic` that happened at `since` or later, in order, by an index."""
        return await self.read(lambda connection: records.of_key(connection, str(topic), key, since))

    async def consume(self, topics: Sequence[str], group: str, handle: Handle, most: int = MOST_AT_ONCE) -> None:
        """Call `handle` with the events of the partitions that fall to this member of `group`."""
        names = [str(topic) for topic in topics]
        who = Membership(group, self._new_id(), names, self._partitions, self._lease_seconds)
        await Member(self, who, handle, most).run()

    async def lag(self, topics: Sequence[str], group: str) -> Mapping[tuple[str, int], int]:
        """Return how many offsets `group` is behind, by topic and partition."""
        names = [str(topic) for topic in topics]

        def work(connection: sqlite3.Connection) -> dict[tuple[str, int], int]:
            ends = records.ends(connection, names, self._partitions)
            starts = records.starts(connection, ends)
            return {
                place: end - max(starts[place], groups.position(connection, group, place))
                for place, end in ends.items()
            }

        return await self.read(work)

    async def compact(self, topic: str, forget_before: datetime | None = None) -> int:
        """Drop events that a later one of the same key supersedes, and old tombstones; returns how many went."""
        return await self.write(lambda connection: records.compact(connection, str(topic), forget_before))

    async def drop_before(self, topic: str, time: datetime, *, dry_run: bool = False) -> int:
        """Drop what `topic` holds from before `time`; returns how many events went, or would go."""
        name = str(topic)
        if dry_run:
            return await self.read(lambda connection: records.count_before(connection, name, time))
        gone = await self.write(lambda connection: records.drop_before(connection, name, time))
        if gone:
            self.appended.notify()  # Followers that were behind learn that they lost their place.
        return gone

    async def scrub(self) -> None:
        """Write the file anew, with what is kept alone."""
        await self._writer.rewrite()

    async def close(self) -> None:
        """Finish what is being written, end followers and members, and close the file."""
        if self.closed:
            return
        self.closed = True
        self.appended.notify()
        await self._writer.close()
        self._read_threads.shutdown(wait=True)
        for connection in self._connections:
            connection.close()

    def now(self) -> float:
        """Return the time, in seconds, by which leases are kept."""
        return self._clock().timestamp()

    async def write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `job` returns once its changes are durable."""
        self._require_open()
        return await self._writer.do(job)

    async def read(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `job` returns."""
        self._require_open()

        def work() -> T:
            try:
                return job(self._own_connection())
            except CareweaveError:
                raise
            except sqlite3.Error as error:
                raise translate(error, "reading events") from error

        return await asyncio.get_running_loop().run_in_executor(self._read_threads, work)

    def _own_connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = connect(self._path)
            self._connections.append(connection)
        return connection

    def _require_open(self) -> None:
        if self.closed:
            raise Unavailable(f"the event log {self._path} is closed", reason="EVENTS_CLOSED")


def _read_all(connection: sqlite3.Connection, following: dict[tuple[str, int], int]) -> list[Delivered]:
    found = [
        delivered
        for (topic, partition), offset in following.items()
        for delivered in records.read(connection, topic, partition, offset, BATCH)
    ]
    # Looked at after the events were: what was dropped in between shows, too.
    starts = records.starts(connection, following)
    for place, offset in following.items():
        if offset < starts[place]:
            raise FailedPrecondition(
                f"{place[0]} keeps nothing before {starts[place]} in partition {place[1]}, and was to be followed from "
                f"{offset}. Take positions and a snapshot anew.",
                reason=POSITIONS_LOST,
            )
    return found
