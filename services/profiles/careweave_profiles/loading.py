"""Creating many people at once, for samples and first loads."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from careweave.errors import AlreadyExists
from careweave.graph.port import Reads
from careweave.policy import Action, Caller, authorise
from careweave.v1.profiles_pb2 import BatchCreatePeopleRequest, BatchCreatePeopleResponse, Person
from careweave_profiles import store
from careweave_profiles.changes import parts_changed
from careweave_profiles.consents import check_consent, kept_consent
from careweave_profiles.normal_form import new_person
from careweave_profiles.ports import Ports
from careweave_profiles.preparation import Draft, prepare
from careweave_profiles.references import References
from careweave_profiles.saving import Change, save
from careweave_profiles.violations import Violations

_MOST: Final = 500


async def batch_create_people(
    ports: Ports, caller: Caller, request: BatchCreatePeopleRequest
) -> BatchCreatePeopleResponse:
    """Create all people of `request` in one unit of work, or none.

    Who exists with equal content is left alone, and their consents with them: those are the
    person's to give and withdraw. That makes a repetition harmless, so request ids are not looked at.

    Raises:
        Forbidden: `caller` may not.
        AlreadyExists: somebody exists with other content.
        InvalidArgument: a profile or consent breaks a rule or names what does not exist.
    """
    authorise(caller, Action.BATCH_CREATE_PEOPLE)
    _check_shape(request)
    names = [f"people/{each.person_id or ports.new_id()}" for each in request.requests]
    now = ports.clock()
    async with ports.graph.unit_of_work() as unit:
        kept = {person.name: person for person in await store.people(unit, names)}
        drafts = _drafts(request, names, kept)
        await prepare(unit, caller, drafts, now)
        _refuse_others(drafts)
        await _check_consents(unit, request, now)
        new = [index for index, draft in enumerate(drafts) if draft.before is None]
        for index in new if request.consents else ():
            person = drafts[index].person
            given = request.consents[index].consents
            person.consents.extend(kept_consent(consent, person.name, now, ports.new_id) for consent in given)
        await save(unit, ports, [Change(None, drafts[index].person) for index in new], now)
    return BatchCreatePeopleResponse(created=len(new), unchanged=len(drafts) - len(new))


def _check_shape(request: BatchCreatePeopleRequest) -> None:
    found = Violations()
    times = Counter(each.person_id for each in request.requests if each.person_id)
    for index, each in enumerate(request.requests):
        if times[each.person_id] > 1:
            found.add(f"requests[{index}].person_id", f"{each.person_id} is given {times[each.person_id]} times")
    if len(request.requests) > _MOST:
        found.add("requests", f"must hold at most {_MOST}")
    if request.consents and len(request.consents) != len(request.requests):
        found.add("consents", f"must be as many as requests ({len(request.requests)}), or none")
    for index, given in enumerate(request.consents[: len(request.requests)]):
        if given.consents and not request.requests[index].person.fictional:
            found.add(f"consents[{index}]", "only a person gives their consent; here it is for the fictional alone")
    found.refuse_if_any("BATCH_INVALID")


def _drafts(request: BatchCreatePeopleRequest, names: list[str], kept: Mapping[str, Person]) -> list[Draft]:
    return [
        Draft(new_person(each.person, name), kept.get(name), f"requests[{index}].person")
        for index, (each, name) in enumerate(zip(request.requests, names, strict=True))
    ]


async def _check_consents(reads: Reads, request: BatchCreatePeopleRequest, now: datetime) -> None:
    references, found = References(), Violations()
    for index, given in enumerate(request.consents):
        for at, consent in enumerate(given.consents):
            check_consent(consent, f"consents[{index}].consents[{at}]", now, references, found)
    await references.check(reads, found)
    found.refuse_if_any("CONSENT_INVALID")


def _refuse_others(drafts: list[Draft]) -> None:
    for index, draft in enumerate(drafts):
        if draft.before is None:
            continue
        draft.person.consents.MergeFrom(draft.before.consents)
        if parts_changed(draft.before, draft.person):
            name = draft.person.name
            raise AlreadyExists(
                f"requests[{index}]: {name} exists with other content; update it instead.",
                reason="PERSON_EXISTS",
                metadata={"resource": name, "field": f"requests[{index}]"},
            )
