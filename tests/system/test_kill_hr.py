"""SIGKILL amid an HR feed: of the profiles service and, where they are servers, of Neo4j and Kafka.

Among the updates some are repeated, some come late, and some are wrong. `CAREWEAVE_TEST_HR_KILLS` says how often
something is killed in each run (default 3; `make kill-hr` kills 21 times) and `CAREWEAVE_TEST_HR_UPDATES` how many
updates there are (default 1500). However often, the profiles end as in an undisturbed run, every update is answered or
set aside, and nothing is applied twice: over a stream, and over the topic.
"""

import asyncio
import os
import random
import signal
import sys
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path

import grpc
import pytest
from careweave_cli.devstack.kafka_server import KafkaCluster
from careweave_cli.devstack.neo4j_server import Neo4jServer
from careweave_cli.hr.rejected import read_rejections
from careweave_cli.log_reading import until
from careweave_profiles.feeds.topic import GROUP, UPDATE_TYPE
from careweave_profiles.ports import EVENT_SOURCE
from grpc_health.v1 import health_pb2, health_pb2_grpc

from careweave.client import OPERATOR, connect
from careweave.config import PREFIX, Settings
from careweave.errors import Unavailable
from careweave.events.outbox import Relay
from careweave.events.port import Event, Positions, Topic
from careweave.feeding import send_updates
from careweave.rpc.channels import Channels
from careweave.v1 import hr_pb2, profiles_pb2
from careweave.wiring import open_adapters, open_events, open_graph
from tests.contract.engines import running_kafka, running_neo4j
from tests.stacks import EMBEDDED, SERVERS, settings_of
from tests.system.ports import free_address
from tests.system.streams import PENDING, append_all

KILLS = int(os.environ.get("CAREWEAVE_TEST_HR_KILLS", "3"))
UPDATES = int(os.environ.get("CAREWEAVE_TEST_HR_UPDATES", "1500"))
SOURCE = "sourceSystems/esr-oaks"
OPENING = hr_pb2.FeedOpening(source_system=SOURCE, feed="staff")
SKILLS = 40
SEED = 20_26
PATIENCE_SECONDS = 600
AT_ONCE = 500
"""Updates appended to the topic in one go."""
PROFILES, NEO4J, KAFKA = "profiles", "neo4j", "kafka"
VICTIMS = {EMBEDDED: (PROFILES,), SERVERS: (PROFILES, NEO4J, KAFKA)}


