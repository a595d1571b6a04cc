"""What would change a ranking: the fewest skills that lift an opportunity over a threshold, and how to gain each.

Skills are chosen from those that the opportunity asks for. Suitability rises with each of them, so that sets can be
ruled out by bounds; a score also falls where less is left to learn, and a place depends on what the other opportunities
gain: there every set of a size is looked at. Looking ends at a budget, and the reply says what is certain then.
"""

import asyncio
from collections.abc import Generator, Sequence
from typing import Final

from careweave.errors import Unavailable
from careweave.policy import Action, Caller, Resource, authorise
from careweave.v1 import matching_pb2 as pb
from careweave_matching.fewest import Found, Goal, fewest
from careweave_matching.following import ReadModel
from careweave_matching.goals import PlaceGoal, ReachGoal
from careweave_matching.lifting import Lift
from careweave_matching.messages import gate_message, skill_message, versions_message
from careweave_matching.pair import judge
from careweave_matching.ranking import appearing, no_such
from careweave_matching.terms import GateResult

MOST_SKILLS: Final = 5
"""Skills at most where the request does not say."""
BUDGET: Final = 6000
"""Sets that are looked at: about a second, in which others get their turn."""
RANKED: Final = 2_000_000
"""Opportunities that are scored at most in search of a place; each look ranks all that are on offer."""
_LEAST_RANKINGS: Final = 100
_TURNS: Final = 10
"""Looks between two turns of others."""
_TRIES: Final = 3


async def find_skill_gains(model: ReadModel, caller: Caller, request: pb.FindSkillGainsRequest) -> pb.SkillGains:
    """Return the fewest skills that lift the opportunity over the threshold, or what comes nearest.

    Raises:
        Forbidden: the caller may not. NotFound: there is no such person or opportunity.
        Unavailable: no index yet, or it changed again and again meanwhile.
    """
    authorise(caller, Action.FIND_SKILL_GAINS, Resource(person=request.person))
    for _ in range(_TRIES):
        lift = await _lift(model, request)
        found = await _searched(model, lift, request)
        if found is not None:
            return _reply(model, lift, request, found)
    raise Unavailable("Opportunities change too often just now; try again in a moment.", reason="INDEX_BUSY")


async def _lift(model: ReadModel, request: pb.FindSkillGainsRequest) -> Lift:
    index, as_of = model.index, model.today()
    entry = index.opportunity(request.opportunity)
    if entry is None:
        raise no_such("opportunity", request.opportunity)
    person = index.person(request.person, as_of) or await appearing(model, request.person)
    return Lift(index, index.board(as_of), person, entry)


async def _searched(model: ReadModel, lift: Lift, request: pb.FindSkillGainsRequest) -> Found | None:
    """Return what was found, None if the opportunities on offer changed meanwhile."""
    steps = _steps(lift, request)
    looks = 0
    while True:
        try:
            next(steps)
        except StopIteration as done:
            found: Found = done.value
            return found
        looks += 1
        if looks % _TURNS == 0:
            await asyncio.sleep(0)
            if model.index is not lift.index or lift.stale:
                return None


def _steps(lift: Lift, request: pb.FindSkillGainsRequest) -> Generator[None, None, Found]:
    goal, budget = _goal(lift, request)
    alone = []
    for number in range(goal.options):
        yield
        alone.append(goal.value((number,)))
    lift.reordered(sorted(range(goal.options), key=lambda number: -alone[number]))
    return (yield from fewest(goal, request.maximum_skills or MOST_SKILLS, budget))


def _goal(lift: Lift, request: pb.FindSkillGainsRequest) -> tuple[Goal, int]:
    if request.WhichOneof("target") == "top":
        rankings = max(_LEAST_RANKINGS, RANKED // max(1, len(lift.board.entries)))
        return PlaceGoal(lift, request.top), min(BUDGET, rankings)
    of_score = request.WhichOneof("target") == "score"
    return ReachGoal(lift, request.score if of_score else request.suitability, of_score=of_score), BUDGET


def _reply(model: ReadModel, lift: Lift, request: pb.FindSkillGainsRequest, found: Found) -> pb.SkillGains:
    frame, opportunity = lift.board.frame, lift.entry.opportunity
    match = judge(lift.person, lift.entry, frame, own=True)
    versions = model.index.versions(lift.person.person.version, opportunity.version)
    return pb.SkillGains(
        person=request.person,
        opportunity=opportunity.name,
        title=opportunity.title,
        before=_standing(lift, ()),
        after=_standing(lift, found.chosen),
        gains=[_gain(lift, number, skill_message(match.skills[lift.options[number].row])) for number in found.chosen],
        reached=found.reached,
        proof=pb.GAIN_PROOF_EXACT if found.exact else pb.GAIN_PROOF_BOUNDED,
        fewest=found.fewest,
        considered=len(lift.options),
        gates=[gate_message(gate) for gate in match.gates if gate.result != GateResult.PASS],
        versions=versions_message(versions),
    )


def _standing(lift: Lift, chosen: Sequence[int]) -> pb.Standing:
    found = lift.scored(chosen)
    place = lift.ahead(chosen, len(lift.board.entries)) + 1
    return pb.Standing(score=found.score, suitability=found.parts.suitability, place=place)


def _gain(lift: Lift, number: int, now: pb.SkillMatch) -> pb.SkillGain:
    row = lift.options[number].row
    return pb.SkillGain(
        skill=now.skill,
        label=now.label,
        importance=now.importance,
        proficiency=lift.levels[row],  # type: ignore[arg-type]  # levels are the proto's numbers
        fit=now.fit,
        credit=now.credit,
        closers=_closers(lift, row),
    )


def _closers(lift: Lift, row: int) -> list[pb.GapCloser]:
    return [
        pb.GapCloser(resource=each.resource, title=each.title, confidence=each.confidence)
        for each in lift.board.frame.closers(lift.entry.skills[row])
        if each.resource != lift.entry.opportunity.name
    ]
