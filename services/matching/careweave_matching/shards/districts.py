"""The region and the postcode area of any point in the United Kingdom: those of the nearest postcode district.

From the packaged list of districts (`data/uk-geo`). A region is one of the nine of England, a nation, or the Crown
Dependencies; a postcode area is the letters that a postcode begins with. Both are ways to share people out among
processes, and say nothing of which authority or board is responsible for anybody.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from careweave.datasets import folder
from careweave_matching.travel import Point

Vectors3 = npt.NDArray[np.float64]

_NATIONS: Final = {"SCT": "scotland", "Scotland": "scotland", "WLS": "wales", "NIR": "northern-ireland"}
_CROWN: Final = ("Crown Dependencies", "IOM")
_AT_ONCE: Final = 512
"""Points compared with all districts at once."""


@dataclass(frozen=True, slots=True)
class District:
    """What a postcode district lies in."""

    region: str
    area: str


@cache
def _packaged() -> tuple[tuple[District, ...], Vectors3]:
    with (folder("uk-geo") / "outcodes.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    districts = tuple(District(_region(row), re.sub(r"\d.*", "", row["postcode"])) for row in rows)
    return districts, directions([Point(float(row["latitude"]), float(row["longitude"])) for row in rows])


def _region(row: dict[str, str]) -> str:
    if row["uk_region"] in _CROWN:
        return "crown-dependencies"
    return _NATIONS.get(row["country"]) or row["uk_region"].lower().replace(" ", "-")


@cache
def regions() -> frozenset[str]:
    """Return the names of all regions, for example `north-west-england`."""
    return frozenset(each.region for each in _packaged()[0])


@cache
def areas() -> frozenset[str]:
    """Return the names of all postcode areas, for example `CW`."""
    return frozenset(each.area for each in _packaged()[0])


def directions(points: Sequence[Point]) -> Vectors3:
    """Return unit vectors (n, 3) from the centre of the globe to each point."""
    degrees = np.array([(point.latitude, point.longitude) for point in points], np.float64).reshape(-1, 2)
    north, east = np.radians(degrees).T
    return np.stack((np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)), axis=1)


def nearest(points: Sequence[Point]) -> list[District]:
    """Return the nearest packaged district of each point; of equally near ones the first by name."""
    districts, centres = _packaged()
    there = directions(points)
    found: list[District] = []
    for start in range(0, len(there), _AT_ONCE):
        closest = np.argmax(there[start : start + _AT_ONCE] @ centres.T, axis=1)
        found.extend(districts[row] for row in closest.tolist())
    return found
