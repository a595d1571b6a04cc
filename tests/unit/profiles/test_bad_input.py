"""Each rule a profile must keep: the field at fault is named by its path, and nothing is kept."""

from collections.abc import Callable
from typing import TypeAlias

import pytest
from careweave_profiles import loading
from google.protobuf.timestamp_pb2 import Timestamp

from careweave.errors import InvalidArgument
from careweave.graph.port import Query
from careweave.rpc.caller import OPERATOR
from careweave.v1.common_pb2 import Date
from careweave.v1.profiles_pb2 import BatchCreatePeopleRequest, CreatePersonRequest, Employment, Person, PersonSkill
from tests.unit.profiles.world import World, carer

Change: TypeAlias = Callable[[Person], object]
LEAP_DAY = Date(year=2025, month=2, day=29)
TOMORROW_WEEK = Date(year=2026, month=3, day=10)
TODAY = Date(year=2026, month=3, day=2)
YESTERDAY = Date(year=2026, month=3, day=1)
NEXT_CENTURY = Date(year=2126, month=1, day=1)


def skill(**fields: object) -> Change:
    return lambda person: person.skills.append(PersonSkill(skill="skills/listening", **fields))  # type: ignore[arg-type]


def work(**fields: object) -> Change:
    return lambda person: person.employments.append(Employment(organisation="organisations/oaks", **fields))  # type: ignore[arg-type]


BROKEN: dict[str, tuple[Change, str]] = {
    "a day that does not exist": (work(start_date=LEAP_DAY), "person.employments[1].start_date"),
    "an end before the start": (work(start_date=TODAY, end_date=YESTERDAY), "person.employments[1].end_date"),
    "a start in the far future": (work(start_date=NEXT_CENTURY), "person.employments[1].start_date"),
    "an end in the far future": (work(end_date=NEXT_CENTURY), "person.employments[1].end_date"),
    "an unknown occupation": (work(occupation="occupations/wizard"), "person.employments[1].occupation"),
    "an unknown employer": (
        lambda person: person.employments.add(organisation="organisations/none"),
        "person.employments[1].organisation",
    ),
    "an unknown skill": (lambda person: person.skills.add(skill="skills/flying"), "person.skills[2].skill"),
    "a skill twice": (lambda person: person.skills.add(skill="skills/lifting"), "person.skills[0].skill"),
    "an expiry before the beginning": (
        skill(effective_date=TODAY, expire_date=YESTERDAY),
        "person.skills[2].expire_date",
    ),
    "a skill from the future": (skill(effective_date=TOMORROW_WEEK), "person.skills[2].effective_date"),
    "an expert by qualification alone": (
        skill(source="SOURCE_QUALIFICATION", proficiency="PROFICIENCY_EXPERT"),
        "person.skills[2].proficiency",
    ),
    "a certificate from the future": (
        lambda person: person.credentials.add(kind=3, issue_date=TOMORROW_WEEK),
        "person.credentials[1].issue_date",
    ),
    "a certificate that expired before its issue": (
        lambda person: person.credentials.add(kind=3, issue_date=TODAY, expire_date=YESTERDAY),
        "person.credentials[1].expire_date",
    ),
    "a DBS certificate that expires": (
        lambda person: person.credentials.add(kind=2, expire_date=TODAY),
        "person.credentials[1].expire_date",
    ),
    "a DBS level of something else": (
        lambda person: person.credentials.add(kind=1, dbs_level=3),
        "person.credentials[1].dbs_level",
    ),
    "the update service for something else": (
        lambda person: person.credentials.add(kind=1, update_service=True),
        "person.credentials[1].update_service",
    ),
    "an unknown place": (lambda person: setattr(person, "place", "places/CW99"), "person.place"),
    "an unknown aspiration": (
        lambda person: person.preferences.aspired_occupations.append("occupations/wizard"),
        "person.preferences.aspired_occupations[0]",
    ),
    "fewest hours above most": (
        lambda person: person.preferences.MergeFrom(
            type(person.preferences)(minimum_weekly_hours=30, maximum_weekly_hours=20)
        ),
        "person.preferences.maximum_weekly_hours",
    ),
    "a control character": (lambda person: setattr(person, "display_name", "Anna\x00"), "person.display_name"),
    "a control character deep within": (skill(evidence="bell \x07"), "person.skills[2].evidence"),
}


