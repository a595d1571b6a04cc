"""The fewest things that reach a goal: exactly, size by size, for as long as that can be afforded; then one by one."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Protocol

Chosen = tuple[int, ...]
"""Numbers of options, ascending."""


class Goal(Protocol):
    """What is to be reached by choosing among options, which are numbered from 0, the most helpful first."""

    @property
    def options(self) -> int:
        """How many options there are."""
        ...

    @property
    def monotone(self) -> bool:
        """Whether a set reaches the goal that holds one which does."""
        ...

    def value(self, chosen: Sequence[int], /) -> float:
        """Return what is to be raised."""
        ...

    def reached(self, chosen: Sequence[int], /) -> bool:
        """Say whether the goal is reached."""
        ...

    def possible(self, chosen: Sequence[int], start: int, left: int, /) -> bool:
        """Say whether a set may reach it that adds to `chosen` at most `left` options from `start` on."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """What was chosen. exact: whether every smaller set was ruled out. fewest: no set of fewer reaches the goal."""

    chosen: Chosen
    reached: bool
    exact: bool
    fewest: int


def fewest(goal: Goal, most: int, budget: int) -> Generator[None, None, Found]:
    """Return the smallest set of at most `most` that reaches the goal; where none does, what comes nearest.

    Yields before each look, so that others get their turn. budget: sets that are looked at in search of a proof.
    """
    if goal.reached(()):
        return Found((), reached=True, exact=True, fewest=0)
    everything = tuple(range(goal.options))
    if goal.monotone and not goal.reached(everything):
        chosen = yield from _one_by_one(goal, most)
        return Found(chosen, reached=False, exact=True, fewest=goal.options + 1)
    for size in range(1, min(most, goal.options) + 1):
        found, budget = yield from _of_size(goal, size, budget)
        if found is not None:
            return Found(found, reached=True, exact=True, fewest=size)
        if budget <= 0:
            chosen = yield from _one_by_one(goal, most)
            return Found(chosen, goal.reached(chosen), exact=goal.reached(chosen) and len(chosen) == size, fewest=size)
    chosen = yield from _one_by_one(goal, most)
    return Found(chosen, reached=False, exact=True, fewest=min(most, goal.options) + 1)


def _of_size(goal: Goal, size: int, budget: int) -> Generator[None, None, tuple[Chosen | None, int]]:
    """Return the first set of `size` that reaches the goal, None if there is none or the budget ends; what is left."""
    waiting: list[Chosen] = [()]
    while waiting:
        if budget <= 0:
            return None, 0
        yield
        budget -= 1
        chosen = waiting.pop()
        left, start = size - len(chosen), chosen[-1] + 1 if chosen else 0
        if not left:
            if goal.reached(chosen):
                return chosen, budget
        elif goal.possible(chosen, start, left):
            waiting.extend((*chosen, number) for number in reversed(range(start, goal.options - left + 1)))
    return None, max(budget, 1)


def _one_by_one(goal: Goal, most: int) -> Generator[None, None, Chosen]:
    """Return what is chosen by taking each time what helps most, until nothing does; without what turns out idle."""
    chosen: list[int] = []
    value = goal.value(())
    while len(chosen) < most and not goal.reached(chosen):
        best, raised = -1, value
        for number in sorted(set(range(goal.options)) - set(chosen)):
            yield
            tried = goal.value(sorted((*chosen, number)))
            if tried > raised:
                best, raised = number, tried
        if best < 0:
            break
        chosen, value = sorted((*chosen, best)), raised
    if goal.reached(chosen):
        for number in list(chosen):
            fewer = [each for each in chosen if each != number]
            if goal.reached(fewer):
                chosen = fewer
    return tuple(chosen)
