"""Tokens on a real server: which are taken, which are refused and why, and how soon a revoked one is."""

import base64
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from joserfc.jwk import OctKey

from careweave.client import calling, connect
from careweave.config import Settings
from careweave.errors import FailedPrecondition, Forbidden, InvalidArgument, Unauthenticated
from careweave.identity import keys as issuer_keys
from careweave.identity import tokens as remembering
from careweave.policy import Caller, Role
from careweave.rpc.caller import AUTHORIZATION, OPERATOR
from careweave.rpc.channels import Channels
from careweave.rpc.server import Running, running
from careweave.v1 import access_service_pb2, matching_pb2
from careweave.wiring import Adapters, open_adapters
from tests.rpc.issuer import ALGORITHMS, Issuer, issuing, new_key, signed
from tests.rpc.probe import Probe, Probed
from tests.rpc.test_guard import detail, failure

ANNA = "people/anna"
FIND = matching_pb2.FindOpportunitiesRequest(person=ANNA)
METHOD = "/careweave.v1.MatchingService/FindOpportunities"


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing() as started:
        yield started


@pytest.fixture
def settings(settings: Settings, issuer: Issuer) -> Settings:
    """Return settings of an installation that is no trial."""
    return replace(settings, trial="", issuers=issuer.url)


async def called(address: str, *metadata: tuple[str, str]) -> object:
    """Call FindOpportunities with nothing but `metadata`."""
    async with grpc.aio.insecure_channel(address) as channel:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)
        return await call(FIND.SerializeToString(), metadata=metadata)


async def bearing(address: str, token: str) -> object:
    return await called(address, (AUTHORIZATION, f"Bearer {token}"))


async def refusal(address: str, *metadata: tuple[str, str]) -> str:
    error = await failure(called(address, *metadata))
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    return str(detail(error, ErrorInfo).reason)


async def refused(address: str, token: str) -> str:
    return await refusal(address, (AUTHORIZATION, f"Bearer {token}"))


@asynccontextmanager
async def another(settings: Settings) -> AsyncIterator[Running]:
    """Run another server with the probe, over the same event log but not the same graph."""

    async def build(adapters: Adapters, channels: Channels) -> Probe:
        return Probe()

    elsewhere = replace(settings, graph=f"{settings.graph}-2", listen="127.0.0.1:0")
    async with open_adapters(elsewhere) as adapters, running(elsewhere, [build], adapters) as started:
        yield started


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_a_good_token_says_who_calls(probed: Probed, issuer: Issuer, algorithm: str) -> None:
    issuer.keys = [new_key(algorithm)]
    claims = {"careweave_role": "recruiter", "careweave_organisation": "organisations/oaks", "sub": "8f2c"}
    await failure(bearing(probed.address, issuer.token(algorithm=algorithm, **claims)))
    token = issuer.token(algorithm=algorithm, careweave_role="person", careweave_subject=ANNA)
    await bearing(probed.address, token)
    assert probed.probe.callers == [Caller(ANNA, Role.PERSON)]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"exp": -61}, "TOKEN_EXPIRED"),
        ({"nbf": 90}, "TOKEN_NOT_YET_VALID"),
        ({"iat": 90, "exp": 300}, "TOKEN_NOT_YET_VALID"),
        ({"iat": 0, "exp": 24 * 3600 + 60}, "TOKEN_LIFETIME"),
    ],
    ids=str,
)
async def test_a_token_that_is_not_good_now_is_refused(
    probed: Probed, issuer: Issuer, changed: dict[str, int], reason: str
) -> None:
    now = int(time.time())
    token = issuer.token(**{name: now + seconds for name, seconds in {"iat": -300, **changed}.items()})
    assert await refused(probed.address, token) == reason


