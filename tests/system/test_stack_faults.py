"""An HR feed into Neo4j and Kafka while everything that it needs dies or stops answering, in turn.

Each service, Neo4j and the leader among Kafka's brokers are killed; Kafka freezes while the profiles service is killed
and started again with a full outbox; Neo4j refuses writes. Each happens at a random place of the stream. In the end the
profiles are those of an undisturbed run on the embedded engines, every update was answered and none applied twice, and
the matching service knows everybody.

`make faults-hr` runs it: each fault three times (ROUNDS=n) among 50,000 updates (UPDATES=n), with three brokers and
pauses of 60 s (PAUSE=n).
"""

import asyncio
import os
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import kafka
import pytest
from careweave_cli.devstack.jars import user_cache
from careweave_cli.devstack.kafka_server import KafkaCluster, start_kafka
from careweave_cli.devstack.neo4j_server import Neo4jServer, start_neo4j
from careweave_cli.devstack.recipe import read_recipe, write_recipe

from careweave.client import OPERATOR, connect
from careweave.config import Settings
from careweave.events.port import Topic
from careweave.events.topics import Sizes
from careweave.graph.port import Query
from careweave.v1 import hr_pb2, matching_pb2
from careweave.wiring import open_graph, prepare_topics
from tests.system.hr_feed import SEED, Service, by_version, events_seen, feed, furnish, send, state

ROUNDS = int(os.environ.get("CAREWEAVE_TEST_STACK_ROUNDS", "0"))
UPDATES = int(os.environ.get("CAREWEAVE_TEST_STACK_UPDATES", "50000"))
PAUSE_SECONDS = float(os.environ.get("CAREWEAVE_TEST_STACK_PAUSE", "60"))
BROKERS = 3
SECONDS = 600.0
"""How long the end may be in coming; only a failure takes so long."""
LATER = 50
"""Updates by which a fault is put off while another one is under way."""
_READ_ONLY = "server.databases.default_to_read_only"
_IN_OUTBOX = Query("test.in_outbox", "MATCH (o:Outbox) RETURN count(o) AS many")


@dataclass
class Stack:
    """Servers and services, and what can befall them."""

    neo4j: Neo4jServer
    kafka: KafkaCluster
    skills: Service
    profiles: Service
    matching: Service
    chance: random.Random
    befell: Counter[str] = field(default_factory=Counter)
    waiting_at_restart: list[int] = field(default_factory=list)
    """Events in the outbox each time the profiles service was started with Kafka frozen."""

    async def kill_skills(self) -> None:
        """Kill the skills service and start it again."""
        await self.skills.kill()
        await self.skills.start()

    async def kill_profiles(self) -> None:
        """Kill the profiles service and start it again."""
        await self.profiles.kill()
        await self.profiles.start()

    async def kill_matching(self) -> None:
        """Kill the matching service and start it again."""
        await self.matching.kill()
        await self.matching.start()

    async def kill_neo4j(self) -> None:
        """Kill Neo4j and start it again."""
        await asyncio.to_thread(self.neo4j.kill)
        await self._start_neo4j()

    async def kill_a_leader(self) -> None:
        """Kill the broker that leads a partition of the profiles topic and start it again."""
        leader = await asyncio.to_thread(self._leader)
        await asyncio.to_thread(self.kafka.brokers[leader - 1].kill)
        await asyncio.sleep(self.chance.uniform(1, 5))  # the other two go on
        self.kafka.start()
        await asyncio.to_thread(self.kafka.wait)

    async def freeze_kafka(self) -> None:
        """Freeze all brokers; meanwhile the profiles service is killed, and starts with what it could not publish."""
        for broker in self.kafka.brokers:
            broker.pause()
        try:
            await asyncio.sleep(PAUSE_SECONDS / 2)
            await self.profiles.kill()
            self.waiting_at_restart.append(await in_outbox(self.profiles.settings))
            await self.profiles.start()
            await asyncio.sleep(PAUSE_SECONDS / 2)
        finally:
            for broker in self.kafka.brokers:
                broker.resume()

    async def refuse_writes(self) -> None:
        """Let Neo4j answer but refuse to write for a while."""
        await asyncio.to_thread(self.neo4j.stop)
        recipe = read_recipe(self.neo4j.folder)
        write_recipe(self.neo4j.folder, replace(recipe, settings={**recipe.settings, _READ_ONLY: "true"}))
        await self._start_neo4j()
        await asyncio.sleep(PAUSE_SECONDS)
        await asyncio.to_thread(self.neo4j.stop)
        write_recipe(self.neo4j.folder, recipe)
        await self._start_neo4j()

    async def _start_neo4j(self) -> None:
        self.neo4j.start()
        await asyncio.to_thread(self.neo4j.wait)

    def _leader(self) -> int:
        admin = kafka.KafkaAdminClient(bootstrap_servers=self.kafka.addresses)
        (topic,) = admin.describe_topics([str(Topic.PROFILES)])
        admin.close()
        partition = self.chance.choice(topic["partitions"])
        return int(partition["leader_id"])

    def faults(self) -> list[Callable[[], Awaitable[None]]]:
        """Return all that shall befall, in random order."""
        each: list[Callable[[], Awaitable[None]]] = [
            self.kill_skills, self.kill_profiles, self.kill_matching, self.kill_neo4j,
            self.kill_a_leader, self.freeze_kafka, self.refuse_writes,
        ]  # fmt: skip
        some = each * ROUNDS
        self.chance.shuffle(some)
        return some


