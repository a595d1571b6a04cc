"""Hubs and hublets: where people learn and are supported."""

from collections.abc import Mapping
from typing import Any, Final

from careweave.policy import Action
from careweave.v1.profiles_pb2 import Hub
from careweave_profiles.registers import Link, Register

_PLAIN: Final = ("name", "title", "virtual", "parent", "place", "organisation", "description", "fictional")


def _to_row(hub: Hub) -> dict[str, object]:
    return {column: getattr(hub, column) for column in _PLAIN}


def _from_row(row: Mapping[str, Any]) -> Hub:
    return Hub(**{column: row[column] for column in _PLAIN if row[column]})


HUBS: Final = Register(
    label="Hub",
    message=Hub,
    columns=_PLAIN,
    to_row=_to_row,
    from_row=_from_row,
    links=(
        Link("parent", "WITHIN", "Hub"),
        Link("place", "LOCATED_IN", "Place"),
        Link("organisation", "OFFERED_BY", "Organisation"),
    ),
    getting=Action.GET_HUB,
    listing=Action.LIST_HUBS,
    updating=Action.UPDATE_HUB,
    above="parent",
)
