"""Tokens on a real server: which are taken, and which are refused, and why."""

import asyncio
import hmac
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from google.rpc.error_details_pb2 import ErrorInfo
from joserfc.jwk import RSAKey

from careweave.client import calling, connect
from careweave.config import Settings
from careweave.errors import FailedPrecondition, Forbidden, InvalidArgument, Unauthenticated
from careweave.identity import keys as issuer_keys
from careweave.identity import tokens as remembering
from careweave.policy import Caller, Role
from careweave.rpc.caller import AUTHORIZATION, OPERATOR
from tests.rpc.bearing import ANNA, FIND, bearing, called, refusal, refused
from tests.rpc.issuer import ALGORITHMS, Issuer, new_key, signed, signed_by_hand
from tests.rpc.probe import Probed
from tests.rpc.test_guard import detail, failure


@pytest.fixture
def settings(settings: Settings, issuer: Issuer) -> Settings:
    """Return settings of an installation that is no trial."""
    return replace(settings, trial="", issuers=issuer.url)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_a_good_token_says_who_calls(probed: Probed, issuer: Issuer, algorithm: str) -> None:
    issuer.keys = [new_key(algorithm)]
    said = {"careweave_role": "person", "careweave_subject": ANNA, "sub": "8f2c", "aud": ["careweave", "account"]}
    await bearing(probed.address, signed(issuer.claims(**said), issuer.keys[0], {"alg": algorithm}))
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


def header_of(issuer: Issuer, **changed: Any) -> dict[str, Any]:
    return {"alg": "RS256", "kid": issuer.keys[0].kid, **changed}


def unsigned(issuer: Issuer) -> str:
    return signed_by_hand(issuer.claims(), header_of(issuer, alg="none"), lambda _: b"")


def by_the_public_key_as_a_secret(issuer: Issuer) -> str:
    """The oldest trick: whoever verifies with the public key, whatever the algorithm, takes this for good."""
    secret = cast("RSAKey", issuer.keys[0]).as_pem(private=False)
    return signed_by_hand(
        issuer.claims(), header_of(issuer, alg="HS256"), lambda text: hmac.digest(secret, text, "sha256")
    )


def asking_for_more(issuer: Issuer) -> str:
    """Signed as it should be; but it says that one who does not understand `pay` must not take it."""
    key = cast("rsa.RSAPrivateKey", issuer.keys[0].private_key)
    header = header_of(issuer, crit=["pay"], pay=1)
    return signed_by_hand(issuer.claims(), header, lambda text: key.sign(text, padding.PKCS1v15(), hashes.SHA256()))


def by_another_key(issuer: Issuer, algorithm: str = "RS256") -> str:
    return signed(issuer.claims(), new_key(algorithm), header_of(issuer, alg=algorithm))


def altered(issuer: Issuer) -> str:
    header, _, signature = issuer.token(careweave_role="planner").split(".")
    return ".".join([header, issuer.token().split(".")[1], signature])


FORGED: dict[str, tuple[Callable[[Issuer], str], str]] = {
    "alg none": (unsigned, "TOKEN_ALGORITHM"),
    "HS256 with the public key as secret": (by_the_public_key_as_a_secret, "TOKEN_ALGORITHM"),
    "another key by the id of the right one": (by_another_key, "TOKEN_SIGNATURE"),
    "another kind of key": (lambda issuer: by_another_key(issuer, "ES256"), "TOKEN_SIGNATURE"),
    "a key that the issuer does not have": (lambda issuer: issuer.token_by(new_key()), "TOKEN_SIGNATURE"),
    "claims altered": (altered, "TOKEN_SIGNATURE"),
    "signature cut off": (lambda issuer: issuer.token().rpartition(".")[0] + ".", "TOKEN_SIGNATURE"),
    "crit": (asking_for_more, "TOKEN_MALFORMED"),
    "logout token": (
        lambda issuer: signed(issuer.claims(), issuer.keys[0], {"alg": "RS256", "typ": "logout+jwt"}),
        "TOKEN_TYPE",
    ),
    "no token": (lambda _: "not.a.token", "TOKEN_MALFORMED"),
    "too long": (lambda _: "x" * 6500, "TOKEN_MALFORMED"),
    "encrypted": (lambda _: "a.b.c.d.e", "TOKEN_MALFORMED"),
}


@pytest.mark.parametrize("forged", FORGED)
async def test_a_forged_token_is_refused(probed: Probed, issuer: Issuer, forged: str) -> None:
    forge, reason = FORGED[forged]
    assert await refused(probed.address, forge(issuer)) == reason


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
    await bearing(probed.address, issuer.token_by(issuer.keys[1]))
    await bearing(probed.address, old)
    issuer.keys = [new_key()]
    await bearing(probed.address, issuer.token())
    assert await refused(probed.address, old) == "TOKEN_SIGNATURE"


async def test_keys_that_nobody_has_do_not_make_us_ask_the_issuer_again_and_again(
    probed: Probed, issuer: Issuer
) -> None:
    for _ in range(20):
        assert await refused(probed.address, issuer.token_by(new_key("ES256"))) == "TOKEN_SIGNATURE"
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


async def test_a_remembered_token_is_refused_once_it_has_expired(probed: Probed, issuer: Issuer) -> None:
    now = int(time.time())
    token = issuer.token(iat=now - 100, exp=now - 59)
    await bearing(probed.address, token)
    await asyncio.sleep(1.1)
    assert await refused(probed.address, token) == "TOKEN_EXPIRED"


async def test_only_so_many_tokens_are_remembered(
    probed: Probed, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembering, "REMEMBERED", 2)
    for number in range(5):
        await bearing(probed.address, issuer.token(careweave_subject=f"organisations/{number}"))


async def test_a_server_that_is_no_trial_issues_no_token_and_says_where_to_get_one(probed: Probed) -> None:
    async with connect(probed.address, OPERATOR) as services:
        with pytest.raises(FailedPrecondition, match="CAREWEAVE_TOKEN_FILE") as caught, calling():
            await services.matching.FindOpportunities(FIND)
    assert caught.value.reason == "NOT_A_TRIAL"


async def test_a_token_goes_to_another_machine_by_tls_alone() -> None:
    with pytest.raises(InvalidArgument, match="TLS"):
        connect("careweave.example.org:50051", token="a.b.c")  # noqa: S106


async def test_the_file_of_a_token_is_read_again_when_it_changes(
    probed: Probed, issuer: Issuer, tmp_path: Path
) -> None:
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
