"""A deletion leaves nothing: all tables of the graph are searched for the person's id and words."""

from datetime import UTC, timedelta
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import pytest
from careweave_profiles import consents, people, skills
from careweave_profiles.feeds.codes import issue_code
from careweave_profiles.ports import EVENT_SOURCE

from careweave.config import Settings
from careweave.errors import Conflict, NotFound
from careweave.events.outbox import Relay
from careweave.events.port import Positions, Topic
from careweave.events.topics import SLACK_DAYS, TOMBSTONE_DAYS
from careweave.graph.port import Query
from careweave.graph.schema import SCHEMA
from careweave.rpc.caller import OPERATOR
from careweave.v1.events_pb2 import ProfileChanged
from careweave.v1.hr_pb2 import IssueEmploymentCodeRequest
from careweave.v1.profiles_pb2 import (
    CONSENT_PURPOSE_BE_FOUND,
    PROFILE_PART_SKILLS,
    Consent,
    DeletePersonRequest,
    Endorsement,
    EndorseSkillRequest,
    ErasePersonRequest,
    ErasePersonResponse,
    GiveConsentRequest,
    Person,
)
from careweave.wiring import open_events
from tests.unit.profiles.feeding import OAKS, OAKS_FEED, Feeding, called, update
from tests.unit.profiles.world import ANNA, World, carer

REQUEST_ID = "0b9e7e3c-6c1f-4f43-9d53-0d6a1c7a5f10"
TRACES = ("people/anna", "Anna Fictional", "anna@example.org", "three years of it", "to become a nurse")


async def delete(world: World, name: str = "people/anna", **fields: object) -> None:
    await people.delete_person(world.ports, OPERATOR, DeletePersonRequest(name=name, **fields))  # type: ignore[arg-type]


async def endorse(world: World, person: str, endorser: str) -> None:
    request = EndorseSkillRequest(
        person=person,
        skill="skills/lifting",
        endorsement=Endorsement(endorser=endorser, comment=f"says {endorser}"),
        request_id=str(uuid5(NAMESPACE_URL, person)),
    )
    await skills.endorse_skill(world.ports, OPERATOR, request)


async def everything(world: World) -> str:
    """Return all that the graph holds, as text, in an order that depends on nothing else."""
    found: list[object] = []
    for label, table in SCHEMA.nodes.items():
        columns = ", ".join(f"n.`{name}` AS `{name}`" for name in table.properties)
        found += await world.graph.run(Query("nodes", f"MATCH (n:`{label}`) RETURN {columns}"))
    for kind, link in SCHEMA.relationships.items():
        columns = ", ".join([*(f"r.`{name}` AS `{name}`" for name in link.properties), "count(*) AS times"])
        found += await world.graph.run(Query("links", f"MATCH ()-[r:`{kind}`]->() RETURN {columns}"))
    return "\n".join(sorted(map(repr, found)))


async def publish(world: World, tmp_path: Path) -> list[tuple[str, int, bool]]:
    """Move all events to a log; returns key, version and whether it is a tombstone of each."""
    settings = Settings(events=f"sqlite:{tmp_path / 'events.db'}")
    log = await open_events(settings)
    try:
        relay = Relay(world.graph, log, EVENT_SOURCE, world.tick, world.ports.new_id)
        while await relay.relay_once():
            pass
        end = await log.end([Topic.PROFILES])
        total = sum(end.offsets.values())
        found = []
        async for delivered in log.follow([Topic.PROFILES], Positions()):
            found.append((delivered.event.key, delivered.event.version, delivered.event.payload is None))
            if len(found) == total:
                break
        return found
    finally:
        await log.close()


async def test_nothing_of_a_deleted_person_is_left_once_the_tombstone_is_published(
    world: World, tmp_path: Path
) -> None:
    await world.create(request_id=REQUEST_ID)
    await world.create(carer_without_traces(), "benn")
    await endorse(world, "people/benn", "people/anna")
    await endorse(world, "people/anna", "people/benn")
    consent = Consent(purpose=CONSENT_PURPOSE_BE_FOUND, organisations=["organisations/oaks"])
    await consents.give_consent(
        world.ports, ANNA, GiveConsentRequest(parent="people/anna", consent=consent, request_id=REQUEST_ID)
    )
    held = await everything(world)
    assert all(trace in held for trace in TRACES)
    await delete(world)
    await publish(world, tmp_path)
    held = await everything(world)
    assert [trace for trace in TRACES if trace in held] == []


async def test_the_last_event_is_a_tombstone(world: World, tmp_path: Path) -> None:
    await world.create()
    await delete(world)
    assert await world.changes() == {1: (await world.changes())[1], 2: None}
    assert await publish(world, tmp_path) == [("people/anna", 1, False), ("people/anna", 2, True)]


