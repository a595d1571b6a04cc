"""What would change a ranking: no smaller set does, bounds bound, and the scoring is the one that scores everybody."""

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest
from careweave_matching.fewest import Found, Goal, fewest
from careweave_matching.gains import BUDGET
from careweave_matching.goals import PlaceGoal, ReachGoal
from careweave_matching.lifting import Lift
from careweave_matching.model import HeldSkill, Opportunity, Person, Requirement
from careweave_matching.pair import judge
from careweave_matching.scoring import MILLION
from careweave_matching.terms import GateResult, Trust
from careweave_matching.weights import CURRENT, Weights
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.unit.matching import pairs
from tests.unit.matching.test_one_and_many import filled, thorough
from tests.unit.matching.world import TODAY, a_person, an_opportunity, skill

MOST = 3
MEASURES = ("suitability", "score")


def lift_of(person: Person, opportunities: list[Opportunity], weights: Weights) -> Lift:
    index, board, entry = filled(person, opportunities, weights)
    offer = index.opportunity(opportunities[0].name)
    assert offer is not None
    return Lift(index, board, entry, offer)


def searched(goal: Goal, most: int = MOST, budget: int = BUDGET) -> Found:
    steps = fewest(goal, most, budget)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            found: Found = done.value
            return found


def sets_of(goal: Goal, most: int) -> list[tuple[int, ...]]:
    return [chosen for size in range(most + 1) for chosen in itertools.combinations(range(goal.options), size)]


def is_fewest(goal: Goal, found: Found) -> None:
    """Hold `found` beside all sets."""
    reaching = [len(chosen) for chosen in sets_of(goal, MOST) if goal.reached(chosen)]
    assert found.exact
    assert found.reached == bool(reaching)
    assert goal.reached(found.chosen) == found.reached
    if reaching:
        assert len(found.chosen) == found.fewest == min(reaching)
    else:
        assert found.fewest > min(MOST, goal.options)


def test_what_was_found_is_stale_once_something_on_offer_has_changed() -> None:
    """A board takes a change in as it is, so that it is the same board does not say that nothing changed."""
    lift = lift_of(a_person(), [an_opportunity(1)], CURRENT)
    assert not lift.stale
    asyncio.run(lift.index.put_opportunities([an_opportunity(2)]))
    assert lift.index.board(TODAY) is lift.board
    assert lift.stale


@thorough
@given(pairs.people(), pairs.opportunity_lists(), pairs.weights, st.floats(0.05, 1.0), st.sampled_from(MEASURES))
def test_no_smaller_set_reaches_a_suitability_or_a_score(
    person: Person, opportunities: list[Opportunity], weights: Weights, target: float, measure: str
) -> None:
    goal = ReachGoal(lift_of(person, opportunities, weights), target, of_score=measure == "score")
    is_fewest(goal, searched(goal))


@thorough
@given(pairs.people(), pairs.opportunity_lists(), pairs.weights, st.integers(1, 3))
def test_no_smaller_set_reaches_one_of_the_first_places(
    person: Person, opportunities: list[Opportunity], weights: Weights, top: int
) -> None:
    goal = PlaceGoal(lift_of(person, opportunities, weights), top)
    is_fewest(goal, searched(goal))


