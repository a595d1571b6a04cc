"""What an index takes and gives as it grows: memory, time to build, time of a ranking either way, time of a change.

    python -m benchmarks.index_size [--json] [--sizes 10000x1000 100000x10000 10000x100000]

Sizes are people x opportunities, generated, each in a process of its own. Use-cases are called without gRPC: what calls
add is in the other benchmarks. Embeddings come from the cache where they are known.

- `opportunity`, `person`: kilobytes each takes, and microseconds to take it in.
- `table`, `crowd`: seconds to make all arrays anew, once a day; a change is taken into them one by one.
- `find opportunities`, `find candidates`: milliseconds of the whole use-case in process (policy, ranking, twenty
  shown in full, record), p50 and p99, for people, and opportunities, in turn. Half of the people have consented.
- `change`: milliseconds from a changed opportunity, or person, until arrays hold it.
"""

import argparse
import asyncio
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from careweave_matching.decisions import Decisions
from careweave_matching.following import ReadModel
from careweave_matching.index import Index
from careweave_matching.ranking import Wanted, find_candidates, find_opportunities
from careweave_matching.service import ports_over
from careweave_matching.weights import CURRENT
from rich.console import Console
from rich.table import Table

from benchmarks.generated import TODAY, extent_for, opportunities, people, read_setting
from benchmarks.ranking_server import SEED, midday
from careweave.client import OPERATOR
from careweave.config import read_settings
from careweave.policy import Caller, Role
from careweave.rpc.channels import Channels
from careweave.wiring import open_adapters

_BATCH: Final = 1000
_CALLS: Final = 300
_PAGE: Final = 20
_CHANGES: Final = 40
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Size:
    """What was measured at one size; see above."""

    people: int
    opportunities: int
    opportunity_kilobytes: float
    opportunity_microseconds: float
    person_kilobytes: float
    person_microseconds: float
    table_seconds: float
    crowd_seconds: float
    find_opportunities_p50: float
    find_opportunities_p99: float
    find_candidates_p50: float
    find_candidates_p99: float
    candidates: int
    change_of_opportunity: float
    change_of_person: float
    megabytes: float


def resident() -> float:
    """Return megabytes of memory that this process has."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def measure(people_count: int, opportunity_count: int) -> Size:
    """Return what one size takes."""
    with tempfile.TemporaryDirectory() as place:
        settings = replace(
            read_settings(os.environ), graph=f"ladybug:{place}/graph", events=f"sqlite:{place}/events.db", trial="yes"
        )
        async with open_adapters(settings, midday) as adapters:
            adapters.embedder.embed(["warm"])
            setting = read_setting(SEED, extent_for(opportunity_count))
            index = Index(setting.taxonomy, setting.surroundings, adapters.embedder, CURRENT)
            offered = opportunities(setting, opportunity_count, SEED + 1)
            await index.put_opportunities(offered[:1])
            opportunity = await _taken(index.put_opportunities, offered[1:])
            generated = list(people(setting, people_count, SEED + 2))
            person = await _taken(lambda batch: index.put_people(batch, TODAY), generated)
            table = _seconds(lambda: index.board(TODAY).table)
            crowd = _seconds(lambda: index.crowds(TODAY))
            model = ReadModel(ports_over(adapters, Channels(settings)))
            model.adopt(index)
            decisions = Decisions(adapters.events, adapters.new_id, adapters.clock)
            finding = await _found(model, decisions, [each.name for each in generated])
            p50, p99, candidates = await _candidates(model, decisions, [each.name for each in offered])
            return Size(
                people_count, opportunity_count, *opportunity, *person, table, crowd, *finding, p50, p99, candidates,
                await _change_of_opportunity(index), await _change_of_person(index), resident(),
            )  # fmt: skip


async def _taken(put: Callable[[Sequence[_T]], Awaitable[object]], what: Sequence[_T]) -> tuple[float, float]:
    """Return kilobytes and microseconds for each of `what` that `put` takes in."""
    before, began = resident(), time.perf_counter()
    for start in range(0, len(what), _BATCH):
        await put(what[start : start + _BATCH])
    return 1e3 * (resident() - before) / len(what), 1e6 * (time.perf_counter() - began) / len(what)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


async def _milliseconds(calls: Iterable[Callable[[], Awaitable[object]]], decisions: Decisions) -> list[float]:
    """Return how long each call takes; the first two are left out, since they compile and make parts."""
    taken: list[float] = []
    for call in calls:
        began = time.perf_counter()
        await call()
        taken.append(1e3 * (time.perf_counter() - began))
        if decisions.full:
            await decisions.flush()
    return taken[2:]


async def _found(model: ReadModel, decisions: Decisions, names: Sequence[str]) -> tuple[float, float]:
    calls = [
        partial(find_opportunities, model, decisions, Caller(name, Role.PERSON), name, Wanted(0, _PAGE))
        for name in names[: 4 * _CALLS]
    ]
    taken = await _milliseconds(calls, decisions)
    return statistics.median(taken), statistics.quantiles(taken, n=100)[98]


async def _candidates(model: ReadModel, decisions: Decisions, names: Sequence[str]) -> tuple[float, float, int]:
    totals: list[int] = []

    async def ask(name: str) -> None:
        totals.append((await find_candidates(model, decisions, OPERATOR, name, Wanted(0, _PAGE))).total)

    taken = await _milliseconds([partial(ask, name) for name in names[:_CALLS]], decisions)
    return statistics.median(taken), statistics.quantiles(taken, n=100)[98], int(statistics.median(totals))


async def _change_of_opportunity(index: Index) -> float:
    """Return the median milliseconds from a change until the table holds it."""
    entries = list(itertools.islice(index.opportunities(), _CHANGES))
    taken = []
    for entry in entries:
        changed = replace(entry.opportunity, version=entry.opportunity.version + 1)
        began = time.perf_counter()
        await index.put_opportunities([changed])
        assert index.board(TODAY).table.count  # noqa: S101  so that it is made
        taken.append(1e3 * (time.perf_counter() - began))
    return statistics.median(taken)


async def _change_of_person(index: Index) -> float:
    entries = list(itertools.islice(index.people(TODAY), _CHANGES))
    taken = []
    for entry in entries:
        changed = replace(entry.person, version=entry.person.version + 1)
        began = time.perf_counter()
        await index.put_people([changed], TODAY)
        index.crowds(TODAY)
        taken.append(1e3 * (time.perf_counter() - began))
    return statistics.median(taken)


def show(sizes: list[Size]) -> None:
    """Print the sizes, one column each."""
    table = Table("", *(f"{size.people:,} x {size.opportunities:,}" for size in sizes))
    for name in list(asdict(sizes[0]))[2:]:
        table.add_row(name.replace("_", " "), *(f"{getattr(size, name):,.3g}" for size in sizes))
    Console().print(table)


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON list instead of a table")
    parser.add_argument("--sizes", nargs="+", default=["10000x1000", "100000x10000", "10000x100000"])
    given = parser.parse_args()
    if len(given.sizes) > 1:
        command = (sys.executable, "-m", "benchmarks.index_size", "--json", "--sizes")
        found = [subprocess.run((*command, size), check=True, capture_output=True, text=True) for size in given.sizes]
        sizes = [Size(**each) for process in found for each in json.loads(process.stdout)]
    else:
        people_count, opportunity_count = map(int, given.sizes[0].split("x"))
        sizes = [asyncio.run(measure(people_count, opportunity_count))]
    if given.json:
        print(json.dumps([asdict(size) for size in sizes]))
    else:
        show(sizes)


if __name__ == "__main__":
    main()
