"""FindOpportunities beside an empty grpc.aio handler that answers with the same bytes.

    python -m benchmarks.find_opportunities [--json] [--people 50000] [--opportunities 400] [--seconds 5]

Server and clients are processes of their own, one server and equally many clients on either side. Both sides
are measured in turn, several rounds, and the median of the rounds is told. Decisions are recorded; nothing
caches replies; each person calls by a token of their own, which the server sees for the first time when it is their
first turn; people take turns, so that nobody is asked for twice before everybody was. People and
opportunities are generated straight into the index (`generated`), over the real ESCO health and care
occupations, with the shipped embedding model.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.ranking_client import record, requests
from benchmarks.ranking_server import TOKENS
from benchmarks.rounds import MOST_PROCESSES, ROUNDS, Drive, called_from, in_rounds
from careweave.config import read_settings
from careweave.events.port import Positions, Topic
from careweave.v1.events_pb2 import RankingMade
from careweave.wiring import open_events

_RECORDED = 500


@dataclass(frozen=True, slots=True)
class Timing:
    """What one side did. microseconds: p50 and p99 of the latency."""

    side: str
    view: str
    clients: int
    processes: int
    calls_per_second: float
    p50_microseconds: float
    p99_microseconds: float


@contextmanager
def server(side: str, folder: Path, *options: str) -> Iterator[str]:
    """Run one side and yield its address."""
    command = [sys.executable, "-m", "benchmarks.ranking_server", side, str(folder), *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None  # noqa: S101  asked for above
        assert process.stdout is not None  # noqa: S101
        try:
            line = process.stdout.readline().strip()
            while line.startswith("{"):
                Console(stderr=True).print(f"[dim]{line}[/dim]")
                line = process.stdout.readline().strip()
            yield line
        finally:
            process.stdin.close()
            process.wait(timeout=60)


def over_grpc(address: str, tokens: Path, view: str, people: int, *, gone: int = 0, connections: int = 1) -> Drive:
    """Return what calls FindOpportunities at `address`, each round beginning with other people.

    gone: how many rounds there were before, whose people come again last. connections: of each client process.
    """

    def run(clients: int, seconds: float, number: int) -> tuple[float, list[float]]:
        first = (gone + number) * 7919 % people

        def words(process: int, processes: int) -> list[str]:
            begin = (first + process * people // processes) % people
            whom = ["--view", view, "--people", str(people), "--first", str(begin)]
            return [address, str(tokens), *whom, "--connections", str(connections)]

        return called_from("benchmarks.ranking_client", words, clients, seconds)

    return run


def measure(people: int, opportunities: int, seconds: float) -> tuple[list[Timing], dict[str, int]]:
    """Return the timings of both sides, and how many decisions were shown and recorded."""
    timings: list[Timing] = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        options = ("--people", str(people), "--opportunities", str(opportunities))
        bare = folder / "bare"
        with server("matching", folder, *options) as matching, server("unguarded", bare, *options) as unguarded:
            for view in ("full", "basic"):
                asyncio.run(record(matching, requests(folder / TOKENS, 0, people, view), _RECORDED, folder))
                with server("empty", folder) as empty:
                    sides = {"matching": matching, "unguarded": unguarded, "empty": empty}
                    for turn, clients in enumerate((1, 16)):
                        driven = {
                            side: over_grpc(at, folder / TOKENS, view, people, gone=turn * (ROUNDS + 1))
                            for side, at in sides.items()
                        }
                        timings += [
                            Timing(side, view, clients, min(MOST_PROCESSES, clients), *astuple(rate))
                            for side, rate in in_rounds(driven, clients, seconds).items()
                        ]
        decisions = asyncio.run(_recorded(folder))
    return timings, decisions


async def _recorded(folder: Path) -> dict[str, int]:
    """Return how many decisions the log holds, and whether their sequence has gaps."""
    events = await open_events(read_settings({"CAREWEAVE_EVENTS": f"sqlite:{folder / 'events.db'}"}))
    end = await events.end([Topic.DECISIONS])
    wanted = sum(end.offsets.values())
    sequences: list[int] = []
    async for delivered in events.follow([Topic.DECISIONS], Positions()):
        if delivered.event.payload is not None:
            sequences.append(RankingMade.FromString(delivered.event.payload).sequence)
        if len(sequences) == wanted:
            break
    await events.close()
    return {"recorded": len(sequences), "missing": max(sequences) - len(set(sequences))}


def show(timings: list[Timing]) -> None:
    """Print the timings as a table, with the shares of the other sides' throughput."""
    table = Table("view", "clients", "side", "calls/s", "p50 ms", "p99 ms", "share of unguarded", "share of empty")
    rates = {(t.side, t.view, t.clients): t.calls_per_second for t in timings}
    for t in timings:
        shares = [f"{t.calls_per_second / rates[other, t.view, t.clients]:.2f}" for other in ("unguarded", "empty")]
        table.add_row(
            t.view, str(t.clients), t.side, f"{t.calls_per_second:,.0f}",
            f"{t.p50_microseconds / 1000:.2f}", f"{t.p99_microseconds / 1000:.2f}", *shares,
        )  # fmt: skip
    Console().print(table)


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--people", type=int, default=50_000)
    parser.add_argument("--opportunities", type=int, default=400)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of one round of one side")
    given = parser.parse_args()
    timings, decisions = measure(given.people, given.opportunities, given.seconds)
    if given.json:
        print(json.dumps({"timings": [asdict(t) for t in timings], "decisions": decisions}))
    else:
        show(timings)
        print(f"decisions recorded: {decisions['recorded']:,}; missing from the sequence: {decisions['missing']}")


if __name__ == "__main__":
    main()
