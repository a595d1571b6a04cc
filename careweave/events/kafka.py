"""The event log on Kafka, for any number of processes on any number of machines.

kafka-python blocks, so everything that calls it runs on threads of its own: one that appends, one that
asks about topics, and one for each follower and each member of a group.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from careweave.errors import Unavailable
from careweave.events.broker.asker import Asker
from careweave.events.broker.cluster import Cluster, Security, cluster_at
from careweave.events.broker.follower import Follower
from careweave.events.broker.key_reader import KeyReader
from careweave.events.broker.member import HEARTBEAT_SECONDS, Member, Membership
from careweave.events.broker.messages import message_of
from careweave.events.broker.partitioner import partition_of
from careweave.events.broker.topics import prepare_topics
from careweave.events.broker.writer import Writer
from careweave.events.port import MOST_AT_ONCE, Delivered, Event, Handle, Positions
from careweave.events.topics import Sizes, TopicState

__all__ = ["CLOSE_SECONDS", "KafkaEventLog", "Security", "open_kafka"]

CLOSE_SECONDS: Final = 10.0


def open_kafka(
    address: str, security: Security | None = None, heartbeat_seconds: float = HEARTBEAT_SECONDS
) -> "KafkaEventLog":
    """Return the log at `address`, `kafka://HOST:PORT[,HOST:PORT…][/PREFIX]`; connects when first used.

    heartbeat_seconds: how often members of groups show that they live, and learn who comes and goes.

    Raises:
        InvalidArgument: `address` or `security` cannot be used.
        FailedPrecondition: the password cannot be read.
    """
    cluster = cluster_at(address, security or Security())
    cluster.arguments()  # Read once, so that a wrong setting is told at once.
    # What matters of what the client says becomes an error or a line of ours.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    return KafkaEventLog(cluster, heartbeat_seconds)


class KafkaEventLog:
    """The event port on a cluster whose topics are there: `careweave events topics` makes them."""

    def __init__(self, cluster: Cluster, heartbeat_seconds: float) -> None:
        """Take the cluster; connect when first used."""
        self._cluster = cluster
        self._heartbeat_seconds = heartbeat_seconds
        self._writer = Writer(cluster)
        self._asker = Asker(cluster)
        self._reader = KeyReader(cluster)
        self._followers: set[Follower] = set()
        self._members: set[Member] = set()
        self._closed = False

    async def append(self, events: Sequence[Event]) -> None:
        """Append `events`; returns when all replicas that are in step have them."""
        self._require_open()
        if events:
            await self._writer.append([message_of(event, self._cluster) for event in events])

    async def end(self, topics: Sequence[str]) -> Positions:
        """Return the positions just past the last event of each partition of `topics`."""
        self._require_open()
        return Positions(await self._asker.ends(topics))

    async def follow(self, topics: Sequence[str], positions: Positions) -> AsyncIterator[Delivered]:
        """Yield every event of `topics` from `positions` on, then new ones as they come, until closed.

        Raises:
            FailedPrecondition: the log no longer keeps what follows a position, or ends before it.
        """
        self._require_open()
        places = await self._asker.partitions(topics)
        follower = Follower(self._cluster)
        self._followers.add(follower)
        try:
            async for delivered in follower.read(places, positions.offsets):
                yield delivered
        finally:
            self._followers.discard(follower)
            await asyncio.shield(follower.close())

    async def recall(self, topic: str, key: str, since: datetime) -> list[Event]:
        """Return the events of `key` in `topic` that happened at `since` or later, in order.

        Kafka has no index by key: all of the key's partition is read from then on.
        """
        self._require_open()
        partitions = len(await self._asker.partitions([topic]))
        return await self._reader.read((str(topic), partition_of(key.encode(), partitions)), key, since)

    async def consume(self, topics: Sequence[str], group: str, handle: Handle, most: int = MOST_AT_ONCE) -> None:
        """Call `handle` with the events of the partitions that fall to this member of `group`."""
        self._require_open()
        who = Membership(self._cluster, group, topics, most, self._heartbeat_seconds)
        member = Member(who, handle, self._asker.partitions)
        self._members.add(member)
        try:
            await member.run()
        finally:
            self._members.discard(member)

    async def lag(self, topics: Sequence[str], group: str) -> Mapping[tuple[str, int], int]:
        """Return how many offsets `group` is behind, by topic and partition."""
        self._require_open()
        return await self._asker.lag(topics, group)

    async def prepare_topics(self, sizes: Sizes, *, dry_run: bool) -> list[TopicState]:
        """Make the topics that are missing, unless `dry_run`; returns, of all, what was and what differs.

        Raises:
            FailedPrecondition: this process may not make them.
            InvalidArgument: the brokers refuse the sizes.
            Unavailable: no broker answers.
        """
        self._require_open()
        return await self._asker.ask(
            lambda admin: prepare_topics(admin, self._cluster, sizes, dry_run=dry_run), "preparing topics"
        )

    async def compact(self, topic: str, forget_before: datetime | None = None) -> int:
        """Do nothing: brokers compact by themselves, and forget tombstones after `delete.retention.ms`."""
        del topic, forget_before
        return 0

    async def drop_before(self, topic: str, time: datetime, *, dry_run: bool = False) -> int:
        """Do nothing: brokers drop old events by themselves, after `retention.ms`."""
        del topic, time, dry_run
        return 0

    async def scrub(self) -> None:
        """Do nothing: brokers drop whole files."""

    async def close(self) -> None:
        """Send what is in line, end followers and members, and close all connections."""
        if self._closed:
            return
        self._closed = True
        members = list(self._members)
        for member in members:
            member.close()
        await asyncio.gather(*(follower.close() for follower in list(self._followers)))
        await self._writer.close()
        await self._asker.close()
        await self._reader.close()
        if members:
            await asyncio.wait([asyncio.ensure_future(each.ended.wait()) for each in members], timeout=CLOSE_SECONDS)

    def _require_open(self) -> None:
        if self._closed:
            raise Unavailable(f"the event log at {self._cluster.address} is closed", reason="EVENTS_CLOSED")
