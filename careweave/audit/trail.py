"""Writes the audit trail: entries gather while calls run, and go into the event log in chained batches.

Writing lies off the path of a read; a full queue slows callers down, and nothing is dropped. Of a change of
consent or permission the server waits until its entry is durable (`flush`), and begins none while the trail
cannot be written. A kill loses what had not been written, a fraction of a second of reads.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final, TypeAlias

from google.protobuf.timestamp_pb2 import Timestamp

from careweave.audit.asked import Asked
from careweave.errors import CareweaveError
from careweave.events.port import Event, EventLog, Topic
from careweave.policy import Caller, Role
from careweave.v1 import access_pb2
from careweave.v1.audit_pb2 import AuditBatch, AuditEntry, AuditOutcome

_LOG: Final = logging.getLogger(__name__)

SOURCE: Final = "/careweave/audit"
"""CloudEvents source of every batch."""
LONGEST_QUEUE: Final = 50_000
"""Entries that wait at most, some ten megabytes; then callers wait."""
BATCH: Final = 500
"""Entries in one batch."""
MOST_PEOPLE: Final = 10_000
"""People named in one batch, unless a single entry names more: some 200 kilobytes."""
PAUSE: Final = 0.1
"""Seconds in which entries gather into a batch."""
RETRY: Final = 1.0
"""Seconds before a batch that could not be written is tried again."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS_PER_DAY: Final = 86_400
_TYPE: Final = AuditBatch.DESCRIPTOR.full_name
_ROLES: Final[Mapping[Role, access_pb2.CallerRole.ValueType]] = {
    role: access_pb2.CallerRole.Value(f"CALLER_ROLE_{role.name}") for role in Role
}

Outcome: TypeAlias = AuditOutcome.ValueType
Pseudonyms: TypeAlias = Callable[[Sequence[str]], Awaitable[Mapping[str, str]]]
"""Names of people, at most 1000 → their pseudonyms; who does not exist is left out."""


@dataclass(slots=True)  # not frozen: made on the hot path
class _Noted:
    at: datetime
    action: str
    caller: Caller
    people: Sequence[str]
    pseudonyms: Mapping[str, str]
    outcome: Outcome


