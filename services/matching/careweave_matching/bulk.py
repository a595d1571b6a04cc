"""Scores one person against all offered opportunities at once; the definition is `scoring`.

Coverage is summed in whole numbers, so it is exact. Products of vectors are summed row by row
(`adjacency.dot_rows`), so that neither a score nor the order depends on what else is in the table; where there are
many rows, a matrix product first finds those that could belong to the page.
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
FEW = 256
"""Up to so many rows are scored exactly at once."""
SLACK = 1e-4
"""More than a score from the matrix product can differ from the exact one."""


@dataclass(slots=True)  # these are not frozen: they are made on the hot path
class Credits:
    """A person's credits by key: `packed` as in `scoring`, and which keys ask for a skill held. Both (K,)."""

    packed: Integers
    direct: Flags


@dataclass(slots=True)
class Coverages:
    """Coverage of every opportunity. shares: (n, 3), 0 to 1. bonuses: see `OpportunityEntry.bonuses`."""

    shares: Numbers
    bonuses: Numbers


@dataclass(slots=True)
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


def credits_of(entry: PersonEntry, reach: Reach, keys: int) -> Credits:
    """Return the best credit of the person for every key."""
    packed = np.zeros(keys, np.int64)
    direct = np.zeros(keys, np.bool_)
    reached = [reach.of(code) for code in entry.codes]
    if reached:
        np.maximum.at(packed, np.concatenate([r.keys for r in reached]), np.concatenate([r.packed for r in reached]))
        direct[np.concatenate([r.direct for r in reached])] = True
    return Credits(packed, direct)


def cover(gained: Credits, table: Table) -> Coverages:
    """Return the coverage of every opportunity of `table`."""
    postings, count = table.postings, len(table.entries)
    keys = np.flatnonzero(gained.packed)
    starts = postings.starts.take(keys)
    lengths = postings.starts.take(keys + 1) - starts
    ends = lengths.cumsum()
    total = int(ends[-1]) if len(ends) else 0
    places = np.repeat(starts - ends + lengths, lengths) + np.arange(total)
    earned = np.repeat(gained.packed.take(keys) >> CREDIT_SHIFT, lengths) * postings.weights.take(places)
    sums = np.bincount(postings.segments.take(places), earned, 3 * count).reshape(-1, 3)
    places = places[np.repeat(gained.direct.take(keys), lengths)]
    bonuses = np.bincount(postings.rows.take(places), postings.bonuses.take(places), count)
    return Coverages(sums / table.full, bonuses / MILLION)


