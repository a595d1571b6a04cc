"""Keeping changed profiles: only what differs is written, and each change emits its one event."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from careweave.audit.asked import note_people
from careweave.etags import etag_of
from careweave.graph.port import Query, UnitOfWork
from careweave.v1.profiles_pb2 import (
    PROFILE_PART_CONSENT,
    PROFILE_PART_CREDENTIALS,
    PROFILE_PART_EMPLOYMENT,
    PROFILE_PART_PLACE,
    PROFILE_PART_SKILLS,
    Endorsement,
    Person,
    PersonSkill,
)
from careweave_profiles import rows, versions
from careweave_profiles.changes import Part, parts_changed, profile_changed
from careweave_profiles.dates import put_time
from careweave_profiles.erasures import last_versions
from careweave_profiles.normal_form import same_assertion
from careweave_profiles.ports import Ports

LEAVE_PLACES: Final = Query(
    "leave_places",
    # The embedded engine cannot delete nothing of a kind that joins several pairs of labels.
    "UNWIND $names AS wanted MATCH (p:Person {name: wanted}) OPTIONAL MATCH (p)-[r:LOCATED_IN]->(x:Place) "
    "WITH x, r WHERE x.name IS NOT NULL DELETE r",
)
CLEAR_EMPLOYMENTS: Final = Query(
    "clear_employments",
    "UNWIND $names AS wanted MATCH (p:Person {name: wanted}) "
    "OPTIONAL MATCH (p)-[r:EMPLOYED_BY]->(:Organisation) DELETE r",
)
CLEAR_CREDENTIALS: Final = Query(
    "clear_credentials",
    "UNWIND $names AS wanted MATCH (p:Person {name: wanted}) "
    "OPTIONAL MATCH (p)-[:HOLDS]->(c:Credential) DETACH DELETE c",
)
CLOSE_CONSENTS: Final = Query(
    "close_consents",
    "UNWIND $names AS wanted MATCH (c:Consent {name: wanted}) "
    "OPTIONAL MATCH (c)-[r:SHARES_WITH]->(:Organisation) DELETE r",
)

_ENDORSER_LABELS: Final = {"people": "Person", "organisations": "Organisation"}


@dataclass(frozen=True, slots=True)
class Change:
    """A profile that differs from what is kept.

    before: as it is kept; None if the person is new.
    after: the normal form of what it shall be; `save` sets version, etag and times.
    """

    before: Person | None
    after: Person


async def save(unit: UnitOfWork, ports: Ports, changes: Sequence[Change], now: datetime) -> list[Person]:
    """Write `changes`, at most one per person, and return the profiles as they are then, in order.

    Each real change raises the version by one and emits one event; one that changes nothing does neither. The version
    that a change ends is kept, for rankings that were made from it. A person made again after deletion goes on from
    the version that the deletion had.
    """
    erased = await last_versions(unit, [change.after.name for change in changes if change.before is None])
    real: list[tuple[Change, list[Part]]] = []
    saved: list[Person] = []
    for change in changes:
        parts = parts_changed(change.before, change.after)
        if change.before is not None and not parts:
            saved.append(change.before)
            continue
        _stamp(change, erased.get(change.after.name, 0), now)
        real.append((change, parts))
        saved.append(change.after)
    await _write(unit, ports, real, now)
    note_people(change.after.name for change, _ in real)
    for change, parts in real:
        unit.emit(profile_changed(change.after, parts, now, ports.new_id))
    return saved


def _stamp(change: Change, erased: int, now: datetime) -> None:
    person, before = change.after, change.before
    person.version = (before.version if before else erased) + 1
    person.etag = etag_of(person.version)
    put_time(person.update_time, now)
    if before:
        person.create_time.CopyFrom(before.create_time)
    else:
        put_time(person.create_time, now)


async def _write(unit: UnitOfWork, ports: Ports, changes: Sequence[tuple[Change, list[Part]]], now: datetime) -> None:
    def touching(part: Part) -> list[Change]:
        return [change for change, parts in changes if part in parts]

    if changes:
        await unit.merge_nodes("Person", [rows.person_row(change.after) for change, _ in changes])
    await versions.keep(unit, [change.before for change, _ in changes if change.before is not None], now)
    await _write_places(unit, touching(PROFILE_PART_PLACE))
    await _write_employments(unit, touching(PROFILE_PART_EMPLOYMENT))
    await _write_credentials(unit, ports, touching(PROFILE_PART_CREDENTIALS))
    await _write_skills(unit, touching(PROFILE_PART_SKILLS), now)
    await _write_consents(unit, touching(PROFILE_PART_CONSENT))


async def _write_places(unit: UnitOfWork, changes: Sequence[Change]) -> None:
    await _clear(unit, LEAVE_PLACES, [each.before for each in changes if each.before and each.before.place])
    located: list[rows.Properties] = [
        {"source": each.after.name, "target": each.after.place} for each in changes if each.after.place
    ]
    await _relate(unit, "LOCATED_IN", "Place", located)


async def _write_employments(unit: UnitOfWork, changes: Sequence[Change]) -> None:
    await _clear(unit, CLEAR_EMPLOYMENTS, [each.before for each in changes if each.before and each.before.employments])
    employed = [
        rows.employment_row(each.after.name, position, employment)
        for each in changes
        for position, employment in enumerate(each.after.employments)
    ]
    await _relate(unit, "EMPLOYED_BY", "Organisation", employed)


async def _write_credentials(unit: UnitOfWork, ports: Ports, changes: Sequence[Change]) -> None:
    await _clear(unit, CLEAR_CREDENTIALS, [each.before for each in changes if each.before and each.before.credentials])
    nodes = [
        row for each in changes for row in rows.credential_rows(each.after.name, each.after.credentials, ports.new_id)
    ]
    if nodes:
        await unit.merge_nodes("Credential", nodes)
    await _relate(unit, "HOLDS", "Credential", [{"source": node["person"], "target": node["name"]} for node in nodes])


async def _write_skills(unit: UnitOfWork, changes: Sequence[Change], now: datetime) -> None:
    """Write new assertions beside those they supersede, which stay as history."""
    asserted: list[rows.Properties] = []
    superseded: list[rows.Properties] = []
    for change in changes:
        name, old, new = change.after.name, _skills(change.before), _skills(change.after)
        asserted += [rows.skill_row(name, new[key]) for key in new if not _still_stands(new[key], old.get(key))]
        superseded += [
            rows.superseded_skill_row(name, old[key], now) for key in old if not _still_stands(old[key], new.get(key))
        ]
    await _relate(unit, "HAS_SKILL", "Skill", superseded + asserted)  # together: what is there is then read once
    await _write_endorsements(unit, changes, now)


async def _write_endorsements(unit: UnitOfWork, changes: Sequence[Change], now: datetime) -> None:
    written: dict[str, list[rows.Properties]] = {label: [] for label in _ENDORSER_LABELS.values()}
    for change in changes:
        old, new = _endorsements(change.before), _endorsements(change.after)
        for key in sorted(old.keys() ^ new.keys()):
            skill, endorsement, end = (*new[key], None) if key in new else (*old[key], now)
            label = _ENDORSER_LABELS[endorsement.endorser.partition("/")[0]]
            written[label].append(rows.endorsement_row(change.after.name, skill, endorsement, end))
    for label, endorsed in written.items():
        await _relate(unit, "ENDORSED_BY", label, endorsed)


async def _write_consents(unit: UnitOfWork, changes: Sequence[Change]) -> None:
    new = [
        (change.after.name, consent)
        for change in changes
        for consent in change.after.consents
        if change.before is None or consent not in change.before.consents
    ]
    if not new:
        return
    await unit.merge_nodes("Consent", [rows.consent_row(name, consent) for name, consent in new])
    await _relate(unit, "GIVES", "Consent", [{"source": name, "target": consent.name} for name, consent in new])
    withdrawn = [consent.name for _, consent in new if consent.HasField("withdraw_time")]
    if withdrawn:
        await unit.run(CLOSE_CONSENTS, names=withdrawn)
    shared = [
        {"source": consent.name, "target": organisation}
        for _, consent in new
        if not consent.HasField("withdraw_time")
        for organisation in consent.organisations
    ]
    if shared:
        await unit.merge_relationships("SHARES_WITH", "Consent", "Organisation", shared)


async def _clear(unit: UnitOfWork, query: Query, people: Sequence[Person]) -> None:
    if people:
        await unit.run(query, names=[person.name for person in people])


async def _relate(unit: UnitOfWork, kind: str, target: str, links: Sequence[rows.Properties]) -> None:
    if links:
        await unit.merge_relationships(kind, "Person", target, links)


def _still_stands(skill: PersonSkill, other: PersonSkill | None) -> bool:
    return other is not None and same_assertion(skill, other)


def _skills(person: Person | None) -> dict[str, PersonSkill]:
    return {skill.skill: skill for skill in person.skills} if person else {}


def _endorsements(person: Person | None) -> dict[tuple[str, str, int], tuple[str, Endorsement]]:
    """Return (skill, endorsement) by skill, endorser and nanoseconds of its time."""
    return {
        (skill.skill, each.endorser, each.endorse_time.ToNanoseconds()): (skill.skill, each)
        for skill in (person.skills if person else ())
        for each in skill.endorsements
    }
