"""An opportunity is published while the person watches and somebody reads the event log."""

import asyncio
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

import grpc

from careweave.errors import Unavailable
from careweave.rpc.channels import Channels
from careweave.v1 import matching_pb2
from careweave_cli.demo.server import command

Watch: TypeAlias = grpc.aio.UnaryStreamCall[
    matching_pb2.WatchOpportunitiesRequest, matching_pb2.WatchOpportunitiesResponse
]
_PATIENCE_SECONDS: Final = 120.0


@asynccontextmanager
async def watching(services: Channels, person: str) -> AsyncIterator[Watch]:
    """Set a watch for `person`; the block begins when the service says that it is set."""
    watch: Watch = services.matching.WatchOpportunities(matching_pb2.WatchOpportunitiesRequest(person=person))
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await watch.read()
        yield watch
    finally:
        watch.cancel()


async def arrival(watch: Watch, opportunity: str) -> matching_pb2.Match:
    """Return the match by which `opportunity` arrives on the watch.

    Raises:
        Unavailable: it does not come.
    """
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while True:
                reply = await watch.read()
                if not isinstance(reply, matching_pb2.WatchOpportunitiesResponse):
                    break
                if reply.match.opportunity == opportunity:
                    return reply.match
    except TimeoutError:
        pass
    raise Unavailable(f"{opportunity} did not arrive on the watch.", reason="WATCH_SILENT")


@asynccontextmanager
async def tailing(*options: str) -> AsyncIterator[Process]:
    """Run `careweave events tail` in a process of its own; the block begins when it waits for events."""
    process = await asyncio.create_subprocess_exec(*command("events", "tail", *options), stdout=PIPE, stderr=PIPE)
    try:
        await _line(process.stderr)
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def line_about(process: Process, resource: str) -> str:
    """Return the next line that names `resource`.

    Raises:
        Unavailable: none comes; the server writes its events elsewhere than the settings of this process say.
    """
    while True:
        line = await _line(process.stdout)
        if not line:
            raise Unavailable("The event log ended before the event came.", reason="EVENTS_SILENT")
        if resource in line:
            return line.rstrip()


async def _line(stream: asyncio.StreamReader | None) -> str:
    if stream is None:
        return ""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return (await stream.readline()).decode()
    except TimeoutError as error:
        raise Unavailable(
            "No event came. If a server that was running is used, start this with the same CAREWEAVE_EVENTS as it.",
            reason="EVENTS_SILENT",
        ) from error
