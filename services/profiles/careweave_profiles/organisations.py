"""Organisations: employers and providers."""

from collections.abc import Mapping
from typing import Any, Final

from careweave.policy import Action
from careweave.v1.profiles_pb2 import SECTOR_UNSPECIFIED, Organisation
from careweave_profiles.registers import Link, Register

_PLAIN: Final = ("name", "title", "sector", "place", "headcount", "levy_payer", "fictional")


def _to_row(organisation: Organisation) -> dict[str, object]:
    return {column: getattr(organisation, column) for column in _PLAIN}


def _from_row(row: Mapping[str, Any]) -> Organisation:
    return Organisation(**{column: row[column] for column in _PLAIN if row[column]})


ORGANISATIONS: Final = Register(
    label="Organisation",
    message=Organisation,
    columns=_PLAIN,
    to_row=_to_row,
    from_row=_from_row,
    links=(Link("place", "LOCATED_IN", "Place"),),
    getting=Action.GET_ORGANISATION,
    listing=Action.LIST_ORGANISATIONS,
    updating=Action.UPDATE_ORGANISATION,
    filters={"sector": SECTOR_UNSPECIFIED},
)
