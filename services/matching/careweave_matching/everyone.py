"""Ranks everyone at once: for each person what `bulk.best_rows` finds, to the last bit, in as many threads as cores."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from careweave_matching.bulk import kind_bits
from careweave_matching.compiled.credits import Grants
from careweave_matching.compiled.everyone import Seekers, rank_some
from careweave_matching.compiled.kept import keep
from careweave_matching.compiled.ranking import NO_OCCUPATION, Integers, Numbers
from careweave_matching.entries import PersonEntry
from careweave_matching.reach import Reach
from careweave_matching.screening import Screener, hours_wished
from careweave_matching.table import Table

AT_ONCE: Final = 256
"""People whom one thread ranks before it is given others."""
_K = TypeVar("_K")


@dataclass(frozen=True, slots=True)
class Everyone:
    """People ready to be ranked over a table as it is now, whatever is taken into it or into `Reach` afterwards.

    people: in the order of `seekers`. count: of rows. grants, keys: see `Reach`. related: see `Relatedness.ready`.
    """

    people: Sequence[PersonEntry]
    seekers: Seekers
    table: Table
    count: int
    grants: Grants
    keys: int
    related: Numbers


@dataclass(frozen=True, slots=True)
class Lists:
    """The lists of some people in turn, from number `first` on; see `compiled.everyone.rank_some`."""

    first: int
    rows: Integers
    scores: Numbers
    suitabilities: Numbers
    ranked: Integers


def gathered(
    people: Sequence[PersonEntry], homes: Sequence[int], screener: Screener, table: Table, reach: Reach
) -> Everyone:
    """Return `people` as arrays. homes: the number of each one's place."""
    held = [reach.rows_of(entry) for entry in people]
    aspired = [table.numbers_of(entry.aspired) for entry in people]
    aspirations = [entry.aspirations for entry in people if entry.aspirations is not None]
    screened = [screener.screen(entry, home) for entry, home in zip(people, homes, strict=True)]
    wishes = [entry.person.wishes for entry in people]
    journeys, minutes = _numbered(
        zip(homes, (int(w.travel_mode) for w in wishes), strict=True), [s.minutes for s in screened]
    )
    hours, fits = _numbered(map(hours_wished, wishes), [s.fits for s in screened])
    width = table.columns["vectors"].shape[1]
    seekers = Seekers(
        held_starts=_starts(map(len, held)),
        held=np.concatenate([np.zeros(0, np.int64), *held]),
        vectors=np.stack([entry.vector for entry in people]) if people else np.zeros((0, width), np.float32),
        totals=_numbers(entry.total for entry in people),
        aspiration_starts=_starts(0 if entry.aspirations is None else len(entry.aspirations) for entry in people),
        aspirations=np.concatenate([np.zeros((0, width), np.float32), *aspirations]),
        occupations=_integers(table.occupations.get(entry.occupation, NO_OCCUPATION) for entry in people),
        aspired_starts=_starts(map(len, aspired)),
        aspired=np.concatenate([np.zeros(0, np.int64), *aspired]),
        levels=_integers(entry.skill_level for entry in people),
        attained=_integers(entry.level_attained for entry in people),
        kinds_named=_integers(entry.kinds_named for entry in people),
        points=_numbers(entry.points for entry in people),
        kind_floors=_numbers(entry.kind_floor for entry in people),
        roles=_integers(entry.role for entry in people),
        role_shares=_numbers(entry.role_share for entry in people),
        aim_starts=_starts(len(entry.aims) for entry in people),
        aims=_integers(row for entry in people for row, _ in entry.aims),
        clear=_numbers(clear for entry in people for _, clear in entry.aims),
        standings=np.stack([s.standings for s in screened]) if people else np.zeros((0, 3, 0), np.int64),
        journeys=journeys,
        minutes=minutes,
        hours=hours,
        fits=fits,
        limits=_integers(each.maximum_minutes for each in wishes),
        kinds=_integers(kind_bits(each.kinds) for each in wishes),
    )
    aims = {row for entry in people for row in (entry.role, *(aim for aim, _ in entry.aims))}
    related = table.relatedness.ready(aims)
    return Everyone(people, keep(seekers), table, table.count, reach.grants, reach.key_count, related)


def rank_everyone(everyone: Everyone, wanted: int, threads: int | None = None) -> Iterator[Lists]:
    """Yield the lists of everyone in turn, each of the `wanted` best. threads: None for about as many as cores."""
    kept = everyone.table.kept

    def rank(first: int) -> Lists:
        last = min(first + AT_ONCE, len(everyone.people))
        return Lists(
            first,
            *rank_some(
                everyone.seekers,
                everyone.related,
                kept.stalls,
                kept.weighing,
                everyone.grants,
                kept.askings,
                first,
                last,
                everyone.count,
                everyone.keys,
                wanted,
                everyone.table.as_of,
            ),
        )

    with ThreadPoolExecutor(threads, "rank-everyone") as pool:
        yield from pool.map(rank, range(0, len(everyone.people), AT_ONCE))


def _numbered(keys: Iterable[_K], rows: Sequence[npt.NDArray[Any]]) -> tuple[Integers, npt.NDArray[Any]]:
    """Return the number of each key, from 0 in order of first mention, and the rows of the first of each."""
    numbers: dict[_K, int] = {}
    which = [numbers.setdefault(key, len(numbers)) for key in keys]
    firsts: dict[int, npt.NDArray[Any]] = {}
    for number, row in zip(which, rows, strict=True):
        firsts.setdefault(number, row)
    return np.array(which, np.int64), np.stack(list(firsts.values())) if firsts else np.zeros((0, 0), np.int64)


def _starts(counts: Iterable[int]) -> Integers:
    return np.concatenate([[0], np.cumsum(list(counts), dtype=np.int64)]).astype(np.int64)


def _integers(values: Iterable[int]) -> Integers:
    return np.array(list(values), np.int64)


def _numbers(values: Iterable[float]) -> Numbers:
    return np.array(list(values), np.float64)
