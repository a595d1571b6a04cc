"""Scores one person against all offered opportunities at once; the definition is `scoring`.

Coverage is summed in whole numbers, so it is exact. The products of vectors are taken in one matrix product
first, which may differ in the last digits with the number of rows; whatever could belong to the page is then
reckoned again row by row (`adjacency.dot_rows`), so that neither a score nor the order depends on what else
is in the table.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from careweave.embedding.port import Vectors
from careweave_matching.adjacency import dot_rows
from careweave_matching.entries import Integers, PersonEntry
from careweave_matching.reach import Reach
from careweave_matching.scoring import CREDIT_SHIFT, MILLION
from careweave_matching.screening import Screened
from careweave_matching.table import Flags, Numbers, Table
from careweave_matching.weights import Weights

_NO_ROWS = np.zeros(0, np.int64)
SLACK = 1e-4
"""More than a score from the matrix product can differ from the exact one."""


@dataclass(frozen=True, slots=True)
class Credits:
    """A person's credits by key: `packed` as in `scoring`, and which keys ask for a skill held. Both (K + 1,)."""

    packed: Integers
    direct: Flags


@dataclass(frozen=True, slots=True)
class Coverages:
    """Coverage of every opportunity.

    essential, optional, taught: 0 to 1, NaN where nothing is asked. bonuses: see `OpportunityEntry.bonuses`.
    """

    essential: Numbers
    optional: Numbers
    taught: Numbers
    bonuses: Numbers


@dataclass(frozen=True, slots=True)
class Scored:
    """Components for some rows of a table, all of one length; `rows` says which."""

    rows: Integers
    essential: Numbers
    optional: Numbers
    semantic: Numbers
    suitability: Numbers
    aspiration: Numbers
    stretch: Numbers
    proximity: Numbers
    preference: Numbers
    score: Numbers


def credits_of(entry: PersonEntry, reach: Reach, dummy: int) -> Credits:
    """Return the best credit of the person for every key."""
    packed = np.zeros(dummy + 1, np.int64)
    direct = np.zeros(dummy + 1, np.bool_)
    reached = [reach.of(code) for code in entry.codes]
    if reached:
        np.maximum.at(packed, np.concatenate([r.keys for r in reached]), np.concatenate([r.packed for r in reached]))
        direct[np.concatenate([r.direct for r in reached])] = True
    return Credits(packed, direct)


def cover(gained: Credits, table: Table) -> Coverages:
    """Return the coverage of every opportunity of `table`."""
    earned = (gained.packed >> CREDIT_SHIFT)[table.flat_keys]
    earned *= table.flat_weights
    with np.errstate(invalid="ignore"):
        shares = (np.add.reduceat(earned, table.segments) / table.full).reshape(-1, 3)
    lifted = gained.direct[table.flat_keys] * table.flat_bonuses
    bonuses = np.add.reduceat(lifted, table.segments[::3]) / MILLION
    return Coverages(shares[:, 0], shares[:, 1], shares[:, 2], bonuses)


