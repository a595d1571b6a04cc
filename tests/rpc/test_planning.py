"""The planning service as its callers meet it, beside profiles, on both stacks."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass

import grpc
import pytest
from careweave_planning import service as planning
from careweave_profiles import service as profiles

from careweave.client import OPERATOR, calling, connect, person
from careweave.config import Settings
from careweave.errors import Forbidden, InvalidArgument, NotFound
from careweave.events.port import Positions, Topic
from careweave.events.reading import all_kept
from careweave.graph.port import Query
from careweave.graph.schema import SCHEMA
from careweave.policy import Caller, Role
from careweave.rpc.caller import SERVICE
from careweave.rpc.channels import Channels
from careweave.rpc.errors import error_of
from careweave.rpc.server import running
from careweave.v1 import planning_pb2 as pb
from careweave.v1 import profiles_pb2
from careweave.v1.common_pb2 import ExportPersonRequest
from careweave.wiring import Adapters
from tests.stacks import on_both_stacks

pytestmark = on_both_stacks

PATIENCE_SECONDS = 30
EVERYTHING = [
    Query(f"test.{label}", f"MATCH (n:{label}) RETURN {', '.join(f'n.{name} AS {name}' for name in node.properties)}")
    for label, node in SCHEMA.nodes.items()
]
ANNA = "people/anna"


@dataclass
class Served:
    """Planning and profiles on one server, with Anna in it."""

    address: str
    adapters: Adapters
    anna: Channels
    operator: Channels

    async def declare(self, religion: "pb.Religion.ValueType") -> pb.EqualityDeclaration:
        """Declare a religion as Anna."""
        declaration = pb.EqualityDeclaration(name=f"{ANNA}/equalityDeclaration", religion=religion)
        request = pb.UpdateEqualityDeclarationRequest(equality_declaration=declaration, allow_missing=True)
        return await self.anna.planning.UpdateEqualityDeclaration(request)

    async def read(self) -> pb.EqualityDeclaration:
        """Return what Anna declared."""
        request = pb.GetEqualityDeclarationRequest(name=f"{ANNA}/equalityDeclaration")
        return await self.anna.planning.GetEqualityDeclaration(request)

    async def create(self) -> None:
        """Make Anna's profile."""
        request = profiles_pb2.CreatePersonRequest(person=profiles_pb2.Person(), person_id="anna")
        await self.operator.profiles.CreatePerson(request)

    async def until_refused(self) -> None:
        """Wait until planning knows that Anna was erased."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    await self.declare(pb.RELIGION_OTHER)
                except grpc.aio.AioRpcError as failure:
                    if error_of(failure).reason == "PERSON_ERASED":
                        return
                await asyncio.sleep(0.05)


@pytest.fixture
async def served(settings: Settings, adapters: Adapters) -> AsyncIterator[Served]:
    async with (
        running(settings, [profiles.build, planning.build], adapters) as started,
        connect(started.settings.listen, person(ANNA)) as anna,
        connect(started.settings.listen, OPERATOR) as operator,
    ):
        here = Served(started.settings.listen, adapters, anna, operator)
        await here.create()
        yield here


async def test_a_person_declares_reads_and_withdraws(served: Served) -> None:
    declared = await served.declare(pb.RELIGION_BUDDHIST)
    assert declared.declare_date.year >= 2026
    assert await served.read() == declared
    request = pb.WithdrawEqualityDeclarationRequest(name=declared.name)
    await served.anna.planning.WithdrawEqualityDeclaration(request)
    with pytest.raises(NotFound), calling():
        await served.read()


async def test_neither_who_runs_the_place_nor_an_employer_nor_another_service_reads_it(served: Served) -> None:
    name = (await served.declare(pb.RELIGION_BUDDHIST)).name
    for caller in (
        OPERATOR,
        SERVICE,
        person("people/benn"),
        *(Caller(ANNA, role, "organisations/oaks") for role in Role if role is not Role.PERSON),
    ):
        async with connect(served.address, caller) as others:
            for call in (
                others.planning.GetEqualityDeclaration(pb.GetEqualityDeclarationRequest(name=name)),
                others.planning.WithdrawEqualityDeclaration(pb.WithdrawEqualityDeclarationRequest(name=name)),
            ):
                with pytest.raises(Forbidden), calling():
                    await call
    assert (await served.read()).religion == pb.RELIGION_BUDDHIST


async def test_once_a_person_is_erased_their_declaration_is_gone_and_none_is_kept_until_they_are_back(
    served: Served,
) -> None:
    await served.declare(pb.RELIGION_JEWISH)
    await served.operator.profiles.DeletePerson(profiles_pb2.DeletePersonRequest(name=ANNA))
    await served.until_refused()
    with pytest.raises(NotFound), calling():
        await served.read()
    await served.create()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                await served.declare(pb.RELIGION_SIKH)
                break
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.05)
    assert (await served.read()).religion == pb.RELIGION_SIKH


async def test_an_export_gives_the_person_their_answers_and_the_operator_a_count(served: Served) -> None:
    await served.declare(pb.RELIGION_CHRISTIAN)
    request = ExportPersonRequest(name=ANNA)
    [own] = [section async for section in served.anna.planning.ExportPerson(request)]
    assert own.rows[0]["religion"] == "christian"
    [others] = [section async for section in served.operator.planning.ExportPerson(request)]
    assert dict(others.rows[0]) == {"declarations": 1}


async def test_nothing_of_a_declaration_is_in_the_graph_in_an_event_or_in_the_log(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await anext(served.adapters.events.follow([Topic.PROFILES], Positions()))  # that there is Anna
    told = [topic for topic in Topic if topic is not Topic.AUDIT]  # which says that somebody called, under a pseudonym
    ends = await served.adapters.events.end(told)
    await served.declare(pb.RELIGION_MUSLIM)
    await served.read()
    with pytest.raises(InvalidArgument), calling():
        await served.declare(99)  # type: ignore[arg-type]
    await served.adapters.audit.flush()
    assert await served.adapters.events.end(told) == ends
    audited = [each.event.payload async for each in all_kept(served.adapters.events, Topic.AUDIT)]
    assert any(b"UpdateEqualityDeclaration" in (payload or b"") for payload in audited)
    for payload in audited:
        assert b"anna" not in (payload or b"")
    graph = repr([await served.adapters.graph.run(query) for query in EVERYTHING])
    assert ANNA in graph
    logged = " ".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)
    for word in ("RELIGION", "Muslim", "religion", "equalityDeclaration"):
        assert word not in logged
        assert word not in graph


async def test_a_name_of_another_shape_and_an_answer_that_is_none_are_told_by_field(served: Served) -> None:
    for declaration, field in (
        (pb.EqualityDeclaration(name=ANNA), "equality_declaration.name"),
        (
            pb.EqualityDeclaration(name=f"{ANNA}/equalityDeclaration", sex=9),  # type: ignore[arg-type]
            "equality_declaration.sex",
        ),
    ):
        with pytest.raises(InvalidArgument) as error, calling():
            await served.anna.planning.UpdateEqualityDeclaration(
                pb.UpdateEqualityDeclarationRequest(equality_declaration=declaration)
            )
        assert error.value.violations[0].field == field
