"""Places with their positions, and distances between them, ready for bulk use."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from careweave_matching.travel import Point, distance_miles

NOWHERE = -1
"""Index of a place that is not known."""
Miles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Place:
    """A place: its title and, if known, its centre."""

    title: str
    centre: Point | None = None


class Geography:
    """All places. Distances from a place are reckoned once, when first asked for."""

    def __init__(self, places: Mapping[str, Place]) -> None:
        """Number `places` in order of name."""
        self._names = sorted(places)
        self._places = [places[name] for name in self._names]
        self._index = {name: number for number, name in enumerate(self._names)}
        self._rows: dict[int, Miles] = {}

    @classmethod
    def at(cls, positions: bytes) -> "Geography":
        """Return places where `positions` says; their titles are their names."""
        return cls({name: Place(name, Point(*centre)) for name, centre in json.loads(positions).items()})

    @cached_property
    def positions(self) -> bytes:
        """Where the places are whose centre is known: JSON, place → [latitude, longitude], in order of name."""
        centres = {
            name: (place.centre.latitude, place.centre.longitude)
            for name, place in zip(self._names, self._places, strict=True)
            if place.centre is not None
        }
        return json.dumps(centres, separators=(",", ":")).encode()

    @cached_property
    def digest(self) -> str:
        """Half of the SHA-256 of `positions`, 32 hexadecimal digits: equal where every journey is."""
        return sha256(self.positions).hexdigest()[:32]

    @property
    def centres(self) -> list[Point | None]:
        """The centre of each place by its number; None where it is not known."""
        return [place.centre for place in self._places]

    def __len__(self) -> int:
        """Return how many places there are."""
        return len(self._names)

    def index(self, place: str) -> int:
        """Return the number of `place`; NOWHERE if it is empty or not known."""
        return self._index.get(place, NOWHERE)

    def knows(self, place: str) -> bool:
        """Say whether there is a place of that name."""
        return place in self._index

    def title(self, place: str) -> str:
        """Return the title of `place`; its name if it has none."""
        number = self.index(place)
        return self._places[number].title if number != NOWHERE else place

    def miles_from(self, place: int) -> Miles:
        """Return the straight-line miles from the place of that number to every place, -1 where not known.

        One more element than there are places: the last, which NOWHERE picks, is -1.
        """
        row = self._rows.get(place)
        if row is None:
            row = self._rows[place] = self._reckon(place)
        return row

    def miles(self, one: str, other: str) -> float:
        """Return the straight-line miles between two places, -1 if not known."""
        return float(self.miles_from(self.index(one))[self.index(other)])

    def _reckon(self, place: int) -> Miles:
        row = np.full(len(self._places) + 1, -1.0)
        here = self._places[place].centre if place != NOWHERE else None
        if here is not None:
            for number, other in enumerate(self._places):
                if other.centre is not None:
                    row[number] = distance_miles(here, other.centre)
        return row
