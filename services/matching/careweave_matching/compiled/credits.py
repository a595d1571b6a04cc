"""What a person's skills earn at an opportunity; the plain form is `pair.judge`."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from careweave_matching.compiled.jit import inlined
from careweave_matching.compiled.kept import keepable
from careweave_matching.scoring import CREDIT_SHIFT

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
_COUNT_BITS = 10
"""Room for as many skills as an opportunity may ask for or teach, and more."""
_COUNTED = (1 << _COUNT_BITS) - 1


@keepable
class Grants(NamedTuple):
    """What each skill held gives credit for; row r has the entries from `starts[r]` on, `counts[r]` of them.

    directs: how many of them, the first ones, ask for the very skill. keys, packed: key numbers and packed credits.
    telling: of every key, how telling its skill is, thousandths.
    """

    starts: Integers
    counts: Integers
    directs: Integers
    keys: Integers
    packed: Integers
    telling: Integers


@keepable
class Askings(NamedTuple):
    """What each opportunity asks for and teaches, by key. Row r has those from `key_starts[r]` on.

    essentials: how many of them, the first ones, are essential. bonuses: what lifts a required skill to likeness 1, in
    millionths. taught_…: the same for the skills that it teaches.
    """

    key_starts: Integers
    essentials: Integers
    keys: Integers
    bonuses: Integers
    taught_starts: Integers
    taught_keys: Integers


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
def worths_of(held: Integers, grants: Grants, packed: Integers, direct: Flags) -> Integers:
    """Return what every key is worth: credit times weight, above `_COUNT_BITS` bits in which held skills are counted.

    A sum over the keys of an opportunity is then the sum of both at once, and a key costs one look.
    packed, direct: as `gather` left them.
    """
    worths = np.zeros(len(packed), np.int64)
    for row in held:
        start = grants.starts[row]
        for place in range(start, start + grants.counts[row]):
            key = grants.keys[place]
            worths[key] = ((packed[key] >> CREDIT_SHIFT) * grants.telling[key]) << _COUNT_BITS | direct[key]
    return worths


@inlined
def earn(row: int, worths: Integers, askings: Askings, earned: Integers) -> None:
    """Put into `earned` (4) what `row` gives credit for.

    Credit times weight of the essential, optional and taught skills, and the bonuses of those that are held.
    worths: see `worths_of`. Nothing branches on what carries over: the processor could not foresee it.
    """
    start, end = askings.key_starts[row], askings.key_starts[row + 1]
    cut = start + askings.essentials[row]
    essential = optional = taught = bonus = np.int64(0)
    for place in range(start, cut):
        essential += worths[askings.keys[place]]
    for place in range(cut, end):
        optional += worths[askings.keys[place]]
    for place in range(askings.taught_starts[row], askings.taught_starts[row + 1]):
        taught += worths[askings.taught_keys[place]]
    if (essential | optional) & _COUNTED:
        for place in range(start, end):
            bonus += (worths[askings.keys[place]] & 1) * askings.bonuses[place]
    earned[0], earned[1], earned[2] = essential >> _COUNT_BITS, optional >> _COUNT_BITS, taught >> _COUNT_BITS
    earned[3] = bonus
