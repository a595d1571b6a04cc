"""A worker: a process that answers some of the calls of a server, at its address; see `careweave.rpc.workers`.

It opens no graph and holds no key. It listens once it can answer from what it holds, and passes calls on for as long
as it cannot. When the first process is gone it writes out what waits and ends, so that the address is free again.
"""

import asyncio
import gc
import logging
import os
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from threading import Thread
from typing import Final

import grpc

from careweave.config import Settings, read_settings
from careweave.identity.remote_keys import RemoteIssuers
from careweave.identity.service import WorkerIdentity, worker_identity_of
from careweave.rpc.binding import bind_shared, make_server
from careweave.rpc.channels import Channels
from careweave.rpc.core_log import log_what_core_writes
from careweave.rpc.deadlines import Deadlines
from careweave.rpc.guard import Guard
from careweave.rpc.limits import Limits
from careweave.rpc.logs import configure_logging
from careweave.rpc.parts import BuildWorker, WorkerPart
from careweave.rpc.passing import Passing
from careweave.rpc.server import DRAIN_SECONDS
from careweave.rpc.within import FirstProcess, follow
from careweave.rpc.workers import READY, Given
from careweave.wiring import Adapters, open_worker_adapters, utc_now

_LOG: Final = logging.getLogger(__name__)
_STANDARD_INPUT: Final = 0
_LOOK_SECONDS: Final = 0.05
_WRITING_OUT_SECONDS: Final = 2.0
"""How long a worker may write out once the first process is gone; then it ends as it is."""
_MADE_BEFORE_GARBAGE: Final = 200_000
"""Objects made between two looks for garbage until it answers: what is made at the start is made to stay."""


def run(build: BuildWorker, clock: Callable[[], datetime] = utc_now) -> None:
    """Be a worker, with the part that `build` gives, until SIGTERM or the end of standard input.

    clock: the same as that of the first process.
    """
    log_what_core_writes()
    given = Given.read(_first_line())
    settings = read_settings(given.settings)
    configure_logging(settings.log_level, given.name)
    asyncio.run(_run(given, settings, build, clock))


def _first_line() -> bytes:
    """Return the first line of standard input, and read no further: what comes then is its end."""
    line = bytearray()
    while byte := os.read(_STANDARD_INPUT, 1):
        line += byte
        if byte == b"\n":
            return bytes(line)
    sys.exit("A server starts this program; see CAREWEAVE_PROCESSES.")


async def _run(given: Given, settings: Settings, build: BuildWorker, clock: Callable[[], datetime]) -> None:
    stop = _Stop(Path(given.within.removeprefix("unix:")).parent)
    stop.listen()
    within = replace(settings, listen=given.calls)
    async with (
        FirstProcess(given.within) as first,
        Channels(within, own=first.token) as channels,
        open_worker_adapters(settings, first.read, clock) as adapters,
    ):
        identity = worker_identity_of(settings, adapters)
        issuers = RemoteIssuers(first.keys, identity.tokens.forget)
        for keys in await issuers.read():
            identity.tokens.add(keys)
        adapters.audit.name_by(first.pseudonyms)
        part = await build(adapters, channels, first.ask)
        deadlines = Deadlines(time.monotonic)
        passing = Passing(_guard(settings, adapters, identity, deadlines), given.calls, part.methods, part.ready)
        worker = _Worker(settings, part, passing, make_server(passing, shared=True))
        beside = (
            part.run(),
            adapters.audit.run(),
            deadlines.run(),
            identity.revocations.follow(adapters.events),
            follow(first.withdrawals, issuers.renew),
            follow(first.renewals, part.renew),
        )
        await worker.answer(beside, identity, stop)


def _guard(settings: Settings, adapters: Adapters, identity: WorkerIdentity, deadlines: Deadlines) -> Guard:
    return Guard(
        identity.callers,
        identity.streams,
        deadlines,
        new_id=lambda: secrets.token_hex(8),
        audit=adapters.audit,
        limits=Limits(settings.calls_per_second, time.monotonic),
    )


@dataclass(frozen=True, slots=True)
class _Worker:
    settings: Settings
    part: WorkerPart
    passing: Passing
    server: grpc.aio.Server

    async def answer(self, beside: Sequence[Awaitable[None]], identity: WorkerIdentity, stop: "_Stop") -> None:
        """Do what goes on `beside`; listen as soon as the part can answer, and until `stop`.

        Raises:
            Unavailable: the address cannot be shared.
            whatever was raised beside.
        """
        usual = gc.get_threshold()
        gc.set_threshold(_MADE_BEFORE_GARBAGE)
        failing = asyncio.gather(*beside)
        stopping = asyncio.create_task(stop.asked.wait())
        try:
            while not (self.part.ready() and identity.revocations.known()) and not stop.asked.is_set():
                await _either(failing, stopping, _LOOK_SECONDS)
            gc.set_threshold(*usual)
            if not stop.asked.is_set():
                self.part.register(self.server)
                bind_shared(self.server, self.settings)
                await self.server.start()
                sys.stdout.write(f"{READY}\n")
                sys.stdout.flush()
                await _either(failing, stopping, None)
        finally:
            await self.server.stop(0.0 if stop.orphaned else DRAIN_SECONDS)
            await self.passing.close()
            failing.cancel()
            stopping.cancel()
            await asyncio.gather(failing, stopping, return_exceptions=True)
            await self.part.close()


async def _either(failing: "asyncio.Future[list[None]]", stopping: "asyncio.Task[bool]", seconds: float | None) -> None:
    """Wait for one of the two, so many seconds at most; raises what `failing` raises."""
    await asyncio.wait((failing, stopping), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    if failing.done():
        failing.result()


class _Stop:
    """Why and when a worker ends.

    folder: of the sockets of the first process, which leaves it behind if it is killed.
    """

    def __init__(self, folder: Path) -> None:
        self.asked = asyncio.Event()
        self.orphaned = False
        self._folder = folder
        self._loop = asyncio.get_running_loop()

    def listen(self) -> None:
        """Heed SIGTERM and the end of standard input from now on."""
        self._loop.add_signal_handler(signal.SIGTERM, self.asked.set)
        self._loop.add_signal_handler(signal.SIGINT, _heed_the_first)
        Thread(target=self._watch, name="first-process", daemon=True).start()

    def _watch(self) -> None:
        while os.read(_STANDARD_INPUT, 1):
            pass
        self.orphaned = True
        _LOG.warning("the first process is gone; ending")
        shutil.rmtree(self._folder, ignore_errors=True)
        self._loop.call_soon_threadsafe(self.asked.set)
        time.sleep(_WRITING_OUT_SECONDS)
        os._exit(1)


def _heed_the_first() -> None:
    """Do nothing on Ctrl-C, which all processes of a terminal get: the first says when to end."""
