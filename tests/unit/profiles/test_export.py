"""An export shows a person all that is held about them, what was and what others say included."""

import pytest
from careweave_profiles import consents, export, people, skills
from careweave_profiles.rows import PREFERENCES
from google.protobuf.json_format import MessageToDict

from careweave.errors import NotFound
from careweave.events.port import EventLog
from careweave.graph.schema import SCHEMA
from careweave.policy import Caller, Role
from careweave.rpc.caller import OPERATOR
from careweave.v1.common_pb2 import PROFICIENCY_EXPERT, ExportPersonRequest, PersonSection
from careweave.v1.profiles_pb2 import (
    CONSENT_PURPOSE_BE_FOUND,
    AssertSkillRequest,
    Consent,
    DeletePersonRequest,
    Endorsement,
    EndorseSkillRequest,
    GiveConsentRequest,
    Person,
    PersonSkill,
    WithdrawConsentRequest,
)
from tests.unit.profiles.feeding import Feeding, able, called, employed, update
from tests.unit.profiles.test_erasure import REQUEST_ID, carer_without_traces
from tests.unit.profiles.world import ANNA, World

SHOWN_OTHERWISE = {"kinds", "aspired_occupations", "dismissed_opportunities", "snapshot", "displaced"}
"""Lists of preferences, the profile as one value, whose parts are shown, and what has a section of its own."""


async def sections(world: World, log: EventLog, name: str = "people/anna") -> dict[str, PersonSection]:
    request = ExportPersonRequest(name=name)
    caller = Caller(name, Role.PERSON)
    return {each.kind: each async for each in export.export_person(world.ports, log, caller, request)}


def rows(section: PersonSection) -> list[dict[str, object]]:
    return [MessageToDict(row) for row in section.rows]


async def test_what_was_held_of_a_skill_before_is_shown_with_both_times(world: World, log: EventLog) -> None:
    await world.create()
    again = PersonSkill(skill="skills/lifting", proficiency=PROFICIENCY_EXPERT, evidence="ten years of it")
    await skills.assert_skill(world.ports, ANNA, AssertSkillRequest(person="people/anna", skill=again))
    held = [each for each in rows((await sections(world, log))["skills"]) if each["skill"] == "skills/lifting"]
    assert [(each["level"], each["evidence"], "superseded_at" in each) for each in held] == [
        ("PROFICIENCY_COMPETENT", "three years of it", True),
        ("PROFICIENCY_EXPERT", "ten years of it", False),
    ]
    assert all(each["asserted_at"] and each["label"] == "Lifting" for each in held)


async def test_withdrawn_consents_endorsements_both_ways_and_remembered_requests_are_shown(
    world: World, log: EventLog
) -> None:
    await world.create(request_id=REQUEST_ID)
    await world.create(carer_without_traces(), "benn")
    for person, endorser in (("people/anna", "people/benn"), ("people/benn", "people/anna")):
        vouched = Endorsement(endorser=endorser, comment=f"says {endorser}")
        request = EndorseSkillRequest(person=person, skill="skills/lifting", endorsement=vouched)
        await skills.endorse_skill(world.ports, OPERATOR, request)
    consent = Consent(purpose=CONSENT_PURPOSE_BE_FOUND, organisations=["organisations/oaks"])
    given = await consents.give_consent(world.ports, ANNA, GiveConsentRequest(parent="people/anna", consent=consent))
    await consents.withdraw_consent(world.ports, ANNA, WithdrawConsentRequest(name=given.name))
    found = await sections(world, log)
    assert [each["withdraw_time"] != "" for each in rows(found["consents"])] == [True]
    assert [each["comment"] for each in rows(found["endorsements-received"])] == ["says people/benn"]
    assert [each["comment"] for each in rows(found["endorsements-given"])] == ["says people/anna"]
    assert [each["request"] for each in rows(found["requests"])] == ["careweave.v1.CreatePersonRequest"]


async def test_hr_records_say_which_system_said_what_and_their_own_number_is_not_there(
    feeding: Feeding, log: EventLog
) -> None:
    unknown = able("lifting")
    unknown.skills.add(label="Basket weaving")
    await feeding.send(update("staff-4711", identity=called("Fictional One"), employments=employed(), skills=unknown))
    name = (await feeding.only_person()).name
    found = await sections(feeding.world, log, name)
    (record,) = rows(found["hr-records"])
    assert record["source_system"] == "sourceSystems/esr-oaks"
    assert "Fictional One" in str(record["says"])
    assert record["last_said"]["identity"] == {"version": "1"}  # type: ignore[index]
    assert [each["wording"] for each in rows(found["unresolved-skills"])] == ["Basket weaving"]
    assert "4711" not in str(found)


async def test_each_kind_says_why_it_is_held_and_how_long_and_kinds_without_anything_are_named(
    world: World, log: EventLog
) -> None:
    await world.create()
    found = await sections(world, log)
    assert all(each.title and each.purpose and each.kept for each in found.values())
    assert not found["consents"].rows


async def test_every_value_that_the_graph_holds_of_a_person_is_in_the_export(world: World, log: EventLog) -> None:
    """Whatever is added to a person's node must be shown as well."""
    await world.create()
    shown = str(await sections(world, log))
    properties = set(SCHEMA.node("Person").properties)
    assert properties - set(Person.DESCRIPTOR.fields_by_name) - set(PREFERENCES) - SHOWN_OTHERWISE == set()
    assert all(word in shown for word in ("Anna Fictional", "anna@example.org", "to become a nurse", "places/CW7"))


async def test_there_is_nothing_of_whom_there_is_not(world: World, log: EventLog) -> None:
    await world.create()
    await people.delete_person(world.ports, ANNA, DeletePersonRequest(name="people/anna"))
    with pytest.raises(NotFound):
        await sections(world, log)
