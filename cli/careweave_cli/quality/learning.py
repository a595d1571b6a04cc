"""Learning which directions of occupations' vectors tell related ones apart, from graded pairs.

Let X hold a vector of each candidate. What is learned is a square matrix W, near the identity, so that the cosines of
the rows of X·W rank the related first: the loss is the cross-entropy between the gains of a query's candidates and the
softmax of their cosines times a temperature (ListNet, Z. Cao and others, ICML 2007), plus a penalty on the squares of
W - I. It is followed down by Adam (D. Kingma and J. Ba, 2015) for a few steps from the identity; stopping early is
part of the method. Both numbers were chosen by cross-validation inside the half that is for fitting, see `validated`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from careweave.grams import Scores
from careweave_cli.quality.next_occupation import Pool, is_for_fitting

Numbers = npt.NDArray[np.float64]
Members = npt.NDArray[np.bool_]
FOLDS: Final = 4
_TEMPERATURE: Final = 15.0
_RATE, _TEMPERATURE_RATE = 0.003, 0.02
_DECAY: Final = (0.9, 0.999)
_TINY: Final = 1e-8
_UNSEEN: Final = -1e9


@dataclass(frozen=True, slots=True)
class Restraint:
    """How far W may stray. penalty: on the squares of W - I. steps: of Adam."""

    penalty: float
    steps: int


@dataclass(frozen=True, slots=True)
class Lessons:
    """What is learned from.

    vectors: (candidates, width) of length 1. queries: rows of the queries in it. targets: (queries, candidates), the
    share of each candidate in the gains, 0 for those that are not related; rows add up to 1. seen: the same shape,
    whether a candidate takes part. weights: of the queries; they add up to 1, and queries of a code with n of them
    count 1 / √n.
    """

    vectors: Numbers
    queries: npt.NDArray[np.intp]
    targets: Numbers
    seen: Members
    weights: Numbers


def lessons(pool: Pool, vectors: Numbers, codes: Collection[str], unseen: Collection[str] = ()) -> Lessons:
    """Return the queries of `codes` as lessons, from which candidates of the codes `unseen` are left out."""
    rows = {uri: row for row, uri in enumerate(pool.candidates)}
    hidden = np.array([not set(unseen).isdisjoint(each) for each in pool.candidate_codes])
    taken = np.array([code in codes for code in pool.codes]) & ((pool.grades > 0) & ~hidden).any(axis=1)
    gains = np.where(hidden, 0.0, 2.0 ** pool.grades[taken] - 1.0)
    kept = [code for code, is_taken in zip(pool.codes, taken, strict=True) if is_taken]
    counts = {code: kept.count(code) for code in set(kept)}
    weights = np.array([counts[code] ** -0.5 for code in kept])
    return Lessons(
        vectors=vectors,
        queries=np.array([rows[query] for query, is_taken in zip(pool.queries, taken, strict=True) if is_taken]),
        targets=gains / gains.sum(axis=1, keepdims=True),
        seen=pool.allowed[taken] & ~hidden,
        weights=weights / weights.sum(),
    )


def learned(given: Lessons, restraint: Restraint) -> Numbers:
    """Return W, (width, width)."""
    width = given.vectors.shape[1]
    change, log_temperature = np.zeros((width, width)), np.array(np.log(_TEMPERATURE))
    moments = [np.zeros_like(change), np.zeros_like(change), np.zeros(()), np.zeros(())]
    for step in range(1, restraint.steps + 1):
        slope, temperature_slope = _slopes(given, change, float(np.exp(log_temperature)))
        slope += 2 * restraint.penalty * change
        change -= _RATE * _adam(moments, 0, slope, step)
        log_temperature -= _TEMPERATURE_RATE * _adam(moments, 2, np.array(temperature_slope), step)
    return np.eye(width) + change


def _slopes(given: Lessons, change: Numbers, temperature: float) -> tuple[Numbers, float]:
    """Return the derivatives of the loss by W and by the logarithm of the temperature."""
    mapped = given.vectors + given.vectors @ change
    lengths = np.linalg.norm(mapped, axis=1, keepdims=True)
    unit = mapped / lengths
    cosines = unit[given.queries] @ unit.T
    scores = np.where(given.seen, temperature * cosines, _UNSEEN)
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    by_scores = given.weights[:, None] * (shares - given.targets)
    by_unit = temperature * (by_scores.T @ unit[given.queries])
    np.add.at(by_unit, given.queries, temperature * (by_scores @ unit))
    by_mapped = (by_unit - (by_unit * unit).sum(axis=1, keepdims=True) * unit) / lengths
    return given.vectors.T @ by_mapped, float(temperature * (by_scores * cosines).sum())


def _adam(moments: list[Numbers], at: int, slope: Numbers, step: int) -> Numbers:
    first, second = _DECAY
    moments[at] = first * moments[at] + (1 - first) * slope
    moments[at + 1] = second * moments[at + 1] + (1 - second) * slope**2
    found: Numbers = (moments[at] / (1 - first**step)) / (np.sqrt(moments[at + 1] / (1 - second**step)) + _TINY)
    return found


def likeness_by(pool: Pool, vectors: Numbers, mapping: Numbers) -> Scores:
    """Return (queries, candidates): the cosines of the mapped vectors of the candidates."""
    mapped = vectors @ mapping
    unit = mapped / np.linalg.norm(mapped, axis=1, keepdims=True)
    rows = {uri: row for row, uri in enumerate(pool.candidates)}
    found: Scores = (unit[[rows[query] for query in pool.queries]] @ unit.T).astype(np.float32)
    return found


def validated(pool: Pool, vectors: Numbers, restraints: Sequence[Restraint], seed: int) -> dict[Restraint, float]:
    """Return the mean nDCG@10 of each restraint by cross-validation inside the half that is for fitting.

    O*NET codes are dealt into FOLDS parts. A part is measured with what was learned without its queries and without
    its occupations even as candidates, so that nothing of it was seen, not even from the other side: relatedness is
    nearly symmetric.
    """
    codes = sorted({code for code in pool.codes if is_for_fitting(code)})
    part_of = {
        code: place % FOLDS for place, code in enumerate(np.random.default_rng(seed).permutation(codes).tolist())
    }
    found: dict[Restraint, list[float]] = {restraint: [] for restraint in restraints}
    for part in range(FOLDS):
        left_out = {code for code, its in part_of.items() if its == part}
        given = lessons(pool, vectors, set(part_of) - left_out, unseen=left_out)
        for restraint in restraints:
            rows = pool.rows(likeness_by(pool, vectors, learned(given, restraint)))
            found[restraint] += [row["ndcg@10"] for row, code in zip(rows, pool.codes, strict=True) if code in left_out]
    return {restraint: float(np.mean(values)) for restraint, values in found.items()}
