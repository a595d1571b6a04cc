"""A broker that is killed or frozen: nothing that was acknowledged is lost, and keys keep their order.

`CAREWEAVE_TEST_FAULTS` says how often the leader among three brokers is killed (`make faults`; not at all unless set).
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path

import kafka
import pytest
from careweave_cli.devstack.jars import user_cache
from careweave_cli.devstack.kafka_server import KafkaCluster, start_kafka

from careweave.errors import Unavailable
from careweave.events.broker import writer
from careweave.events.kafka import open_kafka
from careweave.events.port import EventLog, Positions
from careweave.graph.embedded import open_embedded
from careweave.graph.port import Graph
from tests.contract.engines import EVENT_LOGS, running_kafka
from tests.contract.reading import everything
from tests.system.streams import KEYS, TOPIC, Stream, append_all, first_seen, numbered

ROUNDS = int(os.environ.get("CAREWEAVE_TEST_FAULTS", "0"))
(KAFKA,) = [engine for engine in EVENT_LOGS if engine.name == "kafka"]


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[EventLog]:
    opened = await KAFKA.open(tmp_path)
    yield opened
    await opened.close()


@pytest.fixture
async def graph(tmp_path: Path) -> AsyncIterator[Graph]:
    opened = await open_embedded(tmp_path / "graph")
    await opened.migrate()
    yield opened
    await opened.close()


async def restart(cluster: KafkaCluster) -> None:
    cluster.start()
    await asyncio.to_thread(cluster.wait)


async def test_what_was_acknowledged_before_a_kill_is_there_after_it_in_order(log: EventLog) -> None:
    cluster = running_kafka()
    appended = asyncio.Event()

    async def append() -> int:
        version = 0
        while not appended.is_set():
            await append_all(log, numbered(version + 1, 5))
            version += 5
        return version

    appending = asyncio.create_task(append())
    while sum((await log.end([TOPIC])).offsets.values()) < 20 * KEYS:
        pass
    await asyncio.to_thread(cluster.kill)
    await restart(cluster)
    appended.set()
    versions = await appending
    found = first_seen(await everything(log, TOPIC))
    assert found == {f"k{key}": list(range(1, versions + 1)) for key in range(KEYS)}


async def test_a_frozen_broker_is_waited_out_and_what_waited_arrives(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An append that is given up and asked for again arrives in order; a follower goes on by itself.

    While it is in line it is joined, so it arrives once; if the line has emptied in between, it arrives again.
    """
    monkeypatch.setattr(writer, "ANSWER_SECONDS", 1.0)
    (broker,) = running_kafka().brokers
    events = numbered(1, 3)
    await append_all(log, events[:KEYS])
    following = log.follow([TOPIC], Positions())
    followed = [await anext(following) for _ in range(KEYS)]
    broker.pause()
    try:
        for _ in range(2):
            with pytest.raises(Unavailable, match="does not answer"):
                await log.append(events[KEYS:])
    finally:
        broker.resume()
    await append_all(log, events[KEYS:])
    expected = {f"k{key}": [1, 2, 3] for key in range(KEYS)}
    async with asyncio.timeout(60):
        while first_seen(followed) != expected:
            followed.append(await anext(following))
    assert first_seen(await everything(log, TOPIC)) == expected


async def test_effects_happen_once_and_in_order_though_the_broker_is_killed_under_the_relay(
    graph: Graph, log: EventLog
) -> None:
    cluster = running_kafka()
    stream = Stream(graph, log)
    async with stream.running():
        for _ in range(5):
            await stream.commit()
        await stream.settled()
        await stream.commit()
        await asyncio.to_thread(cluster.kill)
        for _ in range(5):
            await stream.commit()
        await restart(cluster)
        await stream.settled()
    assert dict(stream.effects) == {f"k{key}": list(range(1, 12)) for key in range(KEYS)}
    assert first_seen(await everything(log, TOPIC)) == dict(stream.effects)


@pytest.mark.skipif(not ROUNDS, reason="kills brokers for minutes: `make faults`")
async def test_nothing_is_lost_while_leaders_among_three_brokers_are_killed(graph: Graph, tmp_path: Path) -> None:
    chance = random.Random(ROUNDS)
    with start_kafka(tmp_path / "kafka", user_cache(), brokers=3) as cluster:
        admin = kafka.KafkaAdminClient(bootstrap_servers=cluster.addresses)
        admin.create_topics({TOPIC: {"num_partitions": 3, "replication_factor": 3}}, wait_for_metadata=True)
        log = open_kafka(cluster.url)
        stream = Stream(graph, log)
        stop = asyncio.Event()
        async with stream.running():
            committing = asyncio.create_task(stream.commit_until(stop))
            for number in range(ROUNDS):
                await asyncio.sleep(chance.uniform(1, 5))
                before = sum((await log.end([TOPIC])).offsets.values())
                leader = await asyncio.to_thread(_leader, admin, chance.randrange(3))
                await asyncio.to_thread(cluster.brokers[leader - 1].kill)
                await _until_beyond(log, before + KEYS)  # The other two go on.
                await restart(cluster)
                print(f"round {number + 1}: killed broker {leader}; {stream.committed} versions committed")  # noqa: T201
            stop.set()
            await committing
            await stream.settled()
        versions = list(range(1, stream.committed + 1))
        assert dict(stream.effects) == {f"k{key}": versions for key in range(KEYS)}
        assert first_seen(await everything(log, TOPIC)) == dict(stream.effects)
        admin.close()
        await log.close()


def _leader(admin: kafka.KafkaAdminClient, partition: int) -> int:
    (topic,) = admin.describe_topics([TOPIC])
    (leader,) = [each["leader_id"] for each in topic["partitions"] if each["partition_index"] == partition]
    return int(leader)


async def _until_beyond(log: EventLog, offsets: int) -> None:
    async with asyncio.timeout(120):
        while True:
            try:
                if sum((await log.end([TOPIC])).offsets.values()) > offsets:
                    return
            except Unavailable:
                pass
            await asyncio.sleep(0.1)
