"""What many people's skills earn at one opportunity, and how alike they are; the plain form is `pair.judge`."""

import numpy as np
import numpy.typing as npt

from careweave_matching.compiled.jit import compiled
from careweave_matching.compiled.vectors import Codes, Vectors, rough_dot, worded

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]


@compiled
def rough_likeness(codes: Codes, steps: Numbers, errors: Numbers, vector: Vectors) -> tuple[Numbers, Numbers]:
    """Return the rough product of each of `codes` (n, d) with `vector` (d,), and by how much it may be off."""
    words, step, length, error = worded(vector)
    products, off = np.empty(len(codes)), np.empty(len(codes))
    for row in range(len(codes)):
        products[row] = rough_dot(codes[row], words) * (step * steps[row])
        # Of a row no more is known than its numbers: none is larger than 127 steps.
        off[row] = length * errors[row] + error * (
            steps[row] * 127.0 * np.sqrt(np.float64(codes.shape[1])) + errors[row]
        )
    return products, off


@compiled
def earn_all(
    owners: Integers,
    begins: Integers,
    ends: Integers,
    first: Integers,
    columns: Integers,
    earned: npt.NDArray[np.int32],
    direct: Flags,
    count: int,
    asked: int,
    weights: Integers,
    bonuses: Integers,
    essential: int,
) -> tuple[Integers, Integers, Integers]:
    """Return, for each of `count` people, credit times weight of essential and of optional skills, and the bonuses.

    owners: people by skill held; skill s is held by those from `begins[s]` up to `ends[s]`, and gives credit for the
    required skills `columns` from `first[s]` up to `first[s + 1]`: `earned` millionths; `direct`: it is the very skill.
    """
    best = np.zeros((count, asked), np.int32)
    lifted = np.zeros(count, np.int64)
    for skill in range(len(begins)):
        for place in range(first[skill], first[skill + 1]):
            column, credit = columns[place], earned[place]
            for holder in range(begins[skill], ends[skill]):
                row = owners[holder]
                best[row, column] = max(best[row, column], credit)
                if direct[place]:
                    lifted[row] += bonuses[column]
    needed, useful = np.zeros(count, np.int64), np.zeros(count, np.int64)
    for row in range(count):
        for column in range(asked):
            if column < essential:
                needed[row] += np.int64(best[row, column]) * weights[column]
            else:
                useful[row] += np.int64(best[row, column]) * weights[column]
    return needed, useful, lifted
