"""Receipts of consent: what was agreed to, in the words in which it was kept, with a digest to hold it to.

What a record of consent holds follows ISO/IEC TS 27560:2023; that withdrawing must be as easy as giving, and
be said beforehand, Article 7(3) of the UK GDPR.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from careweave.v1.profiles_pb2 import (
    CONSENT_PURPOSE_ALERTS,
    CONSENT_PURPOSE_BE_FOUND,
    CONSENT_PURPOSE_CONTACT,
    Consent,
    ConsentReceipt,
    ProfileField,
)
from careweave_profiles.dates import time_of

WORDING: Final = "consent-1"
"""Version of the words below; a change of them is another version."""

_PURPOSES: Final[Mapping[int, str]] = {
    CONSENT_PURPOSE_BE_FOUND: "may find you when they look for people for an opportunity of theirs",
    CONSENT_PURPOSE_ALERTS: "may have you told of opportunities of theirs that fit you",
    CONSENT_PURPOSE_CONTACT: "may get in touch with you once they have found you",
}


def receipt_of(consent: Consent) -> ConsentReceipt:
    """Return the receipt of `consent`, which has its name and times."""
    statement = _statement(consent)
    given = Consent()
    given.CopyFrom(consent)
    given.ClearField("withdraw_time")
    given.ClearField("receipt")
    content = b"\0".join((WORDING.encode(), statement.encode(), given.SerializeToString(deterministic=True)))
    return ConsentReceipt(statement=statement, wording=WORDING, digest=sha256(content).hexdigest())


def _statement(consent: Consent) -> str:
    whom = ", ".join(consent.organisations) or "Every organisation of the place"
    parts = [
        ProfileField.Name(each).removeprefix("PROFILE_FIELD_").replace("_", " ").lower() for each in consent.fields
    ]
    shown = (
        f"and see of your profile: {', '.join(parts)}" if parts else "and see no part of your profile but how it fits"
    )
    until = (
        f"until {time_of(consent.expire_time):%d %B %Y %H:%M} UTC" if consent.HasField("expire_time") else "without end"
    )
    return (
        f"{whom} {_PURPOSES[consent.purpose]}, {shown}, {until}. You can take this back at any time, as easily as you "
        "give it; what happened before stays as it was."
    )
