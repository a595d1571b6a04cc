import pytest
from careweave_profiles import consents, loading

from careweave.errors import AlreadyExists
from careweave.policy import Caller, Role
from careweave.rpc.caller import OPERATOR
from careweave.v1.profiles_pb2 import (
    CONSENT_PURPOSE_BE_FOUND,
    PROFILE_FIELD_DISPLAY_NAME,
    PROFILE_FIELD_SKILLS,
    BatchCreatePeopleRequest,
    BatchCreatePeopleResponse,
    Consent,
    CreatePersonRequest,
    Person,
    SampleConsents,
    WithdrawConsentRequest,
)
from tests.unit.profiles.world import World, carer

FIELDS = [PROFILE_FIELD_DISPLAY_NAME, PROFILE_FIELD_SKILLS]


def batch(size: int, *, consenting: bool = False) -> BatchCreatePeopleRequest:
    consent = SampleConsents(
        consents=[Consent(purpose=CONSENT_PURPOSE_BE_FOUND, fields=FIELDS, organisations=["organisations/oaks"])]
    )
    return BatchCreatePeopleRequest(
        requests=[CreatePersonRequest(person=carer(), person_id=f"p{each:04}") for each in range(size)],
        consents=[consent] * size if consenting else [],
    )


async def load(world: World, request: BatchCreatePeopleRequest) -> BatchCreatePeopleResponse:
    return await loading.batch_create_people(world.ports, OPERATOR, request)


async def test_a_batch_creates_people_as_single_requests_do(world: World) -> None:
    assert await load(world, batch(500)) == BatchCreatePeopleResponse(created=500)
    one, other = await world.get("people/p0499"), await world.create()
    for person in (one, other):
        for field in ("name", "create_time", "update_time"):
            person.ClearField(field)
        for skill in person.skills:
            skill.ClearField("assert_time")
    assert one == other
    assert (await world.changes("people/p0000"))[1].parts == (await world.changes())[1].parts  # type: ignore[union-attr]


async def test_a_repeated_batch_changes_nothing(world: World) -> None:
    await load(world, batch(20, consenting=True))
    before = await world.get("people/p0003")
    assert await load(world, batch(25, consenting=True)) == BatchCreatePeopleResponse(created=5, unchanged=20)
    assert await world.get("people/p0003") == before
    assert list(await world.changes("people/p0003")) == [1]


async def test_a_batch_gives_the_consents_of_fictional_people(world: World) -> None:
    await load(world, batch(2, consenting=True))
    [consent] = (await world.get("people/p0001")).consents
    assert consent.name.startswith("people/p0001/consents/")
    assert (list(consent.fields), list(consent.organisations)) == (FIELDS, ["organisations/oaks"])


async def test_a_repeated_batch_does_not_give_again_what_was_withdrawn(world: World) -> None:
    await load(world, batch(1, consenting=True))
    [consent] = (await world.get("people/p0000")).consents
    own = Caller("people/p0000", Role.PERSON)
    await consents.withdraw_consent(world.ports, own, WithdrawConsentRequest(name=consent.name))
    assert await load(world, batch(1, consenting=True)) == BatchCreatePeopleResponse(unchanged=1)
    assert [each.HasField("withdraw_time") for each in (await world.get("people/p0000")).consents] == [True]


async def test_a_batch_with_somebody_who_is_there_otherwise_creates_nobody(world: World) -> None:
    await world.create(Person(display_name="Somebody else"), "p0001")
    with pytest.raises(AlreadyExists) as error:
        await load(world, batch(3))
    assert error.value.metadata == {"resource": "people/p0001", "field": "requests[1]"}
    assert await world.events("people/p0000") == []


async def test_ids_that_are_left_out_are_drawn(world: World) -> None:
    request = BatchCreatePeopleRequest(requests=[CreatePersonRequest(), CreatePersonRequest()])
    assert await load(world, request) == BatchCreatePeopleResponse(created=2)
