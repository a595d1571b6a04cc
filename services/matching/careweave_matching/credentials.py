"""How a person stands to a credential that a role asks for, and by when a lack can be mended.

Sources of the lead times, in days:

- DBS: standard and enhanced checks usually take up to eight weeks, basic ones up to two (guidance for
  employers on GOV.UK, "Check someone's criminal record as an employer").
- Lapsed registration: readmission to the NMC register takes two to six weeks (Royal College of Nursing, "NMC:
  Readmission and practising whilst lapsed"). Whoever has not practised enough within three years comes back by a
  return-to-practice programme or a test of competence (Nursing and Midwifery Council, "Standards for return to practice
  programmes", 2019), which takes months and mends nothing in time. Other registers ask for updating after two years;
  three are taken for all. First registration follows an approved programme of years.
- Mandatory training: two weeks to find and do a course; an assumption of this project.
- Driving licence: half a year of lessons and waiting for tests, and three weeks for renewal; an assumption.
- A qualification takes longer than any vacancy stays open.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import IntEnum

from careweave_matching.model import CredentialNeed, HeldCredential
from careweave_matching.terms import CredentialKind, DbsLevel

DAYS_PER_MONTH = 30.4375
"""Mean length of a month."""
FOREVER = date.max.toordinal()
"""Ordinal of the day until which something without expiry holds."""
NEVER = 0
"""Ordinal for what does not hold on any day."""

BASIC_DBS_DAYS = 14
DBS_DAYS = 56
LEAD_DAYS_ABSENT: Mapping[int, int] = {
    CredentialKind.DBS: DBS_DAYS,
    CredentialKind.MANDATORY_TRAINING: 14,
    CredentialKind.DRIVING_LICENCE: 182,
}
"""Days from asking to having, for someone who has none; missing where nothing mends it in time."""
LEAD_DAYS_LAPSED: Mapping[int, int] = {
    CredentialKind.REGISTRATION: 42,
    CredentialKind.DBS: DBS_DAYS,
    CredentialKind.MANDATORY_TRAINING: 14,
    CredentialKind.DRIVING_LICENCE: 21,
}
"""Days from asking to having again, for someone whose own has lapsed."""


OUT_OF_PRACTICE_DAYS = 1096
"""Three years: a registration that lapsed longer ago is not simply renewed."""


class Cause(IntEnum):
    """Why a need is or is not met; picks the words."""

    MET = 0
    ABSENT = 1
    LAPSED = 2
    LEVEL_TOO_LOW = 3
    TOO_OLD = 4
    NOT_RECORDED = 5
    LEVEL_NOT_RECORDED = 6
    ISSUE_NOT_RECORDED = 7
    LONG_LAPSED = 8


UNKNOWN_CAUSES = frozenset({Cause.NOT_RECORDED, Cause.LEVEL_NOT_RECORDED, Cause.ISSUE_NOT_RECORDED})
"""Causes under which the profile does not say enough to judge."""
UNKNOWN_CAUSE_BITS = sum(1 << cause for cause in UNKNOWN_CAUSES)
"""The same, one bit each: 1 << cause."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a person stands to one need.

    good_through: ordinal of the last day on which the need is met; NEVER if on none.
    lead_days: days from asking to having it; -1 if nothing mends it in time.
    cause: why it is not met on days after `good_through`.
    """

    good_through: int
    lead_days: int
    cause: Cause


def subject_of(kind: int, title: str) -> tuple[int, str]:
    """Return what a credential is looked up by: its kind, and its title without case or outer space."""
    return kind, " ".join(title.casefold().split())


def best(held: Iterable[HeldCredential]) -> dict[tuple[int, str], HeldCredential]:
    """Return the best credential for each subject, and for each kind whatever the title.

    Best is the higher DBS level, then membership of the Update Service, then the later expiry (none is
    latest), then the later issue.
    """
    chosen: dict[tuple[int, str], HeldCredential] = {}
    for credential in held:
        for title in {credential.title, ""}:
            subject = subject_of(credential.kind, title)
            rival = chosen.get(subject)
            if rival is None or _rank(credential) > _rank(rival):
                chosen[subject] = credential
    return chosen


def _rank(credential: HeldCredential) -> tuple[int, bool, int, int]:
    expires = credential.expire_date.toordinal() if credential.expire_date else FOREVER
    issued = credential.issue_date.toordinal() if credential.issue_date else NEVER
    return credential.dbs_level, credential.update_service, expires, issued


def absent_standing(need: CredentialNeed, *, profile_records_any: bool) -> Standing:
    """Return the standing of someone whose profile does not hold what `need` asks for.

    A profile without any credential says nothing, and the right to work is unknown until somebody has
    checked it: an employer checks it before the first day in any case.
    """
    unsaid = not profile_records_any or need.kind == CredentialKind.RIGHT_TO_WORK
    return Standing(NEVER, _lead_days(need, LEAD_DAYS_ABSENT), Cause.NOT_RECORDED if unsaid else Cause.ABSENT)


def standing(need: CredentialNeed, held: HeldCredential, as_of: int) -> Standing:
    """Return how someone who holds `held` stands to `need`, of the same subject. as_of: an ordinal."""
    if need.kind == CredentialKind.DBS:
        return _dbs_standing(need, held)
    good_through = held.expire_date.toordinal() if held.expire_date else FOREVER
    if need.kind == CredentialKind.REGISTRATION and as_of - good_through > OUT_OF_PRACTICE_DAYS:
        return Standing(good_through, -1, Cause.LONG_LAPSED)
    return Standing(good_through, _lead_days(need, LEAD_DAYS_LAPSED), Cause.LAPSED)


def _dbs_standing(need: CredentialNeed, held: HeldCredential) -> Standing:
    days = _lead_days(need, LEAD_DAYS_LAPSED)
    if need.dbs_level and not held.dbs_level:
        return Standing(NEVER, days, Cause.LEVEL_NOT_RECORDED)
    if held.dbs_level < need.dbs_level:
        return Standing(NEVER, days, Cause.LEVEL_TOO_LOW)
    if held.update_service or not need.recheck_months:
        return Standing(FOREVER, days, Cause.MET)
    if held.issue_date is None:
        return Standing(NEVER, days, Cause.ISSUE_NOT_RECORDED)
    through = held.issue_date.toordinal() + int(need.recheck_months * DAYS_PER_MONTH)
    return Standing(through, days, Cause.TOO_OLD)


def _lead_days(need: CredentialNeed, lead_days: Mapping[int, int]) -> int:
    days = lead_days.get(need.kind, -1)
    if need.kind == CredentialKind.DBS and need.dbs_level == DbsLevel.BASIC:
        return BASIC_DBS_DAYS
    return days