@thorough
@given(pairs.people(), pairs.opportunity_lists(), pairs.weights)
def test_what_is_supposed_is_what_comes_of_it_once_the_profile_holds_it(
    person: Person, opportunities: list[Opportunity], weights: Weights
) -> None:
    """The same number from a new index that holds the changed profile, place in the list included."""
    lift = lift_of(person, opportunities, weights)
    assume(lift.options)
    chosen = tuple(range(len(lift.options)))[:MOST]
    gained = lift.supposed(chosen).person.skills
    names = [each.skill for each in gained]
    assert len(set(names)) == len(names)
    index, board, entry = filled(replace(person, skills=gained), opportunities, weights)
    matches = [judge(entry, each, board.frame, own=True) for each in board.offered]
    offer = index.opportunity(opportunities[0].name)
    assert offer is not None
    now = judge(entry, offer, board.frame, own=True)
    assert lift.scored(chosen).score == now.score
    assert lift.scored(chosen).parts == now.components
    kinds = person.wishes.kinds
    listed = [
        each
        for each in matches
        if all(gate.result != GateResult.FAIL for gate in each.gates)
        and (not kinds or each.entry.opportunity.kind in kinds)
    ]
    before = [e for e in listed if (-e.score, e.entry.opportunity.name) < (-now.score, offer.opportunity.name)]
    assert lift.ahead(chosen, len(board.entries)) == len(before)


@thorough
@given(pairs.people(), pairs.opportunity_lists(), pairs.weights, st.data())
def test_no_set_exceeds_its_bounds(
    person: Person, opportunities: list[Opportunity], weights: Weights, data: st.DataObject
) -> None:
    lift = lift_of(person, opportunities, weights)
    count = len(lift.options)
    start, left = data.draw(st.integers(0, count)), data.draw(st.integers(0, MOST))
    chosen = data.draw(st.lists(st.integers(0, start - 1), unique=True, max_size=2).map(sorted)) if start else []
    most = lift.most_suitability(chosen, start, left), lift.most_score(chosen, start, left)
    for size in range(min(left, count - start) + 1):
        for more in itertools.combinations(range(start, count), size):
            found = lift.scored((*chosen, *more))
            assert found.parts.suitability <= most[0] + 1e-6
            assert found.score <= most[1] + 1e-6


@thorough
@given(pairs.people(), pairs.opportunity_lists(), pairs.weights)
def test_each_option_is_a_skill_asked_for_that_is_not_had_in_full(
    person: Person, opportunities: list[Opportunity], weights: Weights
) -> None:
    lift = lift_of(person, opportunities, weights)
    match = judge(lift.person, lift.entry, lift.board.frame, own=True)
    assert [option.row for option in lift.options] == [row for row, s in enumerate(match.skills) if s.credit < 1.0]
    everything = lift.supposed(range(len(lift.options)))
    after = judge(everything, lift.entry, lift.board.frame, own=True)
    assert all(each.credit * MILLION == MILLION for each in after.skills)


def test_a_search_that_ends_early_says_what_is_certain() -> None:
    person = a_person(skills=(HeldSkill(skill(20), 3, Trust.EVIDENCED),))
    role = an_opportunity(requirements=tuple(Requirement(skill(number), essential=True) for number in range(9, 19)))
    lift = lift_of(person, [role], CURRENT)
    best = max(lift.scored(chosen).score for chosen in itertools.combinations(range(10), 8))
    found = searched(ReachGoal(lift, best + 0.01, of_score=True), most=8, budget=5)
    assert not found.reached
    assert not found.exact
    assert 1 <= found.fewest <= 8
    assert len(found.chosen) > 1
    assert lift.scored(found.chosen).score > lift.scored(()).score


@pytest.mark.parametrize("level", [0, 4])
def test_a_skill_is_gained_at_the_level_asked_and_a_higher_one_stays(level: int) -> None:
    held = HeldSkill(skill(0), 5, Trust.CLAIMED, None, TODAY)
    role = an_opportunity(requirements=(Requirement(skill(0), essential=True, level=level),))
    lift = lift_of(a_person(skills=(held,)), [role], CURRENT)
    assert _skills(lift.supposed((0,)).person.skills) == [(skill(0), 5, Trust.EVIDENCED)]
    lift = lift_of(a_person(), [role], CURRENT)
    assert _skills(lift.supposed((0,)).person.skills) == [(skill(0), level, Trust.EVIDENCED)]


def _skills(held: Sequence[HeldSkill]) -> list[tuple[str, int, Trust]]:
    return [(each.skill, each.level, each.trust) for each in held]
