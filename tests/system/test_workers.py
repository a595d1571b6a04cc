"""A server of three processes on the sample place: any of them answers, and it does not show which."""

import asyncio
import itertools
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub

from careweave.audit.chains import verify
from careweave.config import Settings
from careweave.events.port import Delivered, Topic
from careweave.policy import Action, Role
from careweave.rpc.access import NUMBERS
from careweave.v1 import access_service_pb2 as access
from careweave.v1 import common_pb2, hr_pb2
from careweave.v1 import matching_pb2 as mt
from careweave.v1 import profiles_pb2 as pf
from careweave.v1.access_service_pb2_grpc import AccessServiceStub
from careweave.v1.audit_pb2 import AuditBatch
from careweave.v1.events_pb2 import RankingMade
from careweave.v1.matching_pb2_grpc import MatchingServiceStub
from careweave.v1.profiles_pb2_grpc import ProfilesServiceStub
from careweave.wiring import open_events
from tests.contract.reading import everything
from tests.rpc.bearing import trial_token
from tests.rpc.test_guard import detail, failure
from tests.system.ports import free_address
from tests.system.processes import ENDED, Connection, Server, connected, process_of, serving, until_gone

PROCESSES = 3
SECONDS = 60.0
MANY = 100_000.0


def settings_in(folder: Path, sample_settings: Callable[[Path], Settings]) -> Settings:
    """Return settings of a trial with the sample place, of several processes."""
    sample = sample_settings(folder)
    return replace(sample, trial="yes", processes=PROCESSES, listen=free_address(), calls_per_second=MANY)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, sample_settings: Callable[[Path], Settings]) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("workers")
    with serving(settings_in(folder / "var", sample_settings), folder / "server.log") as started:
        yield started


@pytest.fixture(scope="module")
def people(server: Server) -> list[str]:
    """Return the names of some people of the sample."""
    return asyncio.run(_people(server.settings.listen))


@pytest.fixture
async def connections(server: Server, people: list[str]) -> AsyncIterator[list[Connection]]:
    async with connected(server.settings.listen, people[0], PROCESSES) as met:
        yield list(met.values())


def without_name(found: mt.FindOpportunitiesResponse) -> bytes:
    """Return an answer as bytes, less the name of the decision, which says when and where it was made."""
    found.ClearField("decision")
    return found.SerializeToString(deterministic=True)


async def until_all(connections: list[Connection], true: Callable[[Connection], Any]) -> None:
    """Return once `true` holds of each connection."""
    for each in connections:
        async with asyncio.timeout(SECONDS):
            while not await true(each):  # noqa: ASYNC110  another process's state
                await asyncio.sleep(0.02)


async def test_all_processes_answer_alike_to_the_byte(connections: list[Connection], people: list[str]) -> None:
    for person in people:
        for wanted in (
            {},
            {"view": mt.MATCH_VIEW_BASIC, "page_size": 100},
            {"maximum_per_organisation": 1, "include_ineligible": True},
        ):
            answers = {without_name(await each.find(person, **wanted)) for each in connections}
            assert len(answers) == 1
            assert len(answers.pop()) > 0


def test_workers_never_open_the_graph(server: Server) -> None:
    place = server.settings.graph.removeprefix("ladybug:")
    for pid in (server.process.pid, *server.workers().values()):
        opened = [str(Path(file).resolve()) for file in Path(f"/proc/{pid}/fd").iterdir()]
        assert any(file.startswith(place) for file in opened) == (pid == server.process.pid)


async def test_a_page_token_of_one_process_is_good_at_the_others(
    connections: list[Connection], people: list[str]
) -> None:
    first = await connections[0].find(people[1], page_size=3)
    assert first.next_page_token
    nexts = {
        without_name(await each.find(people[1], page_size=3, page_token=first.next_page_token)) for each in connections
    }
    assert len(nexts) == 1


async def test_a_change_of_a_profile_through_any_connection_soon_counts_everywhere(
    connections: list[Connection], people: list[str]
) -> None:
    kinds = [
        common_pb2.OPPORTUNITY_KIND_JOB,
        common_pb2.OPPORTUNITY_KIND_APPRENTICESHIP,
        common_pb2.OPPORTUNITY_KIND_PLACEMENT,
    ]
    for writer, kind in zip(connections, kinds, strict=True):
        wished = pf.Person(name=people[2], preferences=pf.Preferences(kinds=[kind]))
        request = pf.UpdatePersonRequest(person=wished, update_mask=FieldMask(paths=["preferences.kinds"]))
        await ProfilesServiceStub(writer.channel).UpdatePerson(request, metadata=writer.bearer())

        async def holds(each: Connection, kind: int = kind) -> bool:
            found = await each.find(people[2], include_ineligible=True)
            return {match.kind for match in found.matches} == {kind}

        await until_all(connections, holds)


