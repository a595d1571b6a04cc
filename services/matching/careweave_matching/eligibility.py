"""Gates: whether a person may and can take up an opportunity, apart from how well it suits.

The functions here are the definition, for one person and one opportunity. `screening` answers the same
for all opportunities at once; a test holds the two equal. Consent is never a gate.
"""

from dataclasses import dataclass
from datetime import date

from careweave_matching import credentials as creds
from careweave_matching import wording
from careweave_matching.credentials import Cause, Standing
from careweave_matching.model import CredentialNeed, Opportunity, Person, Wishes
from careweave_matching.terms import PAID_KINDS, CredentialKind, GateKind, GateResult
from careweave_matching.travel import effective_mode

RIGHT_TO_WORK = CredentialNeed(CredentialKind.RIGHT_TO_WORK)
"""What every paid kind needs, whether or not the opportunity says so (Immigration, Asylum and Nationality
Act 2006, sections 15 to 25: employers check it)."""
GATE_OF_CREDENTIAL = {
    CredentialKind.RIGHT_TO_WORK: GateKind.RIGHT_TO_WORK,
    CredentialKind.REGISTRATION: GateKind.REGISTRATION,
    CredentialKind.DBS: GateKind.DBS,
    CredentialKind.MANDATORY_TRAINING: GateKind.MANDATORY_TRAINING,
    CredentialKind.DRIVING_LICENCE: GateKind.DRIVING_LICENCE,
    CredentialKind.QUALIFICATION: GateKind.QUALIFICATION,
}


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition and how it is met; fields as in `matching.proto`."""

    kind: GateKind
    result: GateResult
    reason: str
    fix_date: date | None = None
    fix_action: str = ""


@dataclass(frozen=True, slots=True)
class Hours:
    """What an opportunity says of its hours: weekly bounds (0 and 0 if it does not say) and unsocial hours."""

    paid: bool
    minimum: float
    maximum: float
    unsocial: bool


def needs_of(opportunity: Opportunity) -> tuple[CredentialNeed, ...]:
    """Return the credentials that `opportunity` needs, in order of their gates, the implied one among them."""
    needs = opportunity.credentials
    if opportunity.kind in PAID_KINDS and all(need.kind != CredentialKind.RIGHT_TO_WORK for need in needs):
        needs = (RIGHT_TO_WORK, *needs)
    return tuple(sorted(needs, key=lambda need: (GATE_OF_CREDENTIAL[CredentialKind(need.kind)], need.title)))


def needed_through(need: CredentialNeed, opportunity: Opportunity, as_of: date) -> date:
    """Return the day on which `need` must be met.

    The first day of the role, or `as_of` if that is later or not known; for the right to work the last
    day, if the role has one.
    """
    first = max(as_of, opportunity.start_date or as_of)
    if need.kind == CredentialKind.RIGHT_TO_WORK and opportunity.end_date:
        return max(first, opportunity.end_date)
    return first


def hours_of(opportunity: Opportunity) -> Hours:
    """Return what `opportunity` says of its hours."""
    least = opportunity.minimum_weekly_hours
    most = opportunity.maximum_weekly_hours or least
    return Hours(opportunity.kind in PAID_KINDS, least, most, opportunity.unsocial_hours)


def open_gate(opportunity: Opportunity, as_of: date) -> Gate:
    """Judge whether interest is taken on `as_of`."""
    if opportunity.is_offered(as_of):
        return Gate(GateKind.OPEN, GateResult.PASS, wording.still_open(opportunity.closing_date))
    return Gate(GateKind.OPEN, GateResult.FAIL, wording.closed(opportunity.closing_date))


def travel_gate(place: str, minutes: int, wishes: Wishes) -> Gate:
    """Judge whether the journey fits.

    place: of the opportunity; empty if it can be done from anywhere.
    minutes: the estimated journey; negative if not known.
    """
    mode = effective_mode(wishes.travel_mode)
    if not place:
        return Gate(GateKind.TRAVEL, GateResult.PASS, "Can be done from anywhere.")
    if minutes < 0:
        return Gate(
            GateKind.TRAVEL, GateResult.UNKNOWN, "The journey is not known: a place or its position is missing."
        )
    fits = minutes <= wishes.maximum_minutes
    words = wording.journey(minutes, mode, wishes.maximum_minutes, fits=fits)
    return Gate(GateKind.TRAVEL, GateResult.PASS if fits else GateResult.FAIL, words)


def hours_gate(hours: Hours, wishes: Wishes) -> Gate | None:
    """Judge weekly and unsocial hours; None where an unpaid opportunity says nothing of hours."""
    says_hours = hours.maximum > 0
    if not hours.paid and not says_hours and not hours.unsocial:
        return None
    if not wishes.stated:
        return Gate(GateKind.HOURS, GateResult.UNKNOWN, "The profile does not say which hours are possible.")
    if hours.unsocial and not wishes.unsocial_hours:
        return Gate(GateKind.HOURS, GateResult.FAIL, "Includes nights or weekends, which the profile rules out.")
    if not says_hours:
        return Gate(GateKind.HOURS, GateResult.UNKNOWN, "The opportunity does not state its weekly hours.")
    too_few = hours.maximum < wishes.minimum_hours
    too_many = bool(wishes.maximum_hours) and hours.minimum > wishes.maximum_hours
    if too_few or too_many:
        return Gate(GateKind.HOURS, GateResult.FAIL, wording.hours_apart(hours.minimum, hours.maximum, wishes))
    return Gate(GateKind.HOURS, GateResult.PASS, wording.hours_fit(hours.minimum, hours.maximum))


def credential_standing(need: CredentialNeed, person: Person, as_of: date) -> Standing:
    """Return how `person` stands to `need` on `as_of`."""
    held = person.credentials.get(creds.subject_of(need.kind, need.title))
    if held is None:
        return creds.absent_standing(need, profile_records_any=bool(person.credentials))
    return creds.standing(need, held, as_of.toordinal())


def credential_result(need: CredentialNeed, standing: Standing, needed: int, deadline: int, as_of: int) -> GateResult:
    """Judge one credential; all days are ordinals.

    needed: the day on which it must be met. deadline: the day by which a lack must be mended.
    """
    if standing.good_through >= needed:
        return GateResult.PASS
    if need.provided_by_employer:
        return GateResult.FIXABLE
    if standing.cause in creds.UNKNOWN_CAUSES:
        return GateResult.UNKNOWN
    in_time = standing.lead_days >= 0 and as_of + standing.lead_days <= deadline
    return GateResult.FIXABLE if in_time else GateResult.FAIL


def credential_gate(need: CredentialNeed, standing: Standing, opportunity: Opportunity, as_of: date) -> Gate:
    """Judge one credential and say why."""
    today = as_of.toordinal()
    result = credential_result(
        need, standing, needed_through(need, opportunity, as_of).toordinal(), deadline_of(opportunity, as_of), today
    )
    return described_credential(need, result, standing.cause, fix_day(need, standing.lead_days, opportunity, as_of))


def deadline_of(opportunity: Opportunity, as_of: date) -> int:
    """Return the ordinal of the day by which a lack must be mended: the first day, if it is still to come."""
    start = opportunity.start_date
    return start.toordinal() if start and start > as_of else creds.FOREVER


def fix_day(need: CredentialNeed, lead_days: int, opportunity: Opportunity, as_of: date) -> date:
    """Return the day by which a lack is mended, for a gate that is fixable."""
    if need.provided_by_employer:
        return max(as_of, opportunity.start_date or as_of)
    return date.fromordinal(as_of.toordinal() + max(lead_days, 0))


def described_credential(need: CredentialNeed, result: GateResult, cause: Cause, fix: date) -> Gate:
    """Return the gate for `need` with its words; `fix` is used only where `result` is FIXABLE."""
    kind = GATE_OF_CREDENTIAL[CredentialKind(need.kind)]
    shown = Cause.MET if result == GateResult.PASS else cause
    reason = wording.credential(need, shown)
    if result != GateResult.FIXABLE:
        return Gate(kind, result, reason)
    return Gate(kind, result, reason, fix, wording.credential_action(need, shown))


def gates(person: Person, opportunity: Opportunity, minutes: int, as_of: date) -> list[Gate]:
    """Return every gate for the pair, in order of kind.

    minutes: the estimated journey by the person's mode; negative if not known.
    """
    found = [open_gate(opportunity, as_of), travel_gate(opportunity.place, minutes, person.wishes)]
    hours = hours_gate(hours_of(opportunity), person.wishes)
    if hours is not None:
        found.append(hours)
    found.extend(
        credential_gate(need, credential_standing(need, person, as_of), opportunity, as_of)
        for need in needs_of(opportunity)
    )
    return found
