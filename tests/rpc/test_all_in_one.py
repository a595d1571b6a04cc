"""All services on one server: what belongs to none of them alone."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import grpc
import pytest
from careweave_cli.composition import SERVICES, builds
from careweave_cli.health import FULL_NAMES, health_of
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub

from careweave.client import OPERATOR, calling, connect
from careweave.config import Settings
from careweave.errors import InvalidArgument, NotFound
from careweave.rpc.channels import Channels
from careweave.rpc.server import Running, running
from careweave.v1 import matching_pb2, profiles_pb2, skills_pb2
from careweave.wiring import Adapters


@pytest.fixture
async def everything(settings: Settings, adapters: Adapters) -> AsyncIterator[Running]:
    async with running(settings, builds(SERVICES), adapters) as started:
        async with asyncio.timeout(60):
            await started.until_ready()
        yield started


@pytest.fixture
async def services(everything: Running) -> AsyncIterator[Channels]:
    async with connect(everything.settings.listen, OPERATOR) as stubs:
        yield stubs


async def test_each_service_reports_its_own_health(everything: Running, services: Channels) -> None:
    for name in SERVICES:
        assert await health_of(services, everything.settings.listen, name) == "serving"


async def test_reflection_lists_every_service(everything: Running) -> None:
    async with grpc.aio.insecure_channel(everything.settings.listen) as channel:
        stub: Any = ServerReflectionStub(cast("Any", channel))
        answer = await stub.ServerReflectionInfo(iter([ServerReflectionRequest(list_services="")])).read()
    listed = {each.name for each in answer.list_services_response.service}
    assert set(FULL_NAMES.values()) < listed
    assert "grpc.health.v1.Health" in listed


async def test_an_empty_place_answers_and_says_what_is_not_there(services: Channels) -> None:
    """Nothing is loaded: lists are empty, searches find nothing, and names are not found."""
    assert not (await services.skills.GetTaxonomyStatus(skills_pb2.GetTaxonomyStatusRequest())).sources
    assert not (await services.skills.SearchSkills(skills_pb2.SearchSkillsRequest(query="lifting"))).hits
    assert not (await services.profiles.ListPeople(profiles_pb2.ListPeopleRequest())).people
    for call in (
        services.skills.GetSkill(skills_pb2.GetSkillRequest(name="skills/none")),
        services.profiles.GetPerson(profiles_pb2.GetPersonRequest(name="people/none")),
        services.matching.GetOpportunity(matching_pb2.GetOpportunityRequest(name="opportunities/none")),
        services.matching.FindOpportunities(matching_pb2.FindOpportunitiesRequest(person="people/none")),
        services.matching.FindCandidates(matching_pb2.FindCandidatesRequest(opportunity="opportunities/none")),
    ):
        with pytest.raises(NotFound), calling():
            await call


async def test_pages_join_up_and_a_token_that_was_tampered_with_is_refused(services: Channels) -> None:
    names = [f"places/p{number}" for number in range(5)]
    for name in names:
        place = profiles_pb2.Place(name=name, title=name)
        await services.profiles.UpdatePlace(profiles_pb2.UpdatePlaceRequest(place=place, allow_missing=True))
    found: list[str] = []
    token = ""
    while True:
        page = await services.profiles.ListPlaces(profiles_pb2.ListPlacesRequest(page_size=2, page_token=token))
        found += [place.name for place in page.places]
        if not page.next_page_token:
            break
        token = page.next_page_token
    assert found == names
    for changed in (token[:-2], "x" + token[1:]):
        with pytest.raises(InvalidArgument) as caught, calling():
            await services.profiles.ListPlaces(profiles_pb2.ListPlacesRequest(page_size=2, page_token=changed))
        assert caught.value.reason == "PAGE_TOKEN_INVALID"


@pytest.mark.parametrize("text", ["", "   \n\t"], ids=["empty", "blank"])
async def test_a_text_without_words_is_refused_by_field(services: Channels, text: str) -> None:
    for call in (
        services.skills.ExtractSkills(skills_pb2.ExtractSkillsRequest(text=text)),
        services.skills.SearchSkills(skills_pb2.SearchSkillsRequest(query=text)),
    ):
        with pytest.raises(InvalidArgument) as caught, calling():
            await call
        assert {each.field for each in caught.value.violations} <= {"text", "query"}
