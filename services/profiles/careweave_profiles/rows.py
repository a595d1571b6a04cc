"""Profiles as rows of the graph; names and types of the properties as `careweave.graph.schema` has them."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import TypeAlias

from google.protobuf.message import Message

from careweave.v1.profiles_pb2 import (
    Consent,
    Credential,
    Employment,
    Endorsement,
    Person,
    PersonSkill,
)
from careweave_profiles.dates import date_of, time_of

Properties: TypeAlias = dict[str, object]
"""One row to write."""

PREFERENCES = (
    "minimum_weekly_hours",
    "maximum_weekly_hours",
    "travel_mode",
    "maximum_travel_minutes",
    "aspiration",
    "alerts",
    "unsocial_hours",
)
"""Preferences with one value, kept as properties of the person."""


def person_row(person: Person) -> Properties:
    """Return the properties of the node of `person`."""
    preferences = person.preferences
    return {
        "name": person.name,
        "display_name": person.display_name,
        "email": person.email,
        "place": person.place,
        "kinds": list(preferences.kinds),
        "aspired_occupations": list(preferences.aspired_occupations),
        "dismissed_opportunities": list(preferences.dismissed_opportunities),
        **{field: getattr(preferences, field) for field in PREFERENCES},
        "fictional": person.fictional,
        "version": person.version,
        "create_time": time_of(person.create_time),
        "update_time": time_of(person.update_time),
        "snapshot": person.SerializeToString(deterministic=True),
    }


def skill_row(person: str, skill: PersonSkill) -> Properties:
    """Return the relationship HAS_SKILL of `person` to `skill`; a level that is not known is null."""
    return {
        "source": person,
        "target": skill.skill,
        "asserted_at": time_of(skill.assert_time),
        "level": skill.proficiency or None,
        "origin": skill.source,
        "evidence": skill.evidence,
        "effective_from": _day(skill, "effective_date"),
        "expires_on": _day(skill, "expire_date"),
    }


def superseded_skill_row(person: str, skill: PersonSkill, now: datetime) -> Properties:
    """Return what marks the relationship of `person` to `skill` as no longer what is held to be true."""
    return {
        "source": person,
        "target": skill.skill,
        "asserted_at": time_of(skill.assert_time),
        "superseded_at": now,
    }


def endorsement_row(person: str, skill: str, endorsement: Endorsement, superseded_at: datetime | None) -> Properties:
    """Return the relationship ENDORSED_BY of `person` to the endorser of `skill`."""
    return {
        "source": person,
        "target": endorsement.endorser,
        "endorser": endorsement.endorser,
        "skill": skill,
        "endorsed_at": time_of(endorsement.endorse_time),
        "level": endorsement.proficiency or None,
        "comment": endorsement.comment,
        "superseded_at": superseded_at,
    }


def employment_row(person: str, position: int, employment: Employment) -> Properties:
    """Return the relationship EMPLOYED_BY of `person` for the employment at `position` of their list."""
    return {
        "source": person,
        "target": employment.organisation,
        "employment_id": f"{position:03}",
        "occupation": employment.occupation,
        "job_title": employment.job_title,
        "pay_band": employment.pay_band,
        "start_date": _day(employment, "start_date"),
        "end_date": _day(employment, "end_date"),
        "weekly_hours": employment.weekly_hours,
        "position": position,
    }


def credential_rows(person: str, credentials: Sequence[Credential], new_id: Callable[[], str]) -> list[Properties]:
    """Return the nodes of all `credentials` of `person`, under new names."""
    return [
        {
            "name": f"{person}/credentials/{new_id()}",
            "person": person,
            "kind": credential.kind,
            "title": credential.title,
            "issue_date": _day(credential, "issue_date"),
            "expire_date": _day(credential, "expire_date"),
            "dbs_level": credential.dbs_level,
            "update_service": credential.update_service,
            "position": position,
        }
        for position, credential in enumerate(credentials)
    ]


def consent_row(person: str, consent: Consent) -> Properties:
    """Return the node of a consent."""
    return {
        "name": consent.name,
        "person": person,
        "purpose": consent.purpose,
        "organisations": list(consent.organisations),
        "fields": list(consent.fields),
        "give_time": time_of(consent.give_time),
        "expire_time": _moment(consent, "expire_time"),
        "withdraw_time": _moment(consent, "withdraw_time"),
    }


def _day(message: Message, field: str) -> date | None:
    return date_of(getattr(message, field)) if message.HasField(field) else None


def _moment(message: Message, field: str) -> datetime | None:
    return time_of(getattr(message, field)) if message.HasField(field) else None
