"""Following: a consumer without a group, on a thread of its own, that gets every event."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import kafka
from kafka import TopicPartition

from careweave.errors import Unavailable
from careweave.events.broker.asker import Place
from careweave.events.broker.cluster import Cluster, connected
from careweave.events.broker.failures import FAILURES, translate
from careweave.events.broker.messages import delivered
from careweave.events.port import Delivered

POLL_MILLISECONDS: Final = 300
"""How long a poll waits for events, hence how long closing may take."""
BATCH: Final = 500
_PAUSE_SECONDS: Final = 1.0

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Follower:
    """Reads the partitions it is given; kafka-python finds their brokers again after a fault."""

    def __init__(self, cluster: Cluster) -> None:
        """Connect when read from."""
        self._cluster = cluster
        self._thread = ThreadPoolExecutor(1, "events-follower")
        self._consumer: Any = None
        self._closed = False

    async def read(self, places: Sequence[Place], positions: Mapping[Place, int]) -> AsyncIterator[Delivered]:
        """Yield the events of `places`, each from its position or the oldest that is kept, until closed.

        Raises:
            Unavailable: no broker answers to begin with; later on, that is waited out.
            FailedPrecondition: `POSITIONS_LOST`; a broker says so when it is asked for a position that it lacks.
        """
        await self._do(lambda: self._connect(places, positions))
        while not self._closed:
            for each in await self._next():
                yield each
                if self._closed:
                    return

    async def close(self) -> None:
        """End the consumer, once the poll under way has ended."""
        if self._closed:
            return
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(self._thread, self._end)
        self._thread.shutdown(wait=False)

    async def _next(self) -> list[Delivered]:
        try:
            return await self._do(self._poll)
        except Unavailable as error:
            _log.warning("%s; trying again", error)
            await asyncio.sleep(_PAUSE_SECONDS)
            return []

    async def _do(self, job: Callable[[], T]) -> T:
        def work() -> T:
            try:
                return job()
            except FAILURES as error:
                raise translate(error, "following the event log") from error

        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _connect(self, places: Sequence[Place], positions: Mapping[Place, int]) -> None:
        self._consumer, _ = connected(
            kafka.KafkaConsumer,
            {
                **self._cluster.arguments(),
                "auto_offset_reset": "none",  # A position that is lost is told, not made up for by another.
                "enable_auto_commit": False,
                "allow_auto_create_topics": False,
                "max_poll_records": BATCH,
                "metrics_enabled": False,
            },
        )
        partitions = {place: TopicPartition(self._cluster.named(place[0]), place[1]) for place in places}
        self._consumer.assign(list(partitions.values()))
        for place, partition in partitions.items():
            if place in positions:
                self._consumer.seek(partition, positions[place])
            else:
                self._consumer.seek_to_beginning(partition)

    def _poll(self) -> list[Delivered]:
        if self._closed:
            return []
        found = self._consumer.poll(timeout_ms=POLL_MILLISECONDS)
        read = (delivered(record, self._cluster) for records in found.values() for record in records)
        return [each for each in read if each is not None]

    def _end(self) -> None:
        if self._consumer is not None:
            self._consumer.close(autocommit=False)
