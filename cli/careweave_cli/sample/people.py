"""The fictional people of the sample."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from math import exp
from random import Random
from typing import Final

from careweave.v1 import common_pb2, profiles_pb2
from careweave_cli.sample.abilities import draw_abilities
from careweave_cli.sample.careers import Post, as_employments, draw_career, draw_employer
from careweave_cli.sample.catalogue import Catalogue
from careweave_cli.sample.chance import happens, random_id, stream, weighted
from careweave_cli.sample.documents import draw_documents
from careweave_cli.sample.geography import miles_between, place_of
from careweave_cli.sample.records import book
from careweave_cli.sample.wishes import draw_consents, draw_travel_mode, draw_wishes

WITHOUT_JOB: Final = 0.08
"""Share of people without an employer."""
_MET_WORK_BEFORE: Final = 0.5
"""Share of those without an employer who have had one: returners and carers; the rest volunteer or study."""
_COMMUTE_MILES: Final = 7.0
"""Distance at which living is about a third as likely as next door to work."""
_LICENCE_WITHOUT_CAR: Final = 0.25


@dataclass(frozen=True, slots=True)
class SamplePerson:
    """A fictional person, and the consents to give as they are created."""

    person_id: str
    person: profiles_pb2.Person
    consents: Sequence[profiles_pb2.Consent]


def person_id(seed: int, number: int) -> str:
    """Return the id of person `number` of the sample."""
    return random_id(seed, "person", number)


def make_people(seed: int, numbers: Iterable[int], catalogue: Catalogue, today: date) -> list[SamplePerson]:
    """Return the people of those numbers; each is the same whoever else is made."""
    return [_make_person(seed, number, catalogue, today) for number in numbers]


def _make_person(seed: int, number: int, catalogue: Catalogue, today: date) -> SamplePerson:
    chance = stream(seed, "person", number)
    posts = _draw_posts(chance)
    district = weighted(chance, _homes(posts[0].site) if posts else book("districts")["weight"])
    mode = draw_travel_mode(chance, district, posts)
    licence = mode == common_pb2.TRAVEL_MODE_CAR or happens(chance, _LICENCE_WITHOUT_CAR)
    words = book("words")
    given, family = chance.choice(words["given"]), chance.choice(words["family"])
    own_id = person_id(seed, number)
    person = profiles_pb2.Person(
        name=f"people/{own_id}",
        display_name=f"{given} {family}",
        email=f"{given}.{family}.{number}@example.org".lower(),
        place=place_of(district),
        employments=as_employments(posts, catalogue, today),
        skills=draw_abilities(chance, posts, catalogue, today),
        credentials=draw_documents(chance, posts, today, licence=licence),
        preferences=draw_wishes(chance, posts, mode, catalogue),
        fictional=True,
    )
    return SamplePerson(own_id, person, draw_consents(chance, today))


def _draw_posts(chance: Random) -> list[Post]:
    if not happens(chance, WITHOUT_JOB):
        return draw_career(chance, draw_employer(chance))
    if happens(chance, _MET_WORK_BEFORE):
        return draw_career(chance, draw_employer(chance), ended_months_ago=chance.uniform(3, 140))
    return []


@cache
def _homes(site: str) -> Mapping[str, float]:
    """Return how likely each district is as the home of somebody who works in `site`."""
    weights = book("districts")["weight"]
    return {home: weight * exp(-miles_between(home, site) / _COMMUTE_MILES) for home, weight in weights.items()}