def feed() -> list[hr_pb2.ProfileUpdate]:
    """Return updates of records with three versions each, 5 % of them twice, 5 % too late, 1 % wrong."""
    chance = random.Random(SEED)
    ordered = [_update(chance, number % (UPDATES // 3), 1 + number // (UPDATES // 3)) for number in range(UPDATES)]
    for _ in range(UPDATES // 20):
        late = ordered.pop(chance.randrange(len(ordered)))
        ordered.insert(chance.randrange(len(ordered)), late)
        ordered.insert(chance.randrange(len(ordered)), chance.choice(ordered))
    for number in chance.sample(range(len(ordered)), UPDATES // 100):
        wrong = hr_pb2.ProfileUpdate()
        wrong.CopyFrom(ordered[number])
        wrong.external_id = f"wrong {number}"
        wrong.employments.employments[0].organisation = chance.choice(["organisations/none", "nowhere"])
        ordered.insert(number, wrong)
    return ordered


def _update(chance: random.Random, record: int, version: int) -> hr_pb2.ProfileUpdate:
    update = hr_pb2.ProfileUpdate(source_system=SOURCE, external_id=f"record {record}", source_version=version)
    update.identity.display_name = f"Fictional {record}"
    update.identity.fictional = True
    update.employments.employments.add(organisation="organisations/oaks", job_title=f"Role {version}")
    for skill in chance.sample(range(SKILLS), 5):
        update.skills.skills.add(skill=f"skills/s{skill}")
    return update


@dataclass
class Server:
    """The profiles service in a process of its own."""

    settings: Settings
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and return when it serves."""
        given = {
            f"{PREFIX}{name.upper()}": str(value)
            for name in Settings.__dataclass_fields__
            if (value := getattr(self.settings, name)) != getattr(Settings(), name)
        }
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "careweave_cli", "serve", "profiles", env=os.environ | given
        )
        async with grpc.aio.insecure_channel(self.settings.listen) as channel, asyncio.timeout(PATIENCE_SECONDS):
            health = health_pb2_grpc.HealthStub(channel)
            request = health_pb2.HealthCheckRequest(service="careweave.v1.ProfilesService")
            while True:
                assert self.process.returncode is None, "the server ended while it was starting"
                try:
                    reply = await health.Check(request, wait_for_ready=True)  # type: ignore[attr-defined]
                except grpc.aio.AioRpcError:
                    continue
                if reply.status == health_pb2.HealthCheckResponse.SERVING:
                    return
                await asyncio.sleep(0.05)

    async def disturb(self, victim: str) -> None:
        """End `victim` as a power cut would, and start it again."""
        if victim == PROFILES:
            assert self.process is not None
            self.process.send_signal(signal.SIGKILL)
            await self.process.wait()
            await self.start()
            return
        killed: Neo4jServer | KafkaCluster = running_neo4j() if victim == NEO4J else running_kafka()
        await asyncio.to_thread(killed.kill)
        killed.start()
        await asyncio.to_thread(killed.wait)

    async def stop(self) -> None:
        """Let it end, which it does without complaint."""
        assert self.process is not None
        self.process.terminate()
        assert await self.process.wait() == 0

    def end(self) -> None:
        """Leave no process behind, whatever happened."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()


@dataclass(frozen=True)
class Ended:
    """How a run ended.

    people: what all profiles say, but for names and times.
    rejected: how many updates were rejected.
    versions: how many people have an event of each version.
    """

    people: Sequence[str]
    rejected: int
    versions: Mapping[int, int]


async def furnish(settings: Settings) -> None:
    graph = await open_graph(settings)
    async with graph.unit_of_work() as unit:
        await unit.merge_nodes("Organisation", [{"name": "organisations/oaks", "title": "Oaks"}])
        await unit.merge_nodes("Skill", [{"name": f"skills/s{each}", "label": f"S{each}"} for each in range(SKILLS)])
    await graph.close()


async def stream(server: Server, updates: list[hr_pb2.ProfileUpdate], kills: Mapping[int, str]) -> int:
    """Send `updates` and return how many were rejected; something dies once each number of `kills` is answered."""
    outcomes: dict[int, int] = {}
    left = dict(kills)

    def after(position: int) -> Iterable[tuple[int, hr_pb2.ProfileUpdate]]:
        return enumerate(updates[position:], position + 1)

    async with connect(server.settings.listen, OPERATOR) as services:
        async for answer in send_updates(services, OPENING, after, after=0):
            outcomes.setdefault(answer.position, answer.outcome)
            if victim := left.pop(answer.position, ""):
                await server.disturb(victim)
    assert not left
    assert sorted(outcomes) == list(range(1, len(updates) + 1)), "an update was not answered"
    return Counter(outcomes.values())[hr_pb2.UPDATE_OUTCOME_REJECTED]


async def publish(server: Server, updates: list[hr_pb2.ProfileUpdate], kills: Mapping[int, str]) -> int:
    """Put `updates` on the topic and return how many were set aside; something dies once so many are handled.

    The key of each is its record, so that the updates of one keep their order, as those of the stream do.
    """
    log = await open_events(server.settings)
    left = dict(kills)
    try:
        events = [_event(number, update) for number, update in enumerate(updates)]
        for start in range(0, len(events), AT_ONCE):
            await append_all(log, events[start : start + AT_ONCE])
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    behind = sum((await log.lag([Topic.HR_UPDATES], GROUP)).values())
                except Unavailable:
                    continue
                due = [number for number in left if number <= len(updates) - behind]
                for number in due:
                    await server.disturb(left.pop(number))
                if not behind and not left:
                    break
                await asyncio.sleep(0.01)
        return len({each.rejected.event_id for each in await read_rejections(log)})
    finally:
        await log.close()


def _event(number: int, update: hr_pb2.ProfileUpdate) -> Event:
    return Event(
        topic=Topic.HR_UPDATES,
        id=f"update {number}",
        type=UPDATE_TYPE,
        source="/esr-oaks",
        key=update.external_id,
        version=1,
        time=datetime(2026, 3, 2, tzinfo=UTC),
        payload=update.SerializeToString(),
    )


async def state(services: Channels) -> list[str]:
    """Return what all profiles say, but for names and times."""
    found = []
    token = ""
    while True:
        page = await services.profiles.ListPeople(profiles_pb2.ListPeopleRequest(page_size=1000, page_token=token))
        for person in page.people:
            skills = sorted(each.skill for each in person.skills)
            work = [each.job_title for each in person.employments]
            found.append(f"{person.display_name} {work} {skills} version {person.version}")
        token = page.next_page_token
        if not token:
            return sorted(found)


async def versions(settings: Settings) -> Counter[int]:
    """Return how many people have an event of each version, once all are published; each has them in order.

    A log on Kafka may hold an event twice, if whoever published it was killed before noting so.
    """
    seen: dict[str, dict[int, str]] = defaultdict(dict)
    async with open_adapters(settings) as adapters:
        relay = Relay(adapters.graph, adapters.events, EVENT_SOURCE, adapters.clock, adapters.new_id)
        relaying = asyncio.create_task(relay.run())
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await adapters.graph.run(PENDING):  # noqa: ASYNC110  the relay tells nobody
                await asyncio.sleep(0.05)
        relaying.cancel()
        await asyncio.gather(relaying, return_exceptions=True)
        topics = [Topic.PROFILES]
        delivered = [
            each async for each in until(adapters.events, topics, Positions(), await adapters.events.end(topics))
        ]
    for event in (each.event for each in delivered):
        known = seen[event.key].setdefault(event.version, event.id)
        assert known == event.id, "one version was published as two events"
    assert all(list(of_one) == sorted(of_one) for of_one in seen.values())
    assert len(delivered) == sum(map(len, seen.values())) or settings.events.startswith("kafka")
    return Counter(version for of_one in seen.values() for version in of_one)


Sending = Callable[[Server, list[hr_pb2.ProfileUpdate], Mapping[int, str]], Awaitable[int]]


async def run(settings: Settings, send: Sending, kills: Mapping[int, str], request: pytest.FixtureRequest) -> Ended:
    """Return how a run ends in which something dies at each number of `kills`."""
    await furnish(settings)
    server = Server(settings)
    request.addfinalizer(server.end)
    await server.start()
    rejected = await send(server, feed(), kills)
    async with connect(settings.listen, OPERATOR) as services:
        people = await state(services)
    await server.stop()
    return Ended(people, rejected, await versions(settings))


@pytest.mark.parametrize("stack", [EMBEDDED, SERVERS])
async def test_a_feed_ends_the_same_however_often_something_is_killed(
    stack: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    chance = random.Random(SEED)

    async def ended(name: str, send: Sending, kills: Mapping[int, str]) -> Ended:
        place = tmp_path / name
        place.mkdir()
        settings = replace(await settings_of(stack, place), listen=free_address(), log_level="WARNING")
        return await run(settings, send, kills, request)

    def kills() -> Mapping[int, str]:
        return dict(zip(sorted(chance.sample(range(1, UPDATES), KILLS)), cycle(VICTIMS[stack]), strict=False))

    undisturbed = await ended("quiet", stream, {})
    assert undisturbed.rejected == UPDATES // 100
    assert await ended("stream", stream, kills()) == undisturbed
    assert await ended("topic", publish, kills()) == undisturbed
    sys.stderr.write(f"\n{stack}: {KILLS} kills among {len(feed())} updates, by stream and by topic: the same end\n")
