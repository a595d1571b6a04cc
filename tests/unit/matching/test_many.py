"""Other ways to the same ranking: few weighed exactly, all people at once, a table that took changes in."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from careweave_matching import bulk
from careweave_matching.crowd import rank_people
from careweave_matching.everyone import gathered, rank_everyone
from careweave_matching.index import Board, Index
from careweave_matching.model import Opportunity, Person
from careweave_matching.pair import judge
from careweave_matching.terms import GateResult
from careweave_matching.weights import CURRENT, Weights
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.matching import pairs
from tests.unit.matching.world import TODAY, a_person, an_index, an_opportunity

thorough = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def filled(people: list[Person], opportunities: list[Opportunity], weights: Weights = CURRENT) -> tuple[Index, Board]:
    index = an_index(weights)

    async def fill() -> None:
        await index.put_opportunities(opportunities)
        await index.put_people(people, TODAY)

    asyncio.run(fill())
    return index, index.board(TODAY)


def listed(index: Index, person: str, wanted: int) -> list[tuple[str, float]]:
    """Return names and scores of what the compiled ranking finds."""
    board, entry = index.board(TODAY), index.person(person, TODAY)
    assert entry is not None
    screened = board.screener.screen(entry, index.place(entry))
    best = bulk.best_rows(entry, board.table, screened, board.frame.reach, bulk.Wish(wanted)).best
    return [
        (board.table.entries[row].opportunity.name, score)
        for row, score in zip(best.rows.tolist(), best.score.tolist(), strict=True)
    ]


def judged(index: Index, person: str, wanted: int) -> list[tuple[str, float]]:
    """Return the same by the plain definition, pair by pair."""
    entry, frame = index.person(person, TODAY), index.board(TODAY).frame
    assert entry is not None
    matches = [
        judge(entry, each, frame, own=True) for each in index.opportunities() if each.opportunity.is_offered(TODAY)
    ]
    fitting = [match for match in matches if all(gate.result != GateResult.FAIL for gate in match.gates)]
    fitting.sort(key=lambda match: (-match.score, match.entry.opportunity.name))
    return [(match.entry.opportunity.name, match.score) for match in fitting[:wanted]]


@st.composite
def many_opportunities(draw: st.DrawFn) -> list[Opportunity]:
    """Draw a few and repeat them with other words, so that most score close to one another."""
    drawn = draw(pairs.opportunity_lists())
    return [
        replace(
            drawn[number % len(drawn)], name=f"opportunities/n{number:04d}", description=f"Work of kind {number // 2}"
        )
        for number in range(draw(st.integers(30, 60)))
    ]


@thorough
@given(pairs.people(), many_opportunities(), st.integers(1, 12), pairs.weights)
def test_what_is_weighed_roughly_first_is_what_weighing_each_pair_finds(
    person: Person, opportunities: list[Opportunity], wanted: int, weights: Weights
) -> None:
    index, _ = filled([person], opportunities, weights)
    assert listed(index, person.name, wanted) == judged(index, person.name, wanted)


@thorough
@given(st.lists(pairs.people(), min_size=1, max_size=6), pairs.opportunity_lists(), st.integers(1, 5))
def test_everyone_at_once_gets_the_list_that_each_gets_alone(
    drawn: list[Person], opportunities: list[Opportunity], wanted: int
) -> None:
    people = [replace(person, name=f"people/p{number}") for number, person in enumerate(drawn)]
    index, board = filled(people, opportunities)
    entries = list(index.people(TODAY))
    homes = [index.place(entry) for entry in entries]
    everyone = gathered(entries, homes, board.screener, board.table, board.frame.reach)
    (lists,) = rank_everyone(everyone, wanted, threads=2)
    for number, entry in enumerate(entries):
        screened = board.screener.screen(entry, homes[number])
        kinds = sum(1 << kind for kind in entry.person.wishes.kinds) or bulk.ALL_KINDS
        alone = bulk.best_rows(entry, board.table, screened, board.frame.reach, bulk.Wish(wanted, kinds))
        shown = len(alone.best.rows)
        assert lists.rows[number].tolist() == [*alone.best.rows.tolist(), *[-1] * (wanted - shown)]
        assert lists.scores[number, :shown].tolist() == alone.best.score.tolist()
        assert lists.suitabilities[number, :shown].tolist() == alone.best.suitability.tolist()
        assert lists.ranked[number] == alone.total


@thorough
@given(pairs.people(), pairs.opportunity_lists(), st.lists(pairs.opportunity_lists(), min_size=1, max_size=4))
def test_a_table_that_took_changes_in_ranks_and_writes_as_one_made_anew(
    person: Person, first: list[Opportunity], later: list[list[Opportunity]]
) -> None:
    index, board = filled([person], first)
    page_of(index, person.name)  # so that parts are made, and what closes gaps is written down
    for version, changed in enumerate(later, start=301):
        changes = [replace(each, version=version) for each in changed]
        asyncio.run(index.put_opportunities(changes))
        assert index.board(TODAY) is board
        held = [entry.opportunity for entry in index.opportunities()]
        anew, _ = filled([person], held)
        assert listed(index, person.name, 100) == listed(anew, person.name, 100)
        assert page_of(index, person.name) == page_of(anew, person.name)


def page_of(index: Index, person: str) -> bytes:
    board, entry = index.board(TODAY), index.person(person, TODAY)
    assert entry is not None
    screened = board.screener.screen(entry, index.place(entry))
    wish = bulk.Wish(100, ineligible=True)
    return board.full.page(entry, bulk.best_rows(entry, board.table, screened, board.frame.reach, wish))


def test_a_table_without_room_is_made_anew_and_what_closed_is_gone() -> None:
    index, board = filled([a_person()], [an_opportunity(number) for number in range(3)])
    changes = [an_opportunity(number, version=2) for number in range(3, 3 + board.table.room)]
    for change in changes:
        asyncio.run(index.put_opportunities([change]))
    assert index.board(TODAY) is not board
    over = an_opportunity(3, version=3, closing_date=TODAY - timedelta(days=1))
    asyncio.run(index.put_opportunities([over]))
    names = [name for name, _ in listed(index, "people/p1", 1000)]
    assert names == [name for name, _ in judged(index, "people/p1", 1000)]
    assert over.name not in names
    assert len(names) == 2 + len(changes)


@pytest.mark.parametrize("name", ["opportunities/n0000a", "opportunities/a", "opportunities/z"])
def test_what_comes_later_takes_its_place_by_name_among_equals(name: str) -> None:
    twins = [an_opportunity(number, title="Same", description="Same") for number in (0, 1, 2)]
    index, _ = filled([a_person()], twins)
    asyncio.run(index.put_opportunities([replace(twins[0], name=name)]))
    names = [each for each, _ in listed(index, "people/p1", 4)]
    assert names == sorted([*(each.name for each in twins), name])


@thorough
@given(
    st.lists(pairs.people(), min_size=3, max_size=12),
    pairs.opportunity_lists(),
    st.lists(pairs.people(), min_size=1, max_size=3),
    st.integers(1, 8),
)
def test_candidates_are_those_whom_judging_each_pair_finds_also_after_some_have_changed(
    drawn: list[Person], opportunities: list[Opportunity], later: list[Person], wanted: int
) -> None:
    index, board = filled([replace(each, name=f"people/p{at:02d}") for at, each in enumerate(drawn)], opportunities)
    index.crowds(TODAY)
    changed = [replace(each, name=f"people/p{at:02d}", version=2) for at, each in enumerate(later)]
    asyncio.run(index.put_people(changed, TODAY))
    index.forget_person("people/p02")
    assert len(index.crowds(TODAY)[1].entries) >= 1
    for entry in index.opportunities():
        if not entry.opportunity.is_offered(TODAY):
            continue
        found: list[tuple[float, str]] = []
        for crowd in index.crowds(TODAY):
            rows = np.flatnonzero(crowd.here & crowd.eligible(entry, index.surroundings.geography))
            best, suits = rank_people(
                crowd,
                rows,
                entry,
                reach=index.reach,
                relatedness=index.taxonomy.relatedness,
                weights=index.weights,
                wanted=wanted,
            )
            names = [crowd.entries[row].person.name for row in best.tolist()]
            found += [(-suit, name) for suit, name in zip(suits.tolist(), names, strict=True)]
        matches = [judge(person, entry, board.frame, own=False) for person in index.people(TODAY)]
        fitting = [match for match in matches if all(gate.result != GateResult.FAIL for gate in match.gates)]
        assert sorted(found)[:wanted] == sorted((-match.score, match.person) for match in fitting)[:wanted]
