"""Revoked tokens: refused at every server, after a restart too, and what was opened with them ends."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo

from careweave.client import calling, connect
from careweave.config import Settings
from careweave.errors import Forbidden, Unauthenticated
from careweave.events.port import Positions, Topic
from careweave.identity import revocations
from careweave.identity.claims import Identified
from careweave.identity.revocations import Revocations
from careweave.rpc.caller import OPERATOR
from careweave.rpc.channels import Channels
from careweave.rpc.server import Running, running
from careweave.v1 import access_service_pb2, matching_pb2
from careweave.wiring import Adapters, open_adapters
from tests.rpc.bearing import ANNA, bearing, refused
from tests.rpc.issuer import Issuer
from tests.rpc.probe import Probe, Probed
from tests.rpc.replicas import Gated
from tests.rpc.test_guard import detail, failure

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.fixture
def settings(settings: Settings, issuer: Issuer) -> Settings:
    """Return settings of an installation that is no trial."""
    return replace(settings, trial="", issuers=issuer.url)


@asynccontextmanager
async def another(settings: Settings) -> AsyncIterator[Running]:
    """Run another server with the probe, over the same event log but not the same graph."""

    async def build(adapters: Adapters, channels: Channels) -> Probe:
        return Probe()

    elsewhere = replace(settings, graph=f"{settings.graph}-2", listen="127.0.0.1:0")
    async with open_adapters(elsewhere) as adapters, running(elsewhere, [build], adapters) as started:
        yield started


async def operator(address: str, issuer: Issuer, **what: str) -> None:
    async with connect(address, token=issuer.token()) as services:
        await services.access.RevokeTokens(access_service_pb2.RevokeTokensRequest(**what))


async def reason_of(address: str, token: str) -> str:
    """Return why `token` is refused; empty if it is taken."""
    try:
        await bearing(address, token)
    except grpc.aio.AioRpcError as error:
        return str(detail(error, ErrorInfo).reason)
    return ""


async def until_refused(address: str, token: str) -> float:
    """Return after how many seconds `token` is refused as revoked."""
    began = time.perf_counter()
    async with asyncio.timeout(10):
        while not (reason := await reason_of(address, token)):
            pass
    assert reason == "TOKEN_REVOKED"
    return time.perf_counter() - began


async def test_a_revoked_token_is_refused_at_every_server_and_others_are_not(
    probed: Probed, settings: Settings, issuer: Issuer
) -> None:
    token, other = issuer.token(jti="one"), issuer.token(jti="two")
    async with another(settings) as second:
        for address in (probed.address, second.settings.listen):
            await bearing(address, token)
        await operator(probed.address, issuer, jti="one")
        assert await refused(probed.address, token) == "TOKEN_REVOKED"
        await until_refused(second.settings.listen, token)
        for address in (probed.address, second.settings.listen):
            await bearing(address, other)


async def test_all_of_a_subject_s_tokens_until_now_are_revoked_also_after_a_restart(
    probed: Probed, settings: Settings, issuer: Issuer
) -> None:
    earlier = int(time.time()) - 30
    tokens = [issuer.token(sub="8f2c", iat=earlier) for _ in range(2)]
    await operator(probed.address, issuer, subject="8f2c")
    later = issuer.token(sub="8f2c", iat=int(time.time()) + 2)
    async with another(settings) as restarted:
        for address in (probed.address, restarted.settings.listen):
            for token in tokens:
                assert await refused(address, token) == "TOKEN_REVOKED"
            await bearing(address, later)


async def test_the_log_does_not_say_whose_tokens_are_revoked(
    probed: Probed, adapters: Adapters, issuer: Issuer
) -> None:
    await operator(probed.address, issuer, subject="8f2c")
    async for delivered in adapters.events.follow([Topic.REVOCATIONS], Positions()):
        assert "8f2c" not in delivered.event.key
        assert b"8f2c" not in (delivered.event.payload or b"")
        break


def test_a_revocation_is_forgotten_once_what_it_refuses_has_expired() -> None:
    kept = Revocations()
    kept.take(kept.event("old", NOON, "1"))
    assert kept.cover(Identified(OPERATOR, NOON.timestamp() - 1, digests=frozenset({"old"})))
    kept.take(kept.event("new", NOON + timedelta(days=2), "2"))
    assert not kept.cover(Identified(OPERATOR, NOON.timestamp() - 1, digests=frozenset({"old"})))
    assert kept.cover(Identified(OPERATOR, NOON.timestamp() - 1, digests=frozenset({"new"})))


async def test_only_who_runs_the_place_revokes(probed: Probed, issuer: Issuer) -> None:
    async with connect(probed.address, token=issuer.token(careweave_role="planner")) as services:
        with pytest.raises(Forbidden), calling():
            await services.access.RevokeTokens(access_service_pb2.RevokeTokensRequest(subject=ANNA))


async def watch_end(probed: Probed, token: str, act: Callable[[], Awaitable[None]]) -> Unauthenticated:
    """Open a watch by `token`, `act`, and return how it ends."""
    async with connect(probed.address, token=token) as services:
        watch = services.matching.WatchOpportunities(matching_pb2.WatchOpportunitiesRequest(person=ANNA))
        await watch.read()
        await act()
        with pytest.raises(Unauthenticated) as caught, calling():
            await watch.read()
    return caught.value


async def test_a_watch_ends_when_its_token_is_revoked(probed: Probed, issuer: Issuer) -> None:
    token = issuer.token(jti="one", careweave_role="person", careweave_subject=ANNA)
    ended = await watch_end(probed, token, lambda: operator(probed.address, issuer, jti="one"))
    assert ended.reason == "TOKEN_REVOKED"


async def test_a_watch_ends_when_its_token_expires(probed: Probed, issuer: Issuer) -> None:
    """With the minute that clocks may differ by: this one has a second left of it."""
    now = int(time.time())
    token = issuer.token(careweave_role="person", careweave_subject=ANNA, iat=now - 100, exp=now - 58)

    async def wait() -> None:
        """The server does it."""

    assert (await watch_end(probed, token, wait)).reason == "TOKEN_EXPIRED"


async def test_what_is_revoked_must_be_known_before_anybody_is_let_in(
    settings: Settings, issuer: Issuer, adapters: Adapters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocations, "_PATIENCE_SECONDS", 0.2)
    log = Gated(adapters.events)

    async def build(adapters: Adapters, channels: Channels) -> Probe:
        return Probe()

    await adapters.events.append([Revocations().event("x", adapters.clock(), "1")])
    log.close_gate()
    async with running(settings, [build], replace(adapters, events=log)) as started:
        address = started.settings.listen
        error = await failure(bearing(address, issuer.token()))
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert detail(error, ErrorInfo).reason == "REVOCATIONS_UNKNOWN"
        log.open()
        monkeypatch.setattr(revocations, "_PATIENCE_SECONDS", 10.0)
        await bearing(address, issuer.token())
