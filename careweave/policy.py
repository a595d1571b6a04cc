"""Who may do what: the one table, asked by every use-case before it looks at anything (AIP-211).

A grant joins a role to an action within a scope. What is not granted is refused, and the refusal is
worded alike whether or not the resource exists. An action is named after the RPC that asks for it;
where one RPC holds two actions, a word after a colon tells them apart.

Consent is not decided here: matching filters by it before anybody but the person sees a result, and
profiles shortens what it returns. This module answers only whether the question may be asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from careweave.audit.asked import note_asked
from careweave.errors import Forbidden


class Role(StrEnum):
    """In what capacity somebody calls."""

    PERSON = "person"
    """A member of staff, student or returner, about themselves."""
    MANAGER = "manager"
    """A line manager or assessor, about their own organisation."""
    RECRUITER = "recruiter"
    """Somebody who fills opportunities of their own organisation."""
    HR_FEED = "hr-feed"
    """An HR system, for its own records. Reads nothing about people."""
    PLANNER = "planner"
    """A workforce planner. Sees no individual."""
    EQUALITY_OFFICER = "equality-officer"
    """Somebody who watches over equality. Sees no individual."""
    OPERATOR = "operator"
    """Whoever runs this installation."""
    SERVICE = "service"
    """Another service of this installation."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    subject: `people/…`, `organisations/…` or, of an HR feed, `sourceSystems/…`; empty for an operator or a service.
    organisation: `organisations/…` on whose behalf; empty if none.
    """

    subject: str
    role: Role
    organisation: str = ""


@dataclass(frozen=True, slots=True)
class Resource:
    """What an action is about, as far as the rules need it; leave empty what is not known.

    person: `people/…` whose own it is.
    organisation: `organisations/…` to which it belongs. For an opportunity, who offers it.
    source_system: `sourceSystems/…` that says it.
    """

    person: str = ""
    organisation: str = ""
    source_system: str = ""


ANYTHING: Final = Resource()
"""For actions that concern nobody in particular."""


class Action(StrEnum):
    """What may be asked."""

    GET_SKILL = "GetSkill"
    LIST_SKILLS = "ListSkills"
    SEARCH_SKILLS = "SearchSkills"
    EXTRACT_SKILLS = "ExtractSkills"
    LIST_RELATED_SKILLS = "ListRelatedSkills"
    GET_OCCUPATION = "GetOccupation"
    SEARCH_OCCUPATIONS = "SearchOccupations"
    GET_STANDARD = "GetStandard"
    LIST_STANDARDS = "ListStandards"
    GET_COURSE = "GetCourse"
    LIST_COURSES = "ListCourses"
    GET_TAXONOMY_STATUS = "GetTaxonomyStatus"
    IMPORT_TAXONOMY = "ImportTaxonomy"

    EXPORT_PERSON = "ExportPerson"

    CREATE_PERSON = "CreatePerson"
    GET_PERSON = "GetPerson"
    LIST_PEOPLE = "ListPeople"
    UPDATE_PERSON = "UpdatePerson"
    DELETE_PERSON = "DeletePerson"
    ERASE_PERSON = "ErasePerson"
    APPLY_RETENTION = "ApplyRetention"
    ASSERT_SKILL = "AssertSkill"
    ENDORSE_SKILL = "EndorseSkill"
    GIVE_CONSENT = "GiveConsent"
    WITHDRAW_CONSENT = "WithdrawConsent"
    BATCH_GET_PERSON_SNAPSHOTS = "BatchGetPersonSnapshots"
    GET_PERSON_VERSION = "GetPersonVersion"
    STREAM_PERSON_SNAPSHOTS = "StreamPersonSnapshots"
    BATCH_CREATE_PEOPLE = "BatchCreatePeople"
    STREAM_PROFILE_UPDATES = "StreamProfileUpdates"
    ISSUE_EMPLOYMENT_CODE = "IssueEmploymentCode"
    CONFIRM_EMPLOYMENT = "ConfirmEmployment"
    LIST_UNRESOLVED_SKILLS = "ListUnresolvedSkills"
    LIST_RECORDED_ACCESSES = "ListRecordedAccesses"
    BATCH_GET_AUDIT_PSEUDONYMS = "BatchGetAuditPseudonyms"
    UPDATE_ORGANISATION = "UpdateOrganisation"
    GET_ORGANISATION = "GetOrganisation"
    LIST_ORGANISATIONS = "ListOrganisations"
    UPDATE_PLACE = "UpdatePlace"
    GET_PLACE = "GetPlace"
    LIST_PLACES = "ListPlaces"
    UPDATE_HUB = "UpdateHub"
    GET_HUB = "GetHub"
    LIST_HUBS = "ListHubs"

    CREATE_OPPORTUNITY = "CreateOpportunity"
    GET_OPPORTUNITY = "GetOpportunity"
    LIST_OPPORTUNITIES = "ListOpportunities"
    UPDATE_OPPORTUNITY = "UpdateOpportunity"
    CLOSE_OPPORTUNITY = "CloseOpportunity"
    BATCH_CREATE_OPPORTUNITIES = "BatchCreateOpportunities"
    FIND_OPPORTUNITIES = "FindOpportunities"
    FIND_CANDIDATES = "FindCandidates"
    RANK_EVERYONE = "RankEveryone"
    FIND_SHARD_OPPORTUNITIES = "FindShardOpportunities"
    FIND_SHARD_CANDIDATES = "FindShardCandidates"
    EXPLAIN_MATCH = "ExplainMatch"
    EXPLAIN_DECISION = "ExplainMatch:decision"
    """The same of a recorded ranking."""
    FIND_SKILL_GAINS = "FindSkillGains"
    PLAN_PATHWAYS = "PlanPathways"
    WATCH_OPPORTUNITIES = "WatchOpportunities"
    EXPRESS_INTEREST = "ExpressInterest"
    RECORD_OUTCOME = "RecordOutcome"
    DECLINE = "RecordOutcome:declined"
    """The one outcome that a person may record too."""
    LIST_APPLICATIONS = "ListApplications"
    GET_DECISION = "GetDecision"
    REPLAY_DECISION = "ReplayDecision"
    LIST_DECISIONS = "ListDecisions"
    REQUEST_REVIEW = "RequestReview"
    GET_REVIEW = "GetReview"
    LIST_REVIEWS = "ListReviews"
    START_REVIEW = "StartReview"
    EXTEND_REVIEW = "ExtendReview"
    ANSWER_REVIEW = "AnswerReview"
    WITHDRAW_REVIEW = "WithdrawReview"
    GET_SAFEGUARDS = "GetSafeguards"
    GET_INDEX_STATUS = "GetIndexStatus"
    REBUILD_INDEX = "RebuildIndex"

    REVOKE_TOKENS = "RevokeTokens"
    ROTATE_TRIAL_KEY = "RotateTrialKey"

    UPDATE_EQUALITY_DECLARATION = "UpdateEqualityDeclaration"
    GET_EQUALITY_DECLARATION = "GetEqualityDeclaration"
    WITHDRAW_EQUALITY_DECLARATION = "WithdrawEqualityDeclaration"


class Scope(StrEnum):
    """On which resources a grant holds."""

    ALL = "all"
    OWN = "own"
    """Where the resource's person is the caller."""
    ORGANISATION = "organisation"
    """Where the resource's organisation is the caller's."""
    SOURCE = "source"
    """Where the resource's source system is the caller."""


