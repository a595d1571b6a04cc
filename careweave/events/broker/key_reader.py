"""Reading what is kept of one key: its partition from a moment on, in which all other keys are passed over."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, Final

import kafka
from kafka import TopicPartition

from careweave.errors import Unavailable
from careweave.events.broker.asker import Place
from careweave.events.broker.cluster import Cluster, connected
from careweave.events.broker.failures import FAILURES, translate
from careweave.events.broker.messages import delivered
from careweave.events.port import Event

POLL_MILLISECONDS: Final = 1000
SILENT_POLLS: Final = 10
"""Polls in a row without a record after which the broker counts as away."""
AT_ONCE: Final = 5000
"""Records taken from the client at once."""
FETCHED_BYTES: Final = 8 << 20
"""Bytes of the partition that a broker sends at once."""
THREADS: Final = 2
"""Keys that are read at the same time; more wait."""
SKEW: Final = timedelta(hours=1)
"""A record's time is when it was sent, an event's when it happened: by another clock, or before an outage."""


class KeyReader:
    """Reads by consumers without a group, one for each question, on threads of its own."""

    def __init__(self, cluster: Cluster) -> None:
        """Connect when asked."""
        self._cluster = cluster
        self._threads = ThreadPoolExecutor(THREADS, "events-key-reader")

    async def read(self, place: Place, key: str, since: datetime) -> list[Event]:
        """Return the events of `key`, whose partition is `place`, that happened at `since` or later, in order.

        Raises:
            Unavailable: no broker answers.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, place, key, since)

    async def close(self) -> None:
        """Wait for what is being read."""
        await asyncio.to_thread(self._threads.shutdown, wait=True, cancel_futures=True)

    def _read(self, place: Place, key: str, since: datetime) -> list[Event]:
        try:
            consumer, _ = connected(
                kafka.KafkaConsumer,
                {
                    **self._cluster.arguments(),
                    "auto_offset_reset": "earliest",  # What retention takes meanwhile is not kept.
                    "enable_auto_commit": False,
                    "allow_auto_create_topics": False,
                    "max_poll_records": AT_ONCE,
                    "max_partition_fetch_bytes": FETCHED_BYTES,
                    "metrics_enabled": False,
                },
            )
            try:
                return self._read_with(consumer, TopicPartition(self._cluster.named(place[0]), place[1]), key, since)
            finally:
                consumer.close(autocommit=False)
        except FAILURES as error:
            raise translate(error, f"reading what is kept of a key in {place[0]}") from error

    def _read_with(self, consumer: Any, place: TopicPartition, key: str, since: datetime) -> list[Event]:
        wanted = key.encode()
        consumer.assign([place])
        end = consumer.end_offsets([place])[place]
        first = consumer.offsets_for_times({place: int((since - SKEW).timestamp() * 1000)})[place]
        if first is None:
            return []
        consumer.seek(place, first.offset)
        found: list[Event] = []
        silent = 0
        while consumer.position(place) < end:
            records = consumer.poll(timeout_ms=POLL_MILLISECONDS).get(place, ())
            silent = 0 if records else silent + 1
            if silent > SILENT_POLLS:
                raise Unavailable(f"{place.topic} does not answer; try again in a moment.", reason="EVENTS_UNAVAILABLE")
            for record in records:
                read = delivered(record, self._cluster) if record.key == wanted and record.offset < end else None
                if read is not None and read.event.time >= since:
                    found.append(read.event)
        return found
