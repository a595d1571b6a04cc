"""Gates for one person and all offered opportunities at once; the definition is `eligibility`."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from careweave_matching.credentials import FOREVER, NEVER, UNKNOWN_CAUSES, Cause, standing
from careweave_matching.entries import Integers
from careweave_matching.geography import Geography
from careweave_matching.model import Person, Wishes
from careweave_matching.table import Flags, NeedTable, Table
from careweave_matching.terms import GateResult
from careweave_matching.travel import EXTRA_MINUTES, WITHIN_DISTRICT_MILES, effective_mode, minutes_per_mile

Miles = npt.NDArray[np.float64]
_GOOD_THROUGH, _LEAD, _CAUSE = 0, 1, 2
_UNKNOWN = np.array([cause in UNKNOWN_CAUSES for cause in Cause])


@dataclass(slots=True)  # not frozen: made on the hot path
class Screened:
    """What the gates say of every opportunity of a table.

    miles: straight line, -1 if not known. minutes: the journey, -1 if not known.
    eligible: no gate fails.
    standings: (3, number of distinct needs), see `NeedTable.absent`.
    """

    miles: Miles
    minutes: Integers
    eligible: Flags
    standings: Integers


@dataclass(slots=True)  # not frozen: made on the hot path
class CredentialResults:
    """Gates of credentials of some opportunities, one after the other.

    numbers: of the needs in `NeedTable.flat`. results, causes, leads: gate result, cause, days to mend it.
    """

    numbers: Integers
    results: Integers
    causes: Integers
    leads: Integers


class Screener:
    """Screens the opportunities of one table.

    Journeys depend on home and mode alone, hours on few different wishes: each is reckoned once.
    """

    def __init__(self, table: Table, geography: Geography) -> None:
        """Begin without any."""
        self._table = table
        self._geography = geography
        self._journeys: dict[tuple[int, int], tuple[Miles, Integers]] = {}
        self._fitting: dict[tuple[bool, float, float, bool], Flags] = {}
        self._need_numbers = np.arange(len(table.needs.flat))
        self._ends = np.append(table.needs.first, len(table.needs.flat))

    def screen(self, person: Person, place: int) -> Screened:
        """Return what the gates say for `person`, who lives at place number `place`."""
        wishes, needs = person.wishes, self._table.needs
        miles, minutes = self._journey(place, wishes.travel_mode)
        eligible = minutes <= wishes.maximum_minutes
        eligible &= self._hours_fit(wishes)
        facts = standings(person, needs, self._table.as_of)
        failing = facts[_GOOD_THROUGH].take(needs.flat) < needs.needed
        failing &= _soonest(facts, self._table).take(needs.flat) > needs.deadline
        eligible[needs.owner[failing]] = False
        return Screened(miles, minutes, eligible, facts)

    def credentials(self, facts: Integers, rows: list[int]) -> CredentialResults:
        """Return the gates of credentials of the opportunities `rows`, from `Screened.standings`."""
        needs, ends = self._table.needs, self._ends
        numbers = np.concatenate([self._need_numbers[ends[row] : ends[row + 1]] for row in rows])
        distinct = needs.flat[numbers]
        causes, leads = facts[_CAUSE][distinct], facts[_LEAD][distinct]
        in_time = (leads >= 0) & (self._table.as_of + leads <= needs.deadline[numbers])
        results = np.where(in_time, GateResult.FIXABLE, GateResult.FAIL)
        results[_UNKNOWN[causes]] = GateResult.UNKNOWN
        results[needs.provided[numbers]] = GateResult.FIXABLE
        results[facts[_GOOD_THROUGH][distinct] >= needs.needed[numbers]] = GateResult.PASS
        return CredentialResults(numbers, results, causes, leads)

    def _journey(self, place: int, mode: int) -> tuple[Miles, Integers]:
        found = self._journeys.get((place, mode))
        if found is None:
            miles = self._geography.miles_from(place)[self._table.places]
            found = self._journeys[place, mode] = miles, journeys(miles, mode)
        return found

    def _hours_fit(self, wishes: Wishes) -> Flags:
        key = (wishes.stated, wishes.minimum_hours, wishes.maximum_hours, wishes.unsocial_hours)
        found = self._fitting.get(key)
        if found is None:
            found = self._fitting[key] = ~_hours_fail(wishes, self._table)
        return found


def journeys(miles: Miles, travel_mode: int) -> Integers:
    """Return `travel.journey_minutes` for each element, -1 where it is negative."""
    mode = effective_mode(travel_mode)
    minutes = np.ceil(np.maximum(miles, WITHIN_DISTRICT_MILES) * minutes_per_mile(mode) + EXTRA_MINUTES[mode])
    minutes[miles < 0] = -1.0
    return minutes.astype(np.int64)


def _hours_fail(wishes: Wishes, table: Table) -> Flags:
    if not wishes.stated:
        return np.zeros(len(table.entries), np.bool_)
    says_hours = table.most_hours > 0
    failing = says_hours & (table.most_hours < wishes.minimum_hours)
    if wishes.maximum_hours:
        failing |= says_hours & (table.least_hours > wishes.maximum_hours)
    return failing if wishes.unsocial_hours else failing | table.unsocial


def _soonest(facts: Integers, table: Table) -> Integers:
    """Return, for each distinct need, the ordinal of the day by which a lack cannot but be mended or excused."""
    soonest = np.where(facts[_LEAD] >= 0, table.as_of + facts[_LEAD], FOREVER + 1)
    soonest[_UNKNOWN[facts[_CAUSE]]] = NEVER
    soonest[table.needs.distinct_provided] = NEVER
    return soonest


def standings(person: Person, needs: NeedTable, as_of: int) -> Integers:
    """Return (3, number of distinct needs): `good_through`, `lead_days` and `cause` of the person's standing.

    as_of: an ordinal.
    """
    facts = (needs.absent if person.credentials else needs.unrecorded).copy()
    for subject, held in person.credentials.items():
        for number in needs.by_subject.get(subject, ()):
            found = standing(needs.distinct[number], held, as_of)
            facts[:, number] = found.good_through, found.lead_days, found.cause
    return facts