class Ranker:
    """Scores rows of `table` for one person."""

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
        self._minutes = screened.minutes
        self._named = np.zeros(len(table.entries), np.bool_)
        for occupation in entry.aspired:
            self._named[table.by_occupation.get(occupation, _NO_ROWS)] = True
        self._related = table.affinities.of(entry.role)
        self._towards = table.affinities.of_aims(entry.aims, weights)
        self._damped = np.where(_below(table.levels, entry.skill_level), weights.step_down, 1.0)
        self._again = np.ones(len(table.entries))
        self._again[table.jobs_by_occupation.get(entry.occupation, _NO_ROWS)] = weights.same_job_again
        passed = (table.trains_to > 0) & (table.trains_to <= entry.level_attained)
        self._again[passed & (self._related >= weights.same_field)] *= weights.passed_already

    def roughly(self, rows: Integers) -> Numbers:
        """Return the scores of `rows` from matrix products, right to within `SLACK`."""
        entry, vectors = self._entry, self._table.vectors[rows]
        aspired = (vectors @ entry.aspirations.T).max(axis=1) if entry.aspirations is not None else None
        return self._score(rows, (vectors @ entry.vector).astype(np.float64), aspired).score

    def exactly(self, rows: Integers) -> Scored:
        """Return the components of `rows`, each reckoned by itself."""
        entry, vectors = self._entry, self._table.vectors[rows]
        return self._score(rows, dot_rows(vectors, entry.vector), aspired_likeness(entry.aspirations, vectors))

    def _score(self, rows: Integers, likeness: Numbers, aspired: npt.NDArray[np.floating] | None) -> Scored:
        weights, table = self._weights, self._table
        shares, reliance, asked = self._coverages.shares[rows], table.reliance[rows], table.asked[rows]
        semantic = self._semantic(likeness, self._coverages.bonuses[rows], self._related[rows])
        covered = reliance[:, 0] * shares[:, 0] + (1.0 - reliance[:, 0]) * semantic
        further = reliance[:, 1] * shares[:, 1] + (1.0 - reliance[:, 1]) * covered
        suits = weights.essential * covered + weights.optional * further + weights.semantic * semantic
        near = self._proximity(rows)
        aspiration = self._aspiration(aspired, rows)
        stretching = self._stretch(covered, shares[:, 2], asked[:, 2], aspiration, rows)
        share = weights.preference_share(stated=aspired is not None)
        if aspired is None:
            prefers = (weights.stretch * stretching + weights.proximity * near) / (weights.stretch + weights.proximity)
        else:
            prefers = weights.aspiration * aspiration + weights.stretch * stretching + weights.proximity * near
        return Scored(
            rows=rows,
            essential=np.where(asked[:, 0], shares[:, 0], semantic),
            optional=np.where(asked[:, 1], shares[:, 1], covered),
            semantic=semantic,
            suitability=suits,
            aspiration=aspiration,
            stretch=stretching,
            proximity=near,
            preference=prefers,
            score=(1.0 - share) * suits + share * prefers,
        )

    def _semantic(self, likeness: Numbers, bonuses: Numbers, related: Numbers) -> Numbers:
        if self._entry.total == 0.0:
            alike = np.zeros(len(bonuses))
        else:
            mean = (likeness + bonuses) / self._entry.total
            alike = _stretched(mean, self._weights.semantic_floor, self._weights.semantic_ceiling)
        return with_roles(alike, related, self._entry.role_share)

    def _aspiration(self, aspired: npt.NDArray[np.floating] | None, rows: Integers) -> Numbers:
        if aspired is None:
            return np.zeros(len(rows))
        weights = self._weights
        likeness = _stretched(aspired.astype(np.float64), weights.aspiration_floor, weights.aspiration_ceiling)
        near = np.maximum(likeness, self._towards[rows])
        asked = (self._table.kinds[rows] & self._entry.kinds_named) != 0
        near[asked] = np.minimum(1.0, near[asked] * weights.kind_named)
        near[self._named[rows]] = 1.0
        return near

    def _stretch(
        self, covered: Numbers, taught: Numbers, teaches: Flags, aspiration: Numbers, rows: Integers
    ) -> Numbers:
        ideal = self._weights.ideal_novelty
        fitting = 1.0 - np.abs((1.0 - covered) - ideal) / (1.0 - ideal)
        plain = np.where(teaches, (1.0 - taught) * covered, fitting)
        plain *= self._damped[rows]
        stretching: Numbers = np.maximum(plain, self._weights.asked_for * aspiration) * self._again[rows]
        return stretching

    def _proximity(self, rows: Integers) -> Numbers:
        minutes = self._minutes[rows]
        near = np.maximum(0.0, 1.0 - minutes / max(self._entry.person.wishes.maximum_minutes, 1))
        near[minutes < 0] = 0.5
        near[self._table.anywhere[rows]] = self._weights.anywhere
        return near


def _below(levels: Integers, own: int) -> Flags:
    lower: Flags = (levels > 0) & (levels < own)
    return lower


def with_roles(semantic: Numbers, related: Numbers, share: Numbers | float) -> Numbers:
    """Return `scoring.with_role` for each element."""
    return np.where(related < 0.0, semantic, semantic + share * (related - semantic))


def aspired_likeness(aspirations: Vectors | None, vectors: Vectors) -> Numbers | None:
    """Return, for each row of `vectors`, its largest cosine with an aspiration; None if nothing is stated."""
    if aspirations is None:
        return None
    best: Numbers = np.max([dot_rows(vectors, aspiration) for aspiration in aspirations], axis=0)
    return best


def _stretched(likeness: Numbers, floor: float, ceiling: float) -> Numbers:
    shifted: Numbers = np.minimum(1.0, np.maximum(0.0, (likeness - floor) / (ceiling - floor)))
    return shifted


def best_rows(ranker: Ranker, shown: Flags, wanted: int) -> Scored:
    """Return the `wanted` best of the rows that `shown` picks, exactly scored, best first, ties by row.

    Fewer if fewer are shown.
    """
    rows = np.flatnonzero(shown)
    if len(rows) > FEW and wanted < len(rows):
        rough = ranker.roughly(rows)
        least = np.partition(rough, len(rows) - wanted)[len(rows) - wanted]
        rows = rows[rough >= least - SLACK]
    exact = ranker.exactly(rows)
    order = np.lexsort((rows, -exact.score))[:wanted]
    return taken(exact, order)


def taken(scored: Scored, order: Integers) -> Scored:
    """Return the rows of `scored` at `order`."""
    return Scored(*[getattr(scored, name)[order] for name in _FIELDS])


_FIELDS = tuple(Scored.__dataclass_fields__)
