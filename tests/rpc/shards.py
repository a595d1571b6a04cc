"""Matching shared out among shards behind a front, and beside them one process that holds everything."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from careweave_matching import service as matching
from careweave_matching.shards import front
from careweave_profiles import service as profiles
from careweave_skills import service as skills

from careweave.audit.trail import AuditTrail
from careweave.client import Channels, connect
from careweave.config import Settings
from careweave.events.port import EventLog, Topic
from careweave.rpc.parts import Build
from careweave.rpc.server import running
from careweave.v1 import common_pb2
from careweave.v1 import matching_pb2 as mt
from careweave.v1 import profiles_pb2 as pf
from careweave.wiring import Adapters, open_events
from tests.rpc.issuer import Issuer
from tests.rpc.test_matching import CARE, LABELS, TRUST, seed
from tests.system.ports import free_address

SERVES: Mapping[str, str] = {"north": "north-west-england+yorkshire-and-the-humber", "south": "london", "rest": "*"}
PLACES: Mapping[str, tuple[float, float]] = {
    "M1": (53.477, -2.233), "CW7": (53.192, -2.527), "LS1": (53.797, -1.548), "ST5": (53.010, -2.250),
    "EC1A": (51.520, -0.100), "W5": (51.513, -0.302), "SL1": (51.511, -0.628), "EH1": (55.950, -3.190),
}  # fmt: skip
PATIENCE = 120.0


@dataclass
class Sharded:
    """An installation that is served by shards, and by one process for everything.

    front, whole: stubs that call as an operator.
    """

    issuer: Issuer
    settings: Settings
    adapters: Adapters
    addresses: Mapping[str, str]
    front_address: str = ""
    whole_address: str = ""
    front: Channels = field(init=False)
    whole: Channels = field(init=False)
    trails: list[AuditTrail] = field(default_factory=list)
    _up: dict[str, AsyncExitStack] = field(default_factory=dict)
    _whole: AsyncExitStack = field(default_factory=AsyncExitStack)

    def shard(self, name: str) -> Channels:
        """Return stubs of one shard, as an operator; to be closed."""
        return connect(self.addresses[name], token=self.issuer.token())

    def as_(self, **claims: object) -> Channels:
        """Return stubs of the front for the bearer of such a token; to be closed."""
        return connect(self.front_address, token=self.issuer.token(**claims))

    async def start(self, name: str) -> None:
        """Start a shard, and wait until it serves."""
        self._up[name] = running_shard = AsyncExitStack()
        settings = replace(self.settings, listen=self.addresses[name], shard=name)
        await self.serve(running_shard, settings, [matching.build])

    async def start_whole(self, settings: Settings) -> None:
        """Start the process that holds everything."""
        self.whole_address = await self.serve(self._whole, settings, [matching.build])

    async def stop_whole(self) -> None:
        """Stop it; only shards are left."""
        await self._whole.aclose()

    async def kill(self, name: str) -> None:
        """Stop a shard."""
        await self._up.pop(name).aclose()

    async def serve(self, until: AsyncExitStack, settings: Settings, builds: list[Build]) -> str:
        """Serve until `until` ends, with a log and a trail of its own; returns the address."""
        log: EventLog = await open_events(settings)
        until.push_async_callback(log.close)
        trail = AuditTrail(log, self.adapters.new_id, self.adapters.clock)
        self.trails.append(trail)
        own = replace(self.adapters, settings=settings, events=log, audit=trail)
        server = await until.enter_async_context(running(settings, builds, own))
        async with asyncio.timeout(PATIENCE):
            await server.until_ready()
        return server.settings.listen

    async def appended(self, topic: Topic) -> int:
        """Return how many events a topic has had."""
        end = await self.adapters.events.end((topic,))
        return sum(end.offsets.values())

    async def until_appended(self, topic: Topic, count: int) -> None:
        """Return once a topic has had so many events: what is written waits in the outbox first."""
        async with asyncio.timeout(PATIENCE):
            while await self.appended(topic) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def level(self) -> None:
        """Return once all indexes have taken in all that the log holds."""
        async with AsyncExitStack() as stack:
            every = [await stack.enter_async_context(self.shard(name)) for name in self._up]
            async with asyncio.timeout(PATIENCE):
                for channels in (self.whole, *every):
                    while True:
                        status = await channels.matching.GetIndexStatus(mt.GetIndexStatusRequest())
                        if not status.events_behind and not status.people_to_fetch and not status.behind.ToSeconds():
                            break
                        await asyncio.sleep(0.05)

    async def close(self) -> None:
        """Stop the shards that run."""
        for name in list(self._up):
            await self.kill(name)


@asynccontextmanager
async def sharded(settings: Settings, adapters: Adapters, issuer: Issuer) -> AsyncIterator[Sharded]:
    """Serve skills and profiles, matching as one process and as shards, and the front."""
    await seed(adapters)
    async with adapters.graph.unit_of_work() as unit:
        places = [
            {"name": f"places/{name}", "title": name, "latitude": north, "longitude": east}
            for name, (north, east) in PLACES.items()
        ]
        await unit.merge_nodes("Place", [*places, {"name": "places/unknown", "title": "Somewhere"}])
    addresses = {name: free_address() for name in SERVES}
    async with AsyncExitStack() as until:
        settings = replace(settings, issuers=issuer.url, index_staleness_seconds=300.0)
        base = Sharded(issuer, settings, adapters, addresses)
        at = await base.serve(until, replace(settings, listen=free_address()), [skills.build, profiles.build])
        settings = replace(settings, skills=at, profiles=at)
        await base.start_whole(settings)
        until.push_async_callback(base.stop_whole)
        shards = ",".join(f"{name}={serves}@{addresses[name]}" for name, serves in SERVES.items())
        base.settings = replace(settings, shards=shards)
        until.push_async_callback(base.close)
        for name in SERVES:
            await base.start(name)
        base.front_address = await base.serve(until, base.settings, [front.build])
        operator = issuer.token()
        base.front = await until.enter_async_context(connect(base.front_address, token=operator))
        base.whole = await until.enter_async_context(connect(base.whole_address, token=operator))
        base.front.profiles = (await until.enter_async_context(connect(at, token=operator))).profiles
        yield base


async def fill(place: Sharded, people: int, opportunities: int, seed_: int = 3) -> tuple[list[str], list[str]]:
    """Publish and create so many, drawn at random; returns the names of the people and of the opportunities."""
    rng = random.Random(seed_)
    before = {topic: await place.appended(topic) for topic in (Topic.OPPORTUNITIES, Topic.PROFILES)}
    offered = [
        mt.CreateOpportunityRequest(opportunity_id=f"role-{number:04d}", opportunity=_role(rng, number))
        for number in range(opportunities)
    ]
    await place.front.matching.BatchCreateOpportunities(mt.BatchCreateOpportunitiesRequest(requests=offered))
    living = [
        pf.CreatePersonRequest(person_id=f"somebody-{number:04d}", person=_somebody(rng, number))
        for number in range(people)
    ]
    consents = [
        pf.SampleConsents(
            consents=[
                pf.Consent(purpose=pf.CONSENT_PURPOSE_BE_FOUND, organisations=[TRUST], fields=[pf.PROFILE_FIELD_SKILLS])
            ]
        )
        if number % 3
        else pf.SampleConsents()
        for number in range(people)
    ]
    await place.front.profiles.BatchCreatePeople(pf.BatchCreatePeopleRequest(requests=living, consents=consents))
    await place.until_appended(Topic.OPPORTUNITIES, before[Topic.OPPORTUNITIES] + opportunities)
    await place.until_appended(Topic.PROFILES, before[Topic.PROFILES] + people)
    await place.level()
    return [f"people/{each.person_id}" for each in living], [f"opportunities/{each.opportunity_id}" for each in offered]


def _role(rng: random.Random, number: int) -> mt.Opportunity:
    learning = rng.random() < 0.4
    return mt.Opportunity(
        title=f"Role {number}",
        kind=common_pb2.OPPORTUNITY_KIND_COURSE if learning else common_pb2.OPPORTUNITY_KIND_JOB,
        organisation=rng.choice([TRUST, CARE]),
        place=rng.choice(["", "places/unknown", *(f"places/{name}" for name in PLACES)]),
        occupation="occupations/esco-home-care-aide",
        description=f"Work of kind {number % 7}.",
        requirements=[
            common_pb2.SkillRequirement(skill=name, importance=common_pb2.IMPORTANCE_ESSENTIAL)
            for name in rng.sample(sorted(LABELS), 3)
        ],
        develops=rng.sample(sorted(LABELS), 2) if learning else [],
        minimum_weekly_hours=rng.choice([0, 16, 30]),
        fictional=True,
    )


def _somebody(rng: random.Random, number: int) -> pf.Person:
    modes = [common_pb2.TRAVEL_MODE_CAR, common_pb2.TRAVEL_MODE_PUBLIC_TRANSPORT, common_pb2.TRAVEL_MODE_WALK]
    facts: dict[str, Any] = {
        "display_name": f"Fictional {number}",
        "place": rng.choice(
            ["places/unknown", *(f"places/{name}" for name in PLACES), *(f"places/{n}" for n in PLACES)]
        ),
        "skills": [pf.PersonSkill(skill=name, source=pf.SOURCE_EMPLOYER) for name in rng.sample(sorted(LABELS), 3)],
        "employments": [pf.Employment(organisation=CARE, occupation="occupations/esco-home-care-aide")],
        "credentials": [pf.Credential(kind=common_pb2.CREDENTIAL_KIND_RIGHT_TO_WORK)],
        "preferences": pf.Preferences(
            travel_mode=rng.choice(modes),
            maximum_travel_minutes=rng.choice([30, 60, 90, 240, 600]),
            unsocial_hours=True,
            aspiration=rng.choice(["", "", "become a nurse", "lead a team"]),
        ),
        "fictional": True,
    }
    return pf.Person(**facts)
