"""What matching knows of opportunities and people, free of any wire format or store."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from careweave_matching.terms import ConsentPurpose, OpportunityState, Trust


@dataclass(frozen=True, slots=True)
class Requirement:
    """A skill that an opportunity needs.

    level: least proficiency, 1 to 5; 0 asks for the skill at any level.
    """

    skill: str
    essential: bool
    level: int = 0


@dataclass(frozen=True, slots=True)
class CredentialNeed:
    """A credential that an opportunity needs.

    title: which of its kind; empty if any will do.
    recheck_months: how old a DBS certificate may be unless the Update Service keeps it current; 0 means any age.
    """

    kind: int
    title: str = ""
    dbs_level: int = 0
    recheck_months: int = 0
    provided_by_employer: bool = False


@dataclass(frozen=True, slots=True)
class Opportunity:
    """A development role or learning that an organisation offers; fields as in `matching.proto`."""

    name: str
    title: str
    kind: int
    organisation: str
    description: str = ""
    place: str = ""
    hub: str = ""
    occupation: str = ""
    requirements: tuple[Requirement, ...] = ()
    develops: tuple[str, ...] = ()
    credentials: tuple[CredentialNeed, ...] = ()
    minimum_weekly_hours: float = 0.0
    maximum_weekly_hours: float = 0.0
    unsocial_hours: bool = False
    pay_band: str = ""
    annual_pay_gbp: int = 0
    standard: str = ""
    course: str = ""
    start_date: date | None = None
    end_date: date | None = None
    closing_date: date | None = None
    state: int = OpportunityState.OPEN
    fictional: bool = False
    version: int = 0
    etag: str = ""
    create_time: datetime | None = None
    update_time: datetime | None = None

    def is_offered(self, as_of: date) -> bool:
        """Say whether interest is taken on `as_of`."""
        return self.state == OpportunityState.OPEN and (self.closing_date is None or self.closing_date >= as_of)


@dataclass(frozen=True, slots=True)
class HeldSkill:
    """A skill that a person has.

    level: 1 to 5; 0 if not known, and then never read as a number.
    first_day, last_day: when it counts; None means unbounded.
    """

    skill: str
    level: int = 0
    trust: Trust = Trust.CLAIMED
    first_day: date | None = None
    last_day: date | None = None

    def counts_on(self, as_of: date) -> bool:
        """Say whether it has begun and has not lapsed on `as_of`."""
        begun = self.first_day is None or self.first_day <= as_of
        return begun and (self.last_day is None or self.last_day >= as_of)


@dataclass(frozen=True, slots=True)
class HeldCredential:
    """A credential that a person holds; a DBS certificate has no `expire_date`."""

    kind: int
    title: str = ""
    issue_date: date | None = None
    expire_date: date | None = None
    dbs_level: int = 0
    update_service: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """One employment: the newest one describes the role a person comes from."""

    organisation: str
    occupation: str = ""
    job_title: str = ""
    current: bool = True


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a person looks for.

    stated: False if the profile holds no preferences, so that nothing is concluded from zeros.
    minimum_hours, maximum_hours: weekly; 0 means no limit.
    maximum_minutes: longest single journey.
    dismissed: opportunities that the person has put aside; they leave the person's own list and change no score.
    """

    stated: bool = False
    kinds: frozenset[int] = frozenset()
    minimum_hours: float = 0.0
    maximum_hours: float = 0.0
    unsocial_hours: bool = False
    travel_mode: int = 0
    maximum_minutes: int = 60
    aspiration: str = ""
    aspired_occupations: tuple[str, ...] = ()
    alerts: bool = False
    dismissed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Consent:
    """A consent that was not withdrawn.

    organisations: whom it covers; empty means every organisation.
    """

    purpose: int
    organisations: frozenset[str] = frozenset()
    fields: frozenset[int] = frozenset()
    expire_time: datetime | None = None

    def covers(self, organisation: str, purpose: ConsentPurpose, at: datetime) -> bool:
        """Say whether it opens the profile to `organisation` for `purpose` at the moment `at`."""
        in_time = self.expire_time is None or self.expire_time > at
        return self.purpose == purpose and in_time and (not self.organisations or organisation in self.organisations)


@dataclass(frozen=True, slots=True)
class Person:
    """What matching needs of a person; no email, no equality declaration.

    credentials: the best one for each (kind, title in lower case) and for each (kind, ""); see `credentials.best`.
    """

    name: str
    version: int
    display_name: str = ""
    place: str = ""
    work: Work | None = None
    employers: frozenset[str] = frozenset()
    skills: tuple[HeldSkill, ...] = ()
    credentials: Mapping[tuple[int, str], HeldCredential] = field(default_factory=dict)
    wishes: Wishes = Wishes()
    consents: tuple[Consent, ...] = ()

    def consent_for(self, organisation: str, purpose: ConsentPurpose, at: datetime) -> frozenset[int] | None:
        """Return the profile fields opened to `organisation`, or None if no consent covers it."""
        covering = [c.fields for c in self.consents if c.covers(organisation, purpose, at)]
        return frozenset().union(*covering) if covering else None


@dataclass(frozen=True, slots=True)
class Pair:
    """Names of a person and an opportunity; one is empty where the other alone is meant."""

    person: str
    opportunity: str


@dataclass(frozen=True, slots=True)
class Versions:
    """What an answer was computed from; see `Versions` in `common.proto`. The last two are set in decisions alone."""

    model: str
    taxonomy: str
    weights: str
    profile: int
    opportunity: int
    places: str = ""
    relatedness: str = ""
