"""What a feed said and what does not stand, since provenance puts another word before it: kept in the history."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from careweave.graph.port import UnitOfWork
from careweave.v1.profiles_pb2 import Person, PersonSkill
from careweave_profiles import rows
from careweave_profiles.dates import put_time, time_of

_TICK: Final = timedelta(microseconds=1)


async def write_overruled(
    unit: UnitOfWork, overruled: Sequence[tuple[Person, Sequence[PersonSkill]]], now: datetime
) -> None:
    """Write claims on people, as they are kept, as said at `now` and superseded at once: known, and never held."""
    links = [
        _row(person.name, claim, moment, now)
        for person, claims in overruled
        for claim, moment in _moments(person, claims, now)
    ]
    if links:
        await unit.merge_relationships("HAS_SKILL", "Person", "Skill", links)


def _moments(person: Person, claims: Sequence[PersonSkill], now: datetime) -> list[tuple[PersonSkill, datetime]]:
    """Return each claim with its own time, since time tells the assertions of one skill apart."""
    last = {skill.skill: time_of(skill.assert_time) for skill in person.skills}
    found = []
    for claim in claims:
        moment = max(now, last.get(claim.skill, now) + _TICK)
        last[claim.skill] = moment
        found.append((claim, moment))
    return found


def _row(person: str, claim: PersonSkill, moment: datetime, now: datetime) -> rows.Properties:
    said = PersonSkill()
    said.CopyFrom(claim)
    put_time(said.assert_time, moment)
    return {**rows.skill_row(person, said), "superseded_at": max(now, moment)}
