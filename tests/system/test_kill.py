"""SIGKILL of the all-in-one process while it writes.

`CAREWEAVE_TEST_KILLS` says how often (default 4; `make kill` runs 50). After each restart every
acknowledged write is there, nothing is half-written, and at the end the log holds exactly one event
for each version of each person and opportunity.
"""

import asyncio
import contextlib
import os
import random
import signal
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from careweave import wiring
from careweave.client import OPERATOR, connect
from careweave.config import Settings
from careweave.events.port import EventLog, Positions, Topic
from careweave.rpc.channels import Channels
from careweave.v1 import common_pb2, matching_pb2, profiles_pb2

KILLS = int(os.environ.get("CAREWEAVE_TEST_KILLS", "4"))
WRITERS = 3
SEED = 20_26


@dataclass
class Acknowledged:
    """What the server said was done: the last version of each resource, and what it then held."""

    people: dict[str, profiles_pb2.Person] = field(default_factory=dict)
    opportunities: dict[str, matching_pb2.Opportunity] = field(default_factory=dict)
    writes: int = 0
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    def note_person(self, person: profiles_pb2.Person) -> None:
        """Note one acknowledged write of `person`."""
        self.people[person.name] = person
        self.writes += 1
        self.begun.set()


@dataclass
class Server:
    """The all-in-one process on one folder."""

    folder: Path
    address: str
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and return when profiles and matching are serving."""
        environment = os.environ | {
            "CAREWEAVE_GRAPH": f"ladybug:{self.folder / 'graph'}",
            "CAREWEAVE_EVENTS": f"sqlite:{self.folder / 'events.db'}",
            "CAREWEAVE_EQUALITY": f"sqlite:{self.folder / 'equality.db'}",
            "CAREWEAVE_CACHE": str(self.folder / "cache"),
            "CAREWEAVE_LISTEN": self.address,
            "CAREWEAVE_LOG_LEVEL": "WARNING",
            "CAREWEAVE_TRIAL": "yes",
        }
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "careweave_cli", "serve", "all", env=environment
        )
        async with grpc.aio.insecure_channel(self.address) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            for service in ("careweave.v1.ProfilesService", "careweave.v1.MatchingService"):
                await self._until_serving(health, service)

    async def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    def end(self) -> None:
        """Leave no process behind, whatever happened."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()

    async def __aenter__(self) -> Self:
        """Start it unless it runs."""
        if self.process is None or self.process.returncode is not None:
            await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        """End it as an operator would."""
        assert self.process is not None
        self.process.terminate()
        assert await self.process.wait() == 0

    async def _until_serving(self, health: health_pb2_grpc.HealthStub, service: str) -> None:
        request = health_pb2.HealthCheckRequest(service=service)
        for _ in range(1200):
            assert self.process is not None
            assert self.process.returncode is None, "the server ended while it was starting"
            with contextlib.suppress(grpc.aio.AioRpcError):
                reply = await health.Check(request, timeout=1)  # type: ignore[attr-defined]
                if reply.status == health_pb2.HealthCheckResponse.SERVING:
                    return
            await asyncio.sleep(0.05)
        pytest.fail(f"{service} was not serving within a minute")


async def _furnish(services: Channels) -> None:
    place = profiles_pb2.Place(name="places/CW7", title="Winsford (CW7)", level=profiles_pb2.PLACE_LEVEL_NEIGHBOURHOOD)
    await services.profiles.UpdatePlace(profiles_pb2.UpdatePlaceRequest(place=place, allow_missing=True))
    employer = profiles_pb2.Organisation(
        name="organisations/fictional-care", title="Fictional Care", place=place.name, fictional=True
    )
    await services.profiles.UpdateOrganisation(
        profiles_pb2.UpdateOrganisationRequest(organisation=employer, allow_missing=True)
    )


async def _write_people(services: Channels, acknowledged: Acknowledged, chance: random.Random, serial: str) -> None:
    """Create and change people until the server is gone; note each reply."""
    with contextlib.suppress(grpc.aio.AioRpcError):
        for number in range(100_000):
            person = await services.profiles.CreatePerson(
                profiles_pb2.CreatePersonRequest(
                    person=profiles_pb2.Person(display_name="Sample", place="places/CW7", fictional=True),
                    person_id=f"person-{serial}-{number}",
                )
            )
            acknowledged.note_person(person)
            for minutes in chance.sample(range(10, 120), k=chance.randrange(3)):
                wanted = profiles_pb2.Person(
                    name=person.name, preferences=profiles_pb2.Preferences(maximum_travel_minutes=minutes)
                )
                acknowledged.note_person(
                    await services.profiles.UpdatePerson(profiles_pb2.UpdatePersonRequest(person=wanted))
                )


async def _publish(services: Channels, acknowledged: Acknowledged, serial: str) -> None:
    """Publish opportunities until the server is gone; note each reply."""
    with contextlib.suppress(grpc.aio.AioRpcError):
        for number in range(100_000):
            opportunity = matching_pb2.Opportunity(
                title="Care worker",
                kind=common_pb2.OPPORTUNITY_KIND_JOB,
                organisation="organisations/fictional-care",
                place="places/CW7",
                fictional=True,
            )
            published = await services.matching.CreateOpportunity(
                matching_pb2.CreateOpportunityRequest(
                    opportunity=opportunity, opportunity_id=f"opportunity-{serial}-{number}"
                )
            )
            acknowledged.opportunities[published.name] = published
            acknowledged.writes += 1


