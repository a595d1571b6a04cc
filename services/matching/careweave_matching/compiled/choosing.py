"""Which reasons a match gets; the plain form is `reasons.choose`."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from careweave_matching import reasons
from careweave_matching.compiled.jit import inlined
from careweave_matching.compiled.kept import keepable
from careweave_matching.scoring import CREDIT_SHIFT, DIRECT_CLAIMED, MILLION, NOTHING, SOURCE_MASK

Integers = npt.NDArray[np.int64]

_HAS, _CARRIES_OVER, _AIMED_AT, _NAMED = reasons.HAS, reasons.CARRIES_OVER, reasons.AIMED_AT, reasons.NAMED
_TEACHES, _ALIKE, _JOURNEY, _LACKS = reasons.TEACHES, reasons.ALIKE, reasons.JOURNEY, reasons.LACKS
_SHOWN, _LEAST = reasons.SHOWN, reasons.LEAST_TELLING
_TELLING_ASPIRATION, _TELLING_LIKENESS = reasons.TELLING_ASPIRATION, reasons.TELLING_LIKENESS
SORTS = 8
COUNT_BITS, SKILL_BITS = 9, 18
"""Room in a key for a count of skills and for the index of one, plus 1."""
SORT_AT = 1 + 2 * SKILL_BITS + 2 * COUNT_BITS
"""Where the sort of reason stands in a key."""


@keepable
class Shares(NamedTuple):
    """The weights that say how far each sort of reason can move a score; see `weights.Weights`."""

    essential: float
    semantic: float
    preference: float
    preference_stated: float
    aspiration: float
    stretch: float
    proximity: float


class Facts(NamedTuple):
    """What reasons are chosen from, beside skills; see `reasons.Facts`."""

    essential: int
    essential_coverage: float
    semantic: float
    aspiration: float
    named: bool
    stretch: float
    proximity: float
    minutes: int
    mode: int
    new_skills: int
    first_new: int


@inlined
def reason_key(sort: int, one: int, two: int, three: int, four: int, essential: bool) -> int:
    """Return a reason as one number: its sort, two counts, two skills plus 1, and a bit; see `fragments.reason_of`."""
    key = np.int64(sort)
    key = (key << COUNT_BITS) | one
    key = (key << COUNT_BITS) | two
    key = (key << SKILL_BITS) | three
    key = (key << SKILL_BITS) | four
    return (key << 1) | (1 if essential else 0)


@inlined
def choose(packed: Integers, skills: Integers, facts: Facts, shares: Shares, keys: Integers) -> int:
    """Put the keys of at most four reasons into `keys`, the most telling first; returns how many.

    packed, skills: of the required skills, in the entry's order.
    """
    moved, found = np.zeros(SORTS), np.zeros(SORTS, np.int64)
    _about_skills(packed, skills, facts, shares, moved, found)
    prefers = shares.preference_stated if facts.aspiration > 0.0 else shares.preference
    if facts.named:
        moved[_NAMED], found[_NAMED] = prefers * shares.aspiration, reason_key(_NAMED, 0, 0, 0, 0, False)
    elif facts.aspiration >= _TELLING_ASPIRATION:
        moved[_AIMED_AT] = prefers * shares.aspiration * facts.aspiration
        found[_AIMED_AT] = reason_key(_AIMED_AT, 0, 0, 0, 0, False)
    if facts.new_skills:
        moved[_TEACHES] = prefers * shares.stretch * facts.stretch + _LEAST
        found[_TEACHES] = reason_key(_TEACHES, facts.new_skills, 0, facts.first_new + 1, 0, False)
    if facts.semantic >= _TELLING_LIKENESS:
        moved[_ALIKE] = shares.semantic * facts.semantic
        found[_ALIKE] = reason_key(_ALIKE, 0, 0, 0, 0, False)
    if facts.minutes >= 0:
        moved[_JOURNEY] = prefers * shares.proximity * facts.proximity
        found[_JOURNEY] = reason_key(_JOURNEY, 0, facts.mode, facts.minutes, 0, False)
    return _most_telling(moved, found, keys)


@inlined
def _most_telling(moved: npt.NDArray[np.float64], found: Integers, keys: Integers) -> int:
    count = 0
    while count < _SHOWN:
        best = 0
        for sort in range(1, SORTS):
            if moved[sort] > moved[best]:
                best = sort
        if moved[best] < _LEAST:
            break
        keys[count] = found[best]
        moved[best] = -1.0
        count += 1
    return count


@inlined
def _about_skills(
    packed: Integers,
    skills: Integers,
    facts: Facts,
    shares: Shares,
    moved: npt.NDArray[np.float64],
    found: Integers,
) -> None:
    asked = facts.essential or len(packed)
    held = 0
    first = second = carried = lacking = -1
    for row in range(asked):
        if packed[row] == NOTHING:
            lacking = row if lacking < 0 else lacking
        elif packed[row] & SOURCE_MASK >= DIRECT_CLAIMED:
            first, second = (row, second) if held == 0 else (first, row if held == 1 else second)
            held += 1
        else:
            carried = row if carried < 0 else carried
    if held:
        moved[_HAS] = shares.essential * facts.essential_coverage
        other = skills[second] + 1 if held > 1 else 0
        found[_HAS] = reason_key(_HAS, held, asked, skills[first] + 1, other, facts.essential > 0)
    if carried >= 0:
        moved[_CARRIES_OVER] = shares.essential * (packed[carried] >> CREDIT_SHIFT) / MILLION / asked
        origin = packed[carried] & SOURCE_MASK
        found[_CARRIES_OVER] = reason_key(_CARRIES_OVER, 0, 0, origin, skills[carried] + 1, False)
    if lacking >= 0:
        moved[_LACKS] = shares.essential / asked
        found[_LACKS] = reason_key(_LACKS, 0, 0, skills[lacking] + 1, 0, False)
