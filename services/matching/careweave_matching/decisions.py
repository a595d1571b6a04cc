"""Records every ranking that was shown: in batches, off the path of the call that shows it.

Each process numbers its rankings from 1, so a batch lost to a hard kill shows as a gap. A full queue slows the
callers down; nothing is dropped.

A ranking is written under the key of whom or what it was made for; where it shows people, each of them gets a record
of their own line under their own key. So what was made of a person is what is kept under their key. A name begins
with the day, so that one ranking is found without reading what is older.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final, TypeAlias

from careweave.errors import CareweaveError
from careweave.events.port import Event, EventLog, Topic
from careweave.v1.events_pb2 import PersonRanked, RankingMade
from careweave_matching import wire
from careweave_matching.messages import date_message, time_message, versions_message
from careweave_matching.model import Versions
from careweave_matching.ports import EVENT_SOURCE

_LOG: Final = logging.getLogger(__name__)
LONGEST_QUEUE: Final = 2048
"""Rankings that wait at most; then callers wait."""
BATCH: Final = 512
"""Rankings appended at once."""
PAUSE: Final = 0.05
"""Seconds in which rankings gather into a batch."""
RETRY: Final = 1.0
"""Seconds before a batch that could not be appended is tried again."""

DAY: Final = "%Y%m%d"
"""How the name of a decision begins: the day on which it was made, in UTC."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS_PER_DAY: Final = 86_400

Item: TypeAlias = tuple[str, int, float, float]
"""Resource, its version, score, suitability."""
_TYPE: Final = RankingMade.DESCRIPTOR.full_name
_LINE_TYPE: Final = PersonRanked.DESCRIPTOR.full_name


@dataclass(slots=True)  # not frozen: made on the hot path
class Ranking:
    """A ranking that was shown; fields as in `RankingMade`, `items` encoded.

    people: those whom it shows, in order; none if it shows opportunities.
    paging: which part of the list it is.
    """

    decision: str
    sequence: int
    subject: str
    as_of: date
    at: datetime
    versions: Versions
    items: bytes
    total: int
    people: Sequence[Item] = ()
    paging: "Paging | None" = None


@dataclass(frozen=True, slots=True)
class Paging:
    """Where a page begins and how its list was spread; fields as in `RankingMade`. None stands for all defaults."""

    offset: int
    maximum_per_organisation: int = 0
    preceding_organisations: Sequence[str] = ()


