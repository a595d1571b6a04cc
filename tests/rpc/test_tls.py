"""TLS on a real server in a process of its own: who gets in, who does not, and what its log says of them."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from careweave.client import calling, connect
from careweave.config import PREFIX, Settings, environment_of
from careweave.errors import FailedPrecondition, Unauthenticated
from careweave.rpc import tls
from careweave.rpc.channels import Channels
from careweave.v1 import profiles_pb2
from tests.rpc.certificates import Authority, Pair
from tests.rpc.issuer import Issuer
from tests.rpc.test_guard import failure
from tests.system.ports import free_address

PLACES = profiles_pb2.ListPlacesRequest()


@dataclass
class Installation:
    """A profiles service with TLS in a process of its own.

    settings: as it was started with. log: its lines.
    """

    settings: Settings
    authority: Authority
    log: Path

    def service(self, pair: Pair) -> Settings:
        """Return the settings of another service that shows `pair` where services are served."""
        return Settings(
            listen=self.settings.service_listen,
            tls_ca_file=str(self.authority.file),
            tls_certificate_file=str(pair.certificate),
            tls_key_file=str(pair.key),
        )

    def replace(self, setting: str, file: Path) -> None:
        """Put what is in `file` where `setting` names one."""
        Path(getattr(self.settings, setting)).write_bytes(file.read_bytes())

    async def line(self, reason: str, count: int = 1) -> list[dict[str, Any]]:
        """Return the lines of that reason, once there are `count`."""
        async with asyncio.timeout(20):
            while len(found := [line for line in self._lines() if line.get("reason") == reason]) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return found

    def _lines(self) -> list[dict[str, Any]]:
        """Every line of the log is a JSON object, whoever wrote it."""
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


@pytest.fixture
async def installation(
    settings: Settings, issuer: Issuer, authority: Authority, tmp_path: Path
) -> AsyncIterator[Installation]:
    own = authority.sign("profiles")
    secured = replace(
        settings,
        trial="",
        issuers=issuer.url,
        listen=free_address(),
        tls_certificate_file=str(own.certificate),
        tls_key_file=str(own.key),
        tls_ca_file=str(authority.file),
        service_listen=free_address(),
        service_names="matching,skills",
    )
    log = tmp_path / "server.log"
    async with serving(secured, log):
        yield Installation(secured, authority, log)


@asynccontextmanager
async def serving(settings: Settings, log: Path) -> AsyncIterator[None]:
    others = {name: text for name, text in os.environ.items() if not name.startswith(PREFIX)}
    with log.open("w", encoding="utf-8") as written:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "careweave_cli", "serve", "profiles", "--json",
            env=others | environment_of(settings), stdout=asyncio.subprocess.PIPE, stderr=written,
        )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(120):
            assert json.loads(await process.stdout.readline())["address"] == settings.listen
        yield
    finally:
        process.terminate()
        assert await process.wait() == 0


async def test_a_person_s_portal_connects_by_tls_and_token(installation: Installation, issuer: Issuer) -> None:
    address, ca = installation.settings.listen, str(installation.authority.file)
    async with connect(address, token=issuer.token(), ca_file=ca) as services:
        await services.profiles.ListPlaces(PLACES)


async def test_a_service_is_known_by_its_certificate_alone(installation: Installation) -> None:
    for name in ("matching", "skills"):
        async with Channels(installation.service(installation.authority.sign(name)), waiting=False) as services:
            await services.profiles.ListPlaces(PLACES)


async def test_a_certificate_is_no_service_where_portals_are_served(installation: Installation) -> None:
    """Nobody is asked for one there."""
    shown = replace(installation.service(installation.authority.sign("matching")), listen=installation.settings.listen)
    async with Channels(shown, waiting=False) as services:
        with pytest.raises(Unauthenticated) as caught, calling():
            await services.profiles.ListPlaces(PLACES)
    assert caught.value.reason == "TOKEN_MISSING"


async def test_a_certificate_that_names_no_service_opens_nothing(installation: Installation) -> None:
    async with Channels(installation.service(installation.authority.sign("printer")), waiting=False) as services:
        with pytest.raises(Unauthenticated) as caught, calling():
            await services.profiles.ListPlaces(PLACES)
    assert caught.value.reason == "CERTIFICATE_NAME_UNKNOWN"


@pytest.mark.parametrize("port", ["listen", "service_listen"])
async def test_plain_text_to_a_port_of_tls_is_refused_and_logged(installation: Installation, port: str) -> None:
    async with grpc.aio.insecure_channel(getattr(installation.settings, port)) as channel:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
        call = channel.unary_unary("/careweave.v1.ProfilesService/ListPlaces")
        error = await failure(call(b"", timeout=5))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    line = (await installation.line("TLS_REFUSED"))[0]
    assert line["severity"] == "WARNING"
    assert "plain text" in line["message"]


async def test_wrong_certificates_are_refused_and_logged_each_for_what_it_is(
    installation: Installation, tmp_path: Path
) -> None:
    shown = {
        "signed by nobody": Authority(tmp_path / "another").sign("matching"),
        "has expired": installation.authority.sign("matching", age=timedelta(days=3), file="expired"),
    }
    for number, (said, pair) in enumerate(shown.items(), 1):
        async with Channels(installation.service(pair), waiting=False) as services:
            error = await failure(services.profiles.ListPlaces(PLACES, timeout=5))
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert said in (await installation.line("TLS_REFUSED", number))[-1]["message"]


async def test_no_certificate_is_refused_and_logged_where_services_are_served(
    installation: Installation, issuer: Issuer
) -> None:
    """A token does not help there."""
    ca = str(installation.authority.file)
    async with connect(installation.settings.service_listen, token=issuer.token(), ca_file=ca) as services:
        error = await failure(services.profiles.ListPlaces(PLACES, timeout=5))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert "no client certificate" in (await installation.line("TLS_REFUSED"))[0]["message"]


async def test_a_client_does_not_talk_to_a_server_that_another_authority_signed(
    installation: Installation, issuer: Issuer, tmp_path: Path
) -> None:
    other = Authority(tmp_path / "another")
    async with connect(installation.settings.listen, token=issuer.token(), ca_file=str(other.file)) as services:
        error = await failure(services.profiles.ListPlaces(PLACES, timeout=5))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert "CERTIFICATE_VERIFY_FAILED" in (error.details() or "")


async def test_a_renewed_certificate_is_shown_without_a_restart(
    installation: Installation, issuer: Issuer, tmp_path: Path
) -> None:
    """The authority changes altogether: the one before is trusted no more, the new one at once."""
    renewed = Authority(tmp_path / "renewed")
    pair = renewed.sign("profiles")
    installation.replace("tls_key_file", pair.key)
    installation.replace("tls_certificate_file", pair.certificate)
    async with connect(installation.settings.listen, token=issuer.token(), ca_file=str(renewed.file)) as services:
        await services.profiles.ListPlaces(PLACES, timeout=10)


def test_files_that_do_not_belong_together_are_refused_at_the_start(authority: Authority) -> None:
    one, other = authority.sign("one"), authority.sign("other")
    settings = Settings(tls_certificate_file=str(one.certificate), tls_key_file=str(other.key))
    with pytest.raises(FailedPrecondition, match="one pair"):
        tls.server_credentials(settings, mutual=False)


async def test_half_written_files_leave_the_ones_before(installation: Installation, issuer: Issuer) -> None:
    other = installation.authority.sign("other")
    installation.replace("tls_certificate_file", other.certificate)
    ca = str(installation.authority.file)
    async with connect(installation.settings.listen, token=issuer.token(), ca_file=ca) as services:
        await services.profiles.ListPlaces(PLACES, timeout=10)
