import pytest
from careweave_profiles import people

from careweave.errors import AlreadyExists, InvalidArgument, NotFound
from careweave.rpc.caller import OPERATOR
from careweave.v1.common_pb2 import Date
from careweave.v1.events_pb2 import ProfileChanged
from careweave.v1.profiles_pb2 import (
    CONSENT_PURPOSE_BE_FOUND,
    PROFILE_PART_IDENTITY,
    SOURCE_SELF,
    Consent,
    Endorsement,
    Person,
    ProfilePart,
)
from tests.unit.profiles.world import World, carer

ALL_BUT_CONSENT = [ProfilePart.Value(name) for name in ProfilePart.keys()][1:7]  # noqa: SIM118  an enum, not a dict


async def test_a_new_person_is_kept_whole_at_version_one(world: World) -> None:
    created = await world.create()
    assert (created.name, created.version, bool(created.etag)) == ("people/anna", 1, True)
    assert await world.get() == created
    assert [skill.label for skill in created.skills] == ["Dressing", "Lifting"]
    assert created.skills[0].source == SOURCE_SELF
    assert created.skills[0].proficiency == 0


async def test_a_creation_emits_one_thin_event(world: World) -> None:
    """It names the parts that are filled, and holds nothing of what is in them."""
    await world.create()
    assert await world.changes() == {1: ProfileChanged(person="people/anna", version=1, parts=ALL_BUT_CONSENT)}
    [event] = await world.events()
    assert (event.topic, event.type, event.source) == (
        "careweave.profiles.v1",
        "careweave.v1.ProfileChanged",
        "/careweave/profiles",
    )


async def test_somebody_without_an_employer_or_anything_else_can_be_kept(world: World) -> None:
    created = await world.create(Person(display_name="Ben Fictional"), "benn")
    assert not created.employments
    assert (await world.changes("people/benn"))[1] == ProfileChanged(
        person="people/benn", version=1, parts=[PROFILE_PART_IDENTITY]
    )


async def test_what_the_server_owns_is_not_taken_from_a_caller(world: World) -> None:
    person = carer()
    person.name, person.version = "people/else", 77
    person.consents.append(Consent(name="people/anna/consents/x", purpose=CONSENT_PURPOSE_BE_FOUND))
    person.skills[0].label = "Wrestling"
    person.skills[0].endorsements.append(Endorsement(endorser="organisations/oaks"))
    created = await world.create(person)
    assert (created.name, created.version, len(created.consents)) == ("people/anna", 1, 0)
    assert not any(skill.endorsements for skill in created.skills)
    assert {skill.label for skill in created.skills} == {"Lifting", "Dressing"}


async def test_a_person_without_an_id_gets_a_random_one(world: World) -> None:
    created = await world.create(person_id="")
    assert len(created.name.removeprefix("people/")) == 20


async def test_an_id_is_taken_once(world: World) -> None:
    await world.create()
    with pytest.raises(AlreadyExists):
        await world.create()
    assert list(await world.changes()) == [1]


async def test_who_does_not_exist_is_not_found(world: World) -> None:
    with pytest.raises(NotFound) as error:
        await world.get("people/nobody")
    assert error.value.metadata == {"resource": "people/nobody"}


async def test_work_is_kept_newest_first(world: World) -> None:
    person = Person()
    for year in (2015, 2021, 2018):
        person.employments.add(organisation="organisations/oaks", start_date=Date(year=year, month=1, day=1))
    person.employments.add(organisation="organisations/vale")
    created = await world.create(person)
    assert [employment.start_date.year for employment in created.employments] == [2021, 2018, 2015, 0]


async def test_employments_may_overlap_even_at_one_employer(world: World) -> None:
    person = Person()
    for title in ("day carer", "night carer"):
        person.employments.add(
            organisation="organisations/oaks", job_title=title, start_date=Date(year=2021, month=1, day=1)
        )
    await world.create(person)
    assert [employment.job_title for employment in (await world.get()).employments] == ["day carer", "night carer"]


async def test_people_are_listed_in_order_of_name_page_by_page(world: World) -> None:
    for person_id in ("dora", "carl", "emil", "anna", "bert"):
        await world.create(Person(), person_id)
    first, place = await people.list_people(world.ports, OPERATOR, "", "", 2)
    second, end = await people.list_people(world.ports, OPERATOR, "", place, 3)
    assert [person.name[7:] for person in first + second] == ["anna", "bert", "carl", "dora", "emil"]
    assert end == ""


async def test_a_list_by_organisation_holds_who_works_there_today(world: World) -> None:
    last_year, next_year = Date(year=2025, month=3, day=1), Date(year=2027, month=3, day=1)
    periods = {"past": (None, last_year), "then": (next_year, None), "here": (last_year, None), "some": (None, None)}
    for person_id, (start, end) in periods.items():
        person = Person()
        person.employments.add(organisation="organisations/oaks", start_date=start, end_date=end)
        person.employments.add(organisation="organisations/vale", end_date=last_year)
        await world.create(person, person_id)
    found, _ = await people.list_people(world.ports, OPERATOR, "organisations/oaks", "", 10)
    assert [person.name for person in found] == ["people/here", "people/some"]
    assert await people.list_people(world.ports, OPERATOR, "organisations/vale", "", 10) == ([], "")


async def test_a_list_by_an_unknown_organisation_is_refused(world: World) -> None:
    with pytest.raises(InvalidArgument) as error:
        await people.list_people(world.ports, OPERATOR, "organisations/none", "", 10)
    assert error.value.violations[0].field == "organisation"
