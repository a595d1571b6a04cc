"""Why a match stands where it does, in plain words, the most telling first.

A reason is chosen as a small tuple (its key) and put into words afterwards, so that the words for equal keys
need making only once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from careweave_matching.scoring import CREDIT_SHIFT, DIRECT_CLAIMED, MILLION, NOTHING, SOURCE_MASK
from careweave_matching.terms import TravelMode
from careweave_matching.travel import MODE_WORDS
from careweave_matching.weights import Weights

Key: TypeAlias = tuple[int, ...]
"""First the sort of reason, then its facts; skills are indices, -1 for none."""
Label: TypeAlias = Callable[[int], str]
"""Index of a skill → its preferred label."""

HAS, CARRIES_OVER, AIMED_AT, NAMED, TEACHES, ALIKE, JOURNEY, LACKS, ASKED_FOR = range(9)
SHOWN = 4
"""At most this many reasons."""
TELLING_ASPIRATION = 0.4
"""From here on likeness to the aspiration is worth saying."""
TELLING_LIKENESS = 0.5
"""The same for semantic similarity."""
LEAST_TELLING = 0.02
"""Reasons that moved the score by less are left out."""


@dataclass(slots=True)  # not frozen: made twenty times for each list, and freezing triples the cost
class Facts:
    """What reasons are chosen from.

    packed: packed credits of the required skills, in the entry's order. skills: their indices.
    essential: how many of them are essential.
    new_skills: indices of skills that are taught and not held.
    makeup: see `Weights.makeup`.
    by_kind: the least that aspiration is by the kind of opportunity; None where the person does not ask for the kind.
    aspiration, stretch, proximity: 0 for anyone but the person.
    minutes: of the journey, negative if not known or not to be shown.
    """

    packed: Sequence[int]
    skills: Sequence[int]
    essential: int
    new_skills: Sequence[int]
    essential_coverage: float
    semantic: float
    makeup: tuple[float, float, float]
    aspiration: float
    by_kind: float | None
    named: bool
    stretch: float
    proximity: float
    minutes: int
    mode: TravelMode


def choose(facts: Facts, weights: Weights) -> list[Key]:
    """Return the keys of at most four reasons, the most telling first; ties in the order of the keys."""
    found = _about_skills(facts, weights)
    aspiration, stretch, proximity = facts.makeup
    if facts.named:
        found.append((-aspiration, (NAMED,)))
    elif facts.aspiration >= TELLING_ASPIRATION:
        kind_alone = facts.by_kind is not None and facts.aspiration <= facts.by_kind
        found.append((-aspiration * facts.aspiration, (ASKED_FOR if kind_alone else AIMED_AT,)))
    if facts.new_skills:
        moved = stretch * facts.stretch + LEAST_TELLING
        found.append((-moved, (TEACHES, len(facts.new_skills), facts.new_skills[0])))
    if facts.semantic >= TELLING_LIKENESS:
        found.append((-weights.semantic * facts.semantic, (ALIKE,)))
    if facts.minutes >= 0:
        found.append((-proximity * facts.proximity, (JOURNEY, facts.minutes, facts.mode)))
    found.sort()
    return [key for moved, key in found[:SHOWN] if moved <= -LEAST_TELLING]


def _about_skills(facts: Facts, weights: Weights) -> list[tuple[float, Key]]:
    """Return the reasons that speak of required skills, each with minus what it moved the score by."""
    skills, asked = facts.skills, facts.essential or len(facts.packed)
    held: list[int] = []
    carried = lacking = -1
    for row, packed in enumerate(facts.packed[:asked]):
        if packed == NOTHING:
            if lacking < 0:
                lacking = row
        elif packed & SOURCE_MASK >= DIRECT_CLAIMED:
            held.append(row)
        elif carried < 0:
            carried = row
    found: list[tuple[float, Key]] = []
    if held:
        second = skills[held[1]] if len(held) > 1 else -1
        key = (HAS, len(held), asked, skills[held[0]], second, 1 if facts.essential else 0)
        found.append((-weights.essential * facts.essential_coverage, key))
    if carried >= 0:
        packed = facts.packed[carried]
        share = weights.essential * (packed >> CREDIT_SHIFT) / MILLION / asked
        found.append((-share, (CARRIES_OVER, (packed & SOURCE_MASK) - 1, skills[carried])))
    if lacking >= 0:
        found.append((-weights.essential / asked, (LACKS, skills[lacking])))
    return found


_FIXED = {
    NAMED: "Is, or leads to, an occupation the person aims at.",
    AIMED_AT: "Close to what the person aims at.",
    ASKED_FOR: "Of a kind that the person asks for.",
    ALIKE: "Much like the person’s present role and skills.",
}


PHRASES = (
    "Has ",
    "all ",
    " of ",
    " essential skills: ",
    " useful skills: ",
    "among them ",
    " and ",
    ".",
    "Has the one essential skill that is asked for: ",
    "Has the one useful skill that is asked for: ",
    "What carries over: ",
    ", close to ",
)
"""What the two reasons that differ most from person to person are made of; compiled code puts them together, too."""


def words(key: Key, label: Label, closer: Callable[[int], str]) -> str:
    """Return the sentence for `key`.

    closer: index of a skill → title of what closes the gap best; empty if nothing does.
    """
    sort, *facts = key
    if sort == HAS:
        return _has(facts, label)
    if sort == TEACHES:
        return _teaches(facts, label)
    if sort == CARRIES_OVER:
        return f"{PHRASES[10]}{label(facts[0])}{PHRASES[11]}{label(facts[1])}."
    if sort == LACKS:
        closing = closer(facts[0])
        return f"Still to learn: {label(facts[0])}" + (f", which {closing} develops." if closing else ".")
    if sort == JOURNEY:
        return f"About {facts[0]} minutes {MODE_WORDS[TravelMode(facts[1])]}."
    return _FIXED[sort]


def _has(facts: Sequence[int], label: Label) -> str:
    has, every, of, essential_skills, useful_skills, among, also, end, one_essential, one_useful, *_ = PHRASES
    held, asked, first, second, essential = facts
    named = label(first) + (f"{also}{label(second)}" if second >= 0 else "")
    if asked == 1:
        return f"{one_essential if essential else one_useful}{named}{end}"
    count = f"{every}{asked}" if held == asked else f"{held}{of}{asked}"
    further = among if held > 1 + (second >= 0) else ""
    return f"{has}{count}{essential_skills if essential else useful_skills}{further}{named}{end}"


def _teaches(facts: Sequence[int], label: Label) -> str:
    count, first = facts
    more = f" and {count - 1} more" if count > 1 else ""
    return f"Teaches what is new to this person: {label(first)}{more}."
