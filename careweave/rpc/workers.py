"""Further processes of a server, which answer with it at its address, and the first, which keeps them.

A process answers on one core, since Python's interpreter holds a lock; so the calls that take a server's time are
answered by several. All listen at the server's address, and the kernel gives each connection to one of them. The first
opens the graph, writes, and answers all calls; a worker answers the few that its part can (`parts.HasWorkers`) from
what it holds itself, and passes the others on (`passing`).

A worker starts once the first process is ready: then vectors and compiled code lie in the cache. They start one after
another, since each reads everything from the first. One that ends is started again. The first process lives at the
other end of their standard input: when that closes, it is gone, and they end.
"""

import asyncio
import json
import logging
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, dataclass
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Final

from careweave.config import Settings, environment_of
from careweave.rpc.within import Shared, within_server

_LOG: Final = logging.getLogger(__name__)

READY: Final = "ready"
"""The line that a worker writes to its standard output once it answers."""
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 60.0
"""Seconds before a worker that has ended is started again; doubles each time."""
STEADY_SECONDS: Final = 60.0
"""Who has answered for so long is started again after the first pause."""
STOP_SECONDS: Final = 12.0
"""How long a worker may take to end in order; that is five for calls under way, and the rest for writing out."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a worker is told at its start, by a line of JSON on its standard input.

    name: of the process, in the log. settings: as variables, those of the server.
    calls: socket to which calls are passed on. within: socket where the first process is asked; see `within`.
    """

    name: str
    settings: dict[str, str]
    calls: str
    within: str

    def line(self) -> bytes:
        """Return it as a line."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def read(cls, line: bytes) -> "Given":
        """Return what `line` says."""
        return cls(**json.loads(line))


@dataclass(frozen=True, slots=True)
class Sockets:
    """Addresses in a folder that the server's user alone may enter. calls, within: see `Given`."""

    calls: str
    within: str


@contextmanager
def own_sockets() -> Iterator[Sockets]:
    """Yield addresses in a new folder, which is gone afterwards."""
    with TemporaryDirectory(prefix="careweave-", ignore_cleanup_errors=True) as folder:
        yield Sockets(f"unix:{folder}/calls", f"unix:{folder}/within")


@asynccontextmanager
async def working(
    settings: Settings, sockets: Sockets, module: str, shared: Shared, ready: asyncio.Event
) -> "AsyncIterator[Workers]":
    """Keep as many workers as `settings` say, from when this process is `ready` to the end of the block.

    settings: with the address that was bound.
    """
    first = within_server(shared, sockets.within)
    await first.start()
    variables = environment_of(settings)
    workers = Workers(
        module, settings.processes - 1, lambda name: Given(name, variables, sockets.calls, sockets.within)
    )
    starting = asyncio.create_task(_start(workers, ready))
    try:
        yield workers
    finally:
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await workers.stop()
        await first.stop(None)


async def _start(workers: "Workers", ready: asyncio.Event) -> None:
    await ready.wait()
    workers.start()


class Workers:
    """Keeps workers running.

    module: what each runs, by `python -m`. given: name of a worker → what it is told.
    """

    def __init__(self, module: str, count: int, given: Callable[[str], Given]) -> None:
        """Begin without any."""
        self._module = module
        self._given = given
        self._names = [f"worker {number}" for number in range(1, count + 1)]
        self._running: dict[str, Process] = {}
        self.answering: set[str] = set()
        """Names of those that answer now."""
        self._turn = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._keeping: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start all, one after another, and keep them running."""
        if not self._stopping.is_set():
            self._keeping = [asyncio.create_task(self._keep(name)) for name in self._names]

    async def stop(self) -> None:
        """End all in order, those by force that take longer than `STOP_SECONDS`."""
        self._stopping.set()
        for process in self._running.values():
            with suppress(ProcessLookupError):
                process.terminate()
        if self._keeping:
            _, late = await asyncio.wait(self._keeping, timeout=STOP_SECONDS)
            for name, process in self._running.items():
                _LOG.error("a worker did not end in time and is killed", extra={"worker": name})
                with suppress(ProcessLookupError):
                    process.kill()
            await asyncio.gather(*late)

    async def _keep(self, name: str) -> None:
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            began = monotonic()
            code = await self._run_once(name)
            if self._stopping.is_set():
                return
            if monotonic() - began >= STEADY_SECONDS:
                pause = FIRST_PAUSE
            _LOG.error(
                "a worker ended and is started again", extra={"worker": name, "code": code, "pause_seconds": pause}
            )
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
            pause = min(LONGEST_PAUSE, 2 * pause)

    async def _run_once(self, name: str) -> int | None:
        """Run a worker to its end, and return the code that it ended with; None if it did not begin."""
        try:
            async with self._turn:
                if self._stopping.is_set():
                    return None
                process = await self._started(name)
        except OSError:
            _LOG.exception("a worker could not be started", extra={"worker": name})
            return None
        try:
            return await process.wait()
        finally:
            del self._running[name]
            self.answering.discard(name)

    async def _started(self, name: str) -> Process:
        """Return a worker once it answers, or has ended.

        Raises:
            OSError: there is no room for another process.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", self._module, stdin=PIPE, stdout=PIPE, stderr=sys.stderr
        )
        self._running[name] = process
        if self._stopping.is_set():
            process.terminate()
        assert process.stdin is not None  # noqa: S101  asked for above
        assert process.stdout is not None  # noqa: S101
        with suppress(ConnectionError):
            process.stdin.write(self._given(name).line())
            await process.stdin.drain()
        if (await process.stdout.readline()).decode().strip() == READY:
            self.answering.add(name)
            _LOG.info("a worker answers", extra={"worker": name, "pid": process.pid})
        return process
