"""A trial: its server issues tokens itself, for anybody, and other processes verify them as those of any issuer."""

import asyncio
import base64
import json
import os
import sys
from asyncio import to_thread
from asyncio.subprocess import PIPE
from dataclasses import replace
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import grpc
import pytest

from careweave.client import calling, connect, person
from careweave.config import PREFIX, Settings
from careweave.errors import Forbidden, InvalidArgument
from careweave.identity.keys import DISCOVERY
from careweave.policy import Caller, Role
from careweave.rpc.channels import Channels
from careweave.rpc.server import running
from careweave.v1 import access_service_pb2, matching_pb2
from careweave.wiring import Adapters
from tests.rpc.bearing import ANNA, FIND, bearing, refusal, refused, trial_token
from tests.rpc.probe import Probe, Probed


def fetched(url: str, body: str | None = None) -> dict[str, Any]:
    with urlopen(url, body.encode() if body is not None else None, timeout=10) as answer:  # noqa: S310  its own address
        found: dict[str, Any] = json.loads(answer.read())
        return found


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return claims


async def issuer_of(probed: Probed) -> str:
    """Return the name of a trial's issuer, as its tokens say it."""
    return str(claims_of(await trial_token(probed.address))["iss"])


async def careweave(address: str, *words: str) -> str:
    """Run the command against `address` and return what it prints."""
    others = {name: text for name, text in os.environ.items() if not name.startswith(PREFIX)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "careweave_cli", *words, env=others | {"CAREWEAVE_LISTEN": address}, stdout=PIPE
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0
    return printed.decode().strip()


async def test_another_server_verifies_a_trial_s_tokens_over_http_but_takes_none_for_a_service(
    probed: Probed, settings: Settings, adapters: Adapters
) -> None:
    probe = Probe()

    async def build(adapters: Adapters, channels: Channels) -> Probe:
        return probe

    elsewhere = replace(settings, trial="", issuers=await issuer_of(probed))
    async with running(elsewhere, [build], adapters) as second:
        address = second.settings.listen
        await bearing(address, await trial_token(probed.address))
        assert await refused(address, await trial_token(probed.address, Role.SERVICE)) == "TOKEN_ROLE"
    assert [caller.role for caller in probe.callers] == [Role.OPERATOR]


async def test_its_issuer_answers_as_oidc_issuers_do(probed: Probed) -> None:
    url = await issuer_of(probed)
    found = await to_thread(fetched, url + DISCOVERY)
    assert found["issuer"] == url
    keys = await to_thread(fetched, found["jwks_uri"])
    assert all("d" not in key for key in keys["keys"])
    answer = await to_thread(fetched, found["token_endpoint"], f"role=person&subject={ANNA}")
    await bearing(probed.address, answer["access_token"])
    assert probed.probe.callers == [Caller(ANNA, Role.PERSON)]


@pytest.mark.parametrize(("path", "body"), [("/token", "role=king"), ("/token", "role=person"), ("/elsewhere", None)])
async def test_its_issuer_refuses_what_it_does_not_know(probed: Probed, path: str, body: str | None) -> None:
    with pytest.raises(HTTPError):
        await to_thread(fetched, await issuer_of(probed) + path, body)


async def test_a_rotated_key_leaves_tokens_good_unless_it_is_withdrawn(probed: Probed) -> None:
    old = await trial_token(probed.address)
    await probed.services.access.RotateTrialKey(access_service_pb2.RotateTrialKeyRequest())
    await bearing(probed.address, old)
    await bearing(probed.address, await trial_token(probed.address))
    await probed.services.access.RotateTrialKey(access_service_pb2.RotateTrialKeyRequest(withdraw=True))
    assert await refused(probed.address, old) == "TOKEN_SIGNATURE"
    await bearing(probed.address, await trial_token(probed.address))


async def test_a_client_whose_token_is_no_longer_good_gets_another_and_calls_again(probed: Probed) -> None:
    """As when the server was started anew: neither its calls nor its streams notice."""
    await probed.services.matching.FindOpportunities(FIND)
    for _ in range(2):
        await probed.services.access.RotateTrialKey(access_service_pb2.RotateTrialKeyRequest(withdraw=True))
        await probed.services.matching.FindOpportunities(FIND)
        await probed.services.access.RotateTrialKey(access_service_pb2.RotateTrialKeyRequest(withdraw=True))
        watch = probed.services.matching.WatchOpportunities(matching_pb2.WatchOpportunitiesRequest(person=ANNA))
        assert isinstance(await watch.read(), matching_pb2.WatchOpportunitiesResponse)
        watch.cancel()


async def test_the_command_prints_a_token_revokes_it_and_rotates_the_key(probed: Probed) -> None:
    token = await careweave(probed.address, "--role", "planner", "--as", "people/paul", "token")
    assert claims_of(token)["careweave_role"] == "planner"
    await careweave(probed.address, "token", "revoke", "--jti", claims_of(token)["jti"])
    assert await refused(probed.address, token) == "TOKEN_REVOKED"
    other = await careweave(probed.address, "token")
    assert "Signing by key" in await careweave(probed.address, "token", "rotate", "--withdraw")
    assert await refused(probed.address, other) == "TOKEN_SIGNATURE"


async def test_nobody_but_who_runs_it_rotates_its_key(probed: Probed) -> None:
    async with connect(probed.address, Caller("", Role.PLANNER)) as services:
        with pytest.raises(Forbidden), calling():
            await services.access.RotateTrialKey(access_service_pb2.RotateTrialKeyRequest())


async def test_a_person_must_be_named(probed: Probed) -> None:
    async with connect(probed.address, person("anna")) as services:
        with pytest.raises(InvalidArgument, match="people/"), calling():
            await services.matching.FindOpportunities(FIND)


async def test_it_says_loudly_that_it_is_one(probed: Probed, caplog: pytest.LogCaptureFixture) -> None:
    assert any("TRIAL" in record.message for record in caplog.get_records("setup"))


async def test_health_and_reflection_need_no_token_and_nothing_else_does_without(probed: Probed) -> None:
    async with grpc.aio.insecure_channel(probed.address) as channel:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
        call = channel.unary_unary("/grpc.health.v1.Health/Check")
        assert await call(b"")
        assert await refusal(probed.address) == "TOKEN_MISSING"
