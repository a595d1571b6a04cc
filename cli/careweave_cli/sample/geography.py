"""The real places of the sample and how far apart they lie; their rurality is synthetic and says so."""

import csv
import re
from collections.abc import Iterable, Mapping
from functools import cache
from math import cos, hypot, radians
from typing import Final

from careweave.datasets import folder
from careweave.v1 import profiles_pb2
from careweave.v1.common_pb2 import Coordinates
from careweave_cli.sample.records import book

RURALITY_SOURCE: Final = "synthetic"
_AREAS: Final = ("CH", "CW", "SK", "WA")
_MILES_PER_DEGREE: Final = 69.0


@cache
def districts() -> Mapping[str, Mapping[str, str]]:
    """Return the rows of the postcode districts in the sample by district, for example CW7."""
    outside = book("districts")["outside"]
    with (folder("uk-geo") / "outcodes.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["postcode"]: row
            for row in csv.DictReader(file)
            if re.sub(r"\d.*", "", row["postcode"]) in _AREAS and row["postcode"] not in outside
        }


def place_of(district: str) -> str:
    """Return the resource name of a postcode district."""
    return f"places/{district}"


def town_of(district: str) -> str:
    """Return the town that a postcode district is named after."""
    row = districts()[district]
    return row["town"] or row["region"]


@cache
def miles_between(one: str, other: str) -> float:
    """Return the distance in miles between the centres of two postcode districts, straight and near enough."""
    (north, east), (other_north, other_east) = _centre(one), _centre(other)
    return hypot(north - other_north, (east - other_east) * cos(radians(north))) * _MILES_PER_DEGREE


def rurality_of(district: str) -> "profiles_pb2.Rurality.ValueType":
    """Return the synthetic rurality of a postcode district."""
    kinds = book("districts")
    if district in kinds["rural"]:
        return profiles_pb2.RURALITY_RURAL
    return profiles_pb2.RURALITY_TOWN_AND_FRINGE if district in kinds["town"] else profiles_pb2.RURALITY_URBAN


def make_places() -> list[profiles_pb2.Place]:
    """Return all places, each after the one it lies in: regions, care systems, authorities, districts."""
    boards = book("districts")["ics"]
    rows = districts()
    regions: dict[str, list[str]] = {}
    systems: dict[str, list[str]] = {}
    authorities: dict[str, list[str]] = {}
    for district, row in rows.items():
        regions.setdefault(row["uk_region"], []).append(district)
        systems.setdefault(boards[row["region"]], []).append(district)
        authorities.setdefault(row["region"], []).append(district)
    return [
        *(_wider(region, profiles_pb2.PLACE_LEVEL_REGION, "", inside) for region, inside in regions.items()),
        *(
            _wider(f"{system} ICS", profiles_pb2.PLACE_LEVEL_ICS, rows[inside[0]]["uk_region"], inside)
            for system, inside in systems.items()
        ),
        *(
            _wider(authority, profiles_pb2.PLACE_LEVEL_PLACE, f"{boards[authority]} ICS", inside)
            for authority, inside in authorities.items()
        ),
        *(_neighbourhood(district, row) for district, row in rows.items()),
    ]


def _neighbourhood(district: str, row: Mapping[str, str]) -> profiles_pb2.Place:
    north, east = _centre(district)
    return profiles_pb2.Place(
        name=place_of(district),
        title=f"{town_of(district)} ({district})",
        level=profiles_pb2.PLACE_LEVEL_NEIGHBOURHOOD,
        centre=Coordinates(latitude=north, longitude=east),
        rurality=rurality_of(district),
        rurality_source=RURALITY_SOURCE,
        within=f"places/{_slug(row['region'])}",
    )


def _wider(
    title: str, level: "profiles_pb2.PlaceLevel.ValueType", within: str, inside: Iterable[str]
) -> profiles_pb2.Place:
    centres = [_centre(district) for district in inside]
    return profiles_pb2.Place(
        name=f"places/{_slug(title)}",
        title=title,
        level=level,
        centre=Coordinates(
            latitude=round(sum(north for north, _ in centres) / len(centres), 5),
            longitude=round(sum(east for _, east in centres) / len(centres), 5),
        ),
        within=f"places/{_slug(within)}" if within else "",
    )


def _centre(district: str) -> tuple[float, float]:
    row = districts()[district]
    return float(row["latitude"]), float(row["longitude"])


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
