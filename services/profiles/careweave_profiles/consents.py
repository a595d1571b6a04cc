"""Consent to be seen, found or contacted: given and withdrawn, and never lost from the person's sight."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from careweave.errors import NotFound
from careweave.policy import Action, Caller, Resource, authorise
from careweave.v1.profiles_pb2 import Consent, GiveConsentRequest, Person, WithdrawConsentRequest
from careweave_profiles.dates import put_time, time_of
from careweave_profiles.normal_form import unique
from careweave_profiles.once import Once
from careweave_profiles.people import existing_person
from careweave_profiles.ports import Ports
from careweave_profiles.receipts import receipt_of
from careweave_profiles.references import References
from careweave_profiles.saving import Change, save
from careweave_profiles.violations import Violations

_SEPARATOR: Final = "/consents/"


def check_consent(consent: Consent, path: str, now: datetime, references: References, found: Violations) -> None:
    """Add to `found` what is wrong with `consent`, and to `references` the organisations it names."""
    if consent.HasField("expire_time"):
        try:
            if time_of(consent.expire_time) <= now:
                found.add(f"{path}.expire_time", "must lie in the future; leave it out for no end")
        except ValueError:
            found.add(f"{path}.expire_time", "must be a time in the years 1 to 9999")
    for index, organisation in enumerate(consent.organisations):
        references.add("Organisation", organisation, f"{path}.organisations[{index}]")


def kept_consent(given: Consent, person: str, now: datetime, new_id: Callable[[], str]) -> Consent:
    """Return `given`, which `check_consent` found right or not, in the form in which it is kept."""
    kept = Consent(
        name=f"{person}{_SEPARATOR}{new_id()}",
        purpose=given.purpose,
        organisations=unique(given.organisations),
        fields=sorted(set(given.fields)),
    )
    put_time(kept.give_time, now)
    if given.HasField("expire_time"):
        kept.expire_time.FromNanoseconds(given.expire_time.ToNanoseconds() // 1000 * 1000)
    kept.receipt.CopyFrom(receipt_of(kept))
    return kept


async def give_consent(ports: Ports, caller: Caller, request: GiveConsentRequest) -> Consent:
    """Record a consent beside those given before, and return it under its new name.

    Raises:
        Forbidden: `caller` may not.
        NotFound: there is no such person.
        InvalidArgument: it ends in the past, or names an organisation that does not exist.
    """
    authorise(caller, Action.GIVE_CONSENT, Resource(person=request.parent))
    async with ports.graph.unit_of_work() as unit:
        once = Once(ports, unit, caller, request.request_id, request)
        answered = await once.answer(Consent)
        if answered is not None:
            return answered
        before = await existing_person(unit, request.parent)
        now = ports.clock()
        references, found = References(), Violations()
        check_consent(request.consent, "consent", now, references, found)
        await references.check(unit, found)
        found.refuse_if_any("CONSENT_INVALID")
        after = _copy(before)
        consent = after.consents.add()
        consent.CopyFrom(kept_consent(request.consent, request.parent, now, ports.new_id))
        await save(unit, ports, [Change(before, after)], now)
        return await once.remember(consent, request.parent)


async def withdraw_consent(ports: Ports, caller: Caller, request: WithdrawConsentRequest) -> Consent:
    """Withdraw a consent for good, and return it; one that was withdrawn before stays as it is.

    Raises:
        Forbidden: `caller` may not.
        NotFound: there is no such consent.
    """
    person = request.name.partition(_SEPARATOR)[0]
    authorise(caller, Action.WITHDRAW_CONSENT, Resource(person=person))
    async with ports.graph.unit_of_work() as unit:
        before = await existing_person(unit, person)
        after = _copy(before)
        consent = next((each for each in after.consents if each.name == request.name), None)
        if consent is None:
            raise NotFound(
                f"There is no {request.name}.", reason="CONSENT_NOT_FOUND", metadata={"resource": request.name}
            )
        if not consent.HasField("withdraw_time"):
            now = ports.clock()
            put_time(consent.withdraw_time, now)
            await save(unit, ports, [Change(before, after)], now)
        return consent


def _copy(person: Person) -> Person:
    copy = Person()
    copy.CopyFrom(person)
    return copy
