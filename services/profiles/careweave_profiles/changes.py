"""What a change of a profile touches, and the one thin event that tells of it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, TypeAlias

from careweave.events.port import Event, Topic
from careweave.v1.events_pb2 import ProfileChanged
from careweave.v1.profiles_pb2 import (
    PROFILE_PART_CONSENT,
    PROFILE_PART_CREDENTIALS,
    PROFILE_PART_EMPLOYMENT,
    PROFILE_PART_IDENTITY,
    PROFILE_PART_PLACE,
    PROFILE_PART_PREFERENCES,
    PROFILE_PART_SKILLS,
    Person,
    ProfilePart,
)
from careweave_profiles.ports import EVENT_SOURCE

Part: TypeAlias = "ProfilePart.ValueType"

PART_OF_FIELD: Final[Mapping[str, Part]] = {
    "display_name": PROFILE_PART_IDENTITY,
    "email": PROFILE_PART_IDENTITY,
    "fictional": PROFILE_PART_IDENTITY,
    "place": PROFILE_PART_PLACE,
    "employments": PROFILE_PART_EMPLOYMENT,
    "skills": PROFILE_PART_SKILLS,
    "credentials": PROFILE_PART_CREDENTIALS,
    "preferences": PROFILE_PART_PREFERENCES,
    "consents": PROFILE_PART_CONSENT,
}
"""Which part of the profile a field of Person belongs to; name, version, etag and times to none."""


def parts_changed(before: Person | None, after: Person) -> list[Part]:
    """Return the parts in which two normal forms differ, in order; all that are filled if `before` is None."""
    known = before if before is not None else _NOBODY
    return sorted({part for field, part in PART_OF_FIELD.items() if getattr(known, field) != getattr(after, field)})


def profile_changed(person: Person, parts: list[Part], now: datetime, new_id: Callable[[], str]) -> Event:
    """Return the event of a person created or changed; it says which parts, never what is in them."""
    payload = ProfileChanged(person=person.name, version=person.version, parts=parts)
    return _event(person.name, person.version, payload.SerializeToString(deterministic=True), now, new_id)


def profile_erased(name: str, version: int, now: datetime, new_id: Callable[[], str]) -> Event:
    """Return the tombstone of a person."""
    return _event(name, version, None, now, new_id)


def _event(name: str, version: int, payload: bytes | None, now: datetime, new_id: Callable[[], str]) -> Event:
    return Event(
        topic=Topic.PROFILES,
        id=new_id(),
        type=ProfileChanged.DESCRIPTOR.full_name,
        source=EVENT_SOURCE,
        key=name,
        version=version,
        time=now,
        payload=payload,
    )


_NOBODY: Final = Person()