Grants = Mapping[Role, Scope]

_RUNNING: Final[Grants] = {Role.OPERATOR: Scope.ALL}
_READ_MODELS: Final[Grants] = {Role.OPERATOR: Scope.ALL, Role.SERVICE: Scope.ALL}
"""What services need of each other."""
_EVERYBODY: Final[Grants] = dict.fromkeys(Role, Scope.ALL)
_THE_PERSON_ALONE: Final[Grants] = {Role.PERSON: Scope.OWN}
_THE_PERSON: Final[Grants] = {**_THE_PERSON_ALONE, **_RUNNING}
_THE_EMPLOYER: Final[Grants] = {Role.MANAGER: Scope.ORGANISATION, Role.RECRUITER: Scope.ORGANISATION, **_RUNNING}
_THE_FEED: Final[Grants] = {Role.HR_FEED: Scope.SOURCE, **_RUNNING}
_THE_REVIEWER: Final[Grants] = {
    Role.MANAGER: Scope.ORGANISATION,
    Role.RECRUITER: Scope.ORGANISATION,
    Role.OPERATOR: Scope.ALL,
}
"""Humans alone: a service neither looks at a review nor answers one (UK GDPR Article 22C(2)(c))."""
_EITHER_SIDE: Final[Grants] = {**_THE_PERSON, **_THE_EMPLOYER}

