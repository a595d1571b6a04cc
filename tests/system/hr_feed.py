"""An HR feed as HR systems send it, the services that take it in as processes of their own, and what is left then."""

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from careweave import wiring
from careweave.client import OPERATOR, connect
from careweave.config import PREFIX, Settings, environment_of
from careweave.events.port import Positions, Topic
from careweave.events.reading import until
from careweave.feeding import send_updates
from careweave.v1 import hr_pb2, profiles_pb2

SOURCE = "sourceSystems/esr-oaks"
OPENING = hr_pb2.FeedOpening(source_system=SOURCE, feed="staff")
SKILLS = 40
SEED = 20_26
PATIENCE_SECONDS = 600
_NAMES = {name: f"careweave.v1.{name.capitalize()}Service" for name in ("skills", "profiles", "matching")}


def feed(count: int) -> list[hr_pb2.ProfileUpdate]:
    """Return about `count` updates of records with three versions each, 5 % of them twice, 5 % too late, 1 % wrong."""
    chance = random.Random(SEED)
    ordered = [_update(chance, number % (count // 3), 1 + number // (count // 3)) for number in range(count)]
    for _ in range(count // 20):
        late = ordered.pop(chance.randrange(len(ordered)))
        ordered.insert(chance.randrange(len(ordered)), late)
        ordered.insert(chance.randrange(len(ordered)), chance.choice(ordered))
    for number in chance.sample(range(len(ordered)), count // 100):
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


async def furnish(settings: Settings) -> None:
    """Put into the graph what the feed names."""
    graph = await wiring.open_graph(settings)
    async with graph.unit_of_work() as unit:
        await unit.merge_nodes("Organisation", [{"name": "organisations/oaks", "title": "Oaks"}])
        await unit.merge_nodes("Skill", [_skill(number) for number in range(SKILLS)])
    await graph.close()


def _skill(number: int) -> dict[str, object]:
    """Return a skill as an import leaves it."""
    return {
        "name": f"skills/s{number}", "label": f"Skill number {number}", "alternative_labels": [], "description": "",
        "kind": 1, "scheme": 1, "source_id": f"s{number}", "reuse_level": "", "collections": [], "groups": [],
        "position": number,
    }  # fmt: skip


@dataclass
class Service:
    """One service in a process of its own."""

    name: str
    settings: Settings
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and return when it serves."""
        others = {name: text for name, text in os.environ.items() if not name.startswith(PREFIX)}
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "careweave_cli", "serve", self.name, env=others | environment_of(self.settings)
        )
        async with grpc.aio.insecure_channel(self.settings.listen) as channel, asyncio.timeout(PATIENCE_SECONDS):
            health = health_pb2_grpc.HealthStub(channel)
            request = health_pb2.HealthCheckRequest(service=_NAMES[self.name])
            while True:
                assert self.process.returncode is None, f"{self.name} ended while it was starting"
                try:
                    reply = await health.Check(request)  # type: ignore[attr-defined]
                except grpc.aio.AioRpcError:
                    reply = None
                if reply is not None and reply.status == health_pb2.HealthCheckResponse.SERVING:
                    return
                await asyncio.sleep(0.1)

    async def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    async def stop(self) -> None:
        """Let it end cleanly."""
        assert self.process is not None
        self.process.terminate()
        assert await self.process.wait() == 0

    def end(self) -> None:
        """Leave no process behind, whatever happened."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()


async def send(
    address: str, updates: list[hr_pb2.ProfileUpdate], answered: Callable[[int], Awaitable[None]]
) -> list[int]:
    """Send all `updates` and return their outcomes; `answered` is told each position and may hold the stream up."""
    outcomes: dict[int, int] = {}

    def after(position: int) -> Iterable[tuple[int, hr_pb2.ProfileUpdate]]:
        return enumerate(updates[position:], position + 1)

    async with connect(address, OPERATOR) as services:
        async for answer in send_updates(services, OPENING, after, after=0):
            outcomes.setdefault(answer.position, answer.outcome)
            await answered(answer.position)
    assert sorted(outcomes) == list(range(1, len(updates) + 1)), "an update was not answered"
    return [outcomes[position] for position in sorted(outcomes)]


async def state(address: str) -> list[str]:
    """Return what all profiles say, but for names and times."""
    found = []
    token = ""
    async with connect(address, OPERATOR) as services:
        while True:
            page = await services.profiles.ListPeople(profiles_pb2.ListPeopleRequest(page_size=1000, page_token=token))
            for person in page.people:
                skills = sorted(each.skill for each in person.skills)
                work = [each.job_title for each in person.employments]
                found.append(f"{person.display_name} {work} {skills} version {person.version}")
            token = page.next_page_token
            if not token:
                return sorted(found)


async def events_seen(settings: Settings) -> Counter[tuple[str, int]]:
    """Return how often each version of each person was published."""
    log = await wiring.open_events(settings)
    topics = [Topic.PROFILES]
    seen: Counter[tuple[str, int]] = Counter()
    async for delivered in until(log, topics, Positions(), await log.end(topics)):
        seen[delivered.event.key, delivered.event.version] += 1
    await log.close()
    return seen


def by_version(seen: Counter[tuple[str, int]]) -> Counter[int]:
    """Return of how many people each version was published, however often."""
    return Counter(version for _, version in seen)
