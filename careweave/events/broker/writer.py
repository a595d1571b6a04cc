"""Appending: one producer for the process, on a thread of its own.

Order of keys under faults rests on three things. The producer is idempotent and has one batch of a
partition on its way at a time. It tries for as long as the process lives: a caller is told after a while
that the log does not answer, and what it gave stays in line; giving it again joins what waits instead of
standing in line twice. And if a batch fails for good, the producer ends there and then, with all that stood
behind the batch, before any of it is sent.
"""

import asyncio
import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import kafka
from kafka.errors import KafkaTimeoutError

from careweave.errors import CareweaveError, Unavailable
from careweave.events.broker.cluster import CONNECT_MILLISECONDS, Cluster, connected
from careweave.events.broker.failures import FAILURES, translate
from careweave.events.broker.messages import Message
from careweave.events.broker.partitioner import ByKey

ANSWER_SECONDS: Final = 20.0
"""How long a caller waits before it is told that the log does not answer."""
MOST_WAITING: Final = 20_000
"""Events in line beyond which no more are taken."""
CLOSE_SECONDS: Final = 5.0
_BATCH_BYTES: Final = 256 << 10
_NEVER_MILLISECONDS: Final = 2**31 - 1

_log = logging.getLogger(__name__)


class _Append:
    """One call of `append`: how many of its events are on their way, and who waits."""

    __slots__ = ("_loop", "given_up", "left", "settled")

    def __init__(self, count: int) -> None:
        self._loop = asyncio.get_running_loop()
        self.left = count
        self.given_up = False
        self.settled: asyncio.Future[CareweaveError | None] = self._loop.create_future()

    def settle(self, error: CareweaveError | None) -> None:
        """Tell who waits; from any thread, at most the first time counts."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._set, error)

    def _set(self, error: CareweaveError | None) -> None:
        if not self.settled.done():
            self.settled.set_result(error)


class Writer:
    """Appends messages durably, in order of the calls."""

    def __init__(self, cluster: Cluster) -> None:
        """Connect when first used."""
        self._cluster = cluster
        self._thread = ThreadPoolExecutor(1, "events-writer")
        self._producer: Any = None
        self._guard = threading.Lock()
        self._waiting: dict[tuple[str, str], list[_Append]] = {}
        """By name, the calls that wait for an event in line. Shared with the producer's thread."""

    async def append(self, messages: Sequence[Message]) -> None:
        """Return when the brokers have all of `messages`.

        Raises:
            Unavailable: they do not answer; what is in line may yet arrive.
            CareweaveError: see `failures`.
        """
        if len(self._waiting) > MOST_WAITING:
            raise self._no_answer(f"{len(self._waiting)} events wait for it already")
        appending = _Append(len(messages))
        self._thread.submit(self._send, messages, appending)
        done, _ = await asyncio.wait({appending.settled}, timeout=ANSWER_SECONDS)
        if not done:
            appending.given_up = True
            raise self._no_answer(f"no answer in {ANSWER_SECONDS:.0f} s")
        error = appending.settled.result()
        if error is not None:
            raise error

    async def close(self) -> None:
        """Wait a little for what is in line, and end the producer."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown(wait=False)

    def _send(self, messages: Sequence[Message], appending: _Append) -> None:
        if appending.given_up:  # Before its turn came.
            return
        try:
            if self._producer is None:
                self._producer = self._connect()
            for message in messages:
                self._put_in_line(self._producer, message, appending)
        except FAILURES as error:
            appending.settle(translate(error, f"appending to {messages[0].topic}"))

    def _put_in_line(self, producer: Any, message: Message, appending: _Append) -> None:
        with self._guard:
            waiting = self._waiting.setdefault(message.name, [])
            waiting.append(appending)
            if len(waiting) > 1:
                return
        try:
            sent = producer.send(message.topic, message.payload, message.key, message.headers)
        except BaseException:
            with self._guard:
                self._waiting.pop(message.name, None)
            raise
        sent.add_callback(self._arrived, message.name)
        sent.add_errback(self._failed, producer, message)

    def _arrived(self, name: tuple[str, str], _: Any) -> None:
        with self._guard:
            whole = []
            for appending in self._waiting.pop(name, ()):
                appending.left -= 1
                if not appending.left:
                    whole.append(appending)
        for appending in whole:
            appending.settle(None)

    def _failed(self, producer: Any, message: Message, error: Exception) -> None:
        """End the producer, on its own thread, before it sends what stands behind the failed batch."""
        producer._sender.force_close()  # noqa: SLF001  `close` would wait for that thread, which is this one
        with self._guard:
            waiting = self._waiting.pop(message.name, [])
            if self._producer is producer:
                self._producer = None
        for appending in waiting:
            appending.settle(translate(error, f"appending to {message.topic}"))

    def _connect(self) -> Any:
        producer, _ = connected(
            kafka.KafkaProducer,
            {
                **self._cluster.arguments(),
                "acks": "all",
                "enable_idempotence": True,
                "delivery_timeout_ms": _NEVER_MILLISECONDS,
                "compression_type": "lz4",
                "batch_size": _BATCH_BYTES,
                "max_block_ms": CONNECT_MILLISECONDS,
                "allow_auto_create_topics": False,
                "partitioner": ByKey(),
                "metrics_enabled": False,
            },
        )
        return producer

    def _close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            producer.close(timeout=CLOSE_SECONDS)
        except KafkaTimeoutError:
            _log.warning("%d events in line were not sent; the outbox has them still", len(self._waiting))
            producer._sender.force_close()  # noqa: SLF001  `close` stops short of it when its time is up

    def _no_answer(self, why: str) -> Unavailable:
        return Unavailable(
            f"the event log at {self._cluster.address} does not answer: {why}", reason="EVENTS_UNAVAILABLE"
        )
