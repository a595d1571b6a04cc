"""What matching for a nation takes: one process for everyone, beside one shard of several.

    python -m benchmarks.nation [--json] [--sizes 10000x10000 100000x100000 1000000x100000] [--least-free 4]

Sizes are people x opportunities, generated over the real postcode districts of the United Kingdom, one person in a
hundred with the longest journey that a profile can state. Each side is a process of its own, one after the other. The
shard is the largest of four (see `PLAN`). Use-cases are called without gRPC.

- `people`, `guests`, `opportunities`, `notices`: what is held: those who live there, those who roam and live
  elsewhere, opportunities in full, and of other shards what they teach and pay.
- `build`: seconds to take all in, vectors of descriptions known or not; generating people is in it.
- `table`: seconds to make all arrays of opportunities anew, once a day.
- `list`: milliseconds of FindOpportunities for those who live there and do not roam, p50 and p99.
- `part`: milliseconds of one shard's part of a list for somebody who roams, p50 and p99; all parts are made at once, in
  so many processes. Of the whole: their list.
- `megabytes`: of the process at last, arrays of opportunities made, those of people not (FindCandidates makes them).

A size is left out, and said so, where fewer gigabytes are free at its end than `--least-free`.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

from careweave_matching.decisions import Decisions
from careweave_matching.entries import PersonEntry
from careweave_matching.following import ReadModel
from careweave_matching.index import Index
from careweave_matching.ranking import Wanted, find_opportunities
from careweave_matching.service import ports_over
from careweave_matching.shards.plan import read_plan
from careweave_matching.shards.spanning import part_of_list
from careweave_matching.shards.territory import Territory
from careweave_matching.weights import CURRENT
from rich.console import Console
from rich.table import Table

from benchmarks.generated import NATION, TODAY, Setting, people, read_setting, stream_opportunities
from benchmarks.index_size import resident
from benchmarks.ranking_server import SEED, midday
from careweave.config import read_settings
from careweave.policy import Caller, Role
from careweave.rpc.channels import Channels
from careweave.wiring import open_adapters

PLAN: Final = read_plan(
    "north=north-west-england+north-east-england+yorkshire-and-the-humber@north:1,"
    "middle=east-midlands+west-midlands+east-of-england@middle:1,"
    "south=london+south-east-england+south-west-england@south:1,"
    "rest=*@rest:1"
)
SHARD: Final = "south"
_BATCH: Final = 2000
_CALLS: Final = 400
_PAGE: Final = 20
_LEAST_FREE: Final = 4.0
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Side:
    """What one process takes; see above."""

    of: str
    size: str
    people: int
    guests: int
    opportunities: int
    notices: int
    build: float
    table: float
    list_p50: float
    list_p99: float
    part_p50: float
    part_p99: float
    megabytes: float
    load: float


class NotEnoughMemoryError(Exception):
    """The machine would be left with too little."""


async def measure(people_count: int, opportunity_count: int, *, shard: bool, least_free: float) -> Side:
    """Return what one side takes.

    Raises:
        NotEnoughMemoryError: less than `least_free` gigabytes would be free.
    """
    with tempfile.TemporaryDirectory() as place:
        settings = replace(
            read_settings(os.environ), graph=f"ladybug:{place}/graph", events=f"sqlite:{place}/events.db", trial="yes"
        )
        async with open_adapters(settings, midday) as adapters:
            setting = read_setting(SEED, NATION)
            places = setting.surroundings.geography
            territory = Territory(PLAN, PLAN.number(SHARD), places) if shard else None
            index = Index(setting.taxonomy, setting.surroundings, adapters.embedder, CURRENT, territory=territory)
            build = await _filled(index, setting, people_count, opportunity_count, least_free)
            began = time.perf_counter()
            notices = len(index.board(TODAY).notices)
            assert index.board(TODAY).table.count  # noqa: S101  so that it is made
            table = time.perf_counter() - began
            model = ReadModel(ports_over(adapters, Channels(settings)))
            model.adopt(index)
            decisions = Decisions(adapters.events, adapters.new_id, adapters.clock)
            over = Territory(PLAN, PLAN.number(SHARD), places)
            settled = [each for each in islice(index.people(TODAY), 3 * _CALLS) if not over.roams(each.person)][:_CALLS]
            roaming = [each for each in index.people(TODAY) if over.roams(each.person)][:_CALLS]
            lists = await _lists(model, decisions, settled)
            parts = _parts(model, roaming) if shard else await _lists(model, decisions, roaming)
            return Side(
                SHARD if shard else "whole", f"{people_count:,} x {opportunity_count:,}", len(index), index.guest_count,
                index.opportunity_count, notices, build, table, *_quantiles(lists), *_quantiles(parts), resident(),
                os.getloadavg()[0],
            )  # fmt: skip


async def _filled(
    index: Index, setting: Setting, people_count: int, opportunity_count: int, least_free: float
) -> float:
    began = time.perf_counter()
    for some in _batches(stream_opportunities(setting, opportunity_count, SEED + 1)):
        await index.put_opportunities(some)
    for living in _batches(people(setting, people_count, SEED + 2)):
        await index.put_people(living, TODAY)
        if _gigabytes_free() < least_free:
            raise NotEnoughMemoryError(f"{people_count} x {opportunity_count}: less than {least_free} GB would be free")
    return time.perf_counter() - began


def _batches(what: Iterator[_T]) -> Iterator[list[_T]]:
    while some := list(islice(what, _BATCH)):
        yield some


def _gigabytes_free() -> float:
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) / 1e6


async def _lists(model: ReadModel, decisions: Decisions, entries: list[PersonEntry]) -> list[float]:
    taken: list[float] = []
    for entry in entries:
        name = entry.person.name
        began = time.perf_counter()
        await find_opportunities(model, decisions, Caller(name, Role.PERSON), name, Wanted(0, _PAGE))
        taken.append(1e3 * (time.perf_counter() - began))
        if decisions.full:
            await decisions.flush()
    return taken


def _parts(model: ReadModel, entries: list[PersonEntry]) -> list[float]:
    taken: list[float] = []
    for entry in entries:
        began = time.perf_counter()
        part_of_list(model, entry, Wanted(0, _PAGE))
        taken.append(1e3 * (time.perf_counter() - began))
    return taken


def _quantiles(taken: list[float]) -> tuple[float, float]:
    """Return p50 and p99, without the first two, which compile and make parts."""
    return statistics.median(taken[2:]), statistics.quantiles(taken[2:], n=100)[98]


def show(sides: list[Side]) -> None:
    """Print the sides, one column each."""
    table = Table("", *(f"{side.size}, {side.of}" for side in sides))
    for name in list(asdict(sides[0]))[2:]:
        table.add_row(name.replace("_", " "), *(f"{getattr(side, name):,.4g}" for side in sides))
    Console(width=200).print(table)


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON list instead of a table")
    parser.add_argument("--sizes", nargs="+", default=["10000x10000", "100000x10000", "100000x100000"])
    parser.add_argument("--least-free", type=float, default=_LEAST_FREE, help="gigabytes to leave to others")
    parser.add_argument("--side", choices=["whole", "shard"], help="measure one side of one size in this process")
    given = parser.parse_args()
    if given.side:
        counts = map(int, given.sizes[0].split("x"))
        found = asyncio.run(measure(*counts, shard=given.side == "shard", least_free=given.least_free))
        print(json.dumps(asdict(found)))
        return
    sides: list[Side] = []
    for size in given.sizes:
        for side in ("whole", "shard"):
            command = [sys.executable, "-m", "benchmarks.nation", "--side", side, "--sizes", size]
            command += ["--least-free", str(given.least_free)]
            done = subprocess.run(command, check=False, capture_output=True, text=True)
            if done.returncode == 0:
                sides.append(Side(**json.loads(done.stdout)))
                print(done.stdout, end="", file=sys.stderr, flush=True)
            else:
                print(f"{size}, {side}: {done.stderr.splitlines()[-1]}", file=sys.stderr, flush=True)
    if given.json:
        print(json.dumps([asdict(side) for side in sides]))
    elif sides:
        show(sides)


if __name__ == "__main__":
    main()
