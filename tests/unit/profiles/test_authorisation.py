"""Every use-case asks who calls, before it looks at anything."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias, cast

import pytest
from careweave_profiles import consents, export, loading, people, registers, retention, skills, snapshots
from careweave_profiles.hubs import HUBS
from careweave_profiles.organisations import ORGANISATIONS
from careweave_profiles.places import PLACES
from careweave_profiles.ports import Ports
from google.protobuf.field_mask_pb2 import FieldMask

from careweave.errors import Forbidden
from careweave.events.port import EventLog
from careweave.policy import Caller, Role
from careweave.v1 import profiles_pb2 as pb
from careweave.v1.common_pb2 import ApplyRetentionRequest, ExportPersonRequest
from tests.unit.profiles.world import ANNA, World, carer

NO_LOG = cast("EventLog", None)
"""What must not be reached before the caller was looked at."""
Call: TypeAlias = Callable[[Ports, Caller, str], Awaitable[object]]


async def _export(ports: Ports, caller: Caller, name: str) -> object:
    # Without a pseudonym, the event log is not looked at.
    found = export.export_person(ports, NO_LOG, caller, ExportPersonRequest(name=name))
    return [section async for section in found]


async def _retain(ports: Ports, caller: Caller, name: str) -> object:
    return await retention.apply_retention(ports, NO_LOG, caller, ApplyRetentionRequest())


async def _stream(ports: Ports, caller: Caller, name: str) -> object:
    return [page async for page in snapshots.stream(ports, caller)]


ABOUT_A_PERSON: dict[str, Call] = {
    "create": lambda ports, caller, name: people.create_person(
        ports, caller, pb.CreatePersonRequest(person=carer(), person_id=name[7:])
    ),
    "get": lambda ports, caller, name: people.get_person(ports, caller, pb.GetPersonRequest(name=name)),
    "update": lambda ports, caller, name: people.update_person(
        ports, caller, pb.UpdatePersonRequest(person=pb.Person(name=name, email="x@example.org"))
    ),
    "assert": lambda ports, caller, name: skills.assert_skill(
        ports, caller, pb.AssertSkillRequest(person=name, skill=pb.PersonSkill(skill="skills/listening"))
    ),
    "give": lambda ports, caller, name: consents.give_consent(
        ports, caller, pb.GiveConsentRequest(parent=name, consent=pb.Consent(purpose=pb.CONSENT_PURPOSE_ALERTS))
    ),
    "withdraw": lambda ports, caller, name: consents.withdraw_consent(
        ports, caller, pb.WithdrawConsentRequest(name=f"{name}/consents/x")
    ),
    "export": _export,
    "preview of erasure": lambda ports, caller, name: people.erase_person(
        ports, caller, pb.ErasePersonRequest(name=name)
    ),
    "erase": lambda ports, caller, name: people.erase_person(
        ports, caller, pb.ErasePersonRequest(name=name, force=True)
    ),
    "create again": lambda ports, caller, name: people.create_person(
        ports, caller, pb.CreatePersonRequest(person=carer(), person_id=name[7:])
    ),
    "delete": lambda ports, caller, name: people.delete_person(ports, caller, pb.DeletePersonRequest(name=name)),
}
FOR_OPERATION: dict[str, Call] = {
    "list": lambda ports, caller, name: people.list_people(ports, caller, "", "", 9),
    "batch get": lambda ports, caller, name: snapshots.batch_get(
        ports, caller, pb.BatchGetPersonSnapshotsRequest(names=[name])
    ),
    "stream": _stream,
    "retention": _retain,
    "batch create": lambda ports, caller, name: loading.batch_create_people(
        ports, caller, pb.BatchCreatePeopleRequest(requests=[pb.CreatePersonRequest()])
    ),
    "organisation": lambda ports, caller, name: registers.update(
        ports, caller, ORGANISATIONS, pb.Organisation(name="organisations/x"), FieldMask(), allow_missing=True
    ),
    "place": lambda ports, caller, name: registers.update(
        ports, caller, PLACES, pb.Place(name="places/x"), FieldMask(), allow_missing=True
    ),
    "hub": lambda ports, caller, name: registers.update(
        ports, caller, HUBS, pb.Hub(name="hubs/x"), FieldMask(), allow_missing=True
    ),
    "endorse": lambda ports, caller, name: skills.endorse_skill(
        ports,
        caller,
        pb.EndorseSkillRequest(
            person=name, skill="skills/lifting", endorsement=pb.Endorsement(endorser="organisations/oaks")
        ),
    ),
}
OTHERS = [
    Caller("people/benn", Role.PERSON),
    *(Caller("people/benn", role, "organisations/vale") for role in (Role.MANAGER, Role.RECRUITER)),
    Caller("", Role.HR_FEED, "organisations/oaks"),
    Caller("", Role.PLANNER),
]


@pytest.mark.parametrize("caller", OTHERS, ids=lambda caller: str(caller.role))
async def test_a_profile_is_closed_to_others_whether_or_not_it_exists(world: World, caller: Caller) -> None:
    await world.create()
    refusals = set()
    for call in (*ABOUT_A_PERSON.values(), *FOR_OPERATION.values()):
        for name in ("people/anna", "people/nobody"):
            with pytest.raises(Forbidden) as error:
                await call(world.ports, caller, name)
            refusals.add(str(error.value))
    assert not any("people/" in refusal for refusal in refusals)
    assert list(await world.changes()) == [1]


async def test_a_person_does_all_of_it_to_their_own_profile_and_nothing_for_operation(world: World) -> None:
    for what, call in ABOUT_A_PERSON.items():
        if what == "withdraw":
            given = (await world.get()).consents[0].name
            await consents.withdraw_consent(world.ports, ANNA, pb.WithdrawConsentRequest(name=given))
        else:
            await call(world.ports, ANNA, "people/anna")
    for call in FOR_OPERATION.values():
        with pytest.raises(Forbidden):
            await call(world.ports, ANNA, "people/anna")


@pytest.mark.parametrize("register", [ORGANISATIONS, PLACES, HUBS], ids=lambda register: register.label)
async def test_organisations_places_and_hubs_are_open_to_all(
    world: World, register: registers.Register[pb.Hub]
) -> None:
    filters = dict.fromkeys(register.filters, 0)
    found, _ = await registers.list_entries(world.ports, OTHERS[0], register, "", 9, **filters)
    for entry in found:
        assert await registers.get(world.ports, OTHERS[0], register, entry.name) == entry
