"""What an update must be to make sense, beyond the field rules that the protos declare."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from careweave.errors import CareweaveError, InvalidArgument
from careweave.policy import Action, Caller, Resource, Role, authorise
from careweave.v1.hr_pb2 import FeedCredentials, FeedEmployments, ProfileUpdate
from careweave.v1.profiles_pb2 import Credential, Employment, Person, PersonSkill
from careweave_profiles.dates import time_of
from careweave_profiles.feeds.sections import SECTIONS
from careweave_profiles.rules import check_person, check_skill, check_texts
from careweave_profiles.violations import Violations

FASTEST_CLOCK: Final = timedelta(days=1)
"""How far ahead of ours a source's clock may be. A time far ahead would make all that follows stale."""
_EARLIEST: Final = 1970


def fault_of(update: ProfileUpdate, caller: Caller, now: datetime) -> CareweaveError | None:
    """Return why `caller` may not say `update`, or what is wrong with it by itself; None if nothing is."""
    try:
        authorise(caller, Action.STREAM_PROFILE_UPDATES, Resource(source_system=update.source_system))
        _check(update, caller, now)
    except CareweaveError as error:
        return error
    return None


def employments_of(section: FeedEmployments) -> Iterator[Employment]:
    """Yield the periods of work of a section as a profile has them."""
    for each in section.employments:
        kept = Employment(
            organisation=each.organisation,
            occupation=each.occupation,
            job_title=each.job_title,
            pay_band=each.pay_band,
            weekly_hours=each.weekly_hours,
        )
        _copy_dates(each, kept, "start_date", "end_date")
        yield kept


def credentials_of(section: FeedCredentials) -> Iterator[Credential]:
    """Yield the credentials of a section as a profile has them."""
    for each in section.credentials:
        kept = Credential(
            kind=each.kind, title=each.title, dbs_level=each.dbs_level, update_service=each.update_service
        )
        _copy_dates(each, kept, "issue_date", "expire_date")
        yield kept


def missing_references(update: ProfileUpdate, known: dict[str, set[str]]) -> CareweaveError | None:
    """Return the error that lists what `update` names and `known`, names by label of the graph, lacks; None if nothing.

    Skills are not looked at: those that are not known are kept as unresolved.
    """
    found = Violations()
    for label, name, path in named_by(update):
        if name not in known[label]:
            found.add(path, f"there is no {name}")
    return _error_of(found, "REFERENCE_UNKNOWN")


def named_by(update: ProfileUpdate) -> Iterator[tuple[str, str, str]]:
    """Yield (label, name, path) for each resource that `update` names and that must exist."""
    if update.identity.place:
        yield "Place", update.identity.place, "update.identity.place"
    for index, employment in enumerate(update.employments.employments):
        path = f"update.employments.employments[{index}]"
        yield "Organisation", employment.organisation, f"{path}.organisation"
        if employment.occupation:
            yield "Occupation", employment.occupation, f"{path}.occupation"


def plain(update: ProfileUpdate) -> bool:
    """Tell, quickly, whether no text of `update` can hold a control character; if not, one may or may not."""
    texts = [update.external_id, update.identity.display_name, update.identity.email]
    texts += [text for each in update.employments.employments for text in (each.job_title, each.pay_band)]
    texts += [text for each in update.skills.skills for text in (each.code, each.label, each.text, each.evidence)]
    texts += [each.title for each in update.credentials.credentials]
    return "".join(texts).isprintable()  # names of resources match patterns that leave no room for any


def _check(update: ProfileUpdate, caller: Caller, now: datetime) -> None:
    today = now.date()
    found = Violations()
    if not any(update.HasField(section) for section in SECTIONS):
        found.add("update", f"states nothing; give at least one of {', '.join(SECTIONS)}")
    _check_time(update, now, found)
    if not plain(update):
        check_texts(update, "update", found)
    employed = Person(employments=employments_of(update.employments))
    check_person(employed, today, "update.employments", found)
    if update.credentials.credentials:
        check_person(Person(credentials=credentials_of(update.credentials)), today, "update.credentials", found)
    for index, each in enumerate(update.skills.skills):
        if each.HasField("effective_date") or each.HasField("expire_date"):
            dated = PersonSkill()
            _copy_dates(each, dated, "effective_date", "expire_date")
            check_skill(dated, today, f"update.skills.skills[{index}]", found)
    if caller.role is Role.HR_FEED:
        _check_employer(employed, caller, found)
    found.refuse_if_any("UPDATE_INVALID")


def _check_employer(employed: Person, caller: Caller, found: Violations) -> None:
    for index, each in enumerate(employed.employments):
        if each.organisation != caller.organisation:
            place = f"update.employments.employments[{index}].organisation"
            found.add(place, f"this feed speaks for {caller.organisation or 'no organisation'} alone")


def _check_time(update: ProfileUpdate, now: datetime, found: Violations) -> None:
    if update.WhichOneof("order") != "source_time":
        return
    try:
        said = time_of(update.source_time)
    except ValueError:
        found.add("update.source_time", "must be a time in the years 1970 to 9999")
        return
    if said.year < _EARLIEST or update.source_time.ToNanoseconds() <= 0:
        found.add("update.source_time", "must lie after 1 January 1970")
    elif said > now + FASTEST_CLOCK:
        found.add("update.source_time", f"lies more than {FASTEST_CLOCK.days} day ahead; set the source's clock right")


def _copy_dates(given: object, kept: Employment | Credential | PersonSkill, *fields: str) -> None:
    for field in fields:
        if given.HasField(field):  # type: ignore[attr-defined]  # each message of a feed that has dates
            getattr(kept, field).CopyFrom(getattr(given, field))


def _error_of(found: Violations, reason: str) -> CareweaveError | None:
    try:
        found.refuse_if_any(reason)
    except InvalidArgument as error:
        return error
    return None
