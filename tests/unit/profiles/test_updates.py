import asyncio
from datetime import timedelta

import pytest
from careweave_profiles import people
from google.protobuf.field_mask_pb2 import FieldMask

from careweave.errors import Conflict, InvalidArgument, NotFound
from careweave.rpc.caller import OPERATOR
from careweave.v1.common_pb2 import TRAVEL_MODE_CAR, TRAVEL_MODE_WALK, Date
from careweave.v1.events_pb2 import ProfileChanged
from careweave.v1.profiles_pb2 import (
    PROFILE_PART_EMPLOYMENT,
    PROFILE_PART_IDENTITY,
    PROFILE_PART_PLACE,
    PROFILE_PART_PREFERENCES,
    PROFILE_PART_SKILLS,
    Person,
    PersonSkill,
    UpdatePersonRequest,
)
from tests.unit.profiles.world import World, carer


async def test_a_mask_changes_what_it_names_and_nothing_else(world: World) -> None:
    before = await world.create()
    after = await world.update(Person(name="people/anna", place="places/CW8", display_name="ignored"), "place")
    assert (after.place, after.display_name, after.version) == ("places/CW8", before.display_name, 2)
    assert after.create_time == before.create_time
    assert after.update_time.ToDatetime() - before.update_time.ToDatetime() >= timedelta(seconds=1)
    assert (await world.changes())[2] == ProfileChanged(person="people/anna", version=2, parts=[PROFILE_PART_PLACE])
    assert await world.get() == after


async def test_a_path_leads_into_a_message(world: World) -> None:
    await world.create()
    change = Person(name="people/anna")
    change.preferences.travel_mode = TRAVEL_MODE_WALK
    after = await world.update(change, "preferences.travel_mode")
    assert (after.preferences.travel_mode, after.preferences.aspiration) == (TRAVEL_MODE_WALK, "to become a nurse")
    assert (await world.changes())[2] == ProfileChanged(
        person="people/anna", version=2, parts=[PROFILE_PART_PREFERENCES]
    )


async def test_an_empty_mask_takes_what_is_set_and_clears_nothing(world: World) -> None:
    before = await world.create()
    change = Person(name="people/anna", email="new@example.org")
    change.preferences.minimum_weekly_hours = 16
    after = await world.update(change)
    assert (after.email, after.preferences.minimum_weekly_hours) == ("new@example.org", 16)
    assert after.preferences.travel_mode == TRAVEL_MODE_CAR
    assert after.skills == before.skills


async def test_a_star_replaces_everything_but_what_the_server_owns(world: World) -> None:
    before = await world.create()
    after = await world.update(Person(name="people/anna", display_name="Anna"), "*")
    assert (after.display_name, after.email, len(after.skills), len(after.employments)) == ("Anna", "", 0, 0)
    assert (after.version, after.create_time) == (2, before.create_time)


@pytest.mark.parametrize("path", ["nickname", "preferences.shoe_size", "skills.proficiency", "email.domain", ""])
async def test_a_path_that_names_no_field_is_refused(world: World, path: str) -> None:
    await world.create()
    with pytest.raises(InvalidArgument) as error:
        await world.update(Person(name="people/anna"), "email", path)
    assert error.value.violations[0].field == "update_mask.paths[1]"
    assert (await world.get()).version == 1


async def test_an_update_that_changes_nothing_keeps_the_version_and_emits_nothing(world: World) -> None:
    before = await world.create()
    assert await world.update(before, "*") == before
    assert await world.update(carer_called("people/anna"), "*") == before
    assert list(await world.changes()) == [1]


async def test_a_stale_etag_changes_nothing(world: World) -> None:
    before = await world.create()
    await world.update(Person(name="people/anna", email="first@example.org"), "email")
    late = Person(name="people/anna", email="late@example.org", etag=before.etag)
    with pytest.raises(Conflict):
        await world.update(late, "email")
    assert (await world.get()).email == "first@example.org"
    assert list(await world.changes()) == [1, 2]


async def test_of_twenty_updates_at_once_with_one_etag_exactly_one_wins(world: World) -> None:
    current = await world.create()
    for round_ in range(4):
        tries = (
            world.update(Person(name="people/anna", email=f"{round_}-{each}@example.org", etag=current.etag), "email")
            for each in range(20)
        )
        results = await asyncio.gather(*tries, return_exceptions=True)
        [winner] = [result for result in results if isinstance(result, Person)]
        assert sum(isinstance(result, Conflict) for result in results) == 19
        current = await world.get()
        assert current == winner
    assert list(await world.changes()) == [1, 2, 3, 4, 5]


async def test_updates_at_once_without_an_etag_each_count(world: World) -> None:
    await world.create()
    await asyncio.gather(
        *(world.update(Person(name="people/anna", email=f"{each}@example.org"), "email") for each in range(10))
    )
    assert (await world.get()).version == 11
    assert list(await world.changes()) == list(range(1, 12))


async def test_who_is_missing_is_created_only_where_that_is_allowed(world: World) -> None:
    """Then the mask does not matter (AIP-134)."""
    with pytest.raises(NotFound):
        await world.update(carer_called("people/anna"), "email")
    request = UpdatePersonRequest(
        person=carer_called("people/anna"), update_mask=FieldMask(paths=["email"]), allow_missing=True
    )
    created = await people.update_person(world.ports, OPERATOR, request)
    assert (created.version, created.display_name) == (1, "Anna Fictional")


@pytest.mark.parametrize("name", ["people/Anna", "people/a", "anna", "people/anna/x"])
async def test_nobody_is_created_under_a_name_that_is_none(world: World, name: str) -> None:
    with pytest.raises(InvalidArgument) as error:
        await people.update_person(
            world.ports, OPERATOR, UpdatePersonRequest(person=Person(name=name), allow_missing=True)
        )
    assert error.value.violations[0].field == "person.name"


async def test_the_graph_follows_an_update(world: World) -> None:
    """Lists by employer are answered from relationships, which must not lag behind the profile."""
    await world.create()
    moved = Person(name="people/anna")
    moved.employments.add(organisation="organisations/vale", start_date=Date(year=2026, month=1, day=1))
    after = await world.update(moved, "employments", "place")
    assert (await people.list_people(world.ports, OPERATOR, "organisations/vale", "", 9))[0] == [after]
    assert (await people.list_people(world.ports, OPERATOR, "organisations/oaks", "", 9))[0] == []
    assert (await world.changes())[2] == ProfileChanged(
        person="people/anna", version=2, parts=[PROFILE_PART_PLACE, PROFILE_PART_EMPLOYMENT]
    )


async def test_one_update_of_several_parts_is_one_event(world: World) -> None:
    await world.create()
    change = Person(name="people/anna", email="x@example.org", skills=[PersonSkill(skill="skills/listening")])
    await world.update(change, "email", "skills")
    assert await world.changes() == {
        1: (await world.changes())[1],
        2: ProfileChanged(person="people/anna", version=2, parts=[PROFILE_PART_IDENTITY, PROFILE_PART_SKILLS]),
    }


def carer_called(name: str) -> Person:
    person = carer()
    person.name = name
    return person
