"""How long a journey takes, from the straight line between the centres of two postcode districts.

An estimate for sorting and gating, not a timetable. Sources of the numbers:

- Detour: roads are about 1.4 times as long as the straight line (Boscoe, Henry and Zdeb, "A nationwide
  comparison of driving distance versus straight-line distance to hospitals", Professional Geographer 64(2),
  2012: mean detour index 1.417).
- Walking 3 mph and cycling 10 mph: the speeds of Thurrock's study of travel access (4.8 and 16 km/h), near
  those of the Department for Transport's Journey Time Statistics (2.9 and 9.9 mph, and five minutes for parking).
- Car 25 mph: between the 27 mph on A roads and the 11.6 mph on urban streets of the same statistics, nearer
  the first since most of a journey between districts runs on A roads; five minutes for parking.
- Public transport 14 mph and fifteen minutes for walking and waiting: a planning assumption of this project.
"""

import math
from dataclasses import dataclass

from careweave_matching.terms import TravelMode

DETOUR = 1.417
"""Length of the way over the length of the straight line."""
EARTH_RADIUS_MILES = 3958.7613
"""Mean radius, IUGG."""
WITHIN_DISTRICT_MILES = 1.0
"""Least distance reckoned with: two addresses in one district are not at its centre."""
SPEED_MPH = {
    TravelMode.WALK: 3.0,
    TravelMode.CYCLE: 10.0,
    TravelMode.PUBLIC_TRANSPORT: 14.0,
    TravelMode.CAR: 25.0,
}
"""Mean speed on the way."""
EXTRA_MINUTES = {
    TravelMode.WALK: 0.0,
    TravelMode.CYCLE: 5.0,
    TravelMode.PUBLIC_TRANSPORT: 15.0,
    TravelMode.CAR: 5.0,
}
"""Minutes for parking, walking and waiting."""
MODE_WORDS = {
    TravelMode.WALK: "on foot",
    TravelMode.CYCLE: "by bicycle",
    TravelMode.PUBLIC_TRANSPORT: "by public transport",
    TravelMode.CAR: "by car",
}


@dataclass(frozen=True, slots=True)
class Point:
    """A point on the globe, degrees north and east."""

    latitude: float
    longitude: float


def effective_mode(mode: int) -> TravelMode:
    """Return the mode to reckon with: unspecified reads as public transport, the more cautious choice."""
    return TravelMode(mode) if mode else TravelMode.PUBLIC_TRANSPORT


def distance_miles(here: Point, there: Point) -> float:
    """Return the great-circle distance in miles by the haversine formula."""
    north, other_north = math.radians(here.latitude), math.radians(there.latitude)
    half_north = (other_north - north) / 2
    half_east = math.radians(there.longitude - here.longitude) / 2
    chord = math.sin(half_north) ** 2 + math.cos(north) * math.cos(other_north) * math.sin(half_east) ** 2
    return 2 * EARTH_RADIUS_MILES * math.asin(math.sqrt(min(1.0, chord)))


def minutes_per_mile(mode: TravelMode) -> float:
    """Return minutes on the way for each mile of straight line."""
    return 60.0 * DETOUR / SPEED_MPH[mode]


def journey_minutes(miles: float, mode: TravelMode) -> int:
    """Return the estimated journey in whole minutes, rounded up."""
    return math.ceil(max(miles, WITHIN_DISTRICT_MILES) * minutes_per_mile(mode) + EXTRA_MINUTES[mode])