class Decisions:
    """Takes rankings and appends them to the decisions topic."""

    def __init__(self, events: EventLog, new_id: Callable[[], str], clock: Callable[[], datetime]) -> None:
        """Name this process at random and begin at 1."""
        self._events = events
        self._clock = clock
        self._process = new_id()
        self._sequence = 0
        self._day = date.min
        self._prefix = ""
        self._waiting: deque[Ranking] = deque()
        self._room = asyncio.Event()
        self._room.set()
        self._appending = asyncio.Lock()

    @property
    def full(self) -> bool:
        """Whether the next caller must wait for room first."""
        return len(self._waiting) >= LONGEST_QUEUE

    async def room(self) -> None:
        """Return when there is room in the queue."""
        while self.full:
            self._room.clear()
            await self._room.wait()

    def record(
        self,
        subject: str,
        as_of: date,
        versions: Versions,
        items: bytes,
        total: int,
        *,
        people: Sequence[Item] = (),
        paging: Paging | None = None,
    ) -> str:
        """Queue a ranking and return its name, `decisions/…`; wait for `room` before, if it is `full`.

        items: encoded, see `items_of`. people: the same, if they are people.
        """
        self._sequence += 1
        at = self._clock()
        if at.date() != self._day:
            self._day = at.date()
            self._prefix = f"decisions/{self._day:{DAY}}-{self._process}-"
        decision = f"{self._prefix}{self._sequence}"
        self._waiting.append(
            Ranking(decision, self._sequence, subject, as_of, at, versions, items, total, people, paging)
        )
        return decision

    async def run(self) -> None:
        """Append what is queued, again and again, until cancelled."""
        while True:
            await asyncio.sleep(PAUSE)
            try:
                await self.flush()
            except CareweaveError:
                _LOG.warning("decisions cannot be recorded; trying again", extra={"waiting": len(self._waiting)})
                await asyncio.sleep(RETRY)

    async def flush(self) -> None:
        """Append all that is queued now, in order.

        What is queued meanwhile is left to the next time: taken at once, it would go in by ever so few, each few with
        a transaction of their own, at twice the cost of the calls themselves.

        Raises:
            Unavailable, Exhausted: the log does not take it; it stays queued.
        """
        async with self._appending:
            left = len(self._waiting)
            while left:
                batch = [self._waiting[number] for number in range(min(BATCH, left))]
                await self._events.append([event for ranking in batch for event in self._events_of(ranking)])
                for _ in batch:
                    self._waiting.popleft()
                left -= len(batch)
                self._room.set()

    def _events_of(self, ranking: Ranking) -> list[Event]:
        made = Event(
            topic=Topic.DECISIONS,
            id=ranking.decision.removeprefix("decisions/"),
            type=_TYPE,
            source=EVENT_SOURCE,
            key=ranking.subject,
            version=1,
            time=ranking.at,
            payload=payload(ranking, self._process),
        )
        lines = (
            replace(made, id=f"{made.id}-{line.position}", type=_LINE_TYPE, key=line.person, payload=_packed(line))
            for line in _lines(ranking)
        )
        return [made, *lines]


def _lines(ranking: Ranking) -> list[PersonRanked]:
    return [
        PersonRanked(
            decision=ranking.decision,
            person=person,
            opportunity=ranking.subject,
            as_of_date=date_message(ranking.as_of),
            decide_time=time_message(ranking.at),
            versions=versions_message(replace(ranking.versions, profile=version)),
            position=position,
            suitability=suitability,
            total_size=ranking.total,
        )
        for position, (person, version, _, suitability) in enumerate(ranking.people, start=1)
    ]


def _packed(line: PersonRanked) -> bytes:
    return line.SerializeToString(deterministic=True)


def items_of(items: Sequence[Item]) -> bytes:
    """Return `items` as the encoded field `RankingMade.items`."""
    parts = [
        wire.text(1, resource) + wire.integer(2, version) + wire.double(3, score) + wire.double(4, suitability)
        for resource, version, score, suitability in items
    ]
    return b"".join([wire.message(8, part) for part in parts])


def payload(ranking: Ranking, process: str) -> bytes:
    """Return `ranking` as a serialised `RankingMade`, written by hand since there is one for each call."""
    return b"".join(
        (
            wire.text(1, ranking.decision),
            wire.integer(2, ranking.sequence),
            wire.text(3, process),
            wire.text(4, ranking.subject),
            _date(ranking.as_of),
            wire.message(6, _time(ranking.at)),
            _versions(ranking.versions),
            ranking.items,
            wire.integer(9, ranking.total),
            _paging(ranking.paging) if ranking.paging else b"",
        )
    )


def _paging(paging: Paging) -> bytes:
    preceding = b"".join(wire.element(12, each) for each in paging.preceding_organisations)
    return wire.integer(10, paging.offset) + wire.integer(11, paging.maximum_per_organisation) + preceding


@lru_cache(maxsize=4)
def _date(day: date) -> bytes:
    return wire.message(5, date_message(day).SerializeToString())


def _time(at: datetime) -> bytes:
    past = at - _EPOCH
    return wire.integer(1, past.days * _SECONDS_PER_DAY + past.seconds) + wire.integer(2, past.microseconds * 1000)


@lru_cache(maxsize=1024)
def _versions(versions: Versions) -> bytes:
    return wire.message(7, versions_message(versions).SerializeToString())