@pytest.mark.parametrize("changed", [{"exp": -30}, {"nbf": 30}, {"iat": 30, "exp": 300}], ids=str)
async def test_clocks_may_differ_by_a_minute(probed: Probed, issuer: Issuer, changed: dict[str, int]) -> None:
    now = int(time.time())
    await bearing(probed.address, issuer.token(**{name: now + at for name, at in {"iat": -300, **changed}.items()}))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"aud": "another"}, "TOKEN_AUDIENCE"),
        ({"aud": ["another", "third"]}, "TOKEN_AUDIENCE"),
        ({"aud": None}, "TOKEN_AUDIENCE"),
        ({"iss": "https://elsewhere.example.org"}, "TOKEN_ISSUER_UNKNOWN"),
        ({"iss": None}, "TOKEN_ISSUER_UNKNOWN"),
        ({"iss": ["a", "list"]}, "TOKEN_ISSUER_UNKNOWN"),
        ({"exp": None}, "TOKEN_CLAIMS"),
        ({"exp": "tomorrow"}, "TOKEN_CLAIMS"),
        ({"iat": None}, "TOKEN_NOT_YET_VALID"),
        ({"careweave_role": None}, "TOKEN_ROLE"),
        ({"careweave_role": "king"}, "TOKEN_ROLE"),
        ({"careweave_role": ["person", "operator"]}, "TOKEN_CLAIMS"),
        ({"careweave_role": "service"}, "TOKEN_ROLE"),
        ({"careweave_role": "person"}, "TOKEN_SUBJECT"),
        ({"careweave_role": "person", "careweave_subject": "organisations/oaks"}, "TOKEN_SUBJECT"),
    ],
    ids=str,
)
async def test_a_token_that_is_not_for_us_or_names_nobody_is_refused(
    probed: Probed, issuer: Issuer, changed: dict[str, Any], reason: str
) -> None:
    assert await refused(probed.address, issuer.token(**changed)) == reason


def unsigned(issuer: Issuer) -> str:
    header = {"alg": "none", "typ": "at+jwt", "kid": issuer.keys[0].kid}
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, issuer.claims())
    ]
    return ".".join([*parts, ""])


def by_the_public_key_as_a_secret(issuer: Issuer) -> str:
    """The oldest trick: whoever verifies with the public key, whatever the algorithm, takes this for good."""
    secret = OctKey.import_key(issuer.keys[0].as_pem(private=False), {"kid": issuer.keys[0].kid or ""})
    return signed(issuer.claims(), secret, {"alg": "HS256"})


def altered(issuer: Issuer) -> str:
    header, _, signature = issuer.token(careweave_role="planner").split(".")
    return ".".join([header, issuer.token().split(".")[1], signature])


@pytest.mark.parametrize(
    ("forged", "reason"),
    [
        (unsigned, "TOKEN_ALGORITHM"),
        (by_the_public_key_as_a_secret, "TOKEN_ALGORITHM"),
        (lambda issuer: signed(issuer.claims(), new_key(), {"alg": "RS256", "kid": issuer.keys[0].kid}), "TOKEN_SIGNATURE"),
        (lambda issuer: issuer.token(new_key()), "TOKEN_SIGNATURE"),
        (lambda issuer: signed(issuer.claims(), new_key("ES256"), {"alg": "ES256", "kid": issuer.keys[0].kid}), "TOKEN_SIGNATURE"),
        (altered, "TOKEN_SIGNATURE"),
        (lambda issuer: issuer.token().rpartition(".")[0] + ".", "TOKEN_SIGNATURE"),
        (lambda issuer: signed(issuer.claims(), issuer.keys[0], {"alg": "RS256", "crit": ["exp"], "exp": 1}), "TOKEN_MALFORMED"),
        (lambda issuer: signed(issuer.claims(), issuer.keys[0], {"alg": "RS256", "typ": "logout+jwt"}), "TOKEN_TYPE"),
        (lambda issuer: "not.a.token", "TOKEN_MALFORMED"),
        (lambda issuer: "x" * 9000, "TOKEN_MALFORMED"),
        (lambda issuer: "a.b.c.d.e", "TOKEN_MALFORMED"),
    ],
    ids=[
        "alg none", "HS256 with the public key", "another key of that id", "a key that nobody has", "another kind of key",
        "altered", "signature cut off", "crit", "logout token", "no token", "too long", "encrypted",
    ],
)  # fmt: skip
async def test_a_forged_token_is_refused(
    probed: Probed, issuer: Issuer, forged: Callable[[Issuer], str], reason: str
) -> None:
    assert await refused(probed.address, forged(issuer)) == reason


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ((), "TOKEN_MISSING"),
        ((("x-careweave-role", "operator"),), "TOKEN_MISSING"),
        (((AUTHORIZATION, "Basic b3BlcmF0b3I6"),), "TOKEN_MALFORMED"),
        (((AUTHORIZATION, "Bearer"),), "TOKEN_MALFORMED"),
        (((AUTHORIZATION, "Bearer a"), (AUTHORIZATION, "Bearer b")), "TOKEN_MALFORMED"),
    ],
    ids=str,
)
async def test_nobody_is_believed_without_a_token(
    probed: Probed, metadata: tuple[tuple[str, str], ...], reason: str
) -> None:
    assert await refusal(probed.address, *metadata) == reason
    assert probed.probe.callers == []