async def test_an_opportunity_created_through_any_connection_is_soon_listed_everywhere(
    connections: list[Connection], people: list[str]
) -> None:
    for writer in connections:
        stub = MatchingServiceStub(writer.channel)
        found = await writer.find(people[3], page_size=1)
        model = await stub.GetOpportunity(
            mt.GetOpportunityRequest(name=found.matches[0].opportunity), metadata=writer.bearer()
        )
        new = mt.Opportunity(title="A new one", kind=model.kind, organisation=model.organisation, place=model.place)
        made = await stub.CreateOpportunity(mt.CreateOpportunityRequest(opportunity=new), metadata=writer.bearer())

        async def lists(each: Connection, name: str = made.name) -> bool:
            every = await each.find(people[3], page_size=100, include_ineligible=True)
            token, names = every.next_page_token, [match.opportunity for match in every.matches]
            while token:
                more = await each.find(people[3], page_size=100, include_ineligible=True, page_token=token)
                token, names = more.next_page_token, names + [match.opportunity for match in more.matches]
            return name in names

        await until_all(connections, lists)


async def test_what_workers_do_not_answer_goes_through_them(connections: list[Connection], people: list[str]) -> None:
    """Lists, errors with their details, health and reflection are the same over every connection."""
    told = set[Any]()
    for each in connections:
        profiles = ProfilesServiceStub(each.channel)
        page = await profiles.ListPeople(pf.ListPeopleRequest(page_size=5), metadata=each.bearer())
        missing = await failure(
            profiles.GetPerson(pf.GetPersonRequest(name="people/nobody-of-that-name"), metadata=each.bearer())
        )
        assert missing.code() is grpc.StatusCode.NOT_FOUND
        wrong = await failure(profiles.GetPerson(pf.GetPersonRequest(name="nothing"), metadata=each.bearer()))
        assert detail(wrong, BadRequest).field_violations
        unnamed = await failure(profiles.ListPeople(pf.ListPeopleRequest()))
        assert unnamed.code() is grpc.StatusCode.UNAUTHENTICATED
        check = HealthStub(each.channel).Check  # type: ignore[attr-defined]  # its stubs leave methods out
        assert (await check(HealthCheckRequest())).status == HealthCheckResponse.SERVING
        reflection: Any = ServerReflectionStub(each.channel)  # type: ignore[arg-type]
        listed = await reflection.ServerReflectionInfo(iter([ServerReflectionRequest(list_services="")])).read()
        told.add(
            (
                page.SerializeToString(),
                missing.details(),
                detail(missing, ErrorInfo).reason,
                wrong.details(),
                detail(unnamed, ErrorInfo).reason,
                listed.SerializeToString(),
            )
        )
    assert len(told) == 1


async def test_refusals_of_workers_are_those_of_the_first_process(
    server: Server, connections: list[Connection], people: list[str]
) -> None:
    another = await trial_token(server.settings.listen, Role.PLANNER)
    told = set[Any]()
    for each in connections:
        stub = MatchingServiceStub(each.channel)
        request = mt.FindOpportunitiesRequest(person=people[0])
        for metadata in ((), (("authorization", f"Bearer {another}"),), (("authorization", "Bearer x"),)):
            error = await failure(stub.FindOpportunities(request, metadata=metadata))
            told.add((metadata, error.code(), error.details(), detail(error, ErrorInfo).reason))
        wrong = await failure(stub.FindOpportunities(mt.FindOpportunitiesRequest(person="x"), metadata=each.bearer()))
        told.add((("wrong",), wrong.code(), wrong.details(), str(detail(wrong, BadRequest))))
    assert len(told) == 4


