"""The one form in which a profile is kept, so that equal profiles compare equal."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final, TypeVar

from google.protobuf.field_mask_pb2 import FieldMask

from careweave import masks
from careweave.v1.profiles_pb2 import SOURCE_SELF, SOURCE_UNSPECIFIED, Employment, Person, PersonSkill
from careweave_profiles.dates import put_time, time_of

_WHOLE: Final = FieldMask(paths=[masks.EVERYTHING])
_TICK: Final = timedelta(microseconds=1)
_ASSERTED: Final = ("skill", "proficiency", "source", "evidence", "effective_date", "expire_date")

_T = TypeVar("_T")


def new_person(given: Person, name: str) -> Person:
    """Return what a caller may say of a new person called `name`; all that is the server's is left out."""
    person = masks.merge(Person(), given, _WHOLE)
    person.name = name
    return person


def normalise(person: Person, before: Person | None, labels: Mapping[str, str], now: datetime) -> None:
    """Bring `person`, a valid profile about to be kept, into the form in which it is kept.

    What the server owns within a skill comes from `before` while its assertion is the same, else
    from `labels` (skill to preferred label) and `now`.
    """
    person.preferences.SetInParent()
    preferences = person.preferences
    preferences.kinds[:] = sorted(set(preferences.kinds))
    preferences.aspired_occupations[:] = unique(preferences.aspired_occupations)
    preferences.dismissed_opportunities[:] = sorted(set(preferences.dismissed_opportunities))
    person.employments.sort(key=_newest_first)
    person.skills.sort(key=lambda skill: skill.skill)
    earlier = {skill.skill: skill for skill in before.skills} if before else {}
    for skill in person.skills:
        _normalise_skill(skill, earlier.get(skill.skill), labels, now)


def same_assertion(one: PersonSkill, other: PersonSkill) -> bool:
    """Tell whether both say the same of the same skill, whenever they were recorded."""
    return all(getattr(one, field) == getattr(other, field) for field in _ASSERTED)


def unique(items: Iterable[_T]) -> list[_T]:
    """Return `items` in order, each once."""
    return list(dict.fromkeys(items))


def _normalise_skill(skill: PersonSkill, earlier: PersonSkill | None, labels: Mapping[str, str], now: datetime) -> None:
    if skill.source == SOURCE_UNSPECIFIED:
        skill.source = SOURCE_SELF
    for field in ("label", "assert_time", "endorsements"):
        skill.ClearField(field)
    if earlier is None:
        skill.label = labels[skill.skill]
        put_time(skill.assert_time, now)
        return
    skill.label = earlier.label
    skill.endorsements.MergeFrom(earlier.endorsements)
    if same_assertion(skill, earlier):
        skill.assert_time.CopyFrom(earlier.assert_time)
    else:  # later than what it supersedes, even if the clock stands still
        put_time(skill.assert_time, max(now, time_of(earlier.assert_time) + _TICK))


def _newest_first(employment: Employment) -> tuple[int, int, int]:
    start = employment.start_date
    return (-start.year, -start.month, -start.day)