class Ranker:
    """Scores rows of `table` for one person; everything that does not depend on the rows is reckoned once."""

    def __init__(
        self,
        entry: PersonEntry,
        table: Table,
        coverages: Coverages,
        screened: Screened,
        weights: Weights,
    ) -> None:
        """Take what belongs to the person; `screened` gives the journeys."""
        self._entry = entry
        self._table = table
        self._weights = weights
        self._coverages = coverages
        self._near = _proximity(screened.minutes, entry.person.wishes.maximum_minutes, table, weights)
        self._named = np.zeros(len(table.entries), np.bool_)
        for occupation in entry.aspired:
            self._named[table.by_occupation.get(occupation, _NO_ROWS)] = True
        self._damped = np.ones(len(table.entries))
        self._damped[table.jobs_by_occupation.get(entry.occupation, _NO_ROWS)] = weights.same_job_again
        self._damped[(table.levels > 0) & (table.levels < entry.skill_level)] *= weights.step_down

    def roughly(self) -> Scored:
        """Return the components of all rows, from matrix products."""
        entry, vectors = self._entry, self._table.vectors
        rows = np.arange(len(vectors))
        aspired = (vectors @ entry.aspirations.T).max(axis=1) if entry.aspirations is not None else None
        return self._score(rows, vectors @ entry.vector, aspired)

    def exactly(self, rows: Integers) -> Scored:
        """Return the components of `rows`, each reckoned by itself."""
        entry, vectors = self._entry, self._table.vectors[rows]
        return self._score(rows, dot_rows(vectors, entry.vector), aspired_likeness(entry.aspirations, vectors))

    def _score(self, rows: Integers, likeness: Numbers | Vectors, aspired: Numbers | Vectors | None) -> Scored:
        weights, found = self._weights, self._coverages
        semantic = self._semantic(likeness, found.bonuses[rows])
        full = self._table.full.reshape(-1, 3)[rows]
        essential, covered = relied_on(found.essential[rows], full[:, 0], semantic, weights)
        optional, further = relied_on(found.optional[rows], full[:, 1], covered, weights)
        suits = weights.essential * covered + weights.optional * further + weights.semantic * semantic
        stretching = self._stretch(covered, found.taught[rows]) * self._damped[rows]
        near = self._near[rows]
        aspiration = np.zeros(len(rows))
        if aspired is None:
            prefers = (weights.stretch * stretching + weights.proximity * near) / (weights.stretch + weights.proximity)
        else:
            aspiration = _stretched(aspired, weights.aspiration_floor, weights.aspiration_ceiling)
            aspiration[self._named[rows]] = 1.0
            prefers = weights.aspiration * aspiration + weights.stretch * stretching + weights.proximity * near
        score = (1.0 - weights.preference) * suits + weights.preference * prefers
        return Scored(rows, essential, optional, semantic, suits, aspiration, stretching, near, prefers, score)

    def _semantic(self, likeness: Numbers | Vectors, bonuses: Numbers) -> Numbers:
        if self._entry.total == 0.0:
            return np.zeros(len(bonuses))
        mean = (likeness + bonuses) / self._entry.total
        return _stretched(mean, self._weights.semantic_floor, self._weights.semantic_ceiling)

    def _stretch(self, covered: Numbers, taught: Numbers) -> Numbers:
        ideal = self._weights.ideal_novelty
        fitting = 1.0 - np.abs((1.0 - covered) - ideal) / (1.0 - ideal)
        return np.where(np.isnan(taught), fitting, (1.0 - taught) * covered)


def relied_on(share: Numbers, full: Numbers, instead: Numbers, weights: Weights) -> tuple[Numbers, Numbers]:
    """Return the share to show, and `scoring.relied_on`, for each row.

    Where nothing is asked, share is NaN and full is 0.
    """
    reliance = full / (full + weights.doubt * MILLION)
    nothing = full == 0.0
    return np.where(nothing, instead, share), np.where(nothing, instead, reliance * share + (1.0 - reliance) * instead)


def aspired_likeness(aspirations: Vectors | None, vectors: Vectors) -> Numbers | None:
    """Return, for each row of `vectors`, its largest cosine with an aspiration; None if nothing is stated."""
    if aspirations is None:
        return None
    best: Numbers = np.max([dot_rows(vectors, aspiration) for aspiration in aspirations], axis=0)
    return best


def _stretched(likeness: npt.NDArray[np.floating], floor: float, ceiling: float) -> Numbers:
    shifted: Numbers = np.minimum(1.0, np.maximum(0.0, (likeness.astype(np.float64) - floor) / (ceiling - floor)))
    return shifted


def _proximity(minutes: Integers, limit: int, table: Table, weights: Weights) -> Numbers:
    near = np.maximum(0.0, 1.0 - minutes / max(limit, 1))
    near[minutes < 0] = 0.5
    near[table.anywhere] = weights.anywhere
    return near


def best_rows(ranker: Ranker, shown: Flags, wanted: int) -> Scored:
    """Return the `wanted` best of the rows that `shown` picks, exactly scored, best first, ties by row.

    Fewer if fewer are shown.
    """
    rough = np.where(shown, ranker.roughly().score, -1.0)
    count = int(shown.sum())
    wanted = min(wanted, count)
    if not wanted:
        return ranker.exactly(np.zeros(0, np.int64))
    least = -np.partition(-rough, wanted - 1)[wanted - 1] if wanted < count else -1.0
    candidates = np.flatnonzero(shown & (rough >= least - SLACK))
    exact = ranker.exactly(candidates)
    order = np.lexsort((candidates, -exact.score))[:wanted]
    return taken(exact, order)


def taken(scored: Scored, order: Integers) -> Scored:
    """Return the rows of `scored` at `order`."""
    return Scored(*(getattr(scored, name)[order] for name in Scored.__dataclass_fields__))
