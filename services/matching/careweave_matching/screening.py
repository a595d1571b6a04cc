"""What the gates need to know of one person and all offered opportunities; the definition is `eligibility`."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from careweave_matching.compiled.ranking import Flags, Integers
from careweave_matching.eligibility import Hours
from careweave_matching.entries import PersonEntry
from careweave_matching.geography import Geography
from careweave_matching.model import Wishes
from careweave_matching.table import Table
from careweave_matching.travel import EXTRA_MINUTES, WITHIN_DISTRICT_MILES, effective_mode, minutes_per_mile

Miles = npt.NDArray[np.float64]
_HOMES: Final = 1024
"""Homes and modes whose journeys are kept at most: 45 MB with all places of a nation."""
_WISHES: Final = 4096
"""Wishes for hours of which is kept what fits them, at most."""


@dataclass(slots=True)  # not frozen: made on the hot path
class Screened:
    """What the gates need to know of a person and every opportunity of a table.

    miles, minutes: to each place and, at the end, to one that is not known: straight line and journey, -1 if not known.
    fits: for each group of equal hours, whether they fit. standings: (3, number of needs), see `NeedBook`.
    """

    miles: Miles
    minutes: Integers
    fits: Flags
    standings: Integers


class Screener:
    """Screens the opportunities of one table.

    Journeys depend on home and mode alone, hours on few different wishes: each is reckoned once, as a rule.
    """

    def __init__(self, table: Table, geography: Geography) -> None:
        """Begin without any."""
        self._table = table
        self._geography = geography
        self._journey = lru_cache(_HOMES)(self._reckoned_journey)
        self._hours_fit = lru_cache(_WISHES)(self._reckoned_fit)

    def screen(self, entry: PersonEntry, place: int) -> Screened:
        """Return what the gates need to know of a person who lives at place number `place`."""
        wishes = entry.person.wishes
        miles, minutes = self._journey(place, wishes.travel_mode)
        return Screened(
            miles, minutes, self._hours_fit(hours_wished(wishes), len(self._table.hours)), self._standings(entry)
        )

    def _standings(self, entry: PersonEntry) -> Integers:
        needs = self._table.needs
        version = self._table.as_of, len(needs.distinct)
        known = entry.standings
        if known is None or known[0] != version:
            known = entry.standings = version, needs.standings(entry.person, self._table.as_of)
        return known[1]

    def _reckoned_journey(self, place: int, mode: int) -> tuple[Miles, Integers]:
        miles = self._geography.miles_from(place)
        return miles, journeys(miles, mode)

    def _reckoned_fit(self, wished: "HoursWished", groups: int) -> Flags:
        return np.array([hours_fit(hours, wished) for hours in self._table.hours[:groups]], np.bool_)


HoursWished = tuple[bool, float, float, bool]
"""Of wishes: whether they are stated, least and most hours, whether unsocial ones are possible."""


def hours_wished(wishes: Wishes) -> HoursWished:
    """Return all that `eligibility.hours_gate` looks at."""
    return wishes.stated, wishes.minimum_hours, wishes.maximum_hours, wishes.unsocial_hours


def journeys(miles: Miles, travel_mode: int) -> Integers:
    """Return `travel.journey_minutes` for each element, -1 where it is negative."""
    mode = effective_mode(travel_mode)
    minutes = np.ceil(np.maximum(miles, WITHIN_DISTRICT_MILES) * minutes_per_mile(mode) + EXTRA_MINUTES[mode])
    minutes[miles < 0] = -1.0
    return minutes.astype(np.int64)


def hours_fit(hours: Hours, wished: HoursWished) -> bool:
    """Say whether `eligibility.hours_gate` does not fail."""
    stated, least, most, unsocial = wished
    if not stated:
        return True
    if hours.unsocial and not unsocial:
        return False
    if hours.maximum <= 0:
        return True
    return hours.maximum >= least and not (most and hours.minimum > most)
