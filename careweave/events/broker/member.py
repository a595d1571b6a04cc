"""A member of a consumer group at work: polls on a thread of its own, handles on the event loop.

kafka-python's heartbeats run by themselves; polling takes part in sharing out the partitions anew. So
it goes on while events are handled for long, with all partitions paused, and neither this member nor
the others wait for the handler, but for the one partition of its events.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import kafka
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import KafkaError

from careweave.errors import CareweaveError, Unavailable
from careweave.events.broker.cluster import Cluster, connected
from careweave.events.broker.failures import FAILURES, LOST_SHARE, translate
from careweave.events.broker.follower import POLL_MILLISECONDS
from careweave.events.broker.messages import delivered
from careweave.events.broker.share import Share
from careweave.events.port import Delivered, Handle

HEARTBEAT_SECONDS: Final = 1.0
"""How often a member shows that it lives, hence how soon it learns that others come or go."""
SESSION_SECONDS: Final = 10.0
"""How long after its last sign of life a member's partitions go to others; brokers take 6 s at least."""
LEAVE_MILLISECONDS: Final = 5000
_LONG_SECONDS: Final = 0.5
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 5.0

T = TypeVar("T")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Membership:
    """A group on a cluster, and the topics its members read.

    most: events handled at once, and between two commits; a killed process gets at most these again.
    heartbeat_seconds: how often a member shows that it lives.
    """

    cluster: Cluster
    group: str
    topics: Sequence[str]
    most: int
    heartbeat_seconds: float = HEARTBEAT_SECONDS

    def arguments(self) -> dict[str, Any]:
        """Return what kafka-python's consumer is told."""
        return {
            **self.cluster.arguments(),
            "group_id": self.cluster.named(self.group),
            "partition_assignment_strategy": [CooperativeStickyAssignor],
            "auto_offset_reset": "earliest",
            "enable_auto_commit": False,
            "allow_auto_create_topics": False,
            "max_poll_records": self.most,
            "session_timeout_ms": int(SESSION_SECONDS * 1000),
            "heartbeat_interval_ms": int(self.heartbeat_seconds * 1000),
            "metrics_enabled": False,
        }


@dataclass(frozen=True, slots=True)
class _Batch:
    """Successive records of a partition, the offset after them, and the events that they carry; others carry none."""

    partition: Any
    following: int
    events: Sequence[Delivered]


class Member:
    """Handles the events of the partitions that fall to it, until cancelled, closed, or an error ends it."""

    def __init__(
        self,
        who: Membership,
        handle: Handle,
        look_up: Callable[[Sequence[str]], Awaitable[object]],
    ) -> None:
        """Begin outside the group.

        look_up: raises Unavailable while one of the topics it is given is missing.
        """
        self.ended = asyncio.Event()
        self._who = who
        self._handle = handle
        self._look_up = look_up
        self._share = Share()
        self._thread = ThreadPoolExecutor(1, "events-member")
        self._consumer: Any = None
        self._waiting: list[_Batch] = []
        self._closed = False

    async def run(self) -> None:
        """Consume without end; leave the group on the way out."""
        pause = _FIRST_PAUSE
        try:
            while not self._closed:
                try:
                    if self._consumer is None:  # It would wait for a missing topic without a word.
                        await self._look_up(self._who.topics)
                    self._waiting += await self._do(self._poll)
                    pause = _FIRST_PAUSE
                except Unavailable as error:
                    _log.warning("group %s waits: %s", self._who.group, error)
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE)
                await self._handle_waiting()
                await self._do(self._commit)
        finally:
            await asyncio.shield(self._leave())

    def close(self) -> None:
        """Let `run` end after the batches in hand."""
        self._closed = True

    async def _handle_waiting(self) -> None:
        while self._waiting and not self._closed:
            batches, self._waiting = self._waiting, []
            handling = asyncio.create_task(self._handle_each(batches))
            try:
                while not (await asyncio.wait({handling}, timeout=_LONG_SECONDS))[0]:
                    self._waiting += await self._do(self._stay)
            except BaseException:
                handling.cancel()
                await asyncio.wait({handling})
                raise
            handling.result()

    async def _handle_each(self, batches: Sequence[_Batch]) -> None:
        for each in batches:
            if not self._share.begin(each.partition):
                continue
            following = None
            try:
                if each.events:
                    await self._handle(each.events)
                following = each.following
            finally:
                self._share.finish(each.partition, following)

    async def _leave(self) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._end)
        finally:
            self._thread.shutdown(wait=False)
            self.ended.set()

    async def _do(self, job: Callable[[], T]) -> T:
        def work() -> T:
            try:
                return job()
            except FAILURES as error:
                raise translate(error, f"group {self._who.group}") from error

        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _poll(self) -> list[_Batch]:
        if self._consumer is None:
            self._consumer = self._join()
        self._consumer.resume(*self._consumer.paused())
        return self._read(POLL_MILLISECONDS)

    def _stay(self) -> list[_Batch]:
        """Poll with all paused; partitions that come by this very poll may bring events."""
        self._consumer.pause(*self._consumer.assignment())
        try:
            return self._read(POLL_MILLISECONDS)
        except KafkaError as error:
            _log.warning("group %s, beside a long handler: %s", self._who.group, error)
            return []

    def _read(self, milliseconds: int) -> list[_Batch]:
        found = self._consumer.poll(timeout_ms=milliseconds)
        return [self._batch(partition, records) for partition, records in found.items() if records]

    def _batch(self, partition: Any, records: Sequence[Any]) -> _Batch:
        read = (delivered(record, self._who.cluster) for record in records)
        return _Batch(partition, records[-1].offset + 1, [each for each in read if each is not None])

    def _join(self) -> Any:
        consumer, loop = connected(kafka.KafkaConsumer, self._who.arguments())
        self._share.join(consumer, loop)
        consumer.subscribe([self._who.cluster.named(topic) for topic in self._who.topics], listener=self._share)
        return consumer

    def _commit(self) -> None:
        offsets = self._share.uncommitted()
        if not offsets:
            return
        try:
            self._consumer.commit(offsets, timeout_ms=LEAVE_MILLISECONDS)
        except LOST_SHARE as error:
            # What is still this member's after the partitions are shared out is committed the next time.
            _log.info("group %s is sharing out its partitions: %s", self._who.group, error)
        except KafkaError as error:
            _log.warning("group %s: positions are not committed yet: %s", self._who.group, error)
        else:
            self._share.committed(offsets)

    def _end(self) -> None:
        if self._consumer is None:
            return
        try:
            self._commit()
            self._consumer.close(autocommit=False, timeout_ms=LEAVE_MILLISECONDS)
        except (*FAILURES, CareweaveError) as error:
            _log.warning("leaving group %s: %s", self._who.group, error)
