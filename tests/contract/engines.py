"""The engines that the contract suites run on. Another engine is another entry."""

import asyncio
import atexit
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final
from uuid import uuid4

import kafka
import neo4j
from careweave_cli.devstack.jars import user_cache
from careweave_cli.devstack.kafka_server import KafkaCluster, kafka_in
from careweave_cli.devstack.neo4j_server import USER, Neo4jServer, neo4j_in
from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, OffsetSpec

from careweave.events import embedded as embedded_events
from careweave.events import kafka as kafka_events
from careweave.events.broker.cluster import Security, cluster_at
from careweave.events.port import EventLog
from careweave.graph import embedded as embedded_graph
from careweave.graph import neo4j as neo4j_graph
from careweave.graph.port import Graph
from careweave.graph.schema import Schema

TOPICS: Final = ("careweave.test.v1", "careweave.other.v1", "careweave.unwanted.v1")
"""Topics that tests of the contract write to."""


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """Return a random id."""
    return uuid4().hex


@dataclass(frozen=True, slots=True)
class GraphEngine:
    """How to open a graph that keeps its content in a place of the test's own; opening again finds it."""

    name: str
    open: Callable[[Path, Schema], Awaitable[Graph]]

    def __str__(self) -> str:
        """Return the name, for test ids."""
        return self.name


@dataclass(frozen=True, slots=True)
class EventEngine:
    """How to open an event log that keeps its content in a place of the test's own, with leases of a second."""

    name: str
    open: Callable[[Path], Awaitable[EventLog]]

    def __str__(self) -> str:
        """Return the name, for test ids."""
        return self.name


async def _ladybug(place: Path, schema: Schema) -> Graph:
    return await embedded_graph.open_embedded(place / "graph", schema)


async def _neo4j(place: Path, schema: Schema) -> Graph:
    server = await asyncio.to_thread(running_neo4j)
    await asyncio.to_thread(_make_room, place)
    return neo4j_graph.open_neo4j(server.url, neo4j_graph.Login(USER, server.password_file), schema)


@cache
def running_neo4j() -> Neo4jServer:
    """Return the server that all tests of a run share; it ends with them."""
    folder = Path(tempfile.mkdtemp(prefix="careweave-neo4j-"))
    server = neo4j_in(folder, user_cache())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(server.kill)
    server.start()
    server.wait()
    return server


def _make_room(place: Path) -> None:
    """Empty the server's one database when a place is opened for the first time: Community has no other."""
    opened = place / "neo4j-opened"
    if not opened.exists():
        emptied_neo4j()
        opened.touch()


def emptied_neo4j() -> Neo4jServer:
    """Return the server that all tests share, with nothing in its graph."""
    server = running_neo4j()
    with neo4j.GraphDatabase.driver(server.url, auth=(USER, server.password_file.read_text())) as driver:
        driver.session().run("MATCH (n) WHERE NOT n:GraphMigration CALL (n) {DETACH DELETE n} IN TRANSACTIONS")
    return server


async def _sqlite(place: Path) -> EventLog:
    return await embedded_events.open_embedded(place / "events.db", now, new_id, lease_seconds=1.0)


@cache
def running_kafka() -> KafkaCluster:
    """Return the cluster of one broker that all tests of a run share; it ends with them."""
    folder = Path(tempfile.mkdtemp(prefix="careweave-kafka-"))
    cluster = kafka_in(folder, user_cache())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(cluster.kill)
    cluster.start()
    cluster.wait()
    return cluster


async def _kafka(place: Path) -> EventLog:
    cluster = await asyncio.to_thread(running_kafka)
    prefix = await asyncio.to_thread(_own_topics, cluster, place)
    return kafka_events.open_kafka(f"{cluster.url}/{prefix}", heartbeat_seconds=0.3)


def _own_topics(cluster: KafkaCluster, place: Path) -> str:
    """Return the prefix of the names of a place's topics, which are made when it is opened for the first time."""
    kept = place / "kafka-prefix"
    if kept.exists():
        return kept.read_text()
    prefix = new_id()
    admin = kafka.KafkaAdminClient(bootstrap_servers=cluster.addresses)
    names = {f"{prefix}.{topic}": {"num_partitions": 3, "replication_factor": 1} for topic in TOPICS}
    admin.create_topics(names, wait_for_metadata=True)
    admin.close()
    kept.write_text(prefix)
    return prefix


def delete_events(address: str, topics: Sequence[str]) -> None:
    """Delete all events of `topics` at `address`, as in a cluster whose topics are kept for a time, not compacted."""
    cluster = cluster_at(address, Security())
    names = [cluster.named(topic) for topic in topics]
    admin = kafka.KafkaAdminClient(bootstrap_servers=list(cluster.servers))
    by_time = {"cleanup.policy": "delete"}
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, by_time) for name in names])
    partitions = [
        TopicPartition(topic["name"], part["partition_index"])
        for topic in admin.describe_topics(names)
        for part in topic["partitions"]
    ]
    ends = admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.LATEST))
    admin.delete_records({partition: end.offset for partition, end in ends.items()})
    admin.close()


GRAPHS: Final = (GraphEngine("ladybug", _ladybug), GraphEngine("neo4j", _neo4j))
EVENT_LOGS: Final = (EventEngine("sqlite", _sqlite), EventEngine("kafka", _kafka))