async def in_outbox(settings: Settings) -> int:
    """Return how many events wait to be published."""
    graph = await open_graph(settings)
    ((row),) = await graph.run(_IN_OUTBOX)
    await graph.close()
    return int(str(row["many"]))


@asynccontextmanager
async def running(folder: Path, ports: list[str]) -> AsyncIterator[Stack]:
    """Run both servers and both services."""
    with (
        start_neo4j(folder / "neo4j", user_cache()) as neo4j,
        start_kafka(folder / "kafka", user_cache(), BROKERS) as log,
    ):
        settings = Settings(
            graph=neo4j.url,
            graph_password_file=str(neo4j.password_file),
            events=log.url,
            cache=folder / "cache",
            skills=ports[0],
            profiles=ports[1],
            matching=ports[2],
            trial="yes",
            log_level="ERROR",
        )
        await prepare_topics(settings, Sizes(partitions=3), dry_run=False)
        await furnish(settings)
        services = tuple(
            Service(name, replace(settings, listen=port))
            for name, port in zip(("skills", "profiles", "matching"), ports, strict=True)
        )
        try:
            for service in services:
                await service.start()
            yield Stack(neo4j, log, services[0], services[1], services[2], random.Random(SEED))
        finally:
            for service in services:
                service.end()


async def settled(stack: Stack, people: int) -> None:
    """Return once the outbox is empty and the matching service holds all people and is level with the log."""
    async with asyncio.timeout(SECONDS), connect(stack.matching.settings.listen, OPERATOR) as services:
        while await in_outbox(stack.profiles.settings):  # noqa: ASYNC110  another process's state
            await asyncio.sleep(0.5)
        while True:
            status = await services.matching.GetIndexStatus(matching_pb2.GetIndexStatusRequest())
            level = status.state == matching_pb2.INDEX_STATE_CURRENT and not status.events_behind
            if level and status.people == people:
                return
            await asyncio.sleep(0.5)


async def undisturbed(
    folder: Path, port: str, request: pytest.FixtureRequest
) -> tuple[list[int], list[str], Counter[int]]:
    """Return outcomes, final state and events by version of a run on the embedded engines in which nothing happens."""
    settings = Settings(
        graph=f"ladybug:{folder / 'graph'}", events=f"sqlite:{folder / 'events.db'}", cache=folder / "cache",
        listen=port, trial="yes", log_level="WARNING",
    )  # fmt: skip
    await furnish(settings)
    service = Service("profiles", settings)
    request.addfinalizer(service.end)
    await service.start()

    async def answered(position: int) -> None:
        del position

    outcomes = await send(port, feed(UPDATES), answered)
    ended = await state(port)
    await service.stop()
    return outcomes, ended, by_version(await events_seen(settings))


@pytest.mark.skipif(not ROUNDS, reason="kills servers for many minutes: `make faults-hr`")
async def test_a_feed_ends_the_same_whatever_befalls_the_servers_and_services(
    tmp_path: Path, unused_tcp_port_factory: Callable[[], int], request: pytest.FixtureRequest
) -> None:
    ports = [f"127.0.0.1:{unused_tcp_port_factory()}" for _ in range(4)]
    (tmp_path / "quiet").mkdir()
    outcomes, quiet, published = await undisturbed(tmp_path / "quiet", ports[3], request)
    async with running(tmp_path, ports[:3]) as stack:
        faults = stack.faults()
        updates = feed(UPDATES)
        befalls = dict(zip(stack.chance.sample(range(1, len(updates) * 3 // 5), len(faults)), faults, strict=True))
        under_way: list[asyncio.Task[None]] = []

        async def answered(position: int) -> None:
            fault = befalls.pop(position, None)
            if fault is None:
                return
            later = next((each for each in range(position + LATER, len(updates)) if each not in befalls), None)
            if under_way and not under_way[-1].done() and later is not None:
                befalls[later] = fault  # the stream goes on meanwhile
                return
            if under_way:
                await under_way.pop()
            stack.befell[getattr(fault, "__name__", "")] += 1
            under_way.append(asyncio.ensure_future(fault()))

        again = await send(ports[1], updates, answered)
        await asyncio.gather(*under_way)
        await settled(stack, len(quiet))
        ended = await state(ports[1])
        seen = await events_seen(stack.profiles.settings)
        sys.stderr.write(
            f"\n{len(again)} updates, {dict(stack.befell)}, outbox at restart {stack.waiting_at_restart}: "
            f"{Counter(again)}, {sum(seen.values()) - len(seen)} of {len(seen)} events published more than once\n"
        )
    assert ended == quiet
    assert Counter(outcomes)[hr_pb2.UPDATE_OUTCOME_REJECTED] == Counter(again)[hr_pb2.UPDATE_OUTCOME_REJECTED]
    assert by_version(seen) == published
    assert min(stack.waiting_at_restart) > 0
