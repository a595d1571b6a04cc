"""Several replicas of the matching service over one graph and one event log, and a log that can be made to fail."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from careweave_matching import service as matching
from careweave_profiles import service as profiles
from careweave_skills import service as skills
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from careweave.audit.trail import AuditTrail
from careweave.client import OPERATOR, Channels
from careweave.config import Settings
from careweave.errors import Unavailable
from careweave.events.port import MOST_AT_ONCE, Delivered, Event, EventLog, Handle, Positions
from careweave.rpc.parts import Build
from careweave.rpc.server import running
from careweave.v1 import matching_pb2 as mt
from careweave.wiring import Adapters, open_events

PATIENCE = 120.0


@dataclass(frozen=True)
class Replica:
    """A matching service on a server of its own.

    settings: by which to call it and the services behind it.
    """

    address: str
    services: Channels
    settings: Settings

    async def health(self) -> int:
        """Return what its health says."""
        check = HealthStub(self.services.channel(self.address)).Check  # type: ignore[attr-defined]
        return int((await check(HealthCheckRequest(service=matching.NAME))).status)

    async def serves(self) -> bool:
        """Tell whether its health says SERVING."""
        return await self.health() == HealthCheckResponse.SERVING

    async def status(self) -> mt.IndexStatus:
        """Return how its index stands."""
        return await self.services.matching.GetIndexStatus(mt.GetIndexStatusRequest())

    async def is_level(self) -> bool:
        """Tell whether its index has taken in all that the log holds."""
        status = await self.status()
        return status.state == mt.INDEX_STATE_CURRENT and not status.events_behind and not status.behind.ToSeconds()


@asynccontextmanager
async def serving(settings: Settings, adapters: Adapters, logs: Sequence[EventLog]) -> AsyncIterator[list[Replica]]:
    """Serve one replica for each of `logs`, all of them over `adapters`; skills and profiles are with the first."""
    async with AsyncExitStack() as until_done:
        found: list[Replica] = []
        for log in logs:
            builds: list[Build] = [matching.build] if found else [skills.build, profiles.build, matching.build]
            trail = AuditTrail(log, adapters.new_id, adapters.clock)
            own = replace(adapters, settings=settings, events=log, audit=trail)
            server = await until_done.enter_async_context(running(settings, builds, own))
            await server.until_ready()
            services = await until_done.enter_async_context(Channels(server.settings, OPERATOR, waiting=False))
            found.append(Replica(server.settings.listen, services, server.settings))
            settings = replace(settings, skills=found[0].address, profiles=found[0].address)
        yield found


@asynccontextmanager
async def opened(settings: Settings, count: int) -> AsyncIterator[list[EventLog]]:
    """Open the event log `count` times, as so many processes do."""
    logs = [await open_events(settings) for _ in range(count)]
    try:
        yield logs
    finally:
        for log in logs:
            await log.close()


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """Return once `true` says so."""
    async with asyncio.timeout(PATIENCE):
        while not await true():  # noqa: ASYNC110  another process's state
            await asyncio.sleep(0.05)


class Gated:
    """An event log whose followers get nothing while the gate is closed, or end; all else goes through."""

    def __init__(self, inner: EventLog) -> None:
        """Begin with the gate open."""
        self._inner = inner
        self._gate = asyncio.Event()
        self._is_cut = False
        self.followers = 0
        """How many followers have begun."""
        self.open()

    def open(self) -> None:
        """Let events through."""
        self._is_cut = False
        self._gate.set()

    def cut(self) -> None:
        """End followers as the next event comes, and let none begin, as if nobody answered them."""
        self._is_cut = True

    def close_gate(self) -> None:
        """Hold events back."""
        self._gate.clear()

    async def append(self, events: Sequence[Event]) -> None:
        """Append."""
        await self._inner.append(events)

    async def end(self, topics: Sequence[str]) -> Positions:
        """Return the end."""
        return await self._inner.end(topics)

    async def follow(self, topics: Sequence[str], positions: Positions) -> AsyncIterator[Delivered]:
        """Follow, as far as the gate lets events through."""
        self._require_uncut()
        self.followers += 1
        async with aclosing(cast("AsyncGenerator[Delivered]", self._inner.follow(topics, positions))) as following:
            async for delivered in following:
                await self._gate.wait()
                self._require_uncut()
                yield delivered

    async def recall(self, topic: str, key: str, since: datetime) -> list[Event]:
        """Recall."""
        return await self._inner.recall(topic, key, since)

    def _require_uncut(self) -> None:
        if self._is_cut:
            raise Unavailable("cut off", reason="EVENTS_UNAVAILABLE")

    async def consume(self, topics: Sequence[str], group: str, handle: Handle, most: int = MOST_AT_ONCE) -> None:
        """Consume."""
        await self._inner.consume(topics, group, handle, most)

    async def lag(self, topics: Sequence[str], group: str) -> Mapping[tuple[str, int], int]:
        """Return how far the group is behind."""
        return await self._inner.lag(topics, group)

    async def compact(self, topic: str, forget_before: datetime | None = None) -> int:
        """Compact."""
        return await self._inner.compact(topic, forget_before)

    async def drop_before(self, topic: str, time: datetime, *, dry_run: bool = False) -> int:
        """Drop."""
        return await self._inner.drop_before(topic, time, dry_run=dry_run)

    async def scrub(self) -> None:
        """Scrub."""
        await self._inner.scrub()

    async def close(self) -> None:
        """Leave the log open: it is somebody else's."""