async def test_an_endorsement_goes_with_its_endorser_and_the_other_profile_says_so(world: World) -> None:
    await world.create()
    await world.create(carer_without_traces(), "benn")
    await endorse(world, "people/benn", "people/anna")
    await delete(world)
    assert not any(skill.endorsements for skill in (await world.get("people/benn")).skills)
    assert (await world.changes("people/benn"))[3] == ProfileChanged(
        person="people/benn", version=3, parts=[PROFILE_PART_SKILLS]
    )


async def test_versions_go_on_when_a_person_is_made_again(world: World) -> None:
    """A consumer that saw the tombstone must not take the new person for old news."""
    await world.create()
    await delete(world)
    again = await world.create()
    assert again.version == 3
    assert not again.consents
    await delete(world)
    assert (await world.create()).version == 5
    changes = await world.changes()
    assert [version for version in changes if changes[version] is None] == [2, 4]


async def test_who_is_gone_can_be_deleted_again_only_where_that_is_allowed(world: World) -> None:
    await world.create()
    await delete(world)
    with pytest.raises(NotFound):
        await delete(world)
    await delete(world, allow_missing=True)
    assert len(await world.events()) == 2


async def test_a_deletion_with_a_stale_etag_deletes_nothing(world: World) -> None:
    created = await world.create()
    created.email = "new@example.org"
    await world.update(created, "email")
    with pytest.raises(Conflict):
        await delete(world, etag=created.etag)
    assert (await world.get()).version == 2


async def test_a_deletion_with_a_request_id_is_done_once(world: World) -> None:
    await world.create()
    await delete(world, request_id=REQUEST_ID)
    await delete(world, request_id=REQUEST_ID)
    assert len(await world.events()) == 2


async def test_a_preview_changes_nothing_and_says_what_the_erasure_then_does(world: World) -> None:
    await world.create(request_id=REQUEST_ID)
    await world.create(carer_without_traces(), "benn")
    await endorse(world, "people/benn", "people/anna")
    held = await everything(world)
    preview = await erase(world)
    assert await everything(world) == held
    assert not preview.erased
    counts = {each.kind: each.count for each in preview.removed}
    assert counts == {
        "profile": 1, "preferences": 1, "employments": 1, "credentials": 1, "skills": 2, "endorsements-given": 1,
        "requests": 1,
    }  # fmt: skip
    done = await erase(world, force=True)
    assert done.erased
    assert done.removed == preview.removed
    with pytest.raises(NotFound):
        await world.get()


async def test_an_erasure_says_what_remains_why_and_until_when(world: World) -> None:
    await world.create()
    remaining = {each.kind: each for each in (await erase(world)).remaining}
    assert {"tombstones", "decisions-events", "freed-space", "backups", "erasure-marks"} <= set(remaining)
    assert all(each.reason and each.removed_by and each.title for each in remaining.values())
    left = remaining["tombstones"].remove_time.ToDatetime(UTC) - world.now
    assert left == timedelta(days=TOMBSTONE_DAYS + 2 * SLACK_DAYS)
    assert not remaining["erasure-marks"].HasField("remove_time")


async def test_an_erasure_is_done_once_and_keeps_etag_and_allow_missing_as_a_deletion_does(world: World) -> None:
    created = await world.create()
    with pytest.raises(Conflict):
        await erase(world, force=True, etag="stale")
    first = await erase(world, force=True, etag=created.etag, request_id=REQUEST_ID)
    assert await erase(world, force=True, etag=created.etag, request_id=REQUEST_ID) == first
    assert len(await world.events()) == 2
    for force in (False, True):
        with pytest.raises(NotFound):
            await erase(world, force=force)
        assert not (await erase(world, force=force, allow_missing=True)).removed


async def test_codes_of_a_record_go_with_its_person(feeding: Feeding) -> None:
    await feeding.send(update(identity=called("Fictional One")))
    person = await feeding.only_person()
    request = IssueEmploymentCodeRequest(source_system=OAKS, external_id="A-1")
    await issue_code(feeding.feeds, OAKS_FEED, request)
    counts = {each.kind: each.count for each in (await erase(feeding.world, person.name)).removed}
    assert (counts["hr-records"], counts["employment-codes"]) == (1, 1)
    await erase(feeding.world, person.name, force=True)
    assert await feeding.everything("EmploymentCode") == []


async def erase(world: World, name: str = "people/anna", **fields: object) -> ErasePersonResponse:
    request = ErasePersonRequest(name=name, **fields)  # type: ignore[arg-type]
    return await people.erase_person(world.ports, OPERATOR, request)


def carer_without_traces() -> Person:
    person = carer()
    person.display_name, person.email = "Ben Fictional", "ben@example.org"
    person.preferences.aspiration = "to stay"
    for skill in person.skills:
        skill.evidence = "seen"
    return person
