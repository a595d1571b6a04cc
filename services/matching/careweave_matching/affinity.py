"""How related the occupations of the opportunities in a table are to a person's role and aims.

Each different role or aim is looked up once for a table and remembered: on the path of a call this is a dictionary.
"""

from typing import Final

import numpy as np

from careweave_matching.aim_finder import Aims
from careweave_matching.entries import Integers, PersonEntry
from careweave_matching.relatedness import UNKNOWN, Numbers, Relatedness
from careweave_matching.weights import Weights

_MOST_REMEMBERED: Final = 512


class Affinities:
    """Relatedness by opportunity, in the order of a table."""

    def __init__(self, relatedness: Relatedness, rows: Integers) -> None:
        """rows: the row in `relatedness` of each opportunity's occupation."""
        self._relatedness = relatedness
        self._rows = rows
        self._columns: dict[int, Numbers] = {}

    def of(self, row: int) -> Numbers:
        """Return (n,): how related the occupation in `row` is to each opportunity's; `UNKNOWN` where not known."""
        found = self._columns.get(row)
        if found is None:
            if len(self._columns) >= _MOST_REMEMBERED:
                self._columns.clear()
            found = self._columns[row] = self._relatedness.of(row)[self._rows]
        return found

    def of_aims(self, aims: Aims, weights: Weights) -> Numbers:
        """Return (n,): how near each opportunity's occupation is to any of `aims`; see `nearness_to_aim`."""
        best = np.full(len(self._rows), UNKNOWN)
        for aim, clear in aims:
            related = self.of(aim)
            near = np.maximum(0.0, (related - weights.aims_floor) / (1.0 - weights.aims_floor)) * clear
            np.maximum(best, np.where(related < 0.0, UNKNOWN, near * weights.related_aims), out=best)
        return best


def nearness_to_aim(related: float, clear: float, weights: Weights) -> float:
    """Return how near an occupation is to one that is aimed at, 0 to 1; `UNKNOWN` if it is not known.

    related: of the two. clear: how clearly it is aimed at.
    """
    if related < 0.0:
        return UNKNOWN
    return max(0.0, (related - weights.aims_floor) / (1.0 - weights.aims_floor)) * clear * weights.related_aims


def related_to(person: PersonEntry, occupation: int, relatedness: Relatedness, weights: Weights) -> tuple[float, float]:
    """Return how related the occupation in row `occupation` is to the person's role, and how near to their aims."""
    aims = [nearness_to_aim(float(relatedness.of(aim)[occupation]), clear, weights) for aim, clear in person.aims]
    return float(relatedness.of(person.role)[occupation]), max(aims, default=UNKNOWN)
