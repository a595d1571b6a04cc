import pytest
from careweave_profiles import skills

from careweave.errors import FailedPrecondition, Forbidden, InvalidArgument, NotFound
from careweave.graph.port import Query, Row
from careweave.policy import Caller, Role
from careweave.rpc.caller import OPERATOR
from careweave.v1.common_pb2 import PROFICIENCY_COMPETENT, PROFICIENCY_EXPERT, PROFICIENCY_PROFICIENT, Date
from careweave.v1.events_pb2 import ProfileChanged
from careweave.v1.profiles_pb2 import (
    PROFILE_PART_SKILLS,
    SOURCE_ASSESSMENT,
    SOURCE_SELF,
    AssertSkillRequest,
    Endorsement,
    EndorseSkillRequest,
    Person,
    PersonSkill,
)
from tests.unit.profiles.world import ANNA, World, carer

OAKS = Caller("people/boss", Role.MANAGER, "organisations/oaks")
VALE = Caller("people/chef", Role.MANAGER, "organisations/vale")
HISTORY = Query(
    "history",
    "MATCH (p:Person {name: $name}) MATCH (p)-[r:HAS_SKILL]->(s:Skill {name: $skill}) "
    "RETURN r.level AS level, r.asserted_at AS asserted_at, r.superseded_at AS superseded_at ORDER BY asserted_at",
)


async def assert_skill(
    world: World, skill: str = "skills/lifting", caller: Caller = OPERATOR, **fields: object
) -> Person:
    given = PersonSkill(skill=skill, **fields)  # type: ignore[arg-type]
    return await skills.assert_skill(world.ports, caller, AssertSkillRequest(person="people/anna", skill=given))


async def endorse(
    world: World,
    endorser: str = "organisations/oaks",
    *,
    skill: str = "skills/lifting",
    caller: Caller = OPERATOR,
    level: int = 0,
    person: str = "people/anna",
) -> Person:
    request = EndorseSkillRequest(
        person=person,
        skill=skill,
        endorsement=Endorsement(endorser=endorser, proficiency=level),  # type: ignore[arg-type]
    )
    return await skills.endorse_skill(world.ports, caller, request)


async def history(world: World, skill: str = "skills/lifting") -> list[Row]:
    return await world.graph.run(HISTORY, name="people/anna", skill=skill)


async def test_an_assertion_adds_a_skill(world: World) -> None:
    await world.create()
    after = await assert_skill(world, "skills/listening", proficiency=4, effective_date=Date(year=2020, month=1, day=1))
    assert [skill.skill for skill in after.skills] == ["skills/dressing", "skills/lifting", "skills/listening"]
    assert (after.skills[2].label, after.skills[2].source) == ("Listening", SOURCE_SELF)
    assert (await world.changes())[2] == ProfileChanged(person="people/anna", version=2, parts=[PROFILE_PART_SKILLS])


async def test_what_was_held_before_stays_in_the_history_with_both_times(world: World) -> None:
    created = await world.create()
    after = await assert_skill(world, proficiency=PROFICIENCY_EXPERT)
    old, new = await history(world)
    assert (old["level"], new["level"]) == (PROFICIENCY_COMPETENT, PROFICIENCY_EXPERT)
    assert old["asserted_at"] == created.skills[1].assert_time.ToDatetime(world.now.tzinfo)
    assert old["superseded_at"] == new["asserted_at"] == after.skills[1].assert_time.ToDatetime(world.now.tzinfo)
    assert new["superseded_at"] is None


async def test_a_level_that_is_not_known_is_null_in_the_graph(world: World) -> None:
    await world.create()
    assert [row["level"] for row in await history(world, "skills/dressing")] == [None]


async def test_the_same_assertion_again_changes_nothing(world: World) -> None:
    created = await world.create()
    again = await assert_skill(world, proficiency=PROFICIENCY_COMPETENT, evidence="three years of it")
    assert again == created
    assert len(await history(world)) == 1


async def test_a_clock_that_stands_still_does_not_blur_the_history(world: World) -> None:
    await world.create()
    world.tick = lambda: world.now  # type: ignore[method-assign]
    for level in (1, 2, 5):
        await assert_skill(world, proficiency=level)
    assert [row["level"] for row in await history(world)] == [3, 1, 2, 5]
    assert sum(row["superseded_at"] is None for row in await history(world)) == 1


async def test_a_skill_that_an_update_leaves_out_goes_into_the_history(world: World) -> None:
    await world.create()
    await world.update(Person(name="people/anna", skills=[PersonSkill(skill="skills/dressing")]), "skills")
    [row] = await history(world)
    assert row["superseded_at"] is not None
    assert len(await history(world, "skills/dressing")) == 1


