"""Gates for one person and all offered opportunities at once; the definition is `eligibility`."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from careweave_matching.credentials import UNKNOWN_CAUSES, Cause, standing
from careweave_matching.entries import Integers
from careweave_matching.geography import Geography
from careweave_matching.model import Person
from careweave_matching.table import Flags, NeedTable, Table
from careweave_matching.terms import GateResult
from careweave_matching.travel import EXTRA_MINUTES, WITHIN_DISTRICT_MILES, effective_mode, minutes_per_mile

_LEAD, _CAUSE = 1, 2
_UNKNOWN = np.array([cause in UNKNOWN_CAUSES for cause in Cause])


@dataclass(frozen=True, slots=True)
class Screened:
    """What the gates say of every opportunity of a table.

    miles: straight line, -1 if not known. minutes: the journey, -1 if not known.
    eligible: no gate fails.
    results, causes, leads: for each need of the table's `NeedTable.flat`: gate result, cause, days to mend it.
    """

    miles: npt.NDArray[np.float64]
    minutes: Integers
    eligible: Flags
    results: Integers
    causes: Integers
    leads: Integers


def screen(person: Person, place: int, table: Table, geography: Geography) -> Screened:
    """Return what the gates say of all opportunities of `table` for `person`, who lives at place number `place`."""
    wishes = person.wishes
    miles = geography.miles_from(place)[table.places]
    minutes = journeys(miles, wishes.travel_mode)
    failing = (minutes > wishes.maximum_minutes) | _hours_fail(person, table)
    results, causes, leads = _credentials(person, table)
    failing[table.needs.owner[results == GateResult.FAIL]] = True
    return Screened(miles, minutes, ~failing, results, causes, leads)


def journeys(miles: npt.NDArray[np.float64], travel_mode: int) -> Integers:
    """Return `travel.journey_minutes` for each element, -1 where it is negative."""
    mode = effective_mode(travel_mode)
    minutes = np.ceil(np.maximum(miles, WITHIN_DISTRICT_MILES) * minutes_per_mile(mode) + EXTRA_MINUTES[mode])
    minutes[miles < 0] = -1.0
    return minutes.astype(np.int64)


def _hours_fail(person: Person, table: Table) -> Flags:
    wishes = person.wishes
    if not wishes.stated:
        return np.zeros(len(table.entries), np.bool_)
    says_hours = table.most_hours > 0
    failing = says_hours & (table.most_hours < wishes.minimum_hours)
    if wishes.maximum_hours:
        failing |= says_hours & (table.least_hours > wishes.maximum_hours)
    return failing if wishes.unsocial_hours else failing | table.unsocial


def _credentials(person: Person, table: Table) -> tuple[Integers, Integers, Integers]:
    needs = table.needs
    facts = standings(person, needs)[:, needs.flat]
    causes = facts[_CAUSE]
    leads = facts[_LEAD]
    in_time = (leads >= 0) & (table.as_of + leads <= needs.deadline)
    lacking = np.where(_UNKNOWN[causes], GateResult.UNKNOWN, np.where(in_time, GateResult.FIXABLE, GateResult.FAIL))
    lacking[needs.provided] = GateResult.FIXABLE
    return np.where(facts[0] >= needs.needed, GateResult.PASS, lacking), causes, leads


def standings(person: Person, needs: NeedTable) -> Integers:
    """Return (3, number of distinct needs): `good_through`, `lead_days` and `cause` of the person's standing."""
    facts = (needs.absent if person.credentials else needs.unrecorded).copy()
    for subject, held in person.credentials.items():
        for number in needs.by_subject.get(subject, ()):
            found = standing(needs.distinct[number], held)
            facts[0, number] = found.good_through
            facts[_LEAD, number] = found.lead_days
            facts[_CAUSE, number] = found.cause
    return facts
