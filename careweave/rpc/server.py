"""Starting services on one grpc.aio server, and stopping them without losing a call.

Health is served per service (`grpc.health.v1`): NOT_SERVING until the part says that it is ready, while it says
that it is not, and from the moment the server begins to stop. The empty name stands for all parts together. The health
service's own name is SERVING as soon as the process answers, whatever the parts wait for: a probe that restarts
a process asks for that one, since a restart mends nothing that is elsewhere. Health and reflection are told without
asking who calls: they say nothing about anybody. Probes that know no TLS ask at an address where there is health alone.
"""

import asyncio
import logging
import secrets
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import SERVICE_NAME as HEALTH
from grpc_health.v1.health import aio as health_aio
from grpc_reflection.v1alpha import reflection

from careweave.audit.trail import Pseudonyms, of_nobody
from careweave.config import Settings
from careweave.identity.service import identity_of
from careweave.identity.signing import OwnIssuer
from careweave.rpc.binding import bind, make_server, port
from careweave.rpc.channels import Channels
from careweave.rpc.deadlines import Deadlines
from careweave.rpc.guard import Guard
from careweave.rpc.limits import Limits
from careweave.rpc.parts import Build, HasWorkers, KeepsPseudonyms, PassesOn, ServicePart
from careweave.rpc.pseudonyms import pseudonyms_over
from careweave.rpc.within import Issuers, Shared
from careweave.rpc.workers import Workers, own_sockets, working

if TYPE_CHECKING:
    from careweave.wiring import Adapters

_LOG: Final = logging.getLogger(__name__)
_SERVING: Final = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING: Final = health_pb2.HealthCheckResponse.NOT_SERVING
_STARTING_POLL_SECONDS: Final = 0.02
_READY_POLL_SECONDS: Final = 0.2

DRAIN_SECONDS: Final = 5.0
"""How long calls that are under way may go on when the server stops."""


@dataclass(frozen=True, slots=True)
class Running:
    """A server with its services, started.

    settings: as given, with `listen` replaced by the address that was bound.
    own: gives this process tokens for its own server: `Channels(settings, caller, own=own)`.
    """

    settings: Settings
    own: OwnIssuer
    _ready: asyncio.Event
    _failed: "asyncio.Future[None]"
    _workers: Workers | None = None

    @property
    def processes(self) -> int:
        """How many processes answer now, this one included; workers begin when every part is ready."""
        return 1 + len(self._workers.answering if self._workers else ())

    async def until_ready(self) -> None:
        """Return when every part is ready.

        Raises:
            whatever a part raised in `run`.
        """
        waiting = asyncio.ensure_future(self._ready.wait())
        try:
            await asyncio.wait((waiting, self._failed), return_when=asyncio.FIRST_COMPLETED)
            if self._failed.done():
                self._failed.result()
        finally:
            waiting.cancel()

    async def until_failure(self) -> None:
        """Wait for a part to fail in `run`, and raise what it raised."""
        await asyncio.shield(self._failed)


@asynccontextmanager
async def running(settings: Settings, builds: Sequence[Build], adapters: "Adapters") -> AsyncIterator[Running]:
    """Serve what `builds` give at `settings.listen` (port 0: any free one) until the block ends.

    On leaving, health turns NOT_SERVING, streams end, calls get `DRAIN_SECONDS`, background tasks are
    cancelled and parts closed. The adapters stay open: they are the caller's. Workers start when every part is
    ready, and end before this process does.

    Raises:
        Unavailable: the address cannot be bound.
    """
    limits = Limits(settings.calls_per_second, time.monotonic)
    identity = identity_of(settings, adapters)
    deadlines = Deadlines(time.monotonic)
    guard = Guard(
        identity.callers,
        identity.streams,
        deadlines,
        new_id=lambda: secrets.token_hex(8),
        audit=adapters.audit,
        limits=limits,
    )
    async with AsyncExitStack() as until_done:
        sockets = until_done.enter_context(own_sockets()) if settings.processes > 1 else None
        server = make_server(guard, shared=sockets is not None)
        bound = bind(server, settings, sockets.calls if sockets else "")
        channels = await until_done.enter_async_context(Channels(bound.within, own=identity.own))
        parts: list[ServicePart] = [identity.part]
        parts += [await build(adapters, channels) for build in builds]
        for part in parts:
            if isinstance(part, PassesOn):
                guard.pass_on(part.name)
        pseudonyms = _pseudonyms(parts, channels)
        adapters.audit.name_by(pseudonyms)
        health = _register(server, parts)
        ready, failed = asyncio.Event(), asyncio.get_running_loop().create_future()
        await _set_all(health, parts, _NOT_SERVING)
        await health.set(HEALTH, _SERVING)
        await server.start()
        probed = await _started_for_probes(settings.health_listen, health)
        tasks = [asyncio.create_task(_run(part, failed)) for part in parts]
        tasks.append(asyncio.create_task(adapters.audit.run()))
        tasks.append(asyncio.create_task(deadlines.run()))
        tasks.append(asyncio.create_task(_follow_readiness(parts, health, ready)))
        has_workers = next((part for part in parts if isinstance(part, HasWorkers)), None)
        workers: AbstractAsyncContextManager[Workers | None] = nullcontext()
        if sockets and has_workers:
            own = Issuers(identity.own, identity.issuers, identity.withdrawn)
            shared = Shared(adapters.graph, own, pseudonyms, has_workers.answers, has_workers.renewals)
            workers = working(bound.settings, sockets, has_workers.worker, shared, ready)
        try:
            async with workers as kept:
                try:
                    yield Running(bound.settings, identity.own, ready, failed, kept)
                finally:
                    await health.enter_graceful_shutdown()
                    identity.streams.end_all()
        finally:
            identity.streams.end_all()  # what was opened while workers ended
            await server.stop(DRAIN_SECONDS)
            await probed.stop(None)
            await _cancelled(tasks)
            failed.cancel()
            for part in reversed(parts):
                await part.close()
            await adapters.audit.write_rest()
            adapters.audit.name_by(of_nobody)  # nobody answers here any more