async def _written_until_killed(server: Server, kill: int, seconds: float) -> Acknowledged:
    """Let the writers write for `seconds` after the first reply, kill the server, and return what it acknowledged."""
    recent = Acknowledged()
    async with connect(server.address, OPERATOR) as services:
        writers = [
            asyncio.create_task(_write_people(services, recent, random.Random(f"{kill}-{each}"), f"{kill}-{each}"))
            for each in range(WRITERS)
        ]
        writers.append(asyncio.create_task(_publish(services, recent, str(kill))))
        await asyncio.wait_for(recent.begun.wait(), 60)
        await asyncio.sleep(seconds)
        await server.kill()
        await asyncio.gather(*writers)
    return recent


async def _assert_kept(services: Channels, acknowledged: Acknowledged) -> None:
    """Compare what the server has with what it acknowledged; at most the write under way may be further on."""
    for name, person in acknowledged.people.items():
        now = await services.profiles.GetPerson(profiles_pb2.GetPersonRequest(name=name))
        assert now.version in (person.version, person.version + 1)
        if now.version == person.version:
            assert now == person, f"{now}\nis not what was acknowledged:\n{person}"
        acknowledged.people[name] = now
    for name, opportunity in acknowledged.opportunities.items():
        found = await services.matching.GetOpportunity(matching_pb2.GetOpportunityRequest(name=name))
        assert found == opportunity


async def _everything_in_the_log(log: EventLog, topics: list[str]) -> AsyncIterator[tuple[str, int]]:
    """Yield key and version of each event up to the present end."""
    end = await log.end(topics)
    unread = {place for place, offset in end.offsets.items() if offset}
    if not unread:
        return
    async for delivered in log.follow(topics, Positions()):
        yield delivered.event.key, delivered.event.version
        place = (delivered.event.topic, delivered.partition)
        if delivered.offset + 1 >= end.offsets[place]:
            unread.discard(place)
        if not unread:
            return


async def _current_versions(services: Channels) -> dict[str, int]:
    versions: dict[str, int] = {}
    token = ""
    while True:
        page = await services.profiles.ListPeople(profiles_pb2.ListPeopleRequest(page_size=1000, page_token=token))
        versions |= {person.name: person.version for person in page.people}
        token = page.next_page_token
        if not token:
            break
    while True:
        found = await services.matching.ListOpportunities(
            matching_pb2.ListOpportunitiesRequest(page_size=1000, page_token=token)
        )
        versions |= {opportunity.name: opportunity.version for opportunity in found.opportunities}
        token = found.next_page_token
        if not token:
            return versions


async def _assert_exactly_its_events(folder: Path, versions: dict[str, int]) -> None:
    log = await wiring.open_events(Settings(events=f"sqlite:{folder / 'events.db'}"))
    topics = [Topic.PROFILES.value, Topic.OPPORTUNITIES.value]
    try:
        seen: dict[str, list[int]] = defaultdict(list)
        async for key, version in _everything_in_the_log(log, topics):
            seen[key].append(version)
        expected = {key: list(range(1, version + 1)) for key, version in versions.items()}
        wrong = {key: (seen.get(key), want) for key, want in expected.items() if seen.get(key) != want}
        assert not wrong, (
            f"{len(wrong)} resources with other events than their versions, e.g. {next(iter(wrong.items()))}"
        )
        assert set(seen) == set(expected), "events for resources that are not there"
    finally:
        await log.close()


async def test_every_acknowledged_write_survives_sigkill_with_exactly_its_events(
    tmp_path: Path, unused_tcp_port: int, request: pytest.FixtureRequest
) -> None:
    """No acknowledged write is lost, and none has more or fewer events than versions."""
    server = Server(tmp_path, f"127.0.0.1:{unused_tcp_port}")
    request.addfinalizer(server.end)
    chance = random.Random(SEED)
    acknowledged = Acknowledged()
    tally: Counter[str] = Counter()
    async with server, connect(server.address, OPERATOR) as services:
        await _furnish(services)
    await server.start()
    for kill in range(KILLS):
        recent = await _written_until_killed(server, kill, chance.uniform(0.05, 1.0))
        tally["acknowledged"] += recent.writes
        await server.start()
        async with connect(server.address, OPERATOR) as services:
            await _assert_kept(services, recent)
        acknowledged.people |= recent.people
        acknowledged.opportunities |= recent.opportunities
    async with server, connect(server.address, OPERATOR) as services:
        await _assert_kept(services, acknowledged)
        versions = await _current_versions(services)
    assert acknowledged.people.keys() | acknowledged.opportunities.keys() <= versions.keys()
    await _assert_exactly_its_events(tmp_path, versions)
    sys.stderr.write(f"\n{KILLS} kills, {tally['acknowledged']} acknowledged writes, none lost, each with its events\n")
