"""Fitting how extraction weighs its evidence and how sure it says it is, on the halves of sets that are for that."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
from careweave_skills.extraction import SkillExtractor
from careweave_skills.segments import sentences
from careweave_skills.weighing import Evidence, Weights
from scipy.optimize import minimize

from careweave_cli.quality.extraction import JudgedSentences, is_for_fitting, measures

Numbers = npt.NDArray[np.float64]
SHARES: Final = ("preferred", "nearest", "words")
PRIORS: Final = ("care", "asked", "worded")
WHOLES: Final = (0.4, 0.5, 0.6, 0.7)
"""Shares of the sentence as a whole that are tried; with more, what one clause of several names comes out low."""
FOLDS: Final = 5
_NEWTON_STEPS: Final = 30
_BINS: Final = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.01)


@dataclass(frozen=True, slots=True)
class Read:
    """A judged sentence. evidence: of its parts. relevant: places of its skills in the index."""

    text: str
    evidence: list[Evidence]
    relevant: frozenset[int]

    def ranked(self, weights: Weights) -> list[tuple[int, float]]:
        """Return (place, score) of each candidate, best first."""
        best: dict[int, float] = {}
        for part in self.evidence:
            for place, score in zip(part.places.tolist(), part.score(weights)[0].tolist(), strict=True):
                best[place] = max(score, best.get(place, score))
        return sorted(best.items(), key=lambda each: (-each[1], each[0]))

    def measured(self, weights: Weights) -> dict[str, float]:
        """Return the measures of this sentence."""
        return measures([place in self.relevant for place, _ in self.ranked(weights)], len(self.relevant))


def read_all(judged: JudgedSentences, extractor: SkillExtractor) -> list[Read]:
    """Return each sentence with what speaks for which skills."""
    places = {concept.name: place for place, concept in enumerate(extractor.index.concepts)}
    return [
        Read(text, extractor.evidence(text, sentences(text), judged.scheme), frozenset(places[name] for name in skills))
        for text, skills in judged.skills.items()
    ]


def mean_of(read: Sequence[Read], weights: Weights, measure: str = "rp@5") -> float:
    """Return the mean of a measure; 0 of nothing."""
    values = [each.measured(weights)[measure] for each in read]
    return sum(values) / len(values) if values else 0.0


def chosen(sets: Sequence[Sequence[Read]], start: Weights) -> Weights:
    """Return the weights under which the marked skills of the fitting halves are likeliest; each set counts alike.

    The likelihood of a sentence's candidates is the softmax of their scores, at a sharpness that is fitted too, and
    that of a sentence is the mean of the logarithms for its marked skills (ListNet's top-one probability: Z. Cao et
    al., "Learning to Rank: From Pairwise Approach to Listwise Approach", ICML 2007). No weight may be negative.
    """
    parts = [
        _Part.of(evidence, each.relevant, 1 / sum(is_for_fitting(other.text) for other in read))
        for read in sets
        for each in read
        if is_for_fitting(each.text)
        for evidence in each.evidence
    ]
    parts = [part for part in parts if part.wanted.any()]
    begin = 20 * np.array([getattr(start, name) for name in (*SHARES, *PRIORS)])
    fits = [
        (found.fun, share, found.x)
        for share in WHOLES
        for found in [minimize(_loss, begin, (parts, share), "L-BFGS-B", jac=True, bounds=[(0, None)] * len(begin))]
    ]
    _, whole, numbers = min(fits, key=lambda each: each[0])
    scaled = (numbers / numbers[: len(SHARES)].sum()).tolist()
    return replace(start, whole=whole, **dict(zip((*SHARES, *PRIORS), scaled, strict=True)))


@dataclass(frozen=True, slots=True)
class _Part:
    """One sentence. fits: (segments, candidates, weights). wanted: (candidates,). counts: how much it does."""

    fits: Numbers
    wanted: npt.NDArray[np.bool_]
    counts: float

    @classmethod
    def of(cls, evidence: Evidence, relevant: frozenset[int], counts: float) -> "_Part":
        units = [replace(_NOTHING, **{name: 1.0}) for name in (*SHARES, *PRIORS)]
        fits = np.stack([evidence.fits(unit) for unit in units], axis=-1).astype(np.float64)
        return cls(fits, np.isin(evidence.places, sorted(relevant)), counts)


_NOTHING: Final = Weights(**dict.fromkeys((*SHARES, *PRIORS), 0.0))


def _loss(numbers: Numbers, parts: Sequence[_Part], whole: float) -> tuple[float, Numbers]:
    """Return the loss at `numbers`, SHARES then PRIORS, and its gradient."""
    loss, gradient = 0.0, np.zeros_like(numbers)
    for part in parts:
        best = np.argmax(part.fits @ numbers, axis=0)
        features = whole * part.fits[0] + (1 - whole) * part.fits[best, np.arange(len(best))]
        scores = features @ numbers
        shares = np.exp(scores - scores.max())
        total = shares.sum()
        marks = part.wanted / part.wanted.sum()
        loss += part.counts * (np.log(total) + scores.max() - marks @ scores)
        gradient += part.counts * ((shares / total - marks) @ features)
    return loss, gradient


def cross_validated(sets: Sequence[Sequence[Read]], start: Weights, measure: str = "rp@5") -> list[float]:
    """Return the mean of a measure over the fitting half of each of `sets`, each sentence by weights fitted without it.

    A sentence's fold, of FOLDS, goes by the SHA-256 of its text.
    """
    halves = [[each for each in read if is_for_fitting(each.text)] for read in sets]
    values: list[list[float]] = [[] for _ in sets]
    for fold in range(FOLDS):
        rest = [[each for each in half if _fold(each.text) != fold] for half in halves]
        weights = chosen(rest, start)
        for half, found in zip(halves, values, strict=True):
            found += [each.measured(weights)[measure] for each in half if _fold(each.text) == fold]
    return [sum(found) / len(found) for found in values]


def _fold(text: str) -> int:
    return hashlib.sha256(text.encode()).digest()[0] % FOLDS


def calibrated(sets: Sequence[Sequence[Read]], weights: Weights) -> Weights:
    """Return `weights` with the logistic function of greatest likelihood on the fitting halves, by Newton's method.

    Each set counts alike, and so does each of its sentences, with all its candidates.
    """
    halves = [[each for each in read if is_for_fitting(each.text)] for read in sets]
    pairs = [each for half in halves for each in _pairs(half, weights)]
    scores, marks, counts = (np.concatenate(part) for part in zip(*pairs, strict=True))
    beta = np.array([0.0, 10.0])
    columns = np.stack([np.ones_like(scores), scores - weights.middle], axis=1)
    for _ in range(_NEWTON_STEPS):
        said = 1 / (1 + np.exp(-columns @ beta))
        slope = columns.T @ (counts * (marks - said))
        curve = (columns * (counts * said * (1 - said))[:, None]).T @ columns
        beta += np.linalg.solve(curve, slope)
    return replace(weights, slope=float(beta[1]), middle=float(weights.middle - beta[0] / beta[1]))


def _pairs(half: Sequence[Read], weights: Weights) -> Iterator[tuple[Numbers, Numbers, Numbers]]:
    for each in half:
        ranked = each.ranked(weights)
        yield (
            np.array([score for _, score in ranked]),
            np.array([float(place in each.relevant) for place, _ in ranked]),
            np.full(len(ranked), 1 / max(1, len(ranked)) / len(half)),
        )


def reliability(read: Sequence[Read], weights: Weights, most: int) -> list[tuple[float, float, float, int]]:
    """Return (from, mean said, share right, how many) for bins of confidence, among the first `most` of a sentence."""
    pairs = [
        (weights.confidence(score), place in each.relevant)
        for each in read
        for place, score in each.ranked(weights)[:most]
    ]
    found = []
    for low, high in pairwise(_BINS):
        inside = [(said, right) for said, right in pairs if low <= said < high]
        if inside:
            said, right = (sum(values) / len(inside) for values in zip(*inside, strict=True))
            found.append((low, float(said), float(right), len(inside)))
    return found


def returned(read: Sequence[Read], weights: Weights, least: float, most: int) -> dict[str, float]:
    """Return what a threshold returns, of at most `most` skills a sentence.

    `right`: share of what is returned that is marked; `found`: share of what is marked that is returned; `skills`:
    returned for a sentence; `without`: sentences without any.
    """
    score = weights.middle + np.log(least / (1 - least)) / weights.slope
    kept = [[place for place, its in each.ranked(weights)[:most] if its >= score] for each in read]
    hits = sum(len(each.relevant.intersection(places)) for each, places in zip(read, kept, strict=True))
    count = sum(map(len, kept))
    return {
        "right": hits / max(1, count),
        "found": hits / sum(len(each.relevant) for each in read),
        "skills": count / len(read),
        "without": float(sum(not places for places in kept)),
    }
