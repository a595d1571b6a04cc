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
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import SERVICE_NAME as HEALTH
from grpc_health.v1.health import aio as health_aio
from grpc_reflection.v1alpha import reflection

from careweave.audit.trail import Pseudonyms, of_nobody
from careweave.config import Settings
from careweave.errors import Unavailable
from careweave.identity.service import identity_of
from careweave.identity.signing import OwnIssuer
from careweave.rpc.channels import LONGEST_MESSAGE, Channels
from careweave.rpc.deadlines import Deadlines
from careweave.rpc.guard import Guard
from careweave.rpc.limits import Limits
from careweave.rpc.parts import Build, KeepsPseudonyms, PassesOn, ServicePart
from careweave.rpc.pseudonyms import pseudonyms_over
from careweave.rpc.serving import secured
from careweave.rpc.tls import server_credentials

if TYPE_CHECKING:
    from careweave.wiring import Adapters

_LOG: Final = logging.getLogger(__name__)
_SERVING: Final = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING: Final = health_pb2.HealthCheckResponse.NOT_SERVING
_STARTING_POLL_SECONDS: Final = 0.02
_READY_POLL_SECONDS: Final = 0.2

DRAIN_SECONDS: Final = 5.0
"""How long calls that are under way may go on when the server stops."""
CONNECTION_AGE_SECONDS: Final = 300.0
"""After this a client is asked to connect anew, and looks up the address again: so it finds replicas that were added
since. Calls under way, streams too, end where they began."""


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
    cancelled and parts closed. The adapters stay open: they are the caller's.

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
    server = _make_server(guard)
    bound = _bind(server, settings)
    async with Channels(bound.within, own=identity.own) as channels:
        parts: list[ServicePart] = [identity.part]
        parts += [await build(adapters, channels) for build in builds]
        for part in parts:
            if isinstance(part, PassesOn):
                guard.pass_on(part.name)
        adapters.audit.name_by(_pseudonyms(parts, channels))
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
        try:
            yield Running(bound.settings, identity.own, ready, failed)
        finally:
            await health.enter_graceful_shutdown()
            identity.streams.end_all()
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


def _make_server(guard: Guard) -> grpc.aio.Server:
    return grpc.aio.server(
        interceptors=[guard],
        options=(
            ("grpc.so_reuseport", 0),  # two servers on one port would answer in turn, each from its own index
            ("grpc.max_receive_message_length", LONGEST_MESSAGE),
            ("grpc.max_send_message_length", LONGEST_MESSAGE),
            ("grpc.max_connection_age_ms", int(CONNECTION_AGE_SECONDS * 1000)),
        ),
    )


@dataclass(frozen=True, slots=True)
class _Bound:
    """Where a server listens.

    settings: for those who call from elsewhere. within: for the services that share the process, which call each other
    in plain text over loopback.
    """

    settings: Settings
    within: Settings


def _bind(server: grpc.aio.Server, settings: Settings) -> _Bound:
    """Bind what `settings` name; where a port is 0, any free one."""
    if not secured(settings):
        bound = replace(settings, listen=_port(settings.listen, server.add_insecure_port))
        return _Bound(bound, bound)
    listen = _port(settings.listen, partial(_add_secure, server, server_credentials(settings, mutual=False)))
    if settings.service_listen:
        _port(settings.service_listen, partial(_add_secure, server, server_credentials(settings, mutual=True)))
    within = _port("127.0.0.1:0", server.add_insecure_port)
    return _Bound(replace(settings, listen=listen), replace(settings, listen=within))


def _add_secure(server: grpc.aio.Server, credentials: grpc.ServerCredentials, listen: str) -> int:
    return server.add_secure_port(listen, credentials)


def _port(listen: str, add: Callable[[str], int]) -> str:
    """Return the address that `add` bound, with the port that was chosen where `listen` says 0."""
    try:
        port = add(listen)
    except RuntimeError as error:
        raise Unavailable(
            f"Cannot listen on {listen}: it is in use, or not an address of this machine. "
            "Stop what listens there, or choose another address with CAREWEAVE_LISTEN.",
            reason="ADDRESS_NOT_BOUND",
            metadata={"address": listen},
        ) from error
    return f"{listen.rpartition(':')[0]}:{port}"


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
        _port(listen, server.add_insecure_port)
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
