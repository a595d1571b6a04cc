import asyncio
from datetime import timedelta

import pytest
from careweave_profiles import consents, people

from careweave.errors import AlreadyExists, InvalidArgument
from careweave.policy import Caller, Role
from careweave.rpc.caller import OPERATOR
from careweave.v1.profiles_pb2 import (
    CONSENT_PURPOSE_ALERTS,
    Consent,
    CreatePersonRequest,
    GiveConsentRequest,
    Person,
    UpdatePersonRequest,
)
from tests.unit.profiles.world import ANNA, World, carer

ID = "0b9e7e3c-6c1f-4f43-9d53-0d6a1c7a5f10"


async def test_a_repeated_request_is_done_once_and_answered_alike(world: World) -> None:
    """Even if the person has changed meanwhile."""
    created = await world.create(request_id=ID)
    await world.update(Person(name="people/anna", email="new@example.org"), "email")
    assert await world.create(request_id=ID) == created
    assert list(await world.changes()) == [1, 2]


async def test_a_random_id_is_drawn_once_for_a_repeated_request(world: World) -> None:
    first = await world.create(person_id="", request_id=ID)
    assert (await world.create(person_id="", request_id=ID)).name == first.name


async def test_repetitions_at_once_are_done_once(world: World) -> None:
    request = UpdatePersonRequest(
        person=Person(name="people/anna", email="new@example.org"), update_mask=None, request_id=ID
    )
    await world.create()
    answers = await asyncio.gather(*(people.update_person(world.ports, OPERATOR, request) for _ in range(8)))
    assert all(answer == answers[0] for answer in answers)
    assert list(await world.changes()) == [1, 2]


async def test_an_id_with_another_request_is_refused(world: World) -> None:
    await world.create(request_id=ID)
    with pytest.raises(InvalidArgument) as error:
        await world.create(Person(), request_id=ID)
    assert error.value.reason == "REQUEST_ID_REUSED"


async def test_an_id_is_the_callers_own(world: World) -> None:
    """Nobody gets the answer that another caller had."""
    request = CreatePersonRequest(person=carer(), person_id="anna", request_id=ID)
    await people.create_person(world.ports, OPERATOR, request)
    with pytest.raises(AlreadyExists):
        await people.create_person(world.ports, ANNA, request)
    with pytest.raises(AlreadyExists):
        await people.create_person(world.ports, Caller("operators/another", Role.OPERATOR), request)


async def test_a_day_later_the_id_is_free(world: World) -> None:
    await world.create(request_id=ID)
    world.now += timedelta(days=1)
    with pytest.raises(AlreadyExists):
        await world.create(request_id=ID)


async def test_a_refused_request_may_be_repeated_after_a_fix_elsewhere(world: World) -> None:
    """What failed is not remembered."""
    request = GiveConsentRequest(parent="people/anna", consent=Consent(purpose=CONSENT_PURPOSE_ALERTS), request_id=ID)
    with pytest.raises(Exception, match="people/anna"):
        await consents.give_consent(world.ports, ANNA, request)
    await world.create()
    given = await consents.give_consent(world.ports, ANNA, request)
    assert await consents.give_consent(world.ports, ANNA, request) == given
    assert len((await world.get()).consents) == 1
