"""Judging a list of next steps against a vignette."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum

from careweave.v1 import common_pb2, matching_pb2, profiles_pb2
from careweave_cli.sample.vignettes.facts import Facts, Surroundings, facts_of, holds
from careweave_cli.sample.vignettes.stories import Step, Story

Match = matching_pb2.Match


class Verdict(Enum):
    """How a list did on one step."""

    HELD = "as it should be"
    MISSED = "expected, but too low"
    BROKEN = "wrong, but near the top"
    BARRED = "expected, but the person is not eligible for any"
    ABSENT = "expected, but nobody offers it"


@dataclass(frozen=True, slots=True)
class Judgement:
    """How a list did on one step.

    rank: place of the first opportunity for which the step holds, from 1; 0 if the list has none.
    title: of that opportunity.
    """

    step: Step
    verdict: Verdict
    rank: int
    title: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the list for one vignette did.

    offences: what no list may hold, in words; empty if all is well. listed: the eligible ones, best first.
    """

    story: Story
    listed: Sequence[Match]
    expected: Sequence[Judgement]
    wrong: Sequence[Judgement]
    offences: Sequence[str]

    def count(self, verdict: Verdict) -> int:
        """Return how many steps have `verdict`."""
        return sum(one.verdict == verdict for one in (*self.expected, *self.wrong))


def judge(
    story: Story, person: profiles_pb2.Person, listed: Sequence[Match], around: Surroundings, today: date
) -> Outcome:
    """Return how `listed`, the eligible opportunities for `person`, best first, does on `story`."""
    held = registers_of(person, today)
    facts = {name: facts_of(one, around, held) for name, one in around.opportunities.items()}
    return Outcome(
        story,
        listed,
        [_judge_expected(step, listed, facts) for step in story.expected],
        [_judge_wrong(step, listed, facts) for step in story.wrong],
        [text for rank, match in enumerate(listed, 1) for text in _offences(match, person, facts, rank)],
    )


def registers_of(person: profiles_pb2.Person, today: date) -> frozenset[str]:
    """Return the registers that `person` is on today."""
    return frozenset(
        one.title
        for one in person.credentials
        if one.kind == common_pb2.CREDENTIAL_KIND_REGISTRATION
        and (not one.HasField("expire_date") or _day(one.expire_date) >= today)
    )


def _judge_expected(step: Step, listed: Sequence[Match], facts: Mapping[str, Facts]) -> Judgement:
    rank, title = _first(step, listed, facts)
    if rank:
        return Judgement(step, Verdict.HELD if rank <= step.within else Verdict.MISSED, rank, title)
    offered = any(holds(step, one) for one in facts.values())
    return Judgement(step, Verdict.BARRED if offered else Verdict.ABSENT, 0, "")


def _judge_wrong(step: Step, listed: Sequence[Match], facts: Mapping[str, Facts]) -> Judgement:
    rank, title = _first(step, listed, facts)
    return Judgement(step, Verdict.BROKEN if 0 < rank <= step.within else Verdict.HELD, rank, title)


def _first(step: Step, listed: Sequence[Match], facts: Mapping[str, Facts]) -> tuple[int, str]:
    """Return rank and title of the first match for which `step` holds; 0 and nothing if there is none."""
    for rank, match in enumerate(listed, start=1):
        if holds(step, facts[match.opportunity]):
            return rank, match.title
    return 0, ""


def _offences(match: Match, person: profiles_pb2.Person, facts: Mapping[str, Facts], rank: int) -> list[str]:
    """Return what must not be in any list of eligible opportunities."""
    where = f"rank {rank}, {match.title}"
    found = [f"{where}: {gate.reason}" for gate in match.gates if gate.result == matching_pb2.GATE_RESULT_FAIL]
    limit = person.preferences.maximum_travel_minutes
    if limit and match.travel_minutes > limit:
        found.append(f"{where}: {match.travel_minutes} minutes away, the limit is {limit}")
    registered = [gate for gate in match.gates if gate.kind == matching_pb2.GATE_KIND_REGISTRATION]
    if facts[match.opportunity].registers_lacked and all(
        gate.result == matching_pb2.GATE_RESULT_PASS for gate in registered
    ):
        found.append(f"{where}: passes for a register that the person is not on")
    return found


def _day(day: common_pb2.Date) -> date:
    return date(day.year, day.month, day.day)
