"""What a person's skills earn at an opportunity; the plain form is `pair.judge`."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from careweave_matching.compiled.jit import inlined
from careweave_matching.compiled.kept import keepable
from careweave_matching.scoring import CREDIT_SHIFT

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@keepable
class Grants(NamedTuple):
    """What each skill held gives credit for; row r has the entries from `starts[r]` on, `counts[r]` of them.

    directs: how many of them, the first ones, ask for the very skill. keys, packed: key numbers and packed credits.
    """

    starts: Integers
    counts: Integers
    directs: Integers
    keys: Integers
    packed: Integers


@keepable
class Askings(NamedTuple):
    """What each opportunity asks for and teaches, by key. Row r has those from `key_starts[r]` on.

    essentials: how many of them, the first ones, are essential. weights: thousandths; bonuses: what lifts a required
    skill to likeness 1, in millionths. taught_…: the same for the skills that it teaches.
    """

    key_starts: Integers
    essentials: Integers
    keys: Integers
    weights: Integers
    bonuses: Integers
    taught_starts: Integers
    taught_keys: Integers
    taught_weights: Integers


@inlined
def gather(held: Integers, grants: Grants, packed: Integers, direct: Flags) -> None:
    """Fill `packed` with the best credit for every key and `direct` with whether the very skill is held.

    held: rows of `grants`. packed, direct: all zero.
    """
    for row in held:
        start = grants.starts[row]
        for place in range(start, start + grants.counts[row]):
            key = grants.keys[place]
            packed[key] = max(packed[key], grants.packed[place])
            if place - start < grants.directs[row]:
                direct[key] = True


@inlined
def credits_of(packed: Integers) -> npt.NDArray[np.int32]:
    """Return the credit for every key, millionths."""
    credit = np.empty(len(packed), np.int32)
    for key in range(len(packed)):
        credit[key] = packed[key] >> CREDIT_SHIFT
    return credit


@inlined
def earn(row: int, credit: npt.NDArray[np.int32], direct: Flags, askings: Askings, earned: Integers) -> None:
    """Put into `earned` (4) what `row` gives credit for.

    Credit times weight of the essential, optional and taught skills, and the bonuses of those that are held.
    credit: see `credits_of`. Nothing branches on what is held: the processor could not foresee it.
    """
    start, end = askings.key_starts[row], askings.key_starts[row + 1]
    cut = start + askings.essentials[row]
    essential = optional = taught = bonus = np.int64(0)
    for place in range(start, cut):
        key = askings.keys[place]
        essential += np.int64(credit[key]) * askings.weights[place]
        bonus += np.int64(direct[key]) * askings.bonuses[place]
    for place in range(cut, end):
        key = askings.keys[place]
        optional += np.int64(credit[key]) * askings.weights[place]
        bonus += np.int64(direct[key]) * askings.bonuses[place]
    for place in range(askings.taught_starts[row], askings.taught_starts[row + 1]):
        taught += np.int64(credit[askings.taught_keys[place]]) * askings.taught_weights[place]
    earned[0], earned[1], earned[2], earned[3] = essential, optional, taught, bonus
