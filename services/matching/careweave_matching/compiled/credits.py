"""What a person's skills earn at every opportunity; the plain form is `pair.judge`."""

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
    """Which opportunities ask for each key; fields as in `table.Postings`."""

    starts: Integers
    segments: Integers
    rows: Integers
    weights: Integers
    bonuses: Integers


@inlined
def gather(held: Integers, grants: Grants, packed: Integers, direct: Flags) -> Integers:
    """Fill `packed` with the best credit for every key and `direct` with whether the very skill is held.

    held: rows of `grants`. packed, direct: all zero. Returns the keys that earn any credit, each once.
    """
    total = 0
    for row in held:
        total += grants.counts[row]
    touched = np.empty(total, np.int64)
    count = 0
    for row in held:
        start = grants.starts[row]
        for place in range(start, start + grants.counts[row]):
            key = grants.keys[place]
            if packed[key] == 0:
                touched[count] = key
                count += 1
            packed[key] = max(packed[key], grants.packed[place])
            if place - start < grants.directs[row]:
                direct[key] = True
    return touched[:count]


@inlined
def cover(
    touched: Integers, packed: Integers, direct: Flags, askings: Askings, sums: Integers, bonuses: Integers
) -> None:
    """Add to `sums` (3 n) credit times weight of every segment, and to `bonuses` (n) those of skills held."""
    for key in touched:
        credit = packed[key] >> CREDIT_SHIFT
        for place in range(askings.starts[key], askings.starts[key + 1]):
            sums[askings.segments[place]] += credit * askings.weights[place]
            if direct[key]:
                bonuses[askings.rows[place]] += askings.bonuses[place]
