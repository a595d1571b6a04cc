"""How far figures of a judged set can be trusted: bootstrap intervals over its queries.

Queries are drawn anew with replacement, and every method is measured on the same draw, so that a difference between two
methods is paired (T. Sakai, "Evaluating Evaluation Metrics based on the Bootstrap", SIGIR 2006). Intervals are the
percentiles of the draws (B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13).

Queries that are not independent are drawn together: occupations that share an O*NET code have the same related
occupations by construction, so that 594 queries say no more than their 239 codes do. A draw takes whole clusters, and
its figure is the mean over the queries in them (A. C. Davison and D. V. Hinkley, Bootstrap Methods and their
Application, 1997, section 3.8).
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
DRAWS: Final = 10_000
SEED: Final = 7
CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over queries, and the bounds of its 95 % interval."""

    mean: float
    low: float
    high: float


class Resampling:
    """The draws of one set of queries; all that is measured on them is paired."""

    def __init__(self, clusters: Sequence[Hashable], draws: int = DRAWS, seed: int = SEED) -> None:
        """Draw clusters anew. clusters: of each query, in order; queries of equal ones are drawn together."""
        numbers = {cluster: number for number, cluster in enumerate(dict.fromkeys(clusters))}
        self._of = np.array([numbers[cluster] for cluster in clusters], dtype=np.intp)
        count = len(numbers)
        random = np.random.default_rng(seed)
        self._times = random.multinomial(count, np.full(count, 1 / count), size=draws).astype(np.float64)
        self._queries = self._times @ np.bincount(self._of, minlength=count)

    def interval(self, values: Sequence[float]) -> Interval:
        """Return the mean of one number a query, or of the difference of two, with its interval."""
        numbers = np.asarray(values, dtype=np.float64)
        sums = np.bincount(self._of, numbers, minlength=self._times.shape[1])
        means: Numbers = (self._times @ sums) / self._queries
        low, high = np.quantile(means, ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2))
        return Interval(float(numbers.mean()), float(low), float(high))
