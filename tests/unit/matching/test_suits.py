"""The fit of a step: the same suitability as of an opportunity that asks for what the occupation asks for."""

import asyncio

import pytest
from careweave_matching.index import Index
from careweave_matching.model import HeldSkill, Wishes, Work
from careweave_matching.pair import judge
from careweave_matching.pathways.suits import Suits, modelled
from careweave_matching.terms import Trust
from careweave_matching.weights import CURRENT
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.matching.careers import WORK, a_map, a_taxonomy_of_careers, occupation
from tests.unit.matching.world import SKILLS, TODAY, TextVectors, a_person, skill, surroundings

MAP = a_map()


def an_index() -> Index:
    return Index(a_taxonomy_of_careers(), surroundings(), TextVectors(), CURRENT)


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(sorted(WORK)),
    st.sampled_from(sorted(WORK)),
    st.dictionaries(st.integers(0, SKILLS - 1), st.tuples(st.integers(0, 5), st.sampled_from(Trust)), max_size=9),
)
def test_the_fit_of_a_step_is_the_suitability_of_an_opportunity_that_asks_the_same(
    label: str, before: str, held: dict[int, tuple[int, Trust]]
) -> None:
    async def both() -> tuple[object, object]:
        index, work, origin = an_index(), MAP.works[occupation(label)], MAP.works[occupation(before)]
        skills = tuple(HeldSkill(skill(number), level, trust) for number, (level, trust) in sorted(held.items()))
        person = a_person(skills=skills, work=Work("organisations/o2", origin.name), wishes=Wishes())
        await index.put_opportunities([modelled(work, index.taxonomy)])
        await index.put_people([person], TODAY)
        entry, offered = index.person(person.name, TODAY), index.opportunity(work.name)
        assert entry is not None
        assert offered is not None
        suits = Suits(index)
        await suits.learn([work, origin])
        fit = suits.components(suits.stood(a_person(work=None), held, origin, TODAY), work, TODAY)
        return fit, judge(entry, offered, index.board(TODAY).frame, own=False).components

    fit, match = asyncio.run(both())
    assert fit == match


def test_what_is_learnt_is_neither_offered_nor_carried_over_to_what_is() -> None:
    index = an_index()
    asyncio.run(Suits(index).learn(MAP.works.values()))
    assert index.opportunity_count == 0


def test_an_occupation_that_was_not_learnt_is_no_silent_zero() -> None:
    suits, work = Suits(an_index()), MAP.works[occupation("nurse")]
    stood = suits.stood(a_person(work=None), {}, None, TODAY)
    with pytest.raises(LookupError):
        suits.components(stood, work, TODAY)
