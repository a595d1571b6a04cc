"""Codes by which the person of a record confirms that it is about them; see docs/adr for why a code.

The employer asks for a code and hands it over; the person gives it to us. Nothing goes back to the
employer: every answer to a feed depends on that feed alone.
"""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, cast

from careweave.errors import FailedPrecondition, NotFound
from careweave.graph.port import UnitOfWork
from careweave.policy import Action, Caller, Resource, authorise
from careweave.retention import CODE_DAYS
from careweave.v1.hr_pb2 import ConfirmEmploymentRequest, EmploymentCode, IssueEmploymentCodeRequest
from careweave.v1.profiles_pb2 import Person
from careweave_profiles import erasure
from careweave_profiles.dates import put_time
from careweave_profiles.feeds.applying import Feeds
from careweave_profiles.feeds.code_store import DROP, EXPIRE, FIND
from careweave_profiles.feeds.records import LEAVE, FeedRecord, read_records
from careweave_profiles.feeds.standing import Standing, read_standings
from careweave_profiles.feeds.weaving import Said, said_by, weave
from careweave_profiles.feeds.working import Work
from careweave_profiles.once import Once
from careweave_profiles.people import existing_person
from careweave_profiles.violations import refuse

GOOD_FOR: Final = timedelta(days=CODE_DAYS)
_GROUP: Final = 5
_IGNORED: Final = re.compile(r"[\s-]+")


async def issue_code(feeds: Feeds, caller: Caller, request: IssueEmploymentCodeRequest) -> EmploymentCode:
    """Return a new code for a record; codes made for it before are good no longer.

    Raises:
        Forbidden: `caller` may not.
        NotFound: the source system has no such record here.
    """
    authorise(caller, Action.ISSUE_EMPLOYMENT_CODE, Resource(source_system=request.source_system))
    code, until = feeds.ports.new_id(), feeds.ports.clock() + GOOD_FOR
    async with feeds.ports.graph.unit_of_work() as unit:
        await feeds.keys.prepare(unit)
        name = feeds.keys.name(request.source_system, request.external_id)
        record = (await read_records(unit, [name])).get(name)
        if record is None or record.erased:
            raise NotFound("The source system has no such record here; send it first.", reason="FEED_RECORD_NOT_FOUND")
        await unit.run(EXPIRE, now=feeds.ports.clock())
        await unit.run(DROP, record=name)
        await unit.merge_nodes("EmploymentCode", [{"digest": _digest(code), "record": name, "expire_time": until}])
    reply = EmploymentCode(code="-".join(code[start : start + _GROUP] for start in range(0, len(code), _GROUP)))
    put_time(reply.expire_time, until)
    return reply


async def confirm_employment(feeds: Feeds, caller: Caller, request: ConfirmEmploymentRequest) -> Person:
    """Join the record of a code to a person, and return them.

    The profile that was made from the record is deleted if nothing else is in it.

    Raises:
        Forbidden: `caller` may not.
        NotFound: there is no such person.
        InvalidArgument: the code is not good, or no longer.
        FailedPrecondition: the other profile holds more than the record.
    """
    authorise(caller, Action.CONFIRM_EMPLOYMENT, Resource(person=request.person))
    async with feeds.ports.graph.unit_of_work() as unit:
        once = Once(feeds.ports, unit, caller, request.request_id, request)
        answered = await once.answer(Person)
        if answered is not None:
            return answered
        await existing_person(unit, request.person)
        record = await _redeem(unit, request.code, feeds.ports.clock())
        if record.person != request.person:
            await _join(unit, feeds, record, request.person)
        return await once.remember(await existing_person(unit, request.person), request.person)


async def _redeem(unit: UnitOfWork, code: str, now: datetime) -> FeedRecord:
    rows = await unit.run(FIND, digest=_digest(code))
    name = str(rows[0]["record"]) if rows and cast("datetime", rows[0]["expire_time"]) > now else ""
    record = (await read_records(unit, [name])).get(name) if name else None
    if record is None or record.erased:
        raise refuse("code", "is not good, or no longer; ask the employer for a new one", "CODE_NOT_GOOD")
    await unit.run(DROP, record=name)
    return record


async def _join(unit: UnitOfWork, feeds: Feeds, record: FeedRecord, person: str) -> None:
    standings = await read_standings(unit, [person, record.person])
    joining, leaving = standings[person], standings[record.person]
    _refuse_if_in_use(leaving, record)
    await unit.run(LEAVE, person=leaving.name, record=record.name)
    assert leaving.before is not None  # noqa: S101  read_standings returns people who exist
    await erasure.erase(unit, feeds.ports, leaving.name, leaving.before.version, feeds.ports.clock())
    place = 1 + max((each.joined for each in joining.records.values()), default=-1)
    joined = replace(record, person=person, joined=place)
    work = await Work.begin(unit, feeds.ports, {record.name: joined}, [person])
    await work.join(joined)
    await work.finish()


def _refuse_if_in_use(leaving: Standing, record: FeedRecord) -> None:
    """Refuse to take a record out of a profile that its person uses already.

    Raises:
        FailedPrecondition: it holds another record, or a word or consent of the person.
    """
    if set(leaving.records) != {record.name} or _own_words(leaving, record):
        raise FailedPrecondition(
            "The profile of that employment is in use already; confirm the other employment there instead.",
            reason="PROFILE_IN_USE",
        )


def _own_words(leaving: Standing, record: FeedRecord) -> bool:
    person = leaving.before
    assert person is not None  # noqa: S101  as above
    own = weave(person, leaving.displaced, said_by([record]), Said()).person
    said = (own.display_name, own.email, own.place, own.employments, own.skills, own.credentials, own.consents)
    return any(said) or own.preferences.ByteSize() > 0 or any(skill.endorsements for skill in person.skills)


def _digest(code: str) -> str:
    return sha256(_IGNORED.sub("", code).lower().encode()).hexdigest()
