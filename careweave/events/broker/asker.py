"""What is asked of the brokers beside events: partitions, ends, how far a group has come."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import kafka
from kafka import TopicPartition, errors
from kafka.admin import OffsetSpec

from careweave.events.broker.cluster import Cluster, connected
from careweave.events.broker.failures import FAILURES, translate

T = TypeVar("T")
ANSWER_SECONDS: Final = 5.0
_PAUSE_SECONDS: Final = 0.2

Place = tuple[str, int]
"""Topic, as events name it, and partition."""


class Asker:
    """An admin client on a thread of its own; connects when first used."""

    def __init__(self, cluster: Cluster) -> None:
        """Take the cluster to ask."""
        self._cluster = cluster
        self._thread = ThreadPoolExecutor(1, "events-asker")
        self._admin: Any = None

    async def partitions(self, topics: Sequence[str]) -> list[Place]:
        """Return all partitions of `topics`.

        Raises:
            Unavailable: there is no such topic, or no answer.
        """
        return await self.ask(lambda admin: self._partitions(admin, topics), "looking up topics")

    async def ends(self, topics: Sequence[str]) -> dict[Place, int]:
        """Return the offset that the next event of each partition of `topics` gets.

        Raises:
            Unavailable: there is no such topic, or no answer.
        """
        return await self.ask(lambda admin: self._ends(admin, topics), "looking up ends")

    async def lag(self, topics: Sequence[str], group: str) -> dict[Place, int]:
        """Return how many offsets `group` is behind the end of each partition of `topics`.

        Raises:
            Unavailable: there is no such topic, or no answer.
        """
        return await self.ask(lambda admin: self._lag(admin, topics, group), f"looking up group {group}")

    async def ask(self, question: Callable[[Any], T], doing: str) -> T:
        """Return what `question` returns of the admin client, errors in terms of `careweave.errors`.

        Asked again for some seconds while no answer comes: after a broker was away, the first question is how
        kafka-python learns that it is back.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + ANSWER_SECONDS
        while True:
            try:
                return await loop.run_in_executor(self._thread, self._ask, question)
            except FAILURES as error:
                if not _may_pass(error) or loop.time() > until:
                    raise translate(error, doing) from error
            await asyncio.sleep(_PAUSE_SECONDS)

    def _ask(self, question: Callable[[Any], T]) -> T:
        if self._admin is None:
            self._admin, _ = connected(kafka.KafkaAdminClient, self._cluster.arguments())
        return question(self._admin)

    async def close(self) -> None:
        """End the client."""

        def work() -> None:
            if self._admin is not None:
                self._admin.close()

        await asyncio.get_running_loop().run_in_executor(self._thread, work)
        self._thread.shutdown(wait=False)

    def _partitions(self, admin: Any, topics: Sequence[str]) -> list[Place]:
        found = admin.describe_topics([self._cluster.named(topic) for topic in topics])
        for topic in found:
            if topic["error_code"]:
                raise errors.for_code(topic["error_code"])(topic["name"])
        return sorted(
            (self._cluster.name_of(topic["name"]), part["partition_index"])
            for topic in found
            for part in topic["partitions"]
        )

    def _ends(self, admin: Any, topics: Sequence[str]) -> dict[Place, int]:
        places = self._partitions(admin, topics)
        found = admin.list_partition_offsets({self._on_cluster(place): OffsetSpec.LATEST for place in places})
        return {place: found[self._on_cluster(place)].offset for place in places}

    def _lag(self, admin: Any, topics: Sequence[str], group: str) -> dict[Place, int]:
        name = self._cluster.named(group)
        reached: Mapping[Any, Any] = admin.list_group_offsets(name)[name]
        return {
            place: end - max(0, reached[self._on_cluster(place)].offset if self._on_cluster(place) in reached else 0)
            for place, end in self._ends(admin, topics).items()
        }

    def _on_cluster(self, place: Place) -> Any:
        return TopicPartition(self._cluster.named(place[0]), place[1])


def _may_pass(error: Exception) -> bool:
    return isinstance(error, errors.RetriableError) and not isinstance(error, errors.UnknownTopicOrPartitionError)
