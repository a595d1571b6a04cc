"""The whole place at once, beside one matrix product and top-k of the same size in numpy.

    python -m benchmarks.whole_place [--json] [--sizes 2000x400 100000x10000] [--top 5]

Sizes are people x opportunities, generated. `ranked` is the full definition of a score for everyone (gates, skills with
levels and evidence, skills close by, likeness, related occupations, preference), the lists equal to FindOpportunities'
own; beside it the same where everybody would travel any distance at any hours, so that only credentials filter (2,000
of them, and the time for as many as there are).
`numpy` is `people @ opportunities.T` in single precision, in blocks of 1,000 people, and the best of each row by
`argpartition`, sorted. Arrays are held on either side; how long the people take to gather is told apart.
"""

import argparse
import asyncio
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from careweave_matching.entries import PersonEntry
from careweave_matching.everyone import Everyone, gathered, rank_everyone
from careweave_matching.index import Index
from rich.console import Console
from rich.table import Table

from benchmarks.generated import TODAY
from benchmarks.ranking_server import filled_index
from careweave.config import read_settings
from careweave.wiring import open_embedder

_ROUNDS: Final = 3
_BLOCK: Final = 1000
_WIDE: Final = 2000
_ANYWHERE: Final = 100_000
"""Minutes that reach everywhere."""


@dataclass(frozen=True, slots=True)
class Line:
    """Seconds of one size. candidates: mean of how many opportunities are ranked for a person."""

    people: int
    opportunities: int
    threads: int
    numpy_seconds: float
    ranked_seconds: float
    candidates: float
    unfiltered_seconds: float
    unfiltered_candidates: float
    gathering_seconds: float


def by_numpy(people: npt.NDArray[np.float32], offers: npt.NDArray[np.float32], top: int) -> npt.NDArray[np.int64]:
    """Return the `top` best of `offers` (n, d) for each of `people` (m, d) by dot product, best first."""
    best = np.empty((len(people), top), np.int64)
    for start in range(0, len(people), _BLOCK):
        scores = people[start : start + _BLOCK] @ offers.T
        found = np.argpartition(scores, -top, axis=1)[:, -top:]
        order = np.argsort(-np.take_along_axis(scores, found, 1), axis=1)
        best[start : start + _BLOCK] = np.take_along_axis(found, order, 1)
    return best


def measure(people: int, opportunities: int, top: int) -> Line:
    """Return the line of one size; medians of rounds in turn."""
    index = asyncio.run(filled_index(open_embedder(read_settings(os.environ)), people, opportunities))
    board = index.board(TODAY)
    entries = list(index.people(TODAY))
    _ready(index, entries[:1])
    began = time.perf_counter()
    everyone = _ready(index, entries)
    gathering = time.perf_counter() - began
    wide_people = entries[:_WIDE]
    unfiltered = _ready(index, [_anywhere(entry) for entry in wide_people])
    vectors = np.stack([entry.vector for entry in entries])
    offers = np.ascontiguousarray(board.table.columns["vectors"][: board.table.count])
    numpy_seconds: list[float] = []
    ranked: list[tuple[float, float]] = []
    wide: list[tuple[float, float]] = []
    for number in range(_ROUNDS + 1):
        taken = _seconds(lambda: by_numpy(vectors, offers, top))
        here, there = _rank(everyone, top), _rank(unfiltered, top)
        if number:  # the first compiles and warms
            numpy_seconds.append(taken)
            ranked.append(here)
            wide.append((there[0] * len(entries) / len(wide_people), there[1]))
    return Line(
        people, opportunities, os.cpu_count() or 1, statistics.median(numpy_seconds), *_median(ranked), *_median(wide),
        gathering,
    )  # fmt: skip


def _ready(index: Index, entries: list[PersonEntry]) -> Everyone:
    board = index.board(TODAY)
    homes = [index.place(entry) for entry in entries]
    return gathered(entries, homes, board.screener, board.table, board.frame.reach)


def _anywhere(entry: PersonEntry) -> PersonEntry:
    wishes = replace(
        entry.person.wishes, maximum_minutes=_ANYWHERE, minimum_hours=0.0, maximum_hours=0.0, unsocial_hours=True
    )
    return replace(entry, person=replace(entry.person, wishes=wishes))


def _rank(everyone: Everyone, top: int) -> tuple[float, float]:
    began = time.perf_counter()
    totals = [lists.ranked for lists in rank_everyone(everyone, top)]
    return time.perf_counter() - began, float(np.concatenate(totals).mean())


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _median(rounds: list[tuple[float, float]]) -> tuple[float, float]:
    return statistics.median(seconds for seconds, _ in rounds), rounds[0][1]


def show(lines: list[Line]) -> None:
    """Print the lines, with how many times numpy's time each takes."""
    table = Table("people", "opportunities", "side", "candidates each", "seconds", "times numpy")
    for line in lines:
        size = (f"{line.people:,}", f"{line.opportunities:,}")
        table.add_row(*size, "numpy", f"{line.opportunities:,}", f"{line.numpy_seconds:.3f}", "1.0")
        for side, candidates, seconds in (
            ("ranked", line.candidates, line.ranked_seconds),
            ("ranked, any distance and hours", line.unfiltered_candidates, line.unfiltered_seconds),
        ):
            times = f"{seconds / line.numpy_seconds:.2f}"
            table.add_row(*size, side, f"{candidates:,.0f}", f"{seconds:.3f}", times)
        table.add_row(*size, "gathering people, once", "", f"{line.gathering_seconds:.3f}", "")
    Console().print(table)


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON list instead of a table")
    parser.add_argument("--sizes", nargs="+", default=["2000x400", "100000x10000"])
    parser.add_argument("--top", type=int, default=5)
    given = parser.parse_args()
    sizes = [size.split("x") for size in given.sizes]
    lines = [measure(int(people), int(opportunities), given.top) for people, opportunities in sizes]
    if given.json:
        print(json.dumps([asdict(line) for line in lines]))
    else:
        show(lines)


if __name__ == "__main__":
    main()
