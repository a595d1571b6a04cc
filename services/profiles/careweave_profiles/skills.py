"""What a person can do: asserted by themselves or on evidence, and endorsed by others."""

from datetime import date, datetime, timedelta
from typing import Final

from careweave.errors import FailedPrecondition
from careweave.graph.port import Reads, UnitOfWork
from careweave.policy import Action, Caller, Resource, Role, authorise
from careweave.v1.profiles_pb2 import AssertSkillRequest, Endorsement, EndorseSkillRequest, Person, PersonSkill
from careweave_profiles import store
from careweave_profiles.dates import put_time, time_of
from careweave_profiles.once import Once
from careweave_profiles.people import existing_person
from careweave_profiles.ports import Ports
from careweave_profiles.preparation import prepare_with_skill
from careweave_profiles.references import References
from careweave_profiles.rules import check_texts
from careweave_profiles.saving import Change, save
from careweave_profiles.violations import Violations, refuse

_LABELS: Final = {"people": "Person", "organisations": "Organisation"}
_TICK: Final = timedelta(microseconds=1)


async def assert_skill(ports: Ports, caller: Caller, request: AssertSkillRequest) -> Person:
    """Record that a person has a skill, and return them.

    What was held of that skill before stays in the history, with the time at which it was superseded.
    A level that is not given stays unknown. Endorsements of the skill stand.

    Raises:
        Forbidden: `caller` may not.
        NotFound: there is no such person.
        InvalidArgument: the assertion breaks a rule, or there is no such skill.
    """
    authorise(caller, Action.ASSERT_SKILL, Resource(person=request.person))
    async with ports.graph.unit_of_work() as unit:
        once = Once(ports, unit, caller, request.request_id, request)
        answered = await once.answer(Person)
        if answered is not None:
            return answered
        before = await existing_person(unit, request.person)
        now = ports.clock()
        after = await prepare_with_skill(unit, caller, before, request.skill, now)
        saved = await save(unit, ports, [Change(before, after)], now)
        return await once.remember(saved[0], request.person)


async def endorse_skill(ports: Ports, caller: Caller, request: EndorseSkillRequest) -> Person:
    """Record that somebody else vouches for a skill; a later word of the same endorser supersedes.

    Returns the person; for a manager, nothing of them but that skill.

    Raises:
        Forbidden: `caller` may not, which includes a manager of another organisation.
        NotFound: there is no such person.
        FailedPrecondition: the person does not have the skill.
        InvalidArgument: the endorser is the person, does not exist, or is not whom `caller` speaks for.
    """
    now = ports.clock()
    async with ports.graph.unit_of_work() as unit:
        await _authorise_endorsement(unit, caller, request.person, now.date())
        once = Once(ports, unit, caller, request.request_id, request)
        answered = await once.answer(Person)
        if answered is not None:
            return answered
        await _check_endorser(unit, caller, request)
        before = await existing_person(unit, request.person)
        saved = await _endorse(unit, ports, before, request, now)
        shown = _skill_alone(saved, request.skill) if caller.role is Role.MANAGER else saved
        return await once.remember(shown, request.person)


async def _authorise_endorsement(reads: Reads, caller: Caller, person: str, today: date) -> None:
    """Let a manager speak only for an organisation where the person works today."""
    employer = ""
    if caller.role is Role.MANAGER and caller.organisation:
        works_there = await store.is_employed_by(reads, person, caller.organisation, today)
        employer = caller.organisation if works_there else ""
    authorise(caller, Action.ENDORSE_SKILL, Resource(person=person, organisation=employer))


async def _check_endorser(reads: Reads, caller: Caller, request: EndorseSkillRequest) -> None:
    field, endorser = "endorsement.endorser", request.endorsement.endorser
    label = _LABELS.get(endorser.partition("/")[0])
    if label is None:
        raise refuse(field, "must be people/… or organisations/…", "ENDORSER_INVALID")
    if request.person in (endorser, caller.subject):
        raise refuse(field, "nobody endorses their own skill", "ENDORSER_INVALID")
    if caller.role is Role.MANAGER and endorser not in (caller.subject, caller.organisation):
        raise refuse(field, "must be the caller or the caller's organisation", "ENDORSER_INVALID")
    found, references = Violations(), References()
    references.add(label, endorser, field)
    check_texts(request.endorsement, "endorsement", found)
    await references.check(reads, found)
    found.refuse_if_any("ENDORSER_INVALID")


async def _endorse(
    unit: UnitOfWork, ports: Ports, before: Person, request: EndorseSkillRequest, now: datetime
) -> Person:
    after = Person()
    after.CopyFrom(before)
    skill = next((each for each in after.skills if each.skill == request.skill), None)
    if skill is None:
        raise FailedPrecondition(
            f"{request.person} does not have {request.skill}; assert it first.",
            reason="SKILL_NOT_HELD",
            metadata={"resource": request.person, "skill": request.skill},
        )
    _replace_endorsement(skill, request.endorsement, now)
    saved = await save(unit, ports, [Change(before, after)], now)
    return saved[0]


def _replace_endorsement(skill: PersonSkill, given: Endorsement, now: datetime) -> None:
    """Put `given` last, in the place of what its endorser said before; leave all as it is if that was the same."""
    new = Endorsement(endorser=given.endorser, proficiency=given.proficiency, comment=given.comment)
    for index, earlier in enumerate(skill.endorsements):
        if earlier.endorser != given.endorser:
            continue
        if (earlier.proficiency, earlier.comment) == (given.proficiency, given.comment):
            return
        now = max(now, time_of(earlier.endorse_time) + _TICK)
        del skill.endorsements[index]
        break
    put_time(new.endorse_time, now)
    skill.endorsements.append(new)


def _skill_alone(person: Person, skill: str) -> Person:
    return Person(name=person.name, skills=[each for each in person.skills if each.skill == skill])