PUBLIC: Final = frozenset(
    (
        Action.GET_SKILL,
        Action.LIST_SKILLS,
        Action.SEARCH_SKILLS,
        Action.EXTRACT_SKILLS,
        Action.LIST_RELATED_SKILLS,
        Action.GET_OCCUPATION,
        Action.SEARCH_OCCUPATIONS,
        Action.GET_STANDARD,
        Action.LIST_STANDARDS,
        Action.GET_COURSE,
        Action.LIST_COURSES,
        Action.GET_TAXONOMY_STATUS,
        Action.GET_ORGANISATION,
        Action.LIST_ORGANISATIONS,
        Action.GET_PLACE,
        Action.LIST_PLACES,
        Action.GET_HUB,
        Action.LIST_HUBS,
        Action.GET_OPPORTUNITY,
        Action.LIST_OPPORTUNITIES,
        Action.GET_SAFEGUARDS,
    )
)
"""Actions that concern nobody in particular, and are open to every role."""

_NEVER_ABOUT_ONESELF: Final = frozenset({Action.START_REVIEW, Action.EXTEND_REVIEW, Action.ANSWER_REVIEW})
"""Actions that nobody does in a case of their own, in whatever role."""

GRANTS: Final[Mapping[Action, Grants]] = MappingProxyType(
    {
        **dict.fromkeys(PUBLIC, _EVERYBODY),
        Action.IMPORT_TAXONOMY: _RUNNING,
        Action.EXPORT_PERSON: _THE_PERSON,
        # A profile is the person's own. Employers reach people through matching, where consent filters.
        Action.CREATE_PERSON: _THE_PERSON,
        Action.GET_PERSON: _THE_PERSON,
        Action.LIST_PEOPLE: _RUNNING,
        Action.UPDATE_PERSON: _THE_PERSON,
        Action.DELETE_PERSON: _THE_PERSON,
        Action.ERASE_PERSON: _THE_PERSON,
        Action.APPLY_RETENTION: _RUNNING,
        Action.ASSERT_SKILL: _THE_PERSON,
        # Not the person: nobody vouches for themselves. The resource's organisation is one that employs
        # the person now; the reply to a manager must hold nothing but the skill.
        Action.ENDORSE_SKILL: {Role.MANAGER: Scope.ORGANISATION, **_RUNNING},
        # Not who runs the place either: a consent that somebody else can give is none.
        Action.GIVE_CONSENT: _THE_PERSON_ALONE,
        Action.WITHDRAW_CONSENT: _THE_PERSON_ALONE,
        Action.BATCH_GET_PERSON_SNAPSHOTS: _READ_MODELS,
        Action.GET_PERSON_VERSION: _READ_MODELS,
        Action.STREAM_PERSON_SNAPSHOTS: _READ_MODELS,
        Action.BATCH_CREATE_PEOPLE: _RUNNING,
        # A service, too: what takes updates from their topic.
        Action.STREAM_PROFILE_UPDATES: {**_THE_FEED, Role.SERVICE: Scope.ALL},
        Action.ISSUE_EMPLOYMENT_CODE: _THE_FEED,
        # Nobody else: which records are of one person is for that person to say.
        Action.CONFIRM_EMPLOYMENT: _THE_PERSON_ALONE,
        Action.LIST_UNRESOLVED_SKILLS: _THE_FEED,
        Action.LIST_RECORDED_ACCESSES: {Role.PERSON: Scope.OWN, Role.OPERATOR: Scope.ALL},
        # Nobody who reads the audit trail shall learn here whom it speaks of.
        Action.BATCH_GET_AUDIT_PSEUDONYMS: {Role.SERVICE: Scope.ALL},
        Action.UPDATE_ORGANISATION: _RUNNING,
        Action.UPDATE_PLACE: _RUNNING,
        Action.UPDATE_HUB: _RUNNING,
        Action.CREATE_OPPORTUNITY: _THE_EMPLOYER,
        Action.UPDATE_OPPORTUNITY: _THE_EMPLOYER,
        Action.CLOSE_OPPORTUNITY: _THE_EMPLOYER,
        Action.BATCH_CREATE_OPPORTUNITIES: _THE_EMPLOYER,
        Action.FIND_OPPORTUNITIES: _THE_PERSON,
        Action.PLAN_PATHWAYS: _THE_PERSON,
        Action.WATCH_OPPORTUNITIES: _THE_PERSON,
        Action.FIND_CANDIDATES: _THE_EMPLOYER,
        # It shows everyone, with preference: nobody else, and nobody who plans by numbers about many.
        Action.RANK_EVERYONE: _RUNNING,
        # Parts of rankings, which no caller sees before another shard has put them together, and recorded that.
        Action.FIND_SHARD_OPPORTUNITIES: {Role.SERVICE: Scope.ALL},
        Action.FIND_SHARD_CANDIDATES: {Role.SERVICE: Scope.ALL},
        # An employer gets the explanation only where consent lets them see the person, without preference.
        Action.EXPLAIN_MATCH: _EITHER_SIDE,
        Action.EXPLAIN_DECISION: _THE_PERSON,
        # Score and place hold preference, which is the person's own.
        Action.FIND_SKILL_GAINS: _THE_PERSON,
        Action.EXPRESS_INTEREST: _THE_PERSON,
        Action.RECORD_OUTCOME: _THE_EMPLOYER,
        Action.DECLINE: _EITHER_SIDE,
        Action.LIST_APPLICATIONS: _EITHER_SIDE,
        Action.GET_DECISION: _THE_PERSON,
        Action.REPLAY_DECISION: _THE_PERSON,
        Action.LIST_DECISIONS: _THE_PERSON,
        # The operator too, for whoever asks by letter or telephone.
        Action.REQUEST_REVIEW: _THE_PERSON,
        # The resource's organisation offers the opportunity that the review is about. Without one, or where
        # nobody there answers, who runs the place does.
        Action.GET_REVIEW: {Role.PERSON: Scope.OWN, **_THE_REVIEWER},
        Action.LIST_REVIEWS: {Role.PERSON: Scope.OWN, **_THE_REVIEWER},
        Action.START_REVIEW: _THE_REVIEWER,
        Action.EXTEND_REVIEW: _THE_REVIEWER,
        Action.ANSWER_REVIEW: _THE_REVIEWER,
        Action.WITHDRAW_REVIEW: _THE_PERSON_ALONE,
        Action.GET_INDEX_STATUS: _RUNNING,
        Action.REBUILD_INDEX: _RUNNING,
        Action.REVOKE_TOKENS: _RUNNING,
        Action.ROTATE_TRIAL_KEY: _RUNNING,
        # Nobody else, whatever their role: neither an employer, nor an equality officer, nor who runs the place, nor
        # another service. The person's declaration is for numbers about many, and those are made in planning.
        Action.UPDATE_EQUALITY_DECLARATION: _THE_PERSON_ALONE,
        Action.GET_EQUALITY_DECLARATION: _THE_PERSON_ALONE,
        Action.WITHDRAW_EQUALITY_DECLARATION: _THE_PERSON_ALONE,
    }
)


