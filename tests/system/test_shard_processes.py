"""Matching in shards as an operator runs it: processes of `careweave serve` on Neo4j and Kafka, one of them killed."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from careweave.client import calling, connect
from careweave.config import PREFIX, Settings, environment_of
from careweave.errors import Unavailable
from careweave.v1 import matching_pb2 as mt
from careweave.v1 import profiles_pb2 as pf
from careweave.wiring import open_adapters
from tests.rpc.issuer import Issuer, issuing
from tests.rpc.test_matching import a_person, a_role, seed
from tests.stacks import SERVERS, settings_of
from tests.system.ports import free_address

PATIENCE = 180
SHARDS = {"north": "north-west-england", "rest": "*"}
PROCESSES = {"north": 2, "rest": 1}


@asynccontextmanager
async def process(settings: Settings, log: Path, *services: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `careweave serve` until the block ends, from when it is ready."""
    others = {name: text for name, text in os.environ.items() if not name.startswith(PREFIX)}
    with log.open("w", encoding="utf-8") as written:
        started = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "careweave_cli", "serve", *services, "--json",
            env=others | environment_of(settings), stdout=asyncio.subprocess.PIPE, stderr=written,
        )  # fmt: skip
    assert started.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            line = await started.stdout.readline()
        assert line, f"see {log}"
        assert json.loads(line)["address"] == settings.listen
        yield started
    finally:
        if started.returncode is None:
            started.terminate()
            await started.wait()


@pytest.fixture
async def settings(tmp_path: Path) -> Settings:
    found = await settings_of(SERVERS, tmp_path)
    async with open_adapters(found) as adapters:
        await seed(adapters)
        async with adapters.graph.unit_of_work() as unit:
            await unit.merge_nodes(
                "Place", [{"name": "places/EC1A", "title": "London", "latitude": 51.52, "longitude": -0.1}]
            )
    return replace(found, index_staleness_seconds=300.0)


async def answer(front: str, issuer: Issuer, who: str) -> mt.FindOpportunitiesResponse:
    async with connect(front, token=issuer.token(careweave_role="person", careweave_subject=who)) as services:
        with calling():
            return await services.matching.FindOpportunities(mt.FindOpportunitiesRequest(person=who))


async def test_a_killed_shard_is_missed_by_those_who_live_there_alone_until_it_is_back(
    settings: Settings, tmp_path: Path
) -> None:
    addresses = {name: free_address() for name in SHARDS}
    base, front = free_address(), free_address()
    text = ",".join(f"{name}={serves}@{addresses[name]}" for name, serves in SHARDS.items())
    with issuing() as issuer:
        settings = replace(settings, issuers=issuer.url, skills=base, profiles=base)
        async with AsyncExitStack() as until:

            async def start(name: str, *services: str, **changes: object) -> asyncio.subprocess.Process:
                own = replace(settings, **changes)  # type: ignore[arg-type]  # the caller names fields of Settings
                return await until.enter_async_context(process(own, tmp_path / f"{name}.log", *services))

            await start("base", "skills", "profiles", listen=base)
            running = {
                name: await start(
                    name, "matching", listen=addresses[name], shards=text, shard=name, processes=PROCESSES[name]
                )
                for name in SHARDS
            }
            await start("front", "matching-front", listen=front, shards=text)
            async with connect(base, token=issuer.token()) as services:
                people = [
                    (await services.profiles.CreatePerson(pf.CreatePersonRequest(person=a_person(place=place)))).name
                    for place in ("places/CH1", "places/EC1A")
                ]
            async with connect(front, token=issuer.token()) as services:
                roles = [
                    (
                        await services.matching.CreateOpportunity(
                            mt.CreateOpportunityRequest(opportunity=a_role(place=place, title=f"Role at {place}"))
                        )
                    ).name
                    for place in ("places/CW7", "places/EC1A", "")
                ]
            near, far, anywhere = roles

            async def sees(who: str, wanted: set[str]) -> None:
                async with asyncio.timeout(60):
                    while {each.opportunity for each in (await answer(front, issuer, who)).matches} != wanted:  # noqa: ASYNC110
                        await asyncio.sleep(0.1)

            await sees(people[0], {near, anywhere})
            await sees(people[1], {far, anywhere})
            running["north"].kill()
            await running["north"].wait()
            with pytest.raises(Unavailable, match="The shard north, which serves north-west-england"):
                await answer(front, issuer, people[0])
            await sees(people[1], {far, anywhere})
            await start("north again", "matching", listen=addresses["north"], shards=text, shard="north")
            async with asyncio.timeout(60):
                while True:
                    try:
                        await answer(front, issuer, people[0])
                        break
                    except Unavailable:
                        await asyncio.sleep(0.1)
            await sees(people[0], {near, anywhere})
