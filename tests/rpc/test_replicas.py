"""Replicas of matching: equal answers, how far behind they are, and being built again."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import grpc
import pytest
from careweave_matching.follower import TOPICS
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from grpc_status import rpc_status

from careweave.client import calling, connect, person
from careweave.config import Settings
from careweave.errors import Forbidden
from careweave.v1 import matching_pb2 as mt
from careweave.v1 import profiles_pb2 as pf
from careweave.wiring import Adapters, open_adapters
from tests.contract.engines import delete_events
from tests.rpc.replicas import Gated, Replica, opened, serving, until
from tests.rpc.test_matching import a_person, a_role, seed
from tests.stacks import on_both_stacks, on_servers


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def quick(settings: Settings, cache: Path) -> Settings:
    """Return settings by which an index counts as behind after two seconds."""
    return replace(settings, cache=cache, index_staleness_seconds=2.0)


@pytest.fixture
async def seeded(quick: Settings) -> AsyncIterator[Adapters]:
    async with open_adapters(quick) as adapters:
        await seed(adapters)
        yield adapters


async def somebody(replica: Replica, **changes: object) -> str:
    created = await replica.services.profiles.CreatePerson(pf.CreatePersonRequest(person=a_person(**changes)))
    return created.name


async def published(replica: Replica, **changes: object) -> str:
    request = mt.CreateOpportunityRequest(opportunity=a_role(**changes))
    return (await replica.services.matching.CreateOpportunity(request)).name


async def found(replica: Replica, who: str) -> list[mt.Match]:
    request = mt.FindOpportunitiesRequest(person=who, include_ineligible=True)
    return list((await replica.services.matching.FindOpportunities(request)).matches)


@on_both_stacks
async def test_three_replicas_give_equal_answers_whoever_took_the_writes(quick: Settings, seeded: Adapters) -> None:
    # The first rankings of a run are compiled, which on a busy machine takes longer than an index may be behind here.
    patient = replace(quick, index_staleness_seconds=300.0)
    async with opened(patient, 3) as logs, serving(patient, seeded, logs) as replicas:
        people = [await somebody(replicas[0], display_name=f"Alex {number}") for number in range(4)]
        roles = [await published(replica, title=f"Role {number}") for number, replica in enumerate(replicas)]
        closed = mt.CloseOpportunityRequest(name=roles[0])
        await replicas[1].services.matching.CloseOpportunity(closed)
        for replica in replicas:

            async def holds_everything(replica: Replica = replica) -> bool:
                status = await replica.status()
                offered = {match.opportunity for who in people for match in await found(replica, who)}
                return (status.people, offered) == (len(people), set(roles[1:]))

            await until(holds_everything)
        for replica, role in zip(replicas[:2], roles[1:], strict=True):
            interest = mt.ExpressInterestRequest(person=people[0], opportunity=role)
            await replica.services.matching.ExpressInterest(interest)
        for replica in replicas:

            async def marks_both(replica: Replica = replica) -> bool:
                return all(match.application_stage for match in await found(replica, people[0]))

            await until(marks_both)
        for who in people:
            answers = [await found(replica, who) for replica in replicas]
            assert answers[0] == answers[1] == answers[2]
        statuses = [await replica.status() for replica in replicas]
        assert {(each.people, each.opportunities) for each in statuses} == {(4, 3)}
        assert len({each.replica for each in statuses}) == 3


@on_both_stacks
async def test_an_index_that_is_behind_is_not_served_and_recovers_by_itself(quick: Settings, seeded: Adapters) -> None:
    stalling = Gated(seeded.events)
    async with serving(quick, seeded, [seeded.events, stalling]) as (first, second):
        who = await somebody(first)
        await until(second.is_level)
        stalling.close_gate()
        await asyncio.gather(until(second.serves), until(first.serves))  # nothing happens: nobody is behind
        role = await published(first)

        async def is_behind() -> bool:
            return not await second.serves()

        await until(is_behind)
        status = await second.status()
        assert status.state == mt.INDEX_STATE_BEHIND
        assert status.events_behind >= 1
        assert status.behind.ToTimedelta() > status.behind_limit.ToTimedelta()
        assert sum(each.end_offset - each.next_offset for each in status.partitions) == status.events_behind
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await found(second, who)
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        assert reason_and_retry(refused.value) == ("INDEX_BEHIND", True)
        assert [match.opportunity for match in await found(first, who)] == [role]
        stalling.open()
        await until(second.serves)
        await until(second.is_level)
        assert await found(second, who) == await found(first, who)


@on_servers
async def test_a_replica_whose_place_in_the_log_was_deleted_is_built_again_and_right(
    quick: Settings, seeded: Adapters, caplog: pytest.LogCaptureFixture
) -> None:
    """As in topics that keep events for a time instead of the last of each key: what was missed comes by a snapshot."""
    stalling = Gated(seeded.events)
    async with serving(quick, seeded, [seeded.events, stalling]) as (first, second):
        who, closing = await somebody(first), await published(first)
        await until(second.is_level)
        stalling.cut()
        await first.services.matching.CloseOpportunity(mt.CloseOpportunityRequest(name=closing))
        role = await published(first, title="Published while the other was away")
        later = await somebody(first, display_name="Sam Fictional")

        async def is_behind() -> bool:
            return (await second.status()).state == mt.INDEX_STATE_BEHIND

        await until(is_behind)
        await until(first.is_level)
        await asyncio.to_thread(delete_events, quick.events, TOPICS)
        stalling.open()

        async def is_built_again() -> bool:
            return (await second.status()).generation == 2 and await second.serves()

        await until(is_built_again)
        assert "built again: following the event log: the event log no longer keeps" in caplog.text
        for each in (who, later):
            assert [match.opportunity for match in await found(second, each)] == [role]
            assert await found(second, each) == await found(first, each)
        another = await published(first, title="Published later")

        async def holds_another() -> bool:
            return {match.opportunity for match in await found(second, who)} == {role, another}

        await until(holds_another)
        assert (await first.status()).generation == 1


def reason_and_retry(error: grpc.aio.AioRpcError) -> tuple[str, bool]:
    """Return the reason that the status gives, and whether it says when to try again."""
    status = rpc_status.from_call(cast("grpc.Call", error))
    assert status is not None
    info, retry = ErrorInfo(), RetryInfo()
    unpacked = [detail.Unpack(info) or detail.Unpack(retry) for detail in status.details]
    return info.reason, all(unpacked) and retry.retry_delay.ToTimedelta().total_seconds() > 0


@on_both_stacks
async def test_a_rebuilt_index_holds_the_same_and_answers_go_on_meanwhile(quick: Settings, seeded: Adapters) -> None:
    async with serving(quick, seeded, [seeded.events]) as (replica,):
        who, role = await somebody(replica), await published(replica)
        await replica.services.matching.ExpressInterest(mt.ExpressInterestRequest(person=who, opportunity=role))
        await until(replica.is_level)
        before = await found(replica, who)
        assert [match.application_stage for match in before] == [mt.APPLICATION_STAGE_INTERESTED]
        steps: list[mt.RebuildIndexResponse] = []
        async for step in replica.services.matching.RebuildIndex(mt.RebuildIndexRequest()):
            steps.append(step)
            assert await found(replica, who) == before
        *building, last = steps
        assert {step.building.cause for step in building} == {"an operator asked for it"}
        assert last.status.generation == 2
        assert (last.status.people, last.status.opportunities) == (1, 1)
        await replica.services.matching.CloseOpportunity(mt.CloseOpportunityRequest(name=role))
        await until(replica.is_level)
        assert await found(replica, who) == []


async def test_who_does_not_run_the_place_neither_asks_for_the_index_nor_rebuilds_it(
    quick: Settings, seeded: Adapters
) -> None:
    async with (
        serving(quick, seeded, [seeded.events]) as (replica,),
        connect(replica.address, person("people/anna")) as services,
    ):
        with pytest.raises(Forbidden), calling():
            await services.matching.GetIndexStatus(mt.GetIndexStatusRequest())
        with pytest.raises(Forbidden), calling():
            await anext(aiter(services.matching.RebuildIndex(mt.RebuildIndexRequest())))
