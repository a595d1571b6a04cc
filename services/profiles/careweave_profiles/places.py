"""Places: neighbourhood, place, integrated care system, region."""

from collections.abc import Mapping
from typing import Any, Final

from careweave.policy import Action
from careweave.v1.profiles_pb2 import Place
from careweave_profiles.registers import Link, Register

_PLAIN: Final = ("name", "title", "level", "rurality", "rurality_source", "within")
_CENTRE: Final = ("latitude", "longitude")


def _to_row(place: Place) -> dict[str, object]:
    """Return the properties; a centre that is not known is null, which the point 0, 0 is not."""
    known = place.HasField("centre")
    return {
        **{column: getattr(place, column) for column in _PLAIN},
        **{column: getattr(place.centre, column) if known else None for column in _CENTRE},
    }


def _from_row(row: Mapping[str, Any]) -> Place:
    place = Place(**{column: row[column] for column in _PLAIN if row[column]})
    if row["latitude"] is not None:
        place.centre.latitude, place.centre.longitude = row["latitude"], row["longitude"]
        place.centre.SetInParent()
    return place


PLACES: Final = Register(
    label="Place",
    message=Place,
    columns=(*_PLAIN, *_CENTRE),
    to_row=_to_row,
    from_row=_from_row,
    links=(Link("within", "WITHIN", "Place"),),
    getting=Action.GET_PLACE,
    listing=Action.LIST_PLACES,
    updating=Action.UPDATE_PLACE,
    above="within",
)
