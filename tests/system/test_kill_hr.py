"""SIGKILL of the server while an HR feed is being sent, with repetitions, old updates and wrong ones among them.

`CAREWEAVE_TEST_HR_KILLS` says how often (default 2; `make kill-hr` kills 20 times) and `CAREWEAVE_TEST_HR_UPDATES` how
many updates there are (default 2000). However often the server dies, the profiles end as in an undisturbed run, every
update is answered, and nothing is applied twice.
"""

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest
from careweave_cli.log_reading import until
from grpc_health.v1 import health_pb2, health_pb2_grpc

from careweave import wiring
from careweave.client import OPERATOR, connect
from careweave.config import Settings
from careweave.events.port import Positions, Topic
from careweave.feeding import send_updates
from careweave.rpc.channels import Channels
from careweave.v1 import hr_pb2, profiles_pb2

KILLS = int(os.environ.get("CAREWEAVE_TEST_HR_KILLS", "2"))
UPDATES = int(os.environ.get("CAREWEAVE_TEST_HR_UPDATES", "2000"))
SOURCE = "sourceSystems/esr-oaks"
OPENING = hr_pb2.FeedOpening(source_system=SOURCE, feed="staff")
SKILLS = 40
SEED = 20_26
PATIENCE_SECONDS = 600


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
    """The profiles service in a process of its own, on one folder."""

    folder: Path
    address: str
    process: asyncio.subprocess.Process | None = None
    answers: Counter[int] = field(default_factory=Counter)

    async def start(self) -> None:
        """Start it and return when it serves."""
        environment = os.environ | {
            "CAREWEAVE_GRAPH": f"ladybug:{self.folder / 'graph'}",
            "CAREWEAVE_EVENTS": f"sqlite:{self.folder / 'events.db'}",
            "CAREWEAVE_CACHE": str(self.folder / "cache"),
            "CAREWEAVE_LISTEN": self.address,
            "CAREWEAVE_LOG_LEVEL": "WARNING",
        }
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "careweave_cli", "serve", "profiles", env=environment
        )
        async with grpc.aio.insecure_channel(self.address) as channel, asyncio.timeout(PATIENCE_SECONDS):
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

    async def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    def end(self) -> None:
        """Leave no process behind, whatever happened."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()


async def furnish(folder: Path) -> None:
    graph = await wiring.open_graph(Settings(graph=f"ladybug:{folder / 'graph'}"))
    async with graph.unit_of_work() as unit:
        await unit.merge_nodes("Organisation", [{"name": "organisations/oaks", "title": "Oaks"}])
        await unit.merge_nodes("Skill", [{"name": f"skills/s{each}", "label": f"S{each}"} for each in range(SKILLS)])
    await graph.close()


async def send(server: Server, updates: list[hr_pb2.ProfileUpdate], kill_at: set[int]) -> list[int]:
    """Send all `updates` and return their outcomes; the server dies once it has answered each number of `kill_at`."""
    outcomes: dict[int, int] = {}

    def after(position: int) -> Iterable[tuple[int, hr_pb2.ProfileUpdate]]:
        return enumerate(updates[position:], position + 1)

    async with connect(server.address, OPERATOR) as services:
        async for answer in send_updates(services, OPENING, after, after=0):
            outcomes.setdefault(answer.position, answer.outcome)
            if answer.position in kill_at:
                kill_at.discard(answer.position)
                await server.kill()
                await server.start()
    assert sorted(outcomes) == list(range(1, len(updates) + 1)), "an update was not answered"
    return [outcomes[position] for position in sorted(outcomes)]


async def state(services: Channels) -> list[str]:
    """Return what all profiles say, but for names, versions and times."""
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


async def run(
    folder: Path, address: str, kill_at: set[int], request: pytest.FixtureRequest
) -> tuple[list[int], list[str]]:
    """Return outcomes and final state of a run in which the server dies at `kill_at`."""
    await furnish(folder)
    server = Server(folder, address)
    request.addfinalizer(server.end)
    await server.start()
    outcomes = await send(server, feed(), kill_at)
    async with connect(address, OPERATOR) as services:
        ended = await state(services)
    assert server.process is not None
    server.process.terminate()
    assert await server.process.wait() == 0
    return outcomes, ended


async def events_by_person(folder: Path) -> Counter[int]:
    """Return how many events each version has; each must be there once for each person."""
    log = await wiring.open_events(Settings(events=f"sqlite:{folder / 'events.db'}"))
    topics = [Topic.PROFILES]
    seen: Counter[tuple[str, int]] = Counter()
    async for delivered in until(log, topics, Positions(), await log.end(topics)):
        seen[delivered.event.key, delivered.event.version] += 1
    await log.close()
    assert set(seen.values()) == {1}, "an event was published twice"
    return Counter(version for _, version in seen)


async def test_a_feed_ends_the_same_however_often_the_server_is_killed(
    tmp_path: Path, unused_tcp_port_factory: pytest.FixtureRequest, request: pytest.FixtureRequest
) -> None:
    ports = [f"127.0.0.1:{unused_tcp_port_factory()}" for _ in range(2)]  # type: ignore[operator]  # a factory
    for name in ("quiet", "killed"):
        (tmp_path / name).mkdir()
    outcomes, undisturbed = await run(tmp_path / "quiet", ports[0], set(), request)
    kill_at = set(random.Random(SEED).sample(range(1, UPDATES), KILLS))
    again, disturbed = await run(tmp_path / "killed", ports[1], kill_at, request)
    assert disturbed == undisturbed
    assert Counter(outcomes)[hr_pb2.UPDATE_OUTCOME_REJECTED] == Counter(again)[hr_pb2.UPDATE_OUTCOME_REJECTED]
    assert await events_by_person(tmp_path / "killed") == await events_by_person(tmp_path / "quiet")
    sys.stderr.write(f"\n{KILLS} kills among {len(outcomes)} updates ({Counter(outcomes)}): the same end\n")
