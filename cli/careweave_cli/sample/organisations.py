"""The organisations, hubs and hublets of the sample as messages. All are made up."""

from typing import Final

from careweave.v1 import profiles_pb2
from careweave_cli.sample.geography import place_of
from careweave_cli.sample.records import employers, hubs

SECTORS: Final = {
    "nhs": profiles_pb2.SECTOR_NHS,
    "care_home": profiles_pb2.SECTOR_CARE_HOME,
    "home_care": profiles_pb2.SECTOR_HOME_CARE,
    "primary_care": profiles_pb2.SECTOR_PRIMARY_CARE,
    "council": profiles_pb2.SECTOR_COUNCIL,
    "hospice": profiles_pb2.SECTOR_HOSPICE,
    "voluntary": profiles_pb2.SECTOR_VOLUNTARY,
    "education": profiles_pb2.SECTOR_EDUCATION,
}
"""Sector by the word that organisations.toml has for it."""


def make_organisations() -> list[profiles_pb2.Organisation]:
    """Return the organisations in the order of their file."""
    return [
        profiles_pb2.Organisation(
            name=employer.name,
            title=employer.title,
            sector=SECTORS[employer.sector],
            place=place_of(employer.at[0]),
            headcount=employer.headcount,
            levy_payer=employer.levy,
            fictional=True,
        )
        for employer in employers().values()
    ]


def make_hubs() -> list[profiles_pb2.Hub]:
    """Return the hubs, each before its hublets."""
    return [
        profiles_pb2.Hub(
            name=f"hubs/{hub.key}",
            title=hub.title,
            virtual=hub.virtual,
            parent=f"hubs/{hub.parent}" if hub.parent else "",
            place=place_of(hub.at) if hub.at else "",
            organisation=f"organisations/{hub.organisation}",
            description=hub.description,
            fictional=True,
        )
        for hub in hubs()
    ]
