"""Earlier versions of profiles, as far as a ranking reads them, so that a recorded ranking can be made again.

Each is written in the unit of work of the change that ends it. Its name says whose it is and which, so it is read and
deleted by key alone; see docs/adr/0014.
"""

import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Final, cast

from careweave.errors import NotFound
from careweave.graph.port import Query, Reads, UnitOfWork
from careweave.policy import Action, Caller, Resource, authorise
from careweave.v1.profiles_pb2 import Endorsement, GetPersonVersionRequest, Person
from careweave_profiles import store
from careweave_profiles.erasures import last_versions
from careweave_profiles.ports import Ports

KEPT: Final = Query(
    "person_versions",
    "UNWIND $names AS wanted MATCH (v:PersonVersion {name: wanted}) "
    "RETURN v.name AS name, v.snapshot AS snapshot, v.supersede_time AS supersede_time",
)
FORGET: Final = Query(
    "forget_person_versions", "UNWIND $names AS wanted MATCH (v:PersonVersion {name: wanted}) DELETE v"
)
COUNT_OLD: Final = Query(
    "count_old_person_versions", "MATCH (v:PersonVersion) WHERE v.supersede_time <= $now RETURN count(*) AS times"
)
DROP_OLD: Final = Query("drop_old_person_versions", "MATCH (v:PersonVersion) WHERE v.supersede_time <= $now DELETE v")
_QUICK: Final = 1
"""zlib's quickest level: of the 1,108 bytes of a profile with 15 skills it leaves 518, the slowest 515."""


def as_ranked(person: Person) -> Person:
    """Return what a ranking reads of `person`, and nothing else.

    Whoever vouched for a skill is left out: of that, a ranking reads that somebody did.
    """
    read = Person(name=person.name, version=person.version, place=person.place)
    for skill in person.skills:
        kept = read.skills.add(skill=skill.skill, proficiency=skill.proficiency, source=skill.source)
        for day in ("effective_date", "expire_date"):
            if skill.HasField(day):
                getattr(kept, day).CopyFrom(getattr(skill, day))
        if skill.endorsements:
            kept.endorsements.append(Endorsement())
    read.employments.extend(person.employments)
    read.credentials.extend(person.credentials)
    if person.HasField("preferences"):
        read.preferences.CopyFrom(person.preferences)
    return read


async def keep(unit: UnitOfWork, superseded: Sequence[Person], now: datetime) -> None:
    """Keep the versions of people that end now."""
    if superseded:
        await unit.merge_nodes("PersonVersion", [_row(person, now) for person in superseded])


def _row(person: Person, now: datetime) -> dict[str, object]:
    snapshot = zlib.compress(as_ranked(person).SerializeToString(deterministic=True), _QUICK)
    return {"name": _name(person.name, person.version), "supersede_time": now, "snapshot": snapshot}


async def forget(unit: UnitOfWork, name: str, version: int) -> None:
    """Delete all versions of the person called `name`, who is at `version`."""
    await unit.run(FORGET, names=_names(name, version))


async def of_person(reads: Reads, person: Person) -> list[tuple[Person, datetime]]:
    """Return the earlier versions that are kept of `person`, the oldest first, each with when it ended."""
    rows = await reads.run(KEPT, names=_names(person.name, person.version))
    found = [(_read(row["snapshot"]), cast("datetime", row["supersede_time"])) for row in rows]
    return sorted(found, key=lambda each: each[0].version)


async def get(ports: Ports, caller: Caller, request: GetPersonVersionRequest) -> Person:
    """Return one version of a person, the present one too, as far as a ranking reads it.

    Raises:
        Forbidden: `caller` may not.
        NotFound: there is no such person, they were erased, or the version is not kept; the reason says which.
    """
    authorise(caller, Action.GET_PERSON_VERSION, Resource(person=request.name))
    present = await store.person(ports.graph, request.name)
    if present is None:
        raise await _nobody(ports.graph, request.name)
    if present.version == request.version:
        return as_ranked(present)
    rows = await ports.graph.run(KEPT, names=[_name(request.name, request.version)])
    if not rows:
        raise NotFound(
            f"Version {request.version} of {request.name} is not kept, or never was.",
            reason="PERSON_VERSION_NOT_KEPT",
            metadata={"resource": request.name, "version": str(request.version)},
        )
    return _read(rows[0]["snapshot"])


async def _nobody(reads: Reads, name: str) -> NotFound:
    if await last_versions(reads, [name]):
        return NotFound(
            f"{name} was erased, and every version of the profile with them.",
            reason="PERSON_ERASED",
            metadata={"resource": name},
        )
    return NotFound(f"There is no {name}.", reason="PERSON_NOT_FOUND", metadata={"resource": name})


def _name(person: str, version: int) -> str:
    return f"{person}/versions/{version}"


def _names(person: str, version: int) -> list[str]:
    """Return what the versions before `version` are called. Numbers go on where a person is made again."""
    return [_name(person, earlier) for earlier in range(1, version)]


def _read(snapshot: object) -> Person:
    return Person.FromString(zlib.decompress(cast("bytes", snapshot)))
