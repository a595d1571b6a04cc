"""What only the event log on Kafka meets: topics that are missing, and messages of others."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime

import kafka
import pytest

from careweave.errors import FailedPrecondition, InvalidArgument, Unavailable
from careweave.events.cloudevents import headers_of
from careweave.events.kafka import KafkaEventLog, open_kafka
from careweave.events.port import POSITIONS_LOST, Delivered, Event, Positions, Topic
from careweave.events.topics import KEPT, Sizes

from .engines import delete_events, new_id, running_kafka

SECONDS = 60.0
SIZES = Sizes(partitions=2, keep_days=90)


def event(key: str) -> Event:
    return Event(Topic.MATCHES, new_id(), "careweave.v1.Test", "/test", key, 1, datetime(2026, 3, 4, tzinfo=UTC), b"x")


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():  # noqa: ASYNC110 - what is waited for differs with each test
            await asyncio.sleep(0.05)


@pytest.fixture
def prefix() -> str:
    return new_id()


@pytest.fixture
async def log(prefix: str) -> AsyncIterator[KafkaEventLog]:
    cluster = await asyncio.to_thread(running_kafka)
    opened = open_kafka(f"{cluster.url}/{prefix}", heartbeat_seconds=0.3)
    yield opened
    await opened.close()


async def test_topics_are_made_once_with_the_clean_up_each_needs(log: KafkaEventLog, prefix: str) -> None:
    would_be = await log.prepare_topics(SIZES, dry_run=True)
    assert [state.topic for state in would_be] == [f"{prefix}.{topic}" for topic in KEPT]
    assert await log.prepare_topics(SIZES, dry_run=False) == would_be
    assert all(not state.missing and not state.differs for state in await log.prepare_topics(SIZES, dry_run=False))
    assert all(offset == 0 for offset in (await log.end(list(KEPT))).offsets.values())


async def test_topics_that_are_there_are_left_as_they_are_and_what_differs_is_said(log: KafkaEventLog) -> None:
    await log.prepare_topics(SIZES, dry_run=False)
    states = await log.prepare_topics(Sizes(partitions=4, keep_days=30), dry_run=False)
    differs = {topic: state.differs for topic, state in zip(KEPT, states, strict=True)}
    assert differs[Topic.PROFILES] == ("partitions: 2, not 4",)
    assert differs[Topic.DECISIONS] == (
        "partitions: 16, not 32",
        f"retention.ms: {90 * 86_400_000}, not {30 * 86_400_000}",
    )


async def test_more_copies_than_brokers_are_refused(log: KafkaEventLog) -> None:
    with pytest.raises(InvalidArgument, match="replication factor"):
        await log.prepare_topics(Sizes(partitions=1, replication=3), dry_run=False)


async def test_a_missing_topic_is_told_with_the_command_that_makes_it(log: KafkaEventLog) -> None:
    with pytest.raises(Unavailable, match="careweave events topics"):
        await log.end([Topic.MATCHES])
    with pytest.raises(Unavailable, match="careweave events topics"):
        await log.recall(Topic.MATCHES, "people/a", datetime.now(UTC))
    with pytest.raises(Unavailable, match="careweave events topics"):
        await anext(log.follow([Topic.MATCHES], Positions()))


async def test_a_position_whose_events_were_deleted_is_told_as_lost_and_the_start_is_what_is_kept(
    log: KafkaEventLog, prefix: str
) -> None:
    await log.prepare_topics(Sizes(partitions=1), dry_run=False)
    beginning = await log.end([Topic.MATCHES])
    await log.append([event("a"), event("b")])
    await asyncio.to_thread(delete_events, f"{running_kafka().url}/{prefix}", [Topic.MATCHES])
    await log.append([event("c")])
    async with asyncio.timeout(SECONDS):
        with pytest.raises(FailedPrecondition, match=Topic.MATCHES) as caught:
            await anext(log.follow([Topic.MATCHES], beginning))
        assert caught.value.reason == POSITIONS_LOST
        assert (await anext(log.follow([Topic.MATCHES], Positions()))).event.key == "c"


async def test_a_follower_under_way_that_is_overtaken_by_deletion_is_told_and_skips_nothing(
    log: KafkaEventLog, prefix: str
) -> None:
    await log.prepare_topics(Sizes(partitions=1), dry_run=False)
    await log.append([event("0")])
    following = log.follow([Topic.MATCHES], Positions())
    seen: list[str] = []

    async def read(most: int) -> None:
        while len(seen) < most:
            seen.append((await anext(following)).event.key)

    await read(1)
    for number in range(1, 6):  # One by one, so that what is read ahead ends before the last.
        await log.append([event(f"{number}")])
    await asyncio.to_thread(delete_events, f"{running_kafka().url}/{prefix}", [Topic.MATCHES])
    await log.append([event("after")])
    async with asyncio.timeout(SECONDS):
        with pytest.raises(FailedPrecondition) as caught:
            await read(7)
    assert caught.value.reason == POSITIONS_LOST
    assert seen == [f"{number}" for number in range(len(seen))]


async def test_a_group_waits_for_its_topic(log: KafkaEventLog, caplog: pytest.LogCaptureFixture) -> None:
    handled: list[str] = []

    async def handle(batch: Sequence[Delivered]) -> None:
        handled.extend(delivered.event.key for delivered in batch)

    consuming = asyncio.create_task(log.consume([Topic.MATCHES], "group", handle))
    await until(lambda: "careweave events topics" in caplog.text)
    await log.prepare_topics(SIZES, dry_run=False)
    await log.append([event("a")])
    await until(lambda: handled == ["a"])
    consuming.cancel()
    await asyncio.gather(consuming, return_exceptions=True)


async def test_a_message_that_is_no_event_stops_nobody(
    log: KafkaEventLog, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever may write to a topic can write anything."""
    await log.prepare_topics(Sizes(partitions=1), dry_run=False)
    topic = f"{prefix}.{Topic.MATCHES}"
    producer = kafka.KafkaProducer(bootstrap_servers=running_kafka().addresses)
    producer.send(topic, b"garbage")
    producer.send(topic, b"x", b"key", [*headers_of(event("b"))[1:], ("ce_id", b"\xff")])
    producer.close()
    await log.append([event("a")])
    async with asyncio.timeout(SECONDS):
        assert (await anext(log.follow([Topic.MATCHES], Positions()))).event.key == "a"
    assert "offset 0: not a CloudEvents message" in caplog.text
    handled: list[str] = []

    async def handle(batch: Sequence[Delivered]) -> None:
        handled.extend(delivered.event.key for delivered in batch)

    consuming = asyncio.create_task(log.consume([Topic.MATCHES], "group", handle))
    await until(lambda: handled == ["a"])
    consuming.cancel()
    await asyncio.gather(consuming, return_exceptions=True)
    assert set((await log.lag([Topic.MATCHES], "group")).values()) == {0}
