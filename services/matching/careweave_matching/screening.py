"""What the gates need to know of one person and all offered opportunities; the definition is `eligibility`."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from careweave_matching.compiled.ranking import Flags, Integers
from careweave_matching.credentials import standing
from careweave_matching.entries import PersonEntry
from careweave_matching.geography import Geography
from careweave_matching.model import Person, Wishes
from careweave_matching.table import NeedTable, Table
from careweave_matching.travel import EXTRA_MINUTES, WITHIN_DISTRICT_MILES, effective_mode, minutes_per_mile

Miles = npt.NDArray[np.float64]


@dataclass(slots=True)  # not frozen: made on the hot path
class Screened:
    """What the gates need to know of a person and every opportunity of a table.

    miles: straight line, -1 if not known. minutes: the journey, -1 if not known. fits: whether the hours fit.
    standings: (3, number of distinct needs), see `NeedTable.absent`.
    """

    miles: Miles
    minutes: Integers
    fits: Flags
    standings: Integers


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

    def screen(self, entry: PersonEntry, place: int) -> Screened:
        """Return what the gates need to know of a person who lives at place number `place`."""
        wishes = entry.person.wishes
        miles, minutes = self._journey(place, wishes.travel_mode)
        return Screened(miles, minutes, self._hours_fit(wishes), self._standings(entry))

    def _standings(self, entry: PersonEntry) -> Integers:
        needs = self._table.needs
        known = entry.standings
        if known is None or known[0] != needs.generation:
            known = entry.standings = needs.generation, standings(entry.person, needs)
        return known[1]

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


def standings(person: Person, needs: NeedTable) -> Integers:
    """Return (3, number of distinct needs): `good_through`, `lead_days` and `cause` of the person's standing."""
    facts = (needs.absent if person.credentials else needs.unrecorded).copy()
    for subject, held in person.credentials.items():
        for number in needs.by_subject.get(subject, ()):
            found = standing(needs.distinct[number], held)
            facts[:, number] = found.good_through, found.lead_days, found.cause
    return facts
