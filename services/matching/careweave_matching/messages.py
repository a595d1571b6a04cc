"""Protobuf messages of `careweave.v1` to and from the domain; no transport."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from careweave.errors import FieldViolation, InvalidArgument
from careweave.v1 import common_pb2, events_pb2, matching_pb2, profiles_pb2
from careweave_matching import credentials
from careweave_matching.applied import Progress
from careweave_matching.eligibility import Gate
from careweave_matching.model import (
    Consent,
    CredentialNeed,
    HeldCredential,
    HeldSkill,
    Opportunity,
    Person,
    Requirement,
    Versions,
    Wishes,
    Work,
)
from careweave_matching.pair import Match, SkillMatch
from careweave_matching.scoring import Components
from careweave_matching.terms import Stage, Trust

_DEFAULT_MINUTES = 60
"""Longest journey of someone who states none, as `Preferences.maximum_travel_minutes` says."""
_TRUST = {
    profiles_pb2.SOURCE_EMPLOYER: Trust.EVIDENCED,
    profiles_pb2.SOURCE_QUALIFICATION: Trust.EVIDENCED,
    profiles_pb2.SOURCE_ASSESSMENT: Trust.EVIDENCED,
    profiles_pb2.SOURCE_INFERRED: Trust.INFERRED,
}


def date_message(day: date) -> common_pb2.Date:
    """Return `day` as a message."""
    return common_pb2.Date(year=day.year, month=day.month, day=day.day)


def read_date(message: common_pb2.Date, field: str) -> date:
    """Return the date of `message`.

    Raises:
        InvalidArgument: there is no such day; `field` names it.
    """
    try:
        return date(message.year, message.month, message.day)
    except ValueError as error:
        raise InvalidArgument(
            f"{field} is not a day of the calendar.",
            reason="DATE_INVALID",
            violations=[FieldViolation(field, "must be a day that the month has")],
        ) from error


def _optional_date(message: common_pb2.Date, field: str, *, given: bool) -> date | None:
    return read_date(message, field) if given else None


def time_message(moment: datetime) -> Timestamp:
    """Return `moment` as a message."""
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


def read_time(stamp: Timestamp) -> datetime:
    """Return the moment of `stamp`, in UTC."""
    return stamp.ToDatetime(tzinfo=UTC)


def read_opportunity(message: matching_pb2.Opportunity) -> Opportunity:
    """Return the opportunity that a caller describes; what the server fills in is left at its default.

    Raises:
        InvalidArgument: a date is none.
    """
    prefix = "opportunity."
    return Opportunity(
        name=message.name,
        title=message.title,
        kind=message.kind,
        organisation=message.organisation,
        description=message.description,
        place=message.place,
        hub=message.hub,
        occupation=message.occupation,
        requirements=tuple(_read_requirement(each) for each in message.requirements),
        develops=tuple(dict.fromkeys(message.develops)),
        credentials=tuple(_read_need(each) for each in message.credentials),
        minimum_weekly_hours=message.minimum_weekly_hours,
        maximum_weekly_hours=message.maximum_weekly_hours,
        unsocial_hours=message.unsocial_hours,
        pay_band=message.pay_band,
        annual_pay_gbp=message.annual_pay_gbp,
        standard=message.standard,
        course=message.course,
        start_date=_optional_date(message.start_date, f"{prefix}start_date", given=message.HasField("start_date")),
        end_date=_optional_date(message.end_date, f"{prefix}end_date", given=message.HasField("end_date")),
        closing_date=_optional_date(
            message.closing_date, f"{prefix}closing_date", given=message.HasField("closing_date")
        ),
        fictional=message.fictional,
    )


def _read_requirement(message: common_pb2.SkillRequirement) -> Requirement:
    return Requirement(message.skill, message.importance != common_pb2.IMPORTANCE_OPTIONAL, message.proficiency)


def _read_need(message: common_pb2.CredentialRequirement) -> CredentialNeed:
    return CredentialNeed(
        message.kind, message.title, message.dbs_level, message.recheck_months, message.provided_by_employer
    )


def need_message(need: CredentialNeed) -> common_pb2.CredentialRequirement:
    """Return `need` as a message."""
    return common_pb2.CredentialRequirement(
        kind=need.kind,  # type: ignore[arg-type]  # numbers of terms.py are the proto's
        title=need.title,
        dbs_level=need.dbs_level,  # type: ignore[arg-type]
        recheck_months=need.recheck_months,
        provided_by_employer=need.provided_by_employer,
    )


def opportunity_message(opportunity: Opportunity, label: Callable[[str], str]) -> matching_pb2.Opportunity:
    """Return the whole public opportunity.

    label: name of a skill → its preferred label, empty if it is not known.
    """
    message = matching_pb2.Opportunity(
        name=opportunity.name,
        title=opportunity.title,
        kind=opportunity.kind,  # type: ignore[arg-type]
        description=opportunity.description,
        organisation=opportunity.organisation,
        place=opportunity.place,
        hub=opportunity.hub,
        occupation=opportunity.occupation,
        requirements=[_requirement_message(each, label) for each in opportunity.requirements],
        develops=opportunity.develops,
        credentials=[need_message(need) for need in opportunity.credentials],
        minimum_weekly_hours=opportunity.minimum_weekly_hours,
        maximum_weekly_hours=opportunity.maximum_weekly_hours,
        unsocial_hours=opportunity.unsocial_hours,
        pay_band=opportunity.pay_band,
        annual_pay_gbp=opportunity.annual_pay_gbp,
        standard=opportunity.standard,
        course=opportunity.course,
        state=opportunity.state,  # type: ignore[arg-type]
        fictional=opportunity.fictional,
        version=opportunity.version,
        etag=opportunity.etag,
    )
    for field in ("start_date", "end_date", "closing_date"):
        day = getattr(opportunity, field)
        if day is not None:
            getattr(message, field).CopyFrom(date_message(day))
    for field in ("create_time", "update_time"):
        moment = getattr(opportunity, field)
        if moment is not None:
            getattr(message, field).FromDatetime(moment)
    return message


def _requirement_message(requirement: Requirement, label: Callable[[str], str]) -> common_pb2.SkillRequirement:
    return common_pb2.SkillRequirement(
        skill=requirement.skill,
        importance=importance(essential=requirement.essential),
        proficiency=requirement.level,  # type: ignore[arg-type]
        label=label(requirement.skill),
    )


def importance(*, essential: bool) -> "common_pb2.Importance.ValueType":
    """Return the importance as the proto numbers it."""
    return common_pb2.IMPORTANCE_ESSENTIAL if essential else common_pb2.IMPORTANCE_OPTIONAL


def read_kept(message: matching_pb2.Opportunity) -> Opportunity:
    """Return an opportunity as the server published it, with what the server filled in."""
    return replace(
        read_opportunity(message),
        state=message.state,
        version=message.version,
        etag=message.etag,
        create_time=read_time(message.create_time),
        update_time=read_time(message.update_time),
    )


_PUBLICATIONS = {
    kind.DESCRIPTOR.full_name: kind
    for kind in (events_pb2.OpportunityPublished, events_pb2.OpportunityUpdated, events_pb2.OpportunityClosed)
}


def read_published(event_type: str, payload: bytes) -> Opportunity:
    """Return the opportunity in an event of the opportunities topic."""
    return read_kept(_PUBLICATIONS[event_type].FromString(payload).opportunity)


def read_advanced(payload: bytes, steps: int) -> Progress:
    """Return the application in an event of the applications topic, whose version is the number of its steps."""
    advanced = events_pb2.ApplicationAdvanced.FromString(payload)
    return Progress(advanced.person, advanced.opportunity, Stage(advanced.stage), steps)


def read_person(message: profiles_pb2.Person) -> Person:
    """Return what matching needs of a snapshot."""
    return Person(
        name=message.name,
        version=message.version,
        display_name=message.display_name,
        place=message.place,
        work=_read_work(message.employments),
        employers=frozenset(e.organisation for e in message.employments if not e.HasField("end_date")),
        skills=tuple(_read_skill(each) for each in message.skills),
        credentials=credentials.best(_read_credential(each) for each in message.credentials),
        wishes=_read_wishes(message.preferences) if message.HasField("preferences") else Wishes(),
        consents=tuple(_read_consent(each) for each in message.consents if not each.HasField("withdraw_time")),
    )


def _read_work(employments: Iterable[profiles_pb2.Employment]) -> Work | None:
    """Return the newest employment that has not ended, else the newest of all."""
    works = [Work(e.organisation, e.occupation, e.job_title, not e.HasField("end_date")) for e in employments]
    return next((work for work in works if work.current), works[0] if works else None)


def _read_skill(message: profiles_pb2.PersonSkill) -> HeldSkill:
    trust = _TRUST.get(message.source, Trust.CLAIMED)
    return HeldSkill(
        skill=message.skill,
        level=message.proficiency,
        trust=Trust.EVIDENCED if message.endorsements else trust,
        first_day=read_date(message.effective_date, "effective_date") if message.HasField("effective_date") else None,
        last_day=read_date(message.expire_date, "expire_date") if message.HasField("expire_date") else None,
    )


def _read_credential(message: profiles_pb2.Credential) -> HeldCredential:
    return HeldCredential(
        message.kind,
        message.title,
        _optional_date(message.issue_date, "issue_date", given=message.HasField("issue_date")),
        _optional_date(message.expire_date, "expire_date", given=message.HasField("expire_date")),
        message.dbs_level,
        message.update_service,
    )


def _read_wishes(message: profiles_pb2.Preferences) -> Wishes:
    return Wishes(
        stated=True,
        kinds=frozenset(message.kinds),
        minimum_hours=message.minimum_weekly_hours,
        maximum_hours=message.maximum_weekly_hours,
        unsocial_hours=message.unsocial_hours,
        travel_mode=message.travel_mode,
        maximum_minutes=message.maximum_travel_minutes or _DEFAULT_MINUTES,
        aspiration=message.aspiration,
        aspired_occupations=tuple(message.aspired_occupations),
        alerts=message.alerts,
        dismissed=frozenset(message.dismissed_opportunities),
    )


def _read_consent(message: profiles_pb2.Consent) -> Consent:
    expires = read_time(message.expire_time) if message.HasField("expire_time") else None
    return Consent(message.purpose, frozenset(message.organisations), frozenset(message.fields), expires)


def versions_message(versions: Versions) -> common_pb2.Versions:
    """Return `versions` as a message."""
    return common_pb2.Versions(
        model=versions.model,
        taxonomy=versions.taxonomy,
        weights=versions.weights,
        profile=versions.profile,
        opportunity=versions.opportunity,
        places=versions.places,
        relatedness=versions.relatedness,
    )


def gate_message(gate: Gate) -> matching_pb2.Gate:
    """Return `gate` as a message."""
    message = matching_pb2.Gate(
        kind=gate.kind,  # type: ignore[arg-type]
        result=gate.result,  # type: ignore[arg-type]
        reason=gate.reason,
        fix_action=gate.fix_action,
    )
    if gate.fix_date is not None:
        message.fix_date.CopyFrom(date_message(gate.fix_date))
    return message


def skill_message(match: SkillMatch) -> matching_pb2.SkillMatch:
    """Return `match` as a message."""
    return matching_pb2.SkillMatch(
        skill=match.skill,
        label=match.label,
        importance=importance(essential=match.essential),
        fit=match.fit,  # type: ignore[arg-type]
        credit=match.credit,
        from_skill=match.from_skill,
        from_label=match.from_label,
        closers=[
            matching_pb2.GapCloser(resource=c.resource, title=c.title, confidence=c.confidence) for c in match.closers
        ],
    )


def components_message(components: Components) -> matching_pb2.Components:
    """Return `components` as a message."""
    return matching_pb2.Components(**{field: getattr(components, field) for field in Components.__dataclass_fields__})


def match_message(match: Match, organisation_title: str, stage: int = 0) -> matching_pb2.Match:
    """Return `match` as a message, all parts of it. stage: of the person's application for it, 0 if there is none."""
    opportunity = match.entry.opportunity
    return matching_pb2.Match(
        opportunity=opportunity.name,
        person=match.person,
        score=match.score,
        title=opportunity.title,
        kind=opportunity.kind,  # type: ignore[arg-type]
        organisation=opportunity.organisation,
        organisation_title=organisation_title,
        place=opportunity.place,
        distance_miles=match.distance_miles,
        travel_minutes=match.travel_minutes,
        components=components_message(match.components),
        gates=[gate_message(gate) for gate in match.gates],
        skills=[skill_message(skill) for skill in match.skills],
        reasons=match.reasons,
        versions=versions_message(match.versions),
        application_stage=stage,  # type: ignore[arg-type]  # numbers of terms.py are the proto's
    )
