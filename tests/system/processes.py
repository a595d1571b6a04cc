"""A server of several processes, and connections to each of them."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from careweave.config import PREFIX, Settings, environment_of
from careweave.v1 import matching_pb2 as mt
from careweave.v1.matching_pb2_grpc import MatchingServiceStub
from tests.rpc.bearing import trial_token

PATIENCE = 600.0
MOST_CONNECTIONS = 60
ANSWERS = "a worker answers"
ENDED = "a worker ended and is started again"


@dataclass
class Server:
    """`careweave serve all` with `settings.processes` processes, and its log."""

    settings: Settings
    process: subprocess.Popen[bytes]
    log: Path

    def lines(self, message: str, **fields: object) -> list[dict[str, Any]]:
        """Return what was logged with `message` and `fields`."""
        written = self.log.read_text(encoding="utf-8").splitlines()
        found = [json.loads(line) for line in written if line.startswith("{") and line.endswith("}")]
        return [line for line in found if line["message"] == message and fields.items() <= line.items()]

    def until_logged(self, message: str, times: int, **fields: object) -> list[dict[str, Any]]:
        """Return the lines with `message` as soon as there are so many."""
        end = time.monotonic() + PATIENCE
        while len(found := self.lines(message, **fields)) < times:
            assert time.monotonic() < end, f"{message!r} is not in the log {times} times:\n{self.last_words()}"
            assert self.process.poll() is None, f"the server ended:\n{self.last_words()}"
            time.sleep(0.05)
        return found

    def last_words(self) -> str:
        """Return the end of the log."""
        return "\n".join(self.log.read_text(encoding="utf-8").splitlines()[-15:])

    def workers(self) -> dict[str, int]:
        """Return the process ids of the workers that answered last, by name."""
        return {line["worker"]: line["pid"] for line in self.lines(ANSWERS)}


@contextmanager
def serving(settings: Settings, log: Path) -> Iterator[Server]:
    """Serve as `settings` say until the end of the block, from when every process answers; it may end before."""
    others = {name: text for name, text in os.environ.items() if not name.startswith(PREFIX)}
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "careweave_cli", "serve", "all"],
            env=others | environment_of(settings),
            stderr=written,
            stdout=subprocess.DEVNULL,
        )
    server = Server(settings, process, log)
    try:
        server.until_logged(ANSWERS, settings.processes - 1)
        yield server
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0, server.last_words()


@dataclass
class Connection:
    """A connection of its own, and the process that is at its other end, as decisions name it."""

    channel: grpc.aio.Channel
    token: str
    process: str = ""

    async def find(self, person: str, **wanted: Any) -> mt.FindOpportunitiesResponse:
        """Ask for the opportunities of a person."""
        request = mt.FindOpportunitiesRequest(person=person, **wanted)
        found = await MatchingServiceStub(self.channel).FindOpportunities(request, metadata=self.bearer())
        assert isinstance(found, mt.FindOpportunitiesResponse)
        return found

    def bearer(self) -> tuple[tuple[str, str]]:
        """Return the metadata that says who calls."""
        return (("authorization", f"Bearer {self.token}"),)


def process_of(decision: str) -> str:
    """Return the name of the process that made a decision."""
    return decision.split("-")[1]


@asynccontextmanager
async def connected(
    address: str, person: str, count: int, token: str = "", credentials: grpc.ChannelCredentials | None = None
) -> AsyncIterator[dict[str, Connection]]:
    """Yield a connection to each of `count` processes, by name. token: of an operator; asked of a trial if empty."""
    token = token or await trial_token(address)
    async with AsyncExitStack() as until_done:
        met: dict[str, Connection] = {}
        for _ in range(MOST_CONNECTIONS):
            options = (("grpc.use_local_subchannel_pool", 1),)  # else channels to one address share a connection
            channel = (
                grpc.aio.secure_channel(address, credentials, options)
                if credentials
                else grpc.aio.insecure_channel(address, options)
            )
            connection = Connection(await until_done.enter_async_context(channel), token)
            connection.process = process_of((await connection.find(person)).decision)
            met.setdefault(connection.process, connection)
            if len(met) == count:
                break
        assert len(met) == count, f"{MOST_CONNECTIONS} connections met {len(met)} processes"
        yield met


async def until_gone(*processes: int) -> None:
    """Return once none of `processes` is there any more."""
    async with asyncio.timeout(PATIENCE):
        while any(Path(f"/proc/{each}").exists() for each in processes):  # noqa: ASYNC110, ASYNC240  others' state
            await asyncio.sleep(0.05)
