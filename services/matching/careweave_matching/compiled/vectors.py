"""Products of vectors: exact ones, each summed in one fixed order whatever else is reckoned beside it, and rough ones.

A rough one is reckoned from vectors rounded to whole numbers, a quarter as large, and comes with a bound of its error.
"""

import numpy as np
import numpy.typing as npt

from careweave_matching.compiled.jit import compiled, inlined

Vectors = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int8]
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


_AT_ONCE = 256
_LARGEST_CODE, _LARGEST_WORD, _LARGEST_SUM = 127, 32767, 2**31 - 1


def coded(vectors: Vectors) -> tuple[Codes, npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return `vectors` (n, d) as whole numbers from -127 to 127, what one of them stands for (n), and the error (n).

    error: length of the difference between a vector and what its numbers stand for.
    """
    steps = np.abs(vectors).max(axis=1, initial=np.finfo(np.float32).tiny).astype(np.float64) / _LARGEST_CODE
    codes, errors = np.empty(vectors.shape, np.int8), np.empty(len(vectors))
    for start in range(0, len(vectors), _AT_ONCE):
        part, step = vectors[start : start + _AT_ONCE], steps[start : start + _AT_ONCE, None]
        codes[start : start + _AT_ONCE] = np.rint(part / step)
        wrong = part - codes[start : start + _AT_ONCE] * step
        errors[start : start + _AT_ONCE] = np.sqrt(np.einsum("ij,ij->i", wrong, wrong))
    return codes, steps, errors


@inlined
def worded(vector: Vectors) -> tuple[npt.NDArray[np.int16], float, float, float]:
    """Return `vector` (d,) as whole numbers, what one of them stands for, its length, and that of the error.

    The numbers are as large as fit 16 bits and keep a `rough_dot` within 32.
    """
    largest = np.float64(0.0)
    for number in vector:
        largest = max(largest, abs(np.float64(number)))
    most = min(_LARGEST_WORD, _LARGEST_SUM // (_LARGEST_CODE * len(vector)))
    words, step = np.empty(len(vector), np.int16), max(largest, 1e-30) / most
    square = wrong = 0.0
    for place in range(len(vector)):
        number = np.float64(vector[place])
        words[place] = np.int16(np.rint(number / step))
        square += number * number
        wrong += (number - words[place] * step) ** 2
    return words, step, np.sqrt(square), np.sqrt(wrong)


@inlined
def rough_dot(code: Codes, words: npt.NDArray[np.int16]) -> int:
    """Return the product of the numbers of two vectors, see `coded` and `worded`."""
    total = np.int32(0)
    for place in range(len(code)):
        total += np.int32(code[place]) * np.int32(words[place])
    return total
