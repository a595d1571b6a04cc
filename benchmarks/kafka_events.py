"""Events through the port beside kafka-python's own produce and consume, on one real broker.

python -m benchmarks.kafka_events [--json] [--events 20000] [--rounds 3]

Both sides send the same keys, headers and payloads in groups of 500, each group acknowledged by the broker before
the next, and read them again from the start. kafka-python is used as it comes; the port decodes each event besides.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import kafka
from careweave_cli.devstack.jars import user_cache
from careweave_cli.devstack.kafka_server import start_kafka

from careweave.events.cloudevents import headers_of
from careweave.events.kafka import open_kafka
from careweave.events.port import Event, EventLog, Positions

GROUP = 500
PARTITIONS = 3
_NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
_PAYLOAD = bytes(range(256)) + bytes(44)


def events(topic: str, count: int) -> list[Event]:
    """Return `count` events of 2,000 people, of 300 bytes each."""
    return [
        Event(topic, f"{n:020}", "careweave.v1.Test", "/careweave/test", f"people/{n % 2000:020}", n, _NOON, _PAYLOAD)
        for n in range(1, count + 1)
    ]


def _groups(of: Sequence[Any]) -> list[Sequence[Any]]:
    return [of[start : start + GROUP] for start in range(0, len(of), GROUP)]


def produce(servers: str, topic: str, count: int) -> float:
    """Return events a second that kafka-python's producer sends."""
    records = [(event.key.encode(), headers_of(event), event.payload) for event in events(topic, count)]
    producer = kafka.KafkaProducer(bootstrap_servers=servers)
    producer.partitions_for(topic)
    begun = time.perf_counter()
    for group in _groups(records):
        for key, headers, payload in group:
            producer.send(topic, payload, key, headers)
        producer.flush()
    seconds = time.perf_counter() - begun
    producer.close()
    return count / seconds


def consume(servers: str, topic: str, count: int) -> float:
    """Return events a second that kafka-python's consumer reads."""
    consumer = kafka.KafkaConsumer(bootstrap_servers=servers)
    consumer.assign([kafka.TopicPartition(topic, each) for each in range(PARTITIONS)])
    consumer.seek_to_beginning()
    read, begun = 0, time.perf_counter()
    while read < count:
        read += sum(map(len, consumer.poll(1000).values()))
    seconds = time.perf_counter() - begun
    consumer.close()
    return count / seconds


async def append(log: EventLog, topic: str, count: int) -> float:
    """Return events a second that the port appends."""
    await log.end([topic])
    groups = _groups(events(topic, count))
    begun = time.perf_counter()
    for group in groups:
        await log.append(group)
    return count / (time.perf_counter() - begun)


async def follow(log: EventLog, topic: str, count: int) -> float:
    """Return events a second that the port delivers, once it is connected and has the first."""
    following = log.follow([topic], Positions())
    await anext(following)
    begun = time.perf_counter()
    for _ in range(count - 1):
        await anext(following)
    return count / (time.perf_counter() - begun)


async def _through_the_port(url: str, topic: str, count: int) -> dict[str, float]:
    log = open_kafka(url)
    try:
        return {"append": await append(log, topic, count), "follow": await follow(log, topic, count)}
    finally:
        await log.close()


def measure(count: int, rounds: int) -> dict[str, float]:
    """Return the medians, over `rounds` that take turns, of events a second, and of the ratios of each round."""
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, start_kafka(Path(folder), user_cache()) as cluster:
        for number in range(rounds):
            raw, port = f"raw-{number}", f"port-{number}"
            admin = kafka.KafkaAdminClient(bootstrap_servers=cluster.addresses)
            sizes = {"num_partitions": PARTITIONS, "replication_factor": 1}
            admin.create_topics({raw: sizes, port: sizes}, wait_for_metadata=True)
            admin.close()
            figures = {
                "produce": produce(cluster.addresses, raw, count),
                "consume": consume(cluster.addresses, raw, count),
            }
            figures |= asyncio.run(_through_the_port(cluster.url, port, count))
            figures["append / produce"] = figures["append"] / figures["produce"]
            figures["follow / consume"] = figures["follow"] / figures["consume"]
            for name, figure in figures.items():
                found.setdefault(name, []).append(figure)
    return {name: statistics.median(each) for name, each in found.items()}


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    medians = measure(given.events, given.rounds)
    if given.json:
        print(json.dumps(medians))
        return
    for name, figure in medians.items():
        print(f"{name:20} {figure:10,.2f}" if "/" in name else f"{name:20} {figure:10,.0f} a second")


if __name__ == "__main__":
    main()