@pytest.mark.parametrize("rule", BROKEN)
async def test_what_breaks_a_rule_is_refused_by_field(world: World, rule: str) -> None:
    change, field = BROKEN[rule]
    person = carer()
    change(person)
    with pytest.raises(InvalidArgument) as error:
        await world.create(person)
    assert field in [violation.field for violation in error.value.violations]
    assert await world.events() == []


async def test_the_unknown_is_named(world: World) -> None:
    with pytest.raises(InvalidArgument) as error:
        await world.create(Person(skills=[PersonSkill(skill="skills/flying")]))
    assert "skills/flying" in str(error.value)


async def test_everything_wrong_is_told_at_once(world: World) -> None:
    person = carer()
    for change, _ in BROKEN.values():
        change(person)
    with pytest.raises(InvalidArgument) as error:
        await world.create(person)
    assert len(error.value.violations) >= len(BROKEN) - 1


async def test_a_refused_update_leaves_the_person_as_they_were(world: World) -> None:
    before = await world.create()
    with pytest.raises(InvalidArgument):
        await world.update(Person(name="people/anna", email="x@example.org", place="places/CW99"), "email", "place")
    assert await world.get() == before


@pytest.mark.parametrize("day", [Date(year=2026, month=3, day=3), Date(year=1999, month=12, day=31), None])
async def test_a_day_that_may_already_have_begun_somewhere_is_accepted(world: World, day: Date | None) -> None:
    person = Person()
    person.credentials.add(kind=3, issue_date=day)
    assert (await world.create(person)).credentials[0].HasField("issue_date") == (day is not None)


async def test_line_breaks_are_no_control_characters(world: World) -> None:
    person = Person()
    person.preferences.aspiration = "first\r\n\tthen — naïve 你好 🙂"
    assert (await world.create(person)).preferences.aspiration == person.preferences.aspiration


def somebody_real_consents(batch: BatchCreatePeopleRequest) -> None:
    batch.requests[1].person.ClearField("fictional")
    batch.consents.add()
    batch.consents.add().consents.add(purpose=1)


BROKEN_BATCHES: dict[str, tuple[Callable[[BatchCreatePeopleRequest], object], str]] = {
    "an unknown skill": (
        lambda batch: batch.requests[1].person.skills.add(skill="skills/flying"),
        "requests[1].person.skills[2].skill",
    ),
    "an id twice": (lambda batch: setattr(batch.requests[1], "person_id", "carl"), "requests[1].person_id"),
    "consents for some": (lambda batch: batch.consents.add(), "consents"),
    "a consent of somebody real": (
        somebody_real_consents,
        "consents[1]",
    ),
    "a consent for an unknown organisation": (
        lambda batch: (
            batch.consents.add(),
            batch.consents.add().consents.add(purpose=1, organisations=["organisations/none"]),
        ),
        "consents[1].consents[0].organisations[0]",
    ),
    "a consent that has ended": (
        lambda batch: (
            batch.consents.add(),
            batch.consents.add().consents.add(purpose=1, expire_time=Timestamp(seconds=1)),
        ),
        "consents[1].consents[0].expire_time",
    ),
    "a consent beyond all time": (
        lambda batch: (
            batch.consents.add(),
            batch.consents.add().consents.add(purpose=1, expire_time=Timestamp(seconds=1 << 60)),
        ),
        "consents[1].consents[0].expire_time",
    ),
}


@pytest.mark.parametrize("rule", BROKEN_BATCHES)
async def test_one_broken_person_refuses_the_whole_batch(world: World, rule: str) -> None:
    change, field = BROKEN_BATCHES[rule]
    people = [CreatePersonRequest(person=carer(), person_id=person_id) for person_id in ("carl", "dora")]
    batch = BatchCreatePeopleRequest(requests=people)
    change(batch)
    with pytest.raises(InvalidArgument) as error:
        await loading.batch_create_people(world.ports, OPERATOR, batch)
    assert field in [violation.field for violation in error.value.violations]
    assert await world.graph.run(Query("people", "MATCH (p:Person) RETURN p.name")) == []
