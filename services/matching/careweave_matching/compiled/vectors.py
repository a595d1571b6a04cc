"""Products of vectors, each summed in one fixed order whatever else is reckoned beside it."""

import numpy as np
import numpy.typing as npt

from careweave_matching.compiled.jit import compiled, inlined

Vectors = npt.NDArray[np.float32]
LANES = 64
"""Partial sums that are kept side by side, so that the processor can add several at once."""


@inlined
def dot(one: Vectors, other: Vectors, lanes: Vectors) -> float:
    """Return the dot product of two vectors (d,); `lanes` (LANES,) is room to reckon in."""
    lanes[:] = 0.0
    whole = len(one) - len(one) % LANES
    for start in range(0, whole, LANES):
        for lane in range(LANES):
            lanes[lane] += one[start + lane] * other[start + lane]
    for place in range(whole, len(one)):
        lanes[place - whole] += one[place] * other[place]
    width = LANES // 2
    while width:
        for lane in range(width):
            lanes[lane] += lanes[lane + width]
        width //= 2
    return np.float64(lanes[0])


@compiled
def dots(rows: Vectors, vector: Vectors) -> npt.NDArray[np.float64]:
    """Return the dot product of each of `rows` (n, d) with `vector` (d,)."""
    lanes = np.empty(LANES, np.float32)
    products = np.empty(len(rows), np.float64)
    for row in range(len(rows)):
        products[row] = dot(rows[row], vector, lanes)
    return products
