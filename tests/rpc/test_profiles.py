"""The profiles service as its callers meet it: over gRPC, on the embedded engines."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import grpc
import pytest
from careweave_profiles import service
from google.protobuf.field_mask_pb2 import FieldMask

from careweave.client import OPERATOR, calling, connect, person
from careweave.config import Settings
from careweave.errors import Conflict, Forbidden, InvalidArgument, NotFound
from careweave.events.port import Delivered, Positions, Topic
from careweave.policy import Caller
from careweave.rpc.channels import Channels
from careweave.rpc.server import running
from careweave.v1 import profiles_pb2 as pb
from careweave.v1.common_pb2 import Date
from careweave.v1.events_pb2 import ProfileChanged
from careweave.wiring import Adapters

PATIENCE_SECONDS = 20


@dataclass
class Served:
    """The service with the skill skills/lifting, the place places/CW7 and nobody in it."""

    address: str
    adapters: Adapters
    services: Channels

    def called_by(self, caller: Caller) -> Channels:
        """Return stubs that call as `caller`."""
        return connect(self.address, caller)

    async def create(self, person_id: str = "anna", **fields: object) -> pb.Person:
        """Create a person."""
        given = pb.Person(**fields)  # type: ignore[arg-type]
        return await self.services.profiles.CreatePerson(pb.CreatePersonRequest(person=given, person_id=person_id))

    async def events(self, count: int) -> list[Delivered]:
        """Return the first `count` events of the profiles topic, once they are there."""
        found: list[Delivered] = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for delivered in self.adapters.events.follow([Topic.PROFILES], Positions()):
                found.append(delivered)
                if len(found) == count:
                    break
        return found


@pytest.fixture
async def served(settings: Settings, adapters: Adapters) -> AsyncIterator[Served]:
    async with adapters.graph.unit_of_work() as unit:
        await unit.merge_nodes("Skill", [{"name": "skills/lifting", "label": "Lifting"}])
    async with (
        running(settings, [service.build], adapters) as started,
        connect(started.settings.listen, OPERATOR) as services,
    ):
        await services.profiles.UpdatePlace(
            pb.UpdatePlaceRequest(place=pb.Place(name="places/CW7", title="Winsford"), allow_missing=True)
        )
        yield Served(started.settings.listen, adapters, services)


async def test_each_change_is_published_once_in_order_and_a_deletion_as_a_tombstone(served: Served) -> None:
    created = await served.create(place="places/CW7")
    update = pb.UpdatePersonRequest(person=pb.Person(name=created.name, email="a@example.org"))
    await served.services.profiles.UpdatePerson(update)
    await served.services.profiles.UpdatePerson(update)
    await served.services.profiles.DeletePerson(pb.DeletePersonRequest(name=created.name))
    events = [delivered.event for delivered in await served.events(3)]
    assert [(event.key, event.version) for event in events] == [("people/anna", version) for version in (1, 2, 3)]
    assert [event.payload and ProfileChanged.FromString(event.payload).parts for event in events] == [
        [pb.PROFILE_PART_PLACE],
        [pb.PROFILE_PART_IDENTITY],
        None,
    ]


async def test_a_level_of_seven_is_answered_with_the_field_and_the_choices(served: Served) -> None:
    await served.create()
    skill = pb.PersonSkill(skill="skills/lifting", proficiency=7)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument) as error, calling():
        await served.services.profiles.AssertSkill(pb.AssertSkillRequest(person="people/anna", skill=skill))
    [violation] = error.value.violations
    assert violation.field == "skill.proficiency"
    assert "PROFICIENCY_EXPERT" in violation.description


async def test_an_end_before_the_start_is_answered_with_the_field(served: Served) -> None:
    employment = pb.Employment(
        organisation="organisations/oaks",
        start_date=Date(year=2024, month=2, day=1),
        end_date=Date(year=2024, month=1, day=31),
    )
    with pytest.raises(InvalidArgument) as error, calling():
        await served.create(employments=[employment])
    assert error.value.violations[0].field.startswith("person.employments[0]")


async def test_all_that_the_domain_finds_wrong_is_told_by_field(served: Served) -> None:
    with pytest.raises(InvalidArgument) as error, calling():
        await served.create(
            place="places/none",
            skills=[pb.PersonSkill(skill="skills/none", effective_date=Date(year=2025, month=2, day=30))],
        )
    assert error.value.reason == "PROFILE_INVALID"
    assert {violation.field for violation in error.value.violations} == {
        "person.skills[0].effective_date",
        "person.skills[0].skill",
        "person.place",
    }


async def test_a_stale_etag_is_answered_aborted(served: Served) -> None:
    created = await served.create()
    change = pb.Person(name=created.name, email="b@example.org", etag=created.etag)
    await served.services.profiles.UpdatePerson(pb.UpdatePersonRequest(person=change))
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await served.services.profiles.UpdatePerson(pb.UpdatePersonRequest(person=change))
    assert failure.value.code() == grpc.StatusCode.ABORTED
    with pytest.raises(Conflict) as error, calling():
        await served.services.profiles.DeletePerson(pb.DeletePersonRequest(name=created.name, etag=created.etag))
    assert error.value.reason == "ETAG_STALE"


async def test_a_request_id_makes_a_repetition_harmless(served: Served) -> None:
    request = pb.CreatePersonRequest(person=pb.Person(display_name="Anna"), request_id=str(uuid4()))
    first = await served.services.profiles.CreatePerson(request)
    assert await served.services.profiles.CreatePerson(request) == first
    listed = await served.services.profiles.ListPeople(pb.ListPeopleRequest())
    assert list(listed.people) == [first]


async def test_pages_go_on_where_the_last_ended_and_their_tokens_fit_no_other_request(served: Served) -> None:
    for person_id in ("anna", "bert", "carl"):
        await served.create(person_id)
    profiles = served.services.profiles
    first = await profiles.ListPeople(pb.ListPeopleRequest(page_size=2))
    rest = await profiles.ListPeople(pb.ListPeopleRequest(page_size=9, page_token=first.next_page_token))
    assert [each.name for each in (*first.people, *rest.people)] == ["people/anna", "people/bert", "people/carl"]
    assert rest.next_page_token == ""
    token = first.next_page_token
    for altered in (f"{token[:-2]}xx", "nonsense", "A" * 1024):
        with pytest.raises(InvalidArgument) as error, calling():
            await profiles.ListPeople(pb.ListPeopleRequest(page_token=altered))
        assert error.value.reason == "PAGE_TOKEN_INVALID"
    with pytest.raises(InvalidArgument), calling():
        await profiles.ListPlaces(pb.ListPlacesRequest(page_token=token))
    assert "anna" not in token


async def test_a_mask_of_an_unknown_field_is_answered_with_its_place(served: Served) -> None:
    created = await served.create()
    request = pb.UpdatePersonRequest(person=created, update_mask=FieldMask(paths=["shoe_size"]))
    with pytest.raises(InvalidArgument) as error, calling():
        await served.services.profiles.UpdatePerson(request)
    assert error.value.violations[0].field == "update_mask.paths[0]"


async def test_a_text_that_is_too_long_is_refused_by_field(served: Served) -> None:
    preferences = pb.Preferences(aspiration="x" * 20_000_000)
    with pytest.raises(InvalidArgument) as error, calling():
        await served.create(preferences=preferences)
    assert error.value.violations[0].field == "person.preferences.aspiration"


async def test_a_person_lives_their_profile_through_alone(served: Served) -> None:
    """They create it, assert a skill, consent, withdraw and leave; somebody else sees nothing on the way."""
    async with served.called_by(person("people/anna")) as own, served.called_by(person("people/bert")) as other:
        await own.profiles.CreatePerson(pb.CreatePersonRequest(person=pb.Person(), person_id="anna"))
        skill = pb.PersonSkill(skill="skills/lifting", proficiency=pb.PersonSkill().proficiency)
        await own.profiles.AssertSkill(pb.AssertSkillRequest(person="people/anna", skill=skill))
        consent = pb.Consent(purpose=pb.CONSENT_PURPOSE_BE_FOUND, fields=[pb.PROFILE_FIELD_SKILLS])
        consent.expire_time.FromDatetime(datetime.now(UTC) + timedelta(days=1))
        given = await own.profiles.GiveConsent(pb.GiveConsentRequest(parent="people/anna", consent=consent))
        await own.profiles.WithdrawConsent(pb.WithdrawConsentRequest(name=given.name))
        seen = await own.profiles.GetPerson(pb.GetPersonRequest(name="people/anna"))
        assert (seen.version, [each.HasField("withdraw_time") for each in seen.consents]) == (4, [True])
        with pytest.raises(Forbidden), calling():
            await other.profiles.GetPerson(pb.GetPersonRequest(name="people/anna"))
        await own.profiles.DeletePerson(pb.DeletePersonRequest(name="people/anna"))
        with pytest.raises(NotFound), calling():
            await own.profiles.GetPerson(pb.GetPersonRequest(name="people/anna"))


async def test_snapshots_come_by_batch_and_by_stream(served: Served) -> None:
    people = [pb.CreatePersonRequest(person=pb.Person(), person_id=f"p{each:04}") for each in range(300)]
    reply = await served.services.profiles.BatchCreatePeople(pb.BatchCreatePeopleRequest(requests=people))
    assert (reply.created, reply.unchanged) == (300, 0)
    streamed = [
        each.name
        async for page in served.services.profiles.StreamPersonSnapshots(pb.StreamPersonSnapshotsRequest())
        for each in page.people
    ]
    assert streamed == [f"people/p{each:04}" for each in range(300)]
    batch = await served.services.profiles.BatchGetPersonSnapshots(
        pb.BatchGetPersonSnapshotsRequest(names=["people/p0007", "people/gone"])
    )
    assert ([each.name for each in batch.people], list(batch.missing)) == (["people/p0007"], ["people/gone"])


async def test_organisations_places_and_hubs_are_put_read_and_listed(served: Served) -> None:
    profiles = served.services.profiles
    organisation = pb.Organisation(name="organisations/oaks", title="Oaks", sector=pb.SECTOR_HOSPICE)
    hub = pb.Hub(name="hubs/one", title="Hub", organisation="organisations/oaks", place="places/CW7")
    await profiles.UpdateOrganisation(pb.UpdateOrganisationRequest(organisation=organisation, allow_missing=True))
    await profiles.UpdateHub(pb.UpdateHubRequest(hub=hub, allow_missing=True))
    assert (await profiles.GetOrganisation(pb.GetOrganisationRequest(name="organisations/oaks"))).title == "Oaks"
    assert (await profiles.GetHub(pb.GetHubRequest(name="hubs/one"))).place == "places/CW7"
    assert (await profiles.GetPlace(pb.GetPlaceRequest(name="places/CW7"))).title == "Winsford"
    hospices = await profiles.ListOrganisations(pb.ListOrganisationsRequest(sector=pb.SECTOR_HOSPICE))
    others = await profiles.ListOrganisations(pb.ListOrganisationsRequest(sector=pb.SECTOR_NHS))
    assert ([each.name for each in hospices.organisations], list(others.organisations)) == (["organisations/oaks"], [])
    assert [each.name for each in (await profiles.ListPlaces(pb.ListPlacesRequest())).places] == ["places/CW7"]
    assert [each.name for each in (await profiles.ListHubs(pb.ListHubsRequest())).hubs] == ["hubs/one"]
    renamed = pb.UpdateHubRequest(hub=pb.Hub(name="hubs/one", virtual=True), update_mask=FieldMask(paths=["virtual"]))
    assert (await profiles.UpdateHub(renamed)).title == "Hub"