class AuditTrail:
    """The chain of this process."""

    def __init__(self, events: EventLog, new_id: Callable[[], str], clock: Callable[[], datetime]) -> None:
        """Name the chain at random. People have no pseudonyms until `name_by` says how to find them."""
        self._events = events
        self._clock = clock
        self._pseudonyms: Pseudonyms = of_nobody
        self._chain = new_id()
        self._number, self._digest = 0, b""
        self._waiting: deque[_Noted] = deque()
        self._built: Event | None = None
        self._writing = asyncio.Lock()
        self._room = asyncio.Event()
        self._room.set()
        self.broken = False

    def name_by(self, pseudonyms: Pseudonyms) -> None:
        """Find the pseudonyms of people by `pseudonyms` from now on."""
        self._pseudonyms = pseudonyms

    @property
    def full(self) -> bool:
        """Whether the next caller must wait for room first."""
        return len(self._waiting) >= LONGEST_QUEUE

    async def room(self) -> None:
        """Return when there is room in the queue."""
        while self.full:
            self._room.clear()
            await self._room.wait()

    def record(self, caller: Caller, asked: Asked, outcome: Outcome) -> None:
        """Queue the entry of a call, or of a part of a stream; wait for `room` before, if it is `full`."""
        self._waiting.append(
            _Noted(self._clock(), asked.action, caller, tuple(asked.people), asked.pseudonyms, outcome)
        )

    async def run(self) -> None:
        """Write what is queued, again and again, until cancelled."""
        while True:
            await asyncio.sleep(PAUSE)
            try:
                await self.flush()
            except CareweaveError:
                _LOG.warning("the audit trail cannot be written; trying again", extra={"waiting": len(self._waiting)})
                await asyncio.sleep(RETRY)

    async def flush(self) -> None:
        """Write all that is queued now, in order.

        Raises:
            Unavailable, Exhausted: the log does not take it, or pseudonyms cannot be found; it stays queued.
        """
        async with self._writing:
            left = len(self._waiting)
            try:
                while self._built or left > 0:
                    left -= await self._write_next()
            except CareweaveError:
                self.broken = True
                raise
            self.broken = False

    async def write_rest(self) -> None:
        """Write what still waits, as far as it can be written now; the log says so if it cannot."""
        try:
            await self.flush()
        except CareweaveError:
            _LOG.exception("entries of the audit trail are left unwritten", extra={"waiting": len(self._waiting)})

    async def close(self) -> None:
        """Write what still waits, and that the chain ends here, if it has begun and nothing is left unwritten."""
        await self.write_rest()
        if not self._number or self.broken:
            return
        try:
            await self._append(self._event([], {}, closing=True))
        except CareweaveError:
            _LOG.exception("the end of the audit trail could not be written")

    async def _write_next(self) -> int:
        """Write a batch, and return how many entries are done with; those of a batch that failed before count as 0."""
        if self._built:
            await self._append(self._built)
            return 0
        noted = self._next()
        known = await self._named(noted)
        event = self._event(noted, known, closing=False)
        for _ in noted:
            self._waiting.popleft()
        self._room.set()
        await self._append(event)
        return len(noted)

    def _next(self) -> list[_Noted]:
        batch: list[_Noted] = []
        people = 0
        for noted in self._waiting:
            people += len(noted.people)
            if batch and (len(batch) == BATCH or people > MOST_PEOPLE):
                break
            batch.append(noted)
        return batch

    async def _named(self, noted: Sequence[_Noted]) -> Mapping[str, str]:
        names = list(
            dict.fromkeys(name for each in noted for name in (each.caller.subject, *each.people) if _is_person(name))
        )
        known: dict[str, str] = {}
        for start in range(0, len(names), 1000):
            known.update(await self._pseudonyms(names[start : start + 1000]))
        return known

    def _event(self, noted: Sequence[_Noted], known: Mapping[str, str], *, closing: bool) -> Event:
        batch = AuditBatch(
            chain=self._chain,
            number=self._number + 1,
            previous_digest=self._digest,
            entries=[_entry(each, known) for each in noted],
            closing=closing,
        )
        return Event(
            topic=Topic.AUDIT,
            id=f"{self._chain}-{self._number + 1}",
            type=_TYPE,
            source=SOURCE,
            key=self._chain,
            version=self._number + 1,
            time=self._clock(),
            payload=batch.SerializeToString(deterministic=True),
        )

    async def _append(self, event: Event) -> None:
        self._built = event  # what could not be written is written again just as it was
        await self._events.append([event])
        self._built = None
        self._number, self._digest = event.version, sha256(event.payload or b"").digest()


def _entry(noted: _Noted, known: Mapping[str, str]) -> AuditEntry:
    subject = noted.caller.subject
    entry = AuditEntry(
        action=noted.action,
        role=_ROLES[noted.caller.role],
        organisation=noted.caller.organisation,
        outcome=noted.outcome,
    )
    _put_time(entry.access_time, noted.at)
    if _is_person(subject):
        entry.caller_pseudonym = noted.pseudonyms.get(subject) or known.get(subject, "")
    else:
        entry.caller = subject
    for name in noted.people:
        pseudonym = noted.pseudonyms.get(name) or known.get(name)
        if pseudonym:
            entry.pseudonyms.append(pseudonym)
    return entry


def _put_time(stamp: Timestamp, moment: datetime) -> None:
    """Set `stamp` to `moment`, which is in UTC; what `FromDatetime` does, without its checks."""
    past = moment - _EPOCH
    stamp.seconds, stamp.nanos = past.days * _SECONDS_PER_DAY + past.seconds, past.microseconds * 1000


def _is_person(name: str) -> bool:
    return name.startswith("people/")


async def of_nobody(names: Sequence[str]) -> Mapping[str, str]:
    """Return no pseudonym."""
    del names
    return {}