def may(caller: Caller, action: Action, resource: Resource = ANYTHING) -> bool:
    """Tell whether `caller` may do `action` to `resource`."""
    if action in _NEVER_ABOUT_ONESELF and resource.person and resource.person == caller.subject:
        return False
    match GRANTS[action].get(caller.role):
        case Scope.ALL:
            return True
        case Scope.OWN:
            return bool(resource.person) and resource.person == caller.subject
        case Scope.ORGANISATION:
            return bool(resource.organisation) and resource.organisation == caller.organisation
        case Scope.SOURCE:
            return bool(resource.source_system) and resource.source_system == caller.subject
        case None:
            return False


def authorise(caller: Caller, action: Action, resource: Resource = ANYTHING) -> None:
    """Return if `caller` may do `action` to `resource`.

    A use-case that must look a resource up to learn whose it is passes an empty `Resource` when there
    is none, so that a caller who may not know of it is refused alike.

    Raises:
        Forbidden: otherwise.
    """
    granted = may(caller, action, resource)
    note_asked(action, resource.person, granted=granted)
    if not granted:
        raise refusal(caller.role, action)


def refusal(role: Role, action: str) -> Forbidden:
    """Return the error for an action or RPC that is not granted, worded alike whatever the resource is."""
    rpc = action.partition(":")[0]
    return Forbidden(
        f"{rpc} is not allowed for this caller in the role {role}, or not on this resource.",
        reason="NOT_ALLOWED",
        metadata={"role": role, "action": rpc},
    )
