"""Workers of a server that speaks TLS and believes an issuer: they show its certificate and know its callers."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo

from careweave.client import calling, connect
from careweave.config import Settings
from careweave.errors import Unauthenticated
from careweave.rpc.channels import Channels
from careweave.v1 import matching_pb2 as mt
from careweave.v1 import profiles_pb2 as pf
from tests.rpc.certificates import Authority
from tests.rpc.issuer import Issuer, issuing
from tests.rpc.test_guard import detail, failure
from tests.stacks import EMBEDDED, SERVERS, settings_of
from tests.system.ports import free_address
from tests.system.processes import Server, connected, serving

PROCESSES = 2
ANNA = "people/anna"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing() as started:
        yield started


@pytest.fixture
def server(stack: str, tmp_path: Path, authority: Authority, issuer: Issuer) -> Iterator[Server]:
    own = authority.sign("all")
    settings = replace(
        asyncio.run(settings_of(stack, tmp_path)),
        trial="",
        issuers=issuer.url,
        processes=PROCESSES,
        listen=free_address(),
        service_listen=free_address(),
        service_names="planning",
        tls_certificate_file=str(own.certificate),
        tls_key_file=str(own.key),
        tls_ca_file=str(authority.file),
    )
    with serving(settings, tmp_path / "server.log") as started:
        yield started


@pytest.mark.parametrize("stack", [EMBEDDED, SERVERS])
async def test_tokens_are_good_at_every_process_and_certificates_at_none(
    server: Server, authority: Authority, issuer: Issuer
) -> None:
    address = server.settings.listen
    async with connect(address, token=issuer.token(), ca_file=str(authority.file)) as services:
        given = pf.Person(display_name="Anna Fictional", fictional=True)
        await services.profiles.CreatePerson(pf.CreatePersonRequest(person=given, person_id="anna"))
    credentials = grpc.ssl_channel_credentials(authority.file.read_bytes())
    async with connected(address, ANNA, PROCESSES, issuer.token(), credentials) as met:
        for each in met.values():
            stranger = replace(each, token=issuer.token(aud="another"))
            refused = await failure(stranger.find(ANNA))
            assert detail(refused, ErrorInfo).reason == "TOKEN_AUDIENCE"
    shown = authority.sign("planning")
    service = Settings(
        listen=address,
        tls_ca_file=str(authority.file),
        tls_certificate_file=str(shown.certificate),
        tls_key_file=str(shown.key),
    )
    for _ in range(6):  # connections of their own, at whichever process
        async with Channels(service, waiting=False) as channels:
            with pytest.raises(Unauthenticated) as caught, calling():
                await channels.matching.FindOpportunities(mt.FindOpportunitiesRequest(person=ANNA))
        assert caught.value.reason == "TOKEN_MISSING"
    # Where services call, the first process answers alone.
    async with Channels(replace(service, listen=server.settings.service_listen), waiting=False) as channels:
        await channels.profiles.ListPlaces(pf.ListPlacesRequest())
