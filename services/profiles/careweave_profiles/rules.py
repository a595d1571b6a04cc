"""What a profile must be to make sense, beyond the field rules that the protos declare.

Dates: a day must exist; a period must not end before it starts; what has happened (a certificate's
issue, a skill's beginning) must not lie in the future; nothing lies further ahead than a working life.
"""

import unicodedata
from collections import Counter
from datetime import date, timedelta
from typing import Final

from google.protobuf.message import Message

from careweave.v1.common_pb2 import CREDENTIAL_KIND_DBS, PROFICIENCY_ADVANCED_BEGINNER, Date
from careweave.v1.profiles_pb2 import SOURCE_QUALIFICATION, Credential, Employment, Person, PersonSkill, Preferences
from careweave_profiles.dates import ZONE_GRACE, date_of
from careweave_profiles.violations import Violations

LATEST_START: Final = timedelta(days=2 * 366)
"""How far ahead work may begin: an offer accepted, a course place taken."""
LATEST_END: Final = timedelta(days=60 * 366)
"""How far ahead anything may end: a driving licence runs to the age of 70."""

_KEPT_CONTROLS: Final = "\n\r\t"


def check_person(person: Person, today: date, path: str, found: Violations) -> None:
    """Add to `found` what is wrong with `person`, whose path in the request is `path`.

    today: in UTC.
    """
    check_texts(person, path, found)
    for index, employment in enumerate(person.employments):
        _check_employment(employment, today, f"{path}.employments[{index}]", found)
    for index, skill in enumerate(person.skills):
        check_skill(skill, today, f"{path}.skills[{index}]", found)
    times = Counter(skill.skill for skill in person.skills)
    for index, skill in enumerate(person.skills):
        if times[skill.skill] > 1:
            found.add(
                f"{path}.skills[{index}].skill", f"{skill.skill} is named {times[skill.skill]} times; name it once"
            )
    for index, credential in enumerate(person.credentials):
        _check_credential(credential, today, f"{path}.credentials[{index}]", found)
    _check_preferences(person.preferences, f"{path}.preferences", found)


def check_skill(skill: PersonSkill, today: date, path: str, found: Violations) -> None:
    """Add to `found` what is wrong with `skill`, whose path in the request is `path`."""
    began = _day(skill, "effective_date", today + ZONE_GRACE, path, found)
    ends = _day(skill, "expire_date", today + LATEST_END, path, found)
    if began and ends and ends < began:
        found.add(f"{path}.expire_date", f"{ends} comes before effective_date {began}")
    if skill.source == SOURCE_QUALIFICATION and skill.proficiency > PROFICIENCY_ADVANCED_BEGINNER:
        found.add(
            f"{path}.proficiency",
            "a qualification alone gives at most PROFICIENCY_ADVANCED_BEGINNER (2); "
            "a higher level needs the source SOURCE_ASSESSMENT, SOURCE_EMPLOYER or SOURCE_SELF",
        )


def check_texts(message: Message, path: str, found: Violations) -> None:
    """Add to `found` every text within `message` that holds control characters."""
    for descriptor, value in message.ListFields():
        place = f"{path}.{descriptor.name}" if path else descriptor.name
        items = enumerate(value) if descriptor.is_repeated else [(None, value)]
        for index, item in items:
            here = place if index is None else f"{place}[{index}]"
            if isinstance(item, Message):
                check_texts(item, here, found)
            elif isinstance(item, str) and _has_control(item):
                found.add(here, "holds a control character; only line breaks and tabs are kept")


def _check_employment(employment: Employment, today: date, path: str, found: Violations) -> None:
    start = _day(employment, "start_date", today + LATEST_START, path, found)
    end = _day(employment, "end_date", today + LATEST_END, path, found)
    if start and end and end < start:
        found.add(f"{path}.end_date", f"{end} comes before start_date {start}")


def _check_credential(credential: Credential, today: date, path: str, found: Violations) -> None:
    issued = _day(credential, "issue_date", today + ZONE_GRACE, path, found)
    expires = _day(credential, "expire_date", today + LATEST_END, path, found)
    if issued and expires and expires < issued:
        found.add(f"{path}.expire_date", f"{expires} comes before issue_date {issued}")
    if credential.kind == CREDENTIAL_KIND_DBS:
        if expires:
            found.add(f"{path}.expire_date", "a DBS certificate has an issue date and no expiry; leave it out")
        return
    if credential.dbs_level:
        found.add(f"{path}.dbs_level", "only a credential of the kind CREDENTIAL_KIND_DBS has one")
    if credential.update_service:
        found.add(f"{path}.update_service", "only a credential of the kind CREDENTIAL_KIND_DBS can be kept by it")


def _check_preferences(preferences: Preferences, path: str, found: Violations) -> None:
    least, most = preferences.minimum_weekly_hours, preferences.maximum_weekly_hours
    if most and least > most:
        found.add(f"{path}.maximum_weekly_hours", f"{most:g} is less than minimum_weekly_hours {least:g}")


def _day(message: Message, field: str, latest: date, path: str, found: Violations) -> date | None:
    """Return the date in `field`; None if it is unset or, which is then noted, makes no sense."""
    if not message.HasField(field):
        return None
    given: Date = getattr(message, field)
    day = date_of(given)
    if day is None:
        found.add(f"{path}.{field}", f"there is no day {given.year:04}-{given.month:02}-{given.day:02}")
    elif day > latest:
        found.add(f"{path}.{field}", f"{day} lies too far ahead; the latest is {latest}")
        return None
    return day


def _has_control(text: str) -> bool:
    return not text.isprintable() and any(
        unicodedata.category(character) == "Cc" and character not in _KEPT_CONTROLS for character in text
    )