async def test_streams_go_through_workers_both_ways(connections: list[Connection], people: list[str]) -> None:
    """A watch tells of what another connection publishes, and an HR feed is answered update by update."""
    for number, each in enumerate(connections):
        stub = MatchingServiceStub(each.channel)
        watching: Any = stub.WatchOpportunities(
            mt.WatchOpportunitiesRequest(person=people[4], minimum_score=0.01), metadata=each.bearer()
        )
        async with asyncio.timeout(SECONDS):
            assert not (await watching.read()).HasField("match")
            found = await each.find(people[4], page_size=1)
            model = await stub.GetOpportunity(
                mt.GetOpportunityRequest(name=found.matches[0].opportunity), metadata=each.bearer()
            )
            for field in ("name", "etag", "version", "create_time", "update_time", "state"):
                model.ClearField(field)
            made = await stub.CreateOpportunity(mt.CreateOpportunityRequest(opportunity=model), metadata=each.bearer())
            assert (await watching.read()).match.opportunity == made.name
        watching.cancel()

        async def updates(number: int = number) -> AsyncIterator[hr_pb2.StreamProfileUpdatesRequest]:
            opening = hr_pb2.FeedOpening(source_system="sourceSystems/workers", feed=f"feed-{number}")
            yield hr_pb2.StreamProfileUpdatesRequest(opening=opening)
            for record in range(3):
                update = hr_pb2.ProfileUpdate(
                    source_system="sourceSystems/workers", external_id=f"{number}-{record}", source_version=1
                )
                update.identity.display_name = "Fictional"
                update.identity.fictional = True
                yield hr_pb2.StreamProfileUpdatesRequest(update=update, position=record + 1)

        feed: Any = ProfilesServiceStub(each.channel).StreamProfileUpdates(updates(), metadata=each.bearer())
        async with asyncio.timeout(SECONDS):
            assert [reply async for reply in feed]


async def test_a_revoked_token_is_soon_refused_by_every_process(
    server: Server, connections: list[Connection], people: list[str]
) -> None:
    token = await trial_token(server.settings.listen, Role.PLANNER)
    person = await _token_of(server.settings.listen, people[5])
    mine = [Connection(each.channel, person) for each in connections]
    for each in mine:
        await each.find(people[5])
    revoke = access.RevokeTokensRequest(subject=people[5])
    await AccessServiceStub(connections[1].channel).RevokeTokens(revoke, metadata=connections[1].bearer())

    async def refuses(each: Connection) -> bool:
        return await _reason(each, people[5]) == "TOKEN_REVOKED"

    await until_all(mine, refuses)
    assert await _reason(Connection(connections[0].channel, token), people[5]) == "NOT_ALLOWED"


async def test_tokens_of_a_withdrawn_key_are_soon_refused_by_every_process_and_new_ones_taken(
    server: Server, connections: list[Connection], people: list[str]
) -> None:
    old = [Connection(each.channel, await _token_of(server.settings.listen, people[6])) for each in connections]
    for each in old:
        await each.find(people[6])
    await AccessServiceStub(connections[0].channel).RotateTrialKey(
        access.RotateTrialKeyRequest(withdraw=True), metadata=connections[0].bearer()
    )
    token = await _token_of(server.settings.listen, people[6])
    for each in connections:
        await Connection(each.channel, token).find(people[6])

    async def refuses(each: Connection) -> bool:
        return await _reason(each, people[6]) == "TOKEN_SIGNATURE"

    await until_all(old, refuses)


async def test_rebuilding_the_index_has_workers_build_theirs(server: Server, connections: list[Connection]) -> None:
    rebuilding: Any = MatchingServiceStub(connections[0].channel).RebuildIndex(
        mt.RebuildIndexRequest(), metadata=connections[0].bearer()
    )
    async for _ in rebuilding:
        pass
    for name in server.workers():
        cause = "an operator asked for it"
        await asyncio.to_thread(server.until_logged, "index built", 1, process=name, cause=cause)


async def test_a_killed_worker_costs_at_most_the_calls_at_it_and_comes_back(
    server: Server, connections: list[Connection], people: list[str]
) -> None:
    stop, failed, answered = asyncio.Event(), list[grpc.StatusCode](), 0

    async def ask(each: Connection) -> None:
        nonlocal answered
        while not stop.is_set():
            try:
                await each.find(people[7])
                answered += 1
            except grpc.aio.AioRpcError as error:
                failed.append(error.code())
                await asyncio.sleep(0.05)

    asking = [asyncio.create_task(ask(each)) for each in connections for _ in range(2)]
    await asyncio.sleep(0.5)
    ended = len(server.lines(ENDED))
    os.kill(server.workers()["worker 1"], signal.SIGKILL)
    await asyncio.to_thread(server.until_logged, ENDED, ended + 1)
    before = answered
    await asyncio.to_thread(server.until_logged, "a worker answers", ended + PROCESSES)
    stop.set()
    await asyncio.gather(*asking)
    assert answered > before, "the others went on"
    assert set(failed) <= {grpc.StatusCode.UNAVAILABLE}
    async with connected(server.settings.listen, people[0], PROCESSES) as met:
        assert len(met.keys() - {each.process for each in connections}) == 1, "the one that came back has a new name"


