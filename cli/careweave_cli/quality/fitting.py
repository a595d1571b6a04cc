"""Fitting how extraction weighs its evidence and how sure it says it is, on the halves of sets that are for that."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
from careweave_skills.extraction import Evidence, SkillExtractor, Weights
from careweave_skills.segments import sentences

from careweave_cli.quality.extraction import JudgedSentences, is_for_fitting, measures

Numbers = npt.NDArray[np.float64]
GRID: Final[Mapping[str, Sequence[float]]] = {
    "mean": (0.2, 0.3, 0.4, 0.5, 0.6),
    "words": (0.05, 0.1, 0.15, 0.2, 0.3),
    "care": (0.0, 0.02, 0.04, 0.06, 0.08),
    "asked": (0.0, 0.02, 0.04, 0.06, 0.08, 0.1),
    "whole": (0.4, 0.5, 0.6, 0.7),
    "crowding": (0.0, 0.02, 0.04, 0.06, 0.08),
}
"""What is tried; `nearest` is what `mean` and `words` leave."""
_ROUNDS: Final = 3
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
    """Return the weights that are best on the fitting halves: each in turn over its grid, until none gets better.

    Each set counts alike, with the mean of R-precision@5 and MRR.
    """

    def worth(weights: Weights) -> float:
        found = []
        for read in sets:
            rows = [each.measured(weights) for each in read if is_for_fitting(each.text)]
            found.append(sum(row["rp@5"] + row["mrr"] for row in rows) / (2 * len(rows)))
        return sum(found) / len(found)

    best, value = start, worth(start)
    for _ in range(_ROUNDS):
        before = best
        for name, grid in GRID.items():
            for tried in (_with(best, name, number) for number in grid):
                if tried.nearest >= 0 and (its := worth(tried)) > value + 1e-9:
                    best, value = tried, its
        if best == before:
            break
    return best


def _with(weights: Weights, name: str, number: float) -> Weights:
    changed = replace(weights, **{name: number})
    return replace(changed, nearest=round(1 - changed.mean - changed.words, 6))


def calibrated(sets: Sequence[Sequence[Read]], weights: Weights) -> Weights:
    """Return `weights` with the logistic function of greatest likelihood on the fitting halves, by Newton's method.

    Each sentence counts alike, with all its candidates.
    """
    rows = [each for read in sets for each in read if is_for_fitting(each.text)]
    scores, marks, counts = (np.concatenate(part) for part in zip(*_pairs(rows, weights), strict=True))
    beta = np.array([0.0, 10.0])
    columns = np.stack([np.ones_like(scores), scores - weights.middle], axis=1)
    for _ in range(_NEWTON_STEPS):
        said = 1 / (1 + np.exp(-columns @ beta))
        slope = columns.T @ (counts * (marks - said))
        curve = (columns * (counts * said * (1 - said))[:, None]).T @ columns
        beta += np.linalg.solve(curve, slope)
    return replace(weights, slope=float(beta[1]), middle=float(weights.middle - beta[0] / beta[1]))


def _pairs(rows: Sequence[Read], weights: Weights) -> Iterator[tuple[Numbers, Numbers, Numbers]]:
    for each in rows:
        ranked = each.ranked(weights)
        yield (
            np.array([score for _, score in ranked]),
            np.array([float(place in each.relevant) for place, _ in ranked]),
            np.full(len(ranked), 1 / max(1, len(ranked))),
        )


def reliability(read: Sequence[Read], weights: Weights, most: int) -> list[tuple[float, float, float, int]]:
    """Return (from, mean said, share right, how many) for bins of confidence, among the first `most` of a sentence."""
    pairs = [
        (1 / (1 + np.exp(-weights.slope * (score - weights.middle))), place in each.relevant)
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
