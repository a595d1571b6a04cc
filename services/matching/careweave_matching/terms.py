"""Words with fixed numbers: those of `careweave/v1/common.proto` and `matching.proto`.

A test holds the numbers equal to the protos', so that domain modules need no generated code.
"""

from enum import IntEnum


class OpportunityKind(IntEnum):
    """Kinds of development role or learning."""

    JOB = 1
    SECONDMENT = 2
    APPRENTICESHIP = 3
    COURSE = 4
    PLACEMENT = 5
    SHADOWING = 6
    PROJECT = 7
    MENTORING = 8


PAID_KINDS = frozenset({OpportunityKind.JOB, OpportunityKind.SECONDMENT, OpportunityKind.APPRENTICESHIP})
"""Kinds with a contract of work: these need the right to work and say their hours."""


class OpportunityState(IntEnum):
    """State of an opportunity."""

    OPEN = 1
    CLOSED = 2


class TravelMode(IntEnum):
    """How a person travels."""

    UNSPECIFIED = 0
    WALK = 1
    CYCLE = 2
    PUBLIC_TRANSPORT = 3
    CAR = 4


class CredentialKind(IntEnum):
    """What must be current before someone may take up a role."""

    REGISTRATION = 1
    DBS = 2
    MANDATORY_TRAINING = 3
    RIGHT_TO_WORK = 4
    DRIVING_LICENCE = 5
    QUALIFICATION = 6


class DbsLevel(IntEnum):
    """Levels of DBS certificate, each including the one before."""

    UNSPECIFIED = 0
    BASIC = 1
    STANDARD = 2
    ENHANCED = 3
    ENHANCED_BARRED_LISTS = 4


class GateKind(IntEnum):
    """What a gate looks at."""

    OPEN = 1
    TRAVEL = 2
    HOURS = 3
    RIGHT_TO_WORK = 4
    REGISTRATION = 5
    DBS = 6
    MANDATORY_TRAINING = 7
    DRIVING_LICENCE = 8
    QUALIFICATION = 9


class GateResult(IntEnum):
    """What a gate answers."""

    PASS = 1
    FAIL = 2
    UNKNOWN = 3
    FIXABLE = 4


class SkillFit(IntEnum):
    """How a person stands to one required skill."""

    EVIDENCED = 1
    CLAIMED = 2
    TRANSFERABLE = 3
    MISSING = 4


class Stage(IntEnum):
    """How far an application has come."""

    INTERESTED = 1
    VIEWED = 2
    SHORTLISTED = 3
    APPOINTED = 4
    DECLINED = 5
    COMPLETED = 6


class Trust(IntEnum):
    """How well founded a person's skill is, best first."""

    EVIDENCED = 0
    """Employer's record, qualification, assessment, or somebody else's endorsement."""
    CLAIMED = 1
    """The person's own word."""
    INFERRED = 2
    """Derived from an occupation."""


class ConsentPurpose(IntEnum):
    """What a consent allows."""

    BE_FOUND = 1
    ALERTS = 2
    CONTACT = 3


class ProfileField(IntEnum):
    """Parts of a profile that a consent can open."""

    DISPLAY_NAME = 1
    SKILLS = 2
    EMPLOYMENT = 3
    CREDENTIALS = 4
    PLACE = 5
    EMAIL = 6
