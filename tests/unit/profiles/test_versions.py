"""Earlier versions of a profile: each that a change ended is kept as far as a ranking reads it, and no further."""

from datetime import timedelta
from pathlib import Path

import pytest
from careweave_matching.messages import read_person
from careweave_profiles import versions
from careweave_profiles.retention import apply_rules

from careweave.config import Settings
from careweave.errors import Forbidden, NotFound
from careweave.rpc.caller import OPERATOR
from careweave.v1.profiles_pb2 import GetPersonVersionRequest, Person
from careweave.wiring import open_events
from tests.unit.profiles.test_erasure import delete, endorse
from tests.unit.profiles.world import ANNA, World, carer


async def version(world: World, number: int, name: str = "people/anna") -> Person:
    return await versions.get(world.ports, OPERATOR, GetPersonVersionRequest(name=name, version=number))


async def test_each_version_stays_readable_and_matching_reads_of_it_what_it_read_then(world: World) -> None:
    profiles = [await world.create()]
    for word in ("listening", "lifting", "dressing"):
        changed = Person()
        changed.CopyFrom(profiles[-1])
        changed.preferences.aspiration = f"more {word}"
        changed.skills.pop()
        changed.place = "places/CW8" if changed.place == "places/CW7" else "places/CW7"
        changed.credentials.add(kind=changed.credentials[0].kind, title=word)
        del changed.credentials[:1]
        profiles.append(await world.update(changed, "preferences", "skills", "credentials", "place"))
        if not changed.skills:
            break
    assert [each.version for each in profiles] == list(range(1, len(profiles) + 1))
    assert len(profiles) > 2
    for was in profiles:
        read, then = read_person(await version(world, was.version)), read_person(was)
        assert (read.skills, read.credentials, read.wishes) == (then.skills, then.credentials, then.wishes)
        assert (read.place, read.work, read.version) == (then.place, then.work, then.version)


async def test_a_version_holds_no_name_no_email_and_nobody_who_vouched(world: World) -> None:
    await world.create()
    await world.create(carer(), "benn")
    await endorse(world, "people/anna", "people/benn")
    endorsed = await world.get()
    await world.update(Person(name="people/anna", email="other@example.org"), "email")
    kept = await version(world, endorsed.version)
    assert read_person(kept).skills == read_person(endorsed).skills
    for trace in ("Anna Fictional", "example.org", "people/benn", "three years of it", "says"):
        assert trace not in str(kept)


async def test_a_change_of_nothing_keeps_no_version(world: World) -> None:
    person = await world.create()
    await world.update(person, "skills")
    with pytest.raises(NotFound) as caught:
        await version(world, 2)
    assert caught.value.reason == "PERSON_VERSION_NOT_KEPT"


async def test_versions_go_with_the_person_and_that_is_said(world: World) -> None:
    person = await world.create()
    await world.update(Person(name=person.name, email="other@example.org"), "email")
    await delete(world)
    assert await world.graph.run(versions.KEPT, names=["people/anna/versions/1"]) == []
    for name, reason in (("people/anna", "PERSON_ERASED"), ("people/nobody", "PERSON_NOT_FOUND")):
        with pytest.raises(NotFound) as caught:
            await version(world, 1, name)
        assert caught.value.reason == reason
    again = await world.create()
    with pytest.raises(NotFound):
        await version(world, 1)
    assert (await version(world, again.version)).version == again.version > 2


async def test_versions_end_with_the_rankings(world: World, tmp_path: Path) -> None:
    person = await world.create()
    await world.update(Person(name=person.name, email="other@example.org"), "email")
    days = world.ports.rule("profile-versions").days
    assert days == world.ports.rule("decisions-events").days
    assert days is not None
    log = await open_events(Settings(events=f"sqlite:{tmp_path / 'events.db'}"))
    try:
        world.now += timedelta(days=days) - timedelta(hours=1)
        await apply_rules(world.ports, log)
        assert (await version(world, 1)).version == 1
        world.now += timedelta(hours=2)
        applied = {each.kind: each.removed for each in (await apply_rules(world.ports, log)).applied}
    finally:
        await log.close()
    assert applied["profile-versions"] == 1
    with pytest.raises(NotFound):
        await version(world, 1)


async def test_nobody_but_operator_and_services_reads_a_version(world: World) -> None:
    await world.create()
    with pytest.raises(Forbidden):
        await versions.get(world.ports, ANNA, GetPersonVersionRequest(name="people/anna", version=1))
