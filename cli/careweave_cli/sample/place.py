"""The whole sample place, from a seed and a day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from careweave.v1 import profiles_pb2
from careweave_cli.sample.catalogue import catalogue
from careweave_cli.sample.geography import make_places
from careweave_cli.sample.opportunities import SampleOpportunity, make_opportunities
from careweave_cli.sample.organisations import make_hubs, make_organisations
from careweave_cli.sample.people import SamplePerson, make_people

PEOPLE: Final = 2000
OPPORTUNITIES: Final = 400


@dataclass(frozen=True, slots=True)
class SamplePlace:
    """Everything in the sample, in an order in which it can be loaded."""

    places: Sequence[profiles_pb2.Place]
    organisations: Sequence[profiles_pb2.Organisation]
    hubs: Sequence[profiles_pb2.Hub]
    people: Sequence[SamplePerson]
    opportunities: Sequence[SampleOpportunity]


def make_place(seed: int, today: date, people: int = PEOPLE, opportunities: int = OPPORTUNITIES) -> SamplePlace:
    """Return the sample for `seed`: the same seed and day give the same bytes on every machine.

    today: the day on which opportunities are open and by which credentials are current or lapsed.
    people, opportunities: how many; the first people are the same whatever the number.
    """
    taxonomies = catalogue()
    return SamplePlace(
        make_places(),
        make_organisations(),
        make_hubs(),
        make_people(seed, range(people), taxonomies, today),
        make_opportunities(seed, opportunities, taxonomies, today),
    )
