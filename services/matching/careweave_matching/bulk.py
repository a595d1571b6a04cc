"""Ranks all offered opportunities for one person at once; the definition is `scoring` and `eligibility`.

Coverage is summed in whole numbers and products of vectors in one fixed order, so that neither a score nor the
order depends on what else is in the table.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from careweave_matching.compiled.page import SCORE, SUITABILITY
from careweave_matching.compiled.ranking import NO_OCCUPATION, Flags, Integers, Numbers, rank
from careweave_matching.entries import PersonEntry
from careweave_matching.reach import Reach
from careweave_matching.screening import Screened
from careweave_matching.table import Table

ALL_KINDS = -1
"""Every bit set: whatever kind it is."""


def kind_bits(kinds: Collection[int]) -> int:
    """Return one bit for each of `kinds`; all of them if there are none."""
    return sum(1 << kind for kind in kinds) if kinds else ALL_KINDS


@dataclass(slots=True)  # these are not frozen: they are made on the hot path
class Best:
    """Some rows of a table, best first. parts: of their scores, (m, 9), in the order of `compiled.page`."""

    rows: Integers
    parts: Numbers

    @property
    def score(self) -> Numbers:
        """The scores (m,)."""
        return self.parts[:, SCORE]

    @property
    def suitability(self) -> Numbers:
        """The suitabilities (m,)."""
        return self.parts[:, SUITABILITY]

    def beyond(self, offset: int) -> "Best":
        """Return what is left without the first `offset`."""
        return Best(self.rows[offset:], self.parts[offset:])

    def picked(self, order: Sequence[int]) -> "Best":
        """Return those of the places `order`, in that order."""
        return Best(self.rows[order], self.parts[order])


@dataclass(slots=True)
class Ranked:
    """A ranking for one person. total: how many were ranked.

    packed: the best credit by key, as in `scoring`; direct: whether the very skill is held; both (K,).
    aspired: numbers of the occupations that the person aims at.
    """

    best: Best
    total: int
    packed: Integers
    direct: Flags
    aspired: Integers
    screened: Screened


@dataclass(slots=True)
class Wish:
    """What to rank. kinds: one bit each. ineligible: whether also what a gate shuts out. wanted: how many at most."""

    wanted: int
    kinds: int = ALL_KINDS
    ineligible: bool = False


def best_rows(entry: PersonEntry, table: Table, screened: Screened, reach: Reach, wish: Wish) -> Ranked:
    """Return the best rows of `table` for the person, ties by row; fewer than wanted if fewer are shown."""
    held, aspired = reach.rows_of(entry), table.numbers_of(entry.aspired)
    aims, clear = [row for row, _ in entry.aims], [share for _, share in entry.aims]
    rows, parts, total, packed, direct = rank(
        table.kept.stalls,
        table.kept.weighing,
        reach.grants,
        table.kept.askings,
        table.count,
        reach.key_count,
        wish.wanted,
        held,
        entry.vector,
        entry.total,
        entry.vector[None, :][:0] if entry.aspirations is None else entry.aspirations,
        table.occupations.get(entry.occupation, NO_OCCUPATION),
        aspired,
        entry.skill_level,
        entry.level_attained,
        entry.kinds_named,
        entry.points,
        entry.kind_floor,
        table.relatedness.ready((entry.role, *aims)),
        entry.role,
        entry.role_share,
        np.array(aims, np.int64),
        np.array(clear, np.float64),
        screened.standings,
        screened.minutes,
        screened.fits,
        entry.person.wishes.maximum_minutes,
        wish.kinds,
        wish.ineligible,
        table.as_of,
    )
    return Ranked(Best(rows, parts), total, packed, direct, aspired, screened)