async def test_what_metadata_says_beside_the_token_is_ignored(probed: Probed, issuer: Issuer) -> None:
    token = issuer.token(careweave_role="person", careweave_subject=ANNA)
    await called(probed.address, (AUTHORIZATION, f"Bearer {token}"), ("x-careweave-role", "operator"))
    assert probed.probe.callers == [Caller(ANNA, Role.PERSON)]


async def test_a_token_of_one_role_opens_nothing_of_another(probed: Probed, issuer: Issuer) -> None:
    async with connect(probed.address, token=issuer.token(careweave_role="planner")) as services:
        with pytest.raises(Forbidden), calling():
            await services.matching.FindOpportunities(FIND)


async def test_a_token_is_in_no_log_and_no_answer(
    probed: Probed, issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = issuer.token(aud="another")
    error = await failure(bearing(probed.address, token))
    assert token.split(".")[2] not in caplog.text + str(error)


async def test_a_key_that_the_issuer_rotated_to_is_taken_amid_a_session_and_a_withdrawn_one_refused(
    probed: Probed, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = issuer.token()
    await bearing(probed.address, old)
    monkeypatch.setattr(issuer_keys, "ASK_AGAIN_SECONDS", 0.0)
    issuer.keys.append(new_key())
    await bearing(probed.address, issuer.token(issuer.keys[1]))
    await bearing(probed.address, old)
    issuer.keys = [new_key()]
    await bearing(probed.address, issuer.token())
    assert await refused(probed.address, old) == "TOKEN_SIGNATURE"


async def test_keys_that_nobody_has_do_not_make_us_ask_the_issuer_again_and_again(
    probed: Probed, issuer: Issuer
) -> None:
    for _ in range(20):
        assert await refused(probed.address, issuer.token(new_key("ES256"), "ES256")) == "TOKEN_SIGNATURE"
    assert issuer.asked == 1


async def test_known_keys_go_on_while_the_issuer_is_down(
    probed: Probed, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bearing(probed.address, issuer.token())
    monkeypatch.setattr(issuer_keys, "ASK_AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(issuer_keys, "STALE_SECONDS", 0.0)
    issuer.down = True
    for _ in range(3):
        await bearing(probed.address, issuer.token())


async def test_an_issuer_that_never_answered_is_our_trouble_and_not_the_caller_s(
    probed: Probed, issuer: Issuer
) -> None:
    issuer.down = True
    error = await failure(bearing(probed.address, issuer.token()))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert detail(error, ErrorInfo).reason == "ISSUER_UNREACHABLE"


async def test_an_issuer_whose_configuration_names_another_is_not_believed(probed: Probed, issuer: Issuer) -> None:
    token = issuer.token()
    issuer.url += "/"
    assert (await failure(bearing(probed.address, token))).code() is grpc.StatusCode.UNAVAILABLE


async def test_a_remembered_token_is_still_refused_once_it_has_expired(
    probed: Probed, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = issuer.token(iat=int(time.time()) - 100, exp=int(time.time()) - 58)
    await bearing(probed.address, token)
    with pytest.raises(AssertionError, match="never"):
        while time.time() < int(time.time()) + 10:
            try:
                await bearing(probed.address, token)
            except grpc.aio.AioRpcError as error:
                assert detail(error, ErrorInfo).reason == "TOKEN_EXPIRED"
                raise AssertionError("never good again") from error


async def test_only_so_many_tokens_are_remembered(
    probed: Probed, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembering, "REMEMBERED", 2)
    for number in range(5):
        await bearing(probed.address, issuer.token(careweave_subject=f"organisations/{number}"))


async def operator(address: str, issuer: Issuer, **what: str) -> None:
    async with connect(address, token=issuer.token()) as services:
        await services.access.RevokeTokens(access_service_pb2.RevokeTokensRequest(**what))


async def until_refused(address: str, token: str) -> float:
    """Return after how many seconds `token` is refused as revoked."""
    began = time.perf_counter()
    while time.perf_counter() - began < 10:
        try:
            await bearing(address, token)
        except grpc.aio.AioRpcError as error:
            assert detail(error, ErrorInfo).reason == "TOKEN_REVOKED"
            return time.perf_counter() - began
    pytest.fail("it was never refused")


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
    tokens = [issuer.token(careweave_role="person", careweave_subject=ANNA, iat=earlier) for _ in range(2)]
    await operator(probed.address, issuer, subject=ANNA)
    later = issuer.token(careweave_role="person", careweave_subject=ANNA, iat=int(time.time()) + 2)
    async with another(settings) as restarted:
        for address in (probed.address, restarted.settings.listen):
            for token in tokens:
                assert await refused(address, token) == "TOKEN_REVOKED"
            await bearing(address, later)


async def test_the_log_holds_nobody_s_name_when_tokens_are_revoked(
    probed: Probed, adapters: Adapters, issuer: Issuer
) -> None:
    from careweave.events.port import Positions, Topic

    await operator(probed.address, issuer, subject=ANNA)
    async for delivered in adapters.events.follow([Topic.REVOCATIONS], Positions()):
        assert "anna" not in str(delivered.event)
        break


async def test_only_who_runs_the_place_revokes(probed: Probed, issuer: Issuer) -> None:
    token = issuer.token(careweave_role="person", careweave_subject=ANNA)
    async with connect(probed.address, token=token) as services:
        with pytest.raises(Forbidden), calling():
            await services.access.RevokeTokens(access_service_pb2.RevokeTokensRequest(subject=ANNA))


async def watch_end(probed: Probed, token: str, act: Callable[[], Any]) -> Unauthenticated:
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


async def test_a_server_that_is_no_trial_issues_no_token_and_says_where_to_get_one(probed: Probed) -> None:
    async with connect(probed.address, OPERATOR) as services:
        with pytest.raises(FailedPrecondition, match="CAREWEAVE_TOKEN_FILE") as caught, calling():
            await services.matching.FindOpportunities(FIND)
    assert caught.value.reason == "NOT_A_TRIAL"


async def test_a_token_goes_to_another_machine_by_tls_alone() -> None:
    with pytest.raises(InvalidArgument, match="TLS"):
        connect("careweave.example.org:50051", token="a.b.c")  # noqa: S106


async def test_the_file_of_a_token_is_read_again_when_it_changes(probed: Probed, issuer: Issuer, tmp_path: Any) -> None:
    file = tmp_path / "token"
    file.write_text(issuer.token(aud="another"))
    async with connect(probed.address, token_file=str(file)) as services:
        with pytest.raises(Unauthenticated), calling():
            await services.matching.FindOpportunities(FIND)
        file.write_text(issuer.token() + "\n")
        await services.matching.FindOpportunities(FIND)
        file.unlink()
        with pytest.raises(FailedPrecondition, match="CAREWEAVE_TOKEN_FILE"):
            await services.matching.FindOpportunities(FIND)


async def test_what_is_revoked_must_be_known_before_anybody_is_let_in(
    settings: Settings, issuer: Issuer, adapters: Adapters, monkeypatch: pytest.MonkeyPatch
) -> None:
    from careweave.identity import revocations
    from tests.rpc.replicas import Gated

    monkeypatch.setattr(revocations, "_PATIENCE_SECONDS", 0.2)
    log = Gated(adapters.events)

    async def build(adapters: Adapters, channels: Channels) -> Probe:
        return Probe()

    await adapters.events.append(revocations.Revocations().events("x", adapters.clock(), adapters.new_id))
    log.close_gate()
    async with running(settings, [build], replace(adapters, events=log)) as started:
        address = started.settings.listen
        error = await failure(bearing(address, issuer.token()))
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert detail(error, ErrorInfo).reason == "REVOCATIONS_UNKNOWN"
        log.open()
        monkeypatch.setattr(revocations, "_PATIENCE_SECONDS", 10.0)
        await bearing(address, issuer.token())