def _pseudonyms(parts: Sequence[ServicePart], channels: Channels) -> Pseudonyms:
    """Return how the audit trail finds pseudonyms: of the part that keeps them if it runs here, else by a call."""
    here = next((part for part in parts if isinstance(part, KeepsPseudonyms)), None)
    return here.pseudonyms if here else partial(pseudonyms_over, channels)


def say_nothing(address: str) -> None:
    """Tell nobody that the services are ready; the log says so in any case."""


async def serve(
    settings: Settings, builds: Sequence[Build], adapters: "Adapters", when_ready: Callable[[str], None] = say_nothing
) -> None:
    """Serve until SIGTERM or SIGINT.

    when_ready: called once with the address that was bound, when every part is ready.

    Raises:
        Unavailable: the address cannot be bound.
        whatever a part raised in `run`.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running(settings, builds, adapters) as started:
        _LOG.info("listening", extra={"address": started.settings.listen})
        stopping = asyncio.create_task(stop.wait())
        failing = asyncio.create_task(started.until_failure())
        announcing = asyncio.create_task(_announce(started, when_ready))
        await asyncio.wait((stopping, failing), return_when=asyncio.FIRST_COMPLETED)
        try:
            if failing.done():
                failing.result()
        finally:
            _LOG.info("stopping")
            await _cancelled([stopping, failing, announcing])
    _LOG.info("stopped")


def _register(server: grpc.aio.Server, parts: Sequence[ServicePart]) -> health_aio.HealthServicer:
    health = health_aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    for part in parts:
        part.register(server)
    reflection.enable_server_reflection([*(part.name for part in parts), HEALTH, reflection.SERVICE_NAME], server)
    return health


async def _started_for_probes(listen: str, health: health_aio.HealthServicer) -> grpc.aio.Server:
    """Return a server of health alone, in plain text, that has started; it listens nowhere if `listen` is empty."""
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    if listen:
        port(listen, server.add_insecure_port)
        await server.start()
    return server


async def _run(part: ServicePart, failed: "asyncio.Future[None]") -> None:
    try:
        await part.run()
    except Exception as error:  # noqa: BLE001  handed on to whoever runs the server
        _LOG.exception("service failed", extra={"service": part.name})
        if not failed.done():
            failed.set_exception(error)


async def _follow_readiness(
    parts: Sequence[ServicePart], health: health_aio.HealthServicer, ready: asyncio.Event
) -> None:
    """Set the health of each part as it becomes ready or ceases to be, and of all together; until cancelled."""
    serving: set[str] = set()
    while True:
        present = {part.name for part in parts if part.ready()}
        for name in sorted(present ^ serving):
            await health.set(name, _SERVING if name in present else _NOT_SERVING)
            if name in present:
                _LOG.info("ready", extra={"service": name})
            else:
                _LOG.warning("not ready any more", extra={"service": name})
        if present != serving or not ready.is_set():
            everything = len(present) == len(parts)
            await health.set("", _SERVING if everything else _NOT_SERVING)
            if everything:
                ready.set()
        serving = present
        await asyncio.sleep(_READY_POLL_SECONDS if ready.is_set() else _STARTING_POLL_SECONDS)


async def _set_all(
    health: health_aio.HealthServicer,
    parts: Sequence[ServicePart],
    status: int,
) -> None:
    for name in ("", *(part.name for part in parts)):
        await health.set(name, status)


async def _announce(started: Running, when_ready: Callable[[str], None]) -> None:
    with suppress(Exception):  # the failure itself is reported by whoever waits for it
        await started.until_ready()
        _LOG.info("all services are ready")
        when_ready(started.settings.listen)


async def _cancelled(tasks: Sequence["asyncio.Task[None] | asyncio.Task[bool]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