async def test_workers_end_with_a_first_process_that_is_killed_and_leave_the_address_free(
    tmp_path: Path, sample_settings: Callable[[Path], Settings]
) -> None:
    settings = settings_in(tmp_path / "var", sample_settings)
    with serving(settings, tmp_path / "server.log") as server:
        workers = server.workers().values()
        assert len(workers) == PROCESSES - 1
        server.process.kill()
        server.process.wait()
        await until_gone(*workers)
    host, _, port = settings.listen.rpartition(":")
    with socket.socket() as alone:
        alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        alone.bind((host, int(port)))


async def test_stopping_under_load_loses_neither_a_decision_nor_an_entry_of_the_audit_trail(
    tmp_path: Path, sample_settings: Callable[[Path], Settings]
) -> None:
    settings = settings_in(tmp_path / "var", sample_settings)
    answered: list[str] = []
    failed: list[grpc.StatusCode] = []

    async def ask(each: Connection, names: list[str]) -> None:
        for name in itertools.cycle(names):
            try:
                answered.append((await each.find(name)).decision)
            except grpc.aio.AioRpcError as error:
                failed.append(error.code())
                return

    with serving(settings, tmp_path / "server.log") as server:
        names = await _people(settings.listen)
        async with connected(settings.listen, names[0], PROCESSES) as met:
            asking = [asyncio.create_task(ask(each, names)) for each in met.values() for _ in range(4)]
            await asyncio.sleep(2.0)
            server.process.send_signal(signal.SIGTERM)
            await asyncio.gather(*asking)
        assert await asyncio.to_thread(server.process.wait, SECONDS) == 0, server.last_words()
    # gRPC's core cancels what arrives on a connection in the moment in which its server stops.
    assert set(failed) <= {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
    assert {process_of(decision) for decision in answered} == met.keys()
    log = await open_events(settings)
    try:
        decisions = await everything(log, Topic.DECISIONS)
        made = [RankingMade.FromString(each.event.payload or b"") for each in decisions]
        audited = await everything(log, Topic.AUDIT)
        batches = [AuditBatch.FromString(each.event.payload or b"") for each in audited]
        chains, missing = await verify(_each(audited), {}, datetime(2020, 1, 1, tzinfo=UTC))
    finally:
        await log.close()
    assert set(answered) <= {each.decision for each in made}
    for process in met:
        numbers = sorted(each.sequence for each in made if each.process == process)
        assert numbers == list(range(1, len(numbers) + 1))
    entries = [entry for batch in batches for entry in batch.entries if entry.action == Action.FIND_OPPORTUNITIES]
    assert len(entries) >= len(answered)
    assert not missing
    assert not [fault for chain in chains for fault in chain.faults]
    assert sum(chain.closed for chain in chains) >= PROCESSES, "every process has ended its chain"


async def _each(delivered: Iterable[Delivered]) -> AsyncIterator[Delivered]:
    for each in delivered:
        yield each


async def _people(address: str) -> list[str]:
    """Return the names of some people of the sample."""
    async with grpc.aio.insecure_channel(address) as channel:
        bearer = (("authorization", f"Bearer {await trial_token(address)}"),)
        page = await ProfilesServiceStub(channel).ListPeople(pf.ListPeopleRequest(page_size=40), metadata=bearer)
    return [person.name for person in page.people]


async def _token_of(address: str, person: str) -> str:
    async with grpc.aio.insecure_channel(address) as channel:
        request = access.IssueTrialTokenRequest(role=NUMBERS[Role.PERSON], subject=person)
        return str((await AccessServiceStub(channel).IssueTrialToken(request)).token)


async def _reason(connection: Connection, person: str) -> str:
    """Return why a call is refused; empty if it is not."""
    try:
        await connection.find(person)
    except grpc.aio.AioRpcError as error:
        return str(detail(error, ErrorInfo).reason)
    return ""
