"""What one shard holds: the people who live in its regions, and the opportunities that can reach them.

A person is **settled** if their longest journey ends within `BORDER_MILES` of their home: all that passes their gate of
travel is then held by the shard that they live in, which ranks for them alone. Everybody else **roams**: every shard
holds their profile and ranks what it owns, and the one that they live in puts the lists together. Each opportunity is
owned by exactly one shard, and also held by those to whose regions it lies near; what can be done from anywhere, or
lies where nobody knows, is held by all.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from careweave_matching.geography import Geography
from careweave_matching.model import Opportunity, Person
from careweave_matching.shards.districts import directions, nearest
from careweave_matching.shards.plan import Plan, Shard
from careweave_matching.travel import EARTH_RADIUS_MILES, EXTRA_MINUTES, effective_mode, minutes_per_mile

BORDER_MILES: Final = 30.0
"""How far beyond its regions a shard holds opportunities, straight line: 107 minutes by car."""
_ROUNDING_MILES: Final = 0.1
"""More than two ways to reckon a distance differ by."""


class Territory:
    """What the shard of number `own` holds, over one geography."""

    def __init__(self, plan: Plan, own: int, geography: Geography) -> None:
        """Share the places of `geography` out."""
        self.plan = plan
        self.own = own
        self._geography = geography
        located = [(number, centre) for number, centre in enumerate(geography.centres) if centre is not None]
        points = [centre for _, centre in located]
        self._shards = np.full(len(geography) + 1, plan.serving(None), np.int64)
        """(places + 1,): the shard that serves each place, and at the end one that is not known."""
        self._shards[[number for number, _ in located]] = [plan.serving(each) for each in nearest(points)]
        self._near = np.ones(len(geography) + 1, np.bool_)
        """(places + 1,): whether what lies there is held."""
        self._near[[number for number, _ in located]] = self._within_border(
            [number for number, _ in located], directions(points)
        )
        self._located = np.zeros(len(geography) + 1, np.bool_)
        self._located[[number for number, _ in located]] = True

    def over(self, geography: Geography) -> "Territory":
        """Return the same over other places."""
        return Territory(self.plan, self.own, geography)

    def _within_border(self, places: list[int], there: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        here = there[self._shards[places] == self.own]
        if not len(here):
            return np.zeros(len(places), np.bool_)
        angle = (BORDER_MILES + _ROUNDING_MILES) / EARTH_RADIUS_MILES
        near: npt.NDArray[np.bool_] = np.max(there @ here.T, axis=1) >= np.cos(angle)
        return near

    @property
    def shard(self) -> Shard:
        """The shard itself."""
        return self.plan.shards[self.own]

    def home_of(self, person: Person) -> Shard:
        """Return the shard that a person lives in."""
        return self.plan.shards[int(self._shards[self._geography.index(person.place)])]

    def is_resident(self, person: Person) -> bool:
        """Say whether a person lives here."""
        return bool(self._shards[self._geography.index(person.place)] == self.own)

    def roams(self, person: Person) -> bool:
        """Say whether something may be open to a person that the shard they live in does not hold."""
        if not self._located[self._geography.index(person.place)]:
            return True
        mode = effective_mode(person.wishes.travel_mode)
        return (person.wishes.maximum_minutes - EXTRA_MINUTES[mode]) / minutes_per_mile(mode) > BORDER_MILES

    def holds_person(self, person: Person) -> bool:
        """Say whether a profile is held at all."""
        return self.is_resident(person) or self.roams(person)

    def holds(self, opportunity: Opportunity) -> bool:
        """Say whether an opportunity is held in full."""
        return bool(self._near[self._geography.index(opportunity.place)])

    def owned(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Say whether it is this shard that ranks, for those who roam, what lies at each of these places.

        places: numbers; one more than the last stands for a place that is not known.
        """
        owned: npt.NDArray[np.bool_] = self._shards[places] == self.own
        return owned