async def test_an_unknown_skill_is_refused_by_name(world: World) -> None:
    await world.create()
    with pytest.raises(InvalidArgument) as error:
        await assert_skill(world, "skills/flying")
    assert [(each.field, each.description) for each in error.value.violations] == [
        ("skill.skill", "there is no skills/flying")
    ]


async def test_nobody_speaks_for_an_assessor_about_themselves(world: World) -> None:
    """What an assessor said already may stay when the person changes something else."""
    person = carer()
    person.skills[0].source = SOURCE_ASSESSMENT
    created = await world.create(person)
    with pytest.raises(InvalidArgument) as error:
        await assert_skill(world, "skills/listening", ANNA, source=SOURCE_ASSESSMENT)
    assert error.value.violations[0].field == "skill.source"
    created.skills.add(skill="skills/listening", source=SOURCE_SELF)
    assert (await world.update(created, "skills", caller=ANNA)).version == 2
    created.skills[1].proficiency = PROFICIENCY_EXPERT
    created.etag = ""
    with pytest.raises(InvalidArgument) as error:
        await world.update(created, "skills", caller=ANNA)
    assert error.value.violations[0].field == "person.skills[1].source"


async def test_an_endorsement_is_shown_and_leaves_the_level_alone(world: World) -> None:
    await world.create()
    after = await endorse(world, level=PROFICIENCY_EXPERT)
    assert after.skills[1].proficiency == PROFICIENCY_COMPETENT
    [endorsement] = after.skills[1].endorsements
    assert (endorsement.endorser, endorsement.proficiency) == ("organisations/oaks", PROFICIENCY_EXPERT)
    assert await world.get() == after
    assert (await world.changes())[2] == ProfileChanged(person="people/anna", version=2, parts=[PROFILE_PART_SKILLS])


async def test_endorsements_stand_newest_last_one_for_each_endorser(world: World) -> None:
    await world.create()
    await world.create(Person(), "benn")
    await endorse(world, level=PROFICIENCY_COMPETENT)
    await endorse(world, "people/benn")
    await endorse(world, level=PROFICIENCY_PROFICIENT)
    endorsements = (await world.get()).skills[1].endorsements
    assert [each.endorser for each in endorsements] == ["people/benn", "organisations/oaks"]
    assert endorsements[1].proficiency == PROFICIENCY_PROFICIENT
    assert (await endorse(world, "people/benn")).version == 4, "the same word again changes nothing"


async def test_endorsements_outlive_a_new_assertion_of_the_skill(world: World) -> None:
    await world.create()
    await endorse(world)
    assert len((await assert_skill(world, proficiency=5)).skills[1].endorsements) == 1


@pytest.mark.parametrize("endorser", ["people/anna", "people/nobody", "places/CW7", "Boss"])
async def test_an_endorser_is_somebody_else_who_exists(world: World, endorser: str) -> None:
    await world.create()
    with pytest.raises(InvalidArgument) as error:
        await endorse(world, endorser)
    assert error.value.violations[0].field == "endorsement.endorser"


async def test_a_skill_that_the_person_does_not_have_cannot_be_endorsed(world: World) -> None:
    await world.create()
    with pytest.raises(FailedPrecondition):
        await endorse(world, skill="skills/listening")
    with pytest.raises(NotFound):
        await endorse(world, person="people/nobody")


async def test_a_manager_endorses_whom_their_organisation_employs_and_sees_that_skill_alone(world: World) -> None:
    await world.create()
    seen = await endorse(world, caller=OAKS)
    assert [field.name for field, _ in seen.ListFields()] == ["name", "skills"]
    assert [skill.skill for skill in seen.skills] == ["skills/lifting"]
    with pytest.raises(Forbidden):
        await endorse(world, "organisations/vale", caller=VALE)
    with pytest.raises(Forbidden):
        await endorse(world, "organisations/vale", caller=VALE, person="people/nobody")


async def test_a_manager_speaks_for_themselves_or_their_organisation(world: World) -> None:
    await world.create()
    with pytest.raises(InvalidArgument) as error:
        await endorse(world, "organisations/vale", caller=OAKS)
    assert error.value.violations[0].field == "endorsement.endorser"


async def test_a_manager_does_not_endorse_their_own_skill_in_the_name_of_the_organisation(world: World) -> None:
    await world.create()
    with pytest.raises(InvalidArgument):
        await endorse(world, caller=Caller("people/anna", Role.MANAGER, "organisations/oaks"))
