import asyncio
import os
import sys
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any, cast

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1.health import SERVICE_NAME as HEALTH
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub

from careweave.client import OPERATOR, connect
from careweave.config import Settings
from careweave.errors import Unavailable
from careweave.rpc.channels import Channels
from careweave.rpc.server import running
from careweave.v1 import matching_pb2
from careweave.wiring import Adapters
from tests.rpc.issuer import Issuer
from tests.rpc.probe import Probe, Probed

NAME = "careweave.v1.MatchingService"


async def health(address: str, service: str) -> int:
    async with grpc.aio.insecure_channel(address) as channel:
        check = HealthStub(channel).Check  # type: ignore[attr-defined]  # its stubs leave methods out
        return int((await check(HealthCheckRequest(service=service))).status)


async def reflected(address: str, request: ServerReflectionRequest) -> ServerReflectionResponse:
    async with grpc.aio.insecure_channel(address) as channel:
        stub: Any = ServerReflectionStub(cast("Any", channel))
        answer = await stub.ServerReflectionInfo(iter([request])).read()
    assert isinstance(answer, ServerReflectionResponse)
    return answer


async def test_health_is_not_serving_until_the_part_is_ready(probed: Probed) -> None:
    for name in ("", NAME):
        assert await health(probed.address, name) == HealthCheckResponse.NOT_SERVING
    probed.probe.is_ready.set()
    await probed.running.until_ready()
    for name in ("", NAME):
        assert await health(probed.address, name) == HealthCheckResponse.SERVING


async def test_the_process_is_healthy_while_its_part_is_not_ready(probed: Probed) -> None:
    """What restarts a process asks under this name, lest it restart one that waits for another service."""
    assert await health(probed.address, HEALTH) == HealthCheckResponse.SERVING


async def test_the_health_command_ends_with_zero_once_the_part_is_ready(probed: Probed) -> None:
    async def ask() -> int | None:
        settings = {**os.environ, "CAREWEAVE_MATCHING": probed.address}
        asking = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "careweave_cli", "health", "matching", env=settings, stdout=asyncio.subprocess.DEVNULL
        )
        return await asking.wait()

    assert await ask() == 5
    probed.probe.is_ready.set()
    await probed.running.until_ready()
    assert await ask() == 0


async def test_calls_go_to_all_servers_of_an_address_in_turn(
    settings: Settings, adapters: Adapters, issuer: Issuer
) -> None:
    settings = replace(settings, issuers=issuer.url)
    probes = Probe(), Probe()

    async def serve(probe: Probe, within: AsyncExitStack) -> str:
        async def build(adapters: Adapters, channels: Channels) -> Probe:
            return probe

        started = await within.enter_async_context(running(settings, [build], adapters))
        return started.settings.listen

    async with AsyncExitStack() as servers:
        addresses = ",".join([await serve(probe, servers) for probe in probes])
        async with connect(f"ipv4:{addresses}", token=issuer.token()) as services:
            # A call may come before the second connection stands: then they are answered by the first alone.
            while not all(probe.callers for probe in probes):
                await services.matching.FindOpportunities(matching_pb2.FindOpportunitiesRequest(person="people/anna"))
            for probe in probes:
                probe.callers.clear()
            for _ in range(6):
                await services.matching.FindOpportunities(matching_pb2.FindOpportunitiesRequest(person="people/anna"))
    assert [len(probe.callers) for probe in probes] == [3, 3]


async def test_health_of_a_service_that_is_not_here_is_not_found(probed: Probed) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await health(probed.address, "careweave.v1.SkillsService")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_reflection_lists_what_is_served(probed: Probed) -> None:
    answer = await reflected(probed.address, ServerReflectionRequest(list_services=""))
    assert {each.name for each in answer.list_services_response.service} == {
        NAME,
        "careweave.v1.AccessService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }


async def test_reflection_gives_every_file_that_a_client_needs(probed: Probed) -> None:
    """Grpcurl asks for the file of the service and all its imports, the field rules among them."""
    answer = await reflected(probed.address, ServerReflectionRequest(file_containing_symbol=NAME))
    wanted, seen = {"careweave/v1/matching.proto"}, set[str]()
    assert answer.file_descriptor_response.file_descriptor_proto
    while wanted:
        name = wanted.pop()
        seen.add(name)
        answer = await reflected(probed.address, ServerReflectionRequest(file_by_filename=name))
        file = FileDescriptorProto.FromString(answer.file_descriptor_response.file_descriptor_proto[0])
        wanted |= set(file.dependency) - seen
    assert "buf/validate/validate.proto" in seen


async def test_a_part_that_fails_is_reported_to_whoever_runs_the_server(probed: Probed) -> None:
    probed.probe.failure.set_exception(Unavailable("The graph is gone."))
    with pytest.raises(Unavailable, match="gone"):
        await probed.running.until_ready()
    with pytest.raises(Unavailable, match="gone"):
        await probed.running.until_failure()


async def test_stopping_ends_watches_and_closes_parts(settings: Settings, adapters: Adapters) -> None:
    """Whoever watches is told that the server stops, so that they turn to another one."""
    probe = Probe()

    async def build(adapters: Adapters, channels: Channels) -> Probe:
        return probe

    async with running(settings, [build], adapters) as started:
        services = connect(started.settings.listen, OPERATOR)
        watch = services.matching.WatchOpportunities(matching_pb2.WatchOpportunitiesRequest(person="people/anna"))
        await watch.read()
        reading = asyncio.create_task(watch.read())
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await reading
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert "stopping" in (caught.value.details() or "")
    assert probe.closed
    await services.close()


async def test_two_servers_do_not_share_an_address(probed: Probed, adapters: Adapters) -> None:
    async def build(adapters: Adapters, channels: Channels) -> Probe:
        return Probe()

    with pytest.raises(Unavailable, match="CAREWEAVE_LISTEN"):
        async with running(probed.running.settings, [build], adapters):
            pass


@pytest.mark.parametrize(("first", "second"), [(1, 2), (2, 1), (2, 2)])
async def test_a_server_of_several_processes_shares_its_address_with_no_other_server(
    settings: Settings, adapters: Adapters, first: int, second: int
) -> None:
    async def build(adapters: Adapters, channels: Channels) -> Probe:
        return Probe()

    async with running(replace(settings, processes=first), [build], adapters) as started:
        with pytest.raises(Unavailable, match="CAREWEAVE_LISTEN"):
            async with running(replace(started.settings, processes=second), [build], adapters):
                pass
