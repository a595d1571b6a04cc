"""How far one skill carries over to another: from links of the taxonomy and from likeness in meaning.

Strengths are whole millionths. They are judgements, ordered by how close the two skills are:

- SAME_AS: 0.95 times the link's confidence.
- The narrower skill stands for the broader one by 0.75, the broader for the narrower by 0.40, and two with
  the same parent for each other by 0.35.
- RELATED_TO, which ESCO uses for knowledge that a skill builds on: 0.50 if essential, 0.40 if optional.
- Cosine of the labels' vectors from 0.64 on: 0.8 x (cosine - 0.44) / 0.56, that is 0.29 to 0.80. Both numbers are of
  the packaged model; as many pairs of skills lie above them as above 0.70 and 0.50 with plain MiniLM.

Where several hold, the strongest counts.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from careweave.embedding.port import Vectors
from careweave_matching.compiled.vectors import dots
from careweave_matching.scoring import MILLION

SAME_AS = 0.95
NARROWER_FOR_BROADER = 0.75
BROADER_FOR_NARROWER = 0.40
SIBLING = 0.35
RELATED_ESSENTIAL = 0.50
RELATED_OPTIONAL = 0.40
LARGEST_FAMILY = 12
"""Children of a parent with more than these are too unlike each other to stand in for one another."""
LEAST_COSINE = 0.64
_COSINE_ORIGIN = 0.44
_COSINE_FULL = 0.80
_ROUNDING = 1e-4
"""More than a matrix product in single precision can be off by."""

Strengths = dict[int, dict[int, int]]
"""Required skill → skill held → strength in millionths, by index."""


def link_strengths(
    same_as: Iterable[tuple[int, int, float]],
    related: Iterable[tuple[int, int, str]],
    broader: Iterable[tuple[int, int]],
) -> Strengths:
    """Return the strengths that links give.

    same_as: pairs and their confidence. related: pairs and ESCO's type of relation. broader: (narrower, broader).
    """
    found: Strengths = defaultdict(dict)
    for one, other, confidence in same_as:
        _both(found, one, other, SAME_AS * confidence)
    for one, other, kind in related:
        _both(found, one, other, RELATED_ESSENTIAL if kind == "essential" else RELATED_OPTIONAL)
    children: dict[int, list[int]] = defaultdict(list)
    for narrow, broad in broader:
        children[broad].append(narrow)
        _raise(found, broad, narrow, NARROWER_FOR_BROADER)
        _raise(found, narrow, broad, BROADER_FOR_NARROWER)
    for family in children.values():
        if len(family) <= LARGEST_FAMILY:
            _join(found, family)
    return dict(found)


def _join(found: Strengths, family: list[int]) -> None:
    for one in family:
        for other in family:
            if one != other:
                _raise(found, one, other, SIBLING)


def _both(found: Strengths, one: int, other: int, strength: float) -> None:
    _raise(found, one, other, strength)
    _raise(found, other, one, strength)


def _raise(found: Strengths, required: int, held: int, strength: float) -> None:
    if required != held:
        row = found[required]
        row[held] = max(row.get(held, 0), round(strength * MILLION))


def cosine_strength(cosine: float) -> int:
    """Return the strength that likeness in meaning gives; 0 below the threshold."""
    if cosine < LEAST_COSINE:
        return 0
    return round(_COSINE_FULL * (min(cosine, 1.0) - _COSINE_ORIGIN) / (1.0 - _COSINE_ORIGIN) * MILLION)


def dot_rows(rows: Vectors, vector: Vectors) -> npt.NDArray[np.float64]:
    """Return each row's dot product with `vector`, the same for a row whatever other rows there are.

    A matrix product may sum in another order when the shape changes; this sums every row by itself.
    """
    return dots(np.ascontiguousarray(rows), vector)


def near_pairs(required: Vectors, held: Vectors) -> list[tuple[int, int, int]]:
    """Return (row of `required`, row of `held`, strength) for all pairs alike enough.

    required: unit vectors (m, d). held: unit vectors (n, d).
    """
    likeness = required @ held.T
    rows, columns = np.nonzero(likeness >= LEAST_COSINE - _ROUNDING)
    exact = (required[rows] * held[columns]).sum(axis=1)
    strengths = map(cosine_strength, exact.tolist())
    triples = zip(rows.tolist(), columns.tolist(), strengths, strict=True)
    return [triple for triple in triples if triple[2]]


def strongest(strengths: Strengths, extra: Mapping[int, int], required: int) -> dict[int, int]:
    """Return, for `required`, the stronger of link and likeness for each skill held."""
    merged = dict(strengths.get(required, {}))
    for held, strength in extra.items():
        merged[held] = max(merged.get(held, 0), strength)
    merged.pop(required, None)
    return merged
