"""The fast way of ranking equals the plain definition of one pair, to the last bit and byte."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, time

import numpy as np
import pytest
from careweave_matching import bulk
from careweave_matching.alerts import LEAST_SCORE, alerts_about
from careweave_matching.crowd import rank_people
from careweave_matching.decisions import items_of
from careweave_matching.entries import PersonEntry
from careweave_matching.index import Board, Index
from careweave_matching.messages import match_message
from careweave_matching.model import Consent, HeldSkill, Opportunity, Person, Wishes
from careweave_matching.pair import Match, judge
from careweave_matching.ranking import hidden_rows, listed
from careweave_matching.reach import GrantRows
from careweave_matching.terms import ConsentPurpose, GateResult, OpportunityKind, Trust
from careweave_matching.weights import CURRENT, Weights
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from careweave.v1 import matching_pb2
from tests.unit.matching import pairs
from tests.unit.matching.world import TODAY, a_person, an_index, an_opportunity, skill

thorough = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

NOON = datetime.combine(TODAY, time(12), UTC)
CONSENTS = (Consent(ConsentPurpose.ALERTS),)


def filled(
    person: Person, opportunities: list[Opportunity], weights: Weights = CURRENT
) -> tuple[Index, Board, PersonEntry]:
    index = an_index(weights)

    async def fill() -> None:
        await index.put_opportunities(opportunities)
        await index.put_people([person], TODAY)

    asyncio.run(fill())
    entry = index.person(person.name, TODAY)
    assert entry is not None
    return index, index.board(TODAY), entry


def page_of(index: Index, board: Board, entry: PersonEntry, wanted: int, *, full: bool) -> tuple[bulk.Best, bytes]:
    screened = board.screener.screen(entry, index.place(entry))
    wish = bulk.Wish(wanted, ineligible=True)
    ranked = bulk.best_rows(entry, board.table, screened, board.frame.reach, wish)
    return ranked.best, (board.full if full else board.basic).page(entry, ranked)


def slowly(index: Index, match: Match) -> matching_pb2.Match:
    return match_message(match, index.organisation_title(match.entry.opportunity.organisation))


@thorough
@given(pairs.people(), pairs.opportunity_lists(), pairs.weights)
def test_a_page_is_byte_for_byte_what_the_protobuf_runtime_makes_of_the_judged_pairs(
    person: Person, opportunities: list[Opportunity], weights: Weights
) -> None:
    index, board, entry = filled(person, opportunities, weights)
    best, page = page_of(index, board, entry, 100, full=True)
    judged = [judge(entry, board.table.entries[row], board.frame, own=True) for row in best.rows.tolist()]
    reply = matching_pb2.FindOpportunitiesResponse(matches=[slowly(index, match) for match in judged])
    assert page == reply.SerializeToString(deterministic=True)
    assert sorted(judged, key=lambda match: (-match.score, match.entry.opportunity.name)) == judged


@thorough
@given(pairs.people(), pairs.opportunity_lists())
def test_what_is_published_between_two_rankings_of_a_person_counts_as_if_it_had_always_been_there(
    person: Person, opportunities: list[Opportunity]
) -> None:
    index = an_index()
    asyncio.run(index.put_people([person], TODAY))
    for number, each in enumerate(opportunities, start=1):
        asyncio.run(index.put_opportunities([each]))
        entry = index.person(person.name, TODAY)
        assert entry is not None
        grown = page_of(index, index.board(TODAY), entry, 100, full=True)[1]
        assert grown == page_of(*filled(person, opportunities[:number]), 100, full=True)[1]


def test_credits_made_anew_when_too_many_are_out_of_date_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GrantRows, "crowded", property(lambda _: True))
    person = a_person(skills=tuple(HeldSkill(skill(number), 3, Trust.EVIDENCED) for number in (0, 2, 6)))
    offers = [an_opportunity(number, essential=(number, number + 2)) for number in range(5)]
    index = an_index()
    asyncio.run(index.put_people([person], TODAY))
    generations = set()
    for number, each in enumerate(offers, start=1):
        asyncio.run(index.put_opportunities([each]))
        entry = index.person(person.name, TODAY)
        assert entry is not None
        grown = page_of(index, index.board(TODAY), entry, 100, full=True)[1]
        assert grown == page_of(*filled(person, offers[:number]), 100, full=True)[1]
        assert entry.granted is not None
        generations.add(entry.granted[0])
    assert len(generations) == len(offers)


@pytest.mark.parametrize("written", pairs.ASPIRATIONS)
def test_a_page_is_the_same_however_far_an_aspiration_points(written: str) -> None:
    """One opportunity of each kind, all of which the person fits, so that floors and reasons of each sort come up."""
    skills = tuple(HeldSkill(skill(number), 3, Trust.EVIDENCED) for number in (0, 2, 6))
    person = a_person(skills=skills, wishes=Wishes(stated=True, maximum_minutes=600, aspiration=written))
    offers = [an_opportunity(n, kind=kind, occupation="occupations/o1") for n, kind in enumerate(OpportunityKind)]
    index, board, entry = filled(person, offers)
    best, page = page_of(index, board, entry, 20, full=True)
    judged = [judge(entry, board.table.entries[row], board.frame, own=True) for row in best.rows.tolist()]
    reply = matching_pb2.FindOpportunitiesResponse(matches=[slowly(index, match) for match in judged])
    assert page == reply.SerializeToString(deterministic=True)
    assert len(judged) == len(OpportunityKind)


@thorough
@given(pairs.people(), pairs.opportunity_lists())
def test_what_is_recorded_of_a_page_is_what_was_shown(person: Person, opportunities: list[Opportunity]) -> None:
    index, board, entry = filled(person, opportunities)
    best, _ = page_of(index, board, entry, 100, full=False)
    scored = zip(best.rows.tolist(), best.score.tolist(), best.suitability.tolist(), strict=True)
    shown = [(board.table.entries[row].opportunity, score, suits) for row, score, suits in scored]
    assert board.basic.items(best) == items_of([(o.name, o.version, score, suits) for o, score, suits in shown])


@thorough
@given(pairs.people(), pairs.opportunity_lists())
def test_the_basic_view_leaves_out_skills_and_gates_that_pass_and_nothing_else(
    person: Person, opportunities: list[Opportunity]
) -> None:
    index, board, entry = filled(person, opportunities)
    best, page = page_of(index, board, entry, 100, full=False)
    expected = matching_pb2.FindOpportunitiesResponse()
    for row in best.rows.tolist():
        match = slowly(index, judge(entry, board.table.entries[row], board.frame, own=True))
        del match.skills[:]
        failing = [gate for gate in match.gates if gate.result != matching_pb2.GATE_RESULT_PASS]
        del match.gates[:]
        match.gates.extend(failing)
        expected.matches.append(match)
    assert page == expected.SerializeToString(deterministic=True)


@thorough
@given(pairs.people(), pairs.opportunity_lists())
def test_screening_finds_exactly_those_without_a_failing_gate(person: Person, opportunities: list[Opportunity]) -> None:
    index, board, entry = filled(person, opportunities)
    screened = board.screener.screen(entry, index.place(entry))
    eligible = bulk.best_rows(entry, board.table, screened, board.frame.reach, bulk.Wish(100))
    judged = [judge(entry, each, board.frame, own=True) for each in board.table.entries]
    expected = {row for row, m in enumerate(judged) if all(gate.result != GateResult.FAIL for gate in m.gates)}
    assert set(eligible.best.rows.tolist()) == expected
    assert eligible.total == len(expected)


@thorough
@given(st.lists(pairs.people(), min_size=1, max_size=6), pairs.opportunity_lists())
def test_people_are_ranked_by_the_same_suitability_as_opportunities(
    drawn: list[Person], opportunities: list[Opportunity]
) -> None:
    people = [a_person(f"p{number}", **_facts(person)) for number, person in enumerate(drawn)]
    index, board, _ = filled(people[0], opportunities)
    asyncio.run(index.put_people(people, TODAY))
    crowd, _ = index.crowds(TODAY)
    entry = next(iter(index.opportunities()))
    rows, suits = rank_people(
        crowd,
        np.arange(len(people)),
        entry,
        reach=board.frame.reach,
        relatedness=index.taxonomy.relatedness,
        weights=index.weights,
        wanted=100,
    )
    for row, suit in zip(rows.tolist(), suits.tolist(), strict=True):
        own = judge(crowd.entries[row], entry, board.frame, own=True)
        other = judge(crowd.entries[row], entry, board.frame, own=False)
        assert own.components.suitability == other.components.suitability == other.score == suit
    expected = sorted(range(len(people)), key=lambda row: (-float(suits[rows.tolist().index(row)]), row))
    assert rows.tolist() == expected


@thorough
@given(st.lists(pairs.people(), min_size=1, max_size=6), pairs.opportunity_lists())
def test_everyone_is_told_of_an_opportunity_whose_own_list_has_it_high_enough(
    drawn: list[Person], opportunities: list[Opportunity]
) -> None:
    people = [a_person(f"p{number}", **_facts(person), consents=CONSENTS) for number, person in enumerate(drawn)]
    people = [
        replace(each, wishes=replace(each.wishes, alerts=True, kinds=frozenset[int](), maximum_minutes=600))
        for each in people
    ]
    index, board, _ = filled(people[0], opportunities)
    asyncio.run(index.put_people(people, TODAY))
    entry = next(iter(index.opportunities()))
    matches = [judge(person, entry, board.frame, own=True) for person in index.people(TODAY)]
    expected = {
        match.person
        for match in matches
        if match.score >= LEAST_SCORE and all(gate.result != GateResult.FAIL for gate in match.gates)
    }
    told = asyncio.run(alerts_about(index, entry, NOON))
    assert {alert.match.person for alert in told} == expected


def test_whoever_aims_at_an_occupation_is_told_of_it_however_little_it_suits_them() -> None:
    """The share of preference is theirs: what it can add to suitability is not that of somebody who states nothing."""
    wishes = replace(a_person().wishes, aspired_occupations=("occupations/o0",), alerts=True)
    person = a_person(place="places/A", work=None, wishes=wishes, consents=CONSENTS)
    index, board, entry = filled(person, [an_opportunity(occupation="occupations/o0")])
    offered = next(iter(index.opportunities()))
    assert judge(entry, offered, board.frame, own=True).components.suitability == 0.0
    assert [alert.match.person for alert in asyncio.run(alerts_about(index, offered, NOON))] == [person.name]


def _facts(person: Person) -> dict[str, object]:
    return {name: getattr(person, name) for name in ("place", "work", "skills", "credentials", "wishes")}


@pytest.mark.parametrize("wanted", [1, 3, 7, 40, 300])
def test_neither_scores_nor_order_depend_on_how_many_are_wanted_or_offered(wanted: int) -> None:
    everything = [an_opportunity(number, (number % 20, (number * 7) % 20)) for number in range(60)]
    person = a_person(skills=())
    index, board, entry = filled(person, everything)
    best, _ = page_of(index, board, entry, 60, full=True)
    fewer, _ = page_of(index, board, entry, wanted, full=True)
    assert fewer.rows.tolist() == best.rows.tolist()[:wanted]
    assert fewer.score.tolist() == best.score.tolist()[:wanted]
    alone_index, alone_board, alone_entry = filled(person, [everything[best.rows.tolist()[0]]])
    alone, _ = page_of(alone_index, alone_board, alone_entry, 1, full=True)
    assert alone.score.tolist() == best.score.tolist()[:1]


def test_equal_scores_are_ordered_by_name() -> None:
    twins = [an_opportunity(number, title="Same", description="Same") for number in (5, 3, 9, 1)]
    index, board, entry = filled(a_person(), twins)
    best, _ = page_of(index, board, entry, 3, full=True)
    names = [board.table.entries[row].opportunity.name for row in best.rows.tolist()]
    assert names == ["opportunities/n0001", "opportunities/n0003", "opportunities/n0005"]


def test_a_page_stays_right_as_the_book_of_parts_grows() -> None:
    """Wishes for hours that nobody had before add parts, until their arrays are replaced by longer ones."""
    offers = [an_opportunity(number, (number % 20,), minimum_weekly_hours=float(1 + number)) for number in range(20)]
    index, board, _ = filled(a_person(), offers)
    wishes = [Wishes(stated=True, minimum_hours=number / 8, maximum_minutes=600) for number in range(120)]
    people = [a_person(f"w{number}", wishes=wish) for number, wish in enumerate(wishes)]
    asyncio.run(index.put_people(people, TODAY))
    for person in people:
        entry = index.person(person.name, TODAY)
        assert entry is not None
        best, page = page_of(index, board, entry, 20, full=True)
        judged = [judge(entry, board.table.entries[row], board.frame, own=True) for row in best.rows.tolist()]
        reply = matching_pb2.FindOpportunitiesResponse(matches=[slowly(index, match) for match in judged])
        assert page == reply.SerializeToString(deterministic=True)


@thorough
@given(pairs.people(), pairs.opportunity_lists(), st.integers(1, 4), st.data())
def test_what_is_put_aside_is_left_out_of_the_list_and_changes_nothing_else(
    person: Person, opportunities: list[Opportunity], wanted: int, data: st.DataObject
) -> None:
    names = [each.name for each in opportunities]
    aside = data.draw(st.frozensets(st.sampled_from(names)))
    index, board, entry = filled(replace(person, wishes=replace(person.wishes, dismissed=aside)), opportunities)
    screened = board.screener.screen(entry, index.place(entry))
    kinds = bulk.kind_bits(person.wishes.kinds)
    pure = bulk.best_rows(entry, board.table, screened, board.frame.reach, bulk.Wish(100, kinds))
    left = [row for row in pure.best.rows.tolist() if board.entries[row].opportunity.name not in aside]
    wish = bulk.Wish(wanted, kinds)
    found = listed(entry, board, screened, wish, hidden_rows(entry, board, wish, entry.person.wishes.dismissed))
    assert found.best.rows.tolist() == left[:wanted]
    assert found.total == len(left)
