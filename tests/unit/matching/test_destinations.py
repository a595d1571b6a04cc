"""What is proposed to who names no occupation: no work of a field of its own that is neither theirs nor aimed at."""

import asyncio

import pytest
from careweave_matching.entries import PersonEntry
from careweave_matching.index import Index
from careweave_matching.model import Wishes
from careweave_matching.pathways.destinations import proposable
from careweave_matching.pathways.ground import ground_of
from careweave_matching.weights import CURRENT

from tests.unit.matching.careers import a_map, a_taxonomy_of_careers, occupation
from tests.unit.matching.world import TODAY, TextVectors, a_person, surroundings

MAP = a_map()
DENTIST, CARER = occupation("dentist"), occupation("carer")


def somebody(*aimed_at: str) -> PersonEntry:
    index = Index(a_taxonomy_of_careers(), surroundings(), TextVectors(), CURRENT)
    person = a_person(wishes=Wishes(stated=True, aspired_occupations=aimed_at))
    asyncio.run(index.put_people([person], TODAY))
    entry = index.person(person.name, TODAY)
    assert entry is not None
    return entry


@pytest.mark.parametrize(
    ("present", "aimed_at", "shown"),
    [(CARER, (), False), (DENTIST, (), True), (CARER, (DENTIST,), True), (CARER, (CARER,), False), ("", (), False)],
)
def test_work_of_a_field_of_its_own_is_for_who_is_in_it_or_aims_at_it(
    present: str, aimed_at: tuple[str, ...], *, shown: bool
) -> None:
    ground = ground_of(MAP, frozenset())
    rows = proposable(ground, MAP.works.get(present), somebody(*aimed_at))
    names = {ground.works[row].name for row in rows.tolist()}
    assert (DENTIST in names) == shown
    assert {name for name in ground.rows if not MAP.works[name].field} <= names
