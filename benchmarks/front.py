"""What a front costs: FindOpportunities asked of a shard directly and through the front, in turn, in one run.

    python -m benchmarks.front [--json] [--people 2000] [--opportunities 10000] [--seconds 5] [--rounds 3]

One matching process with generated people, one front before it and the clients share the machine's cores. Each person
calls with a token of their own, seen before; the median of the rounds is told.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from careweave_matching.shards import front
from rich.console import Console
from rich.table import Table

from benchmarks.ranking_server import midday
from careweave.client import connect
from careweave.config import PREFIX, Settings, environment_of, read_settings
from careweave.policy import Role
from careweave.rpc.access import NUMBERS
from careweave.rpc.server import running
from careweave.v1.access_service_pb2 import IssueTrialTokenRequest
from careweave.wiring import open_adapters


@dataclass(frozen=True, slots=True)
class Round:
    """Calls a second, and milliseconds at the median and the 99th percentile."""

    side: str
    clients: int
    calls: float
    p50: float
    p99: float


def free_address() -> str:
    """Return a loopback address at which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


@contextmanager
def process(*words: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """Run a process of this Python until the block ends; its standard input ends then."""
    usual = {name: text for name, text in os.environ.items() if not name.startswith(PREFIX) or name == f"{PREFIX}CACHE"}
    with subprocess.Popen(
        [sys.executable, "-m", *words], env=usual | variables, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as started:  # fmt: skip
        try:
            yield started
        finally:
            started.terminate()


def line_of(started: subprocess.Popen[str]) -> str:
    """Return the next line that a process prints."""
    assert started.stdout is not None  # noqa: S101  it is a pipe
    line = started.stdout.readline()
    if not line:
        raise SystemExit("a process ended before it was ready")
    return line.strip()


async def write_tokens(address: str, file: Path, people: int) -> None:
    """Write a token of the trial's issuer for each person."""
    async with connect(address) as services:
        with file.open("w", encoding="ascii") as written:
            for number in range(people):
                request = IssueTrialTokenRequest(role=NUMBERS[Role.PERSON], subject=f"people/g{number:07d}")
                written.write((await services.access.IssueTrialToken(request)).token + "\n")


def asked(side: str, address: str, tokens: Path, clients: int, given: argparse.Namespace) -> Round:
    """Return one round."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.ranking_client", address, str(tokens), "--calls-at-once", str(clients),
         "--seconds", str(given.seconds), "--people", str(given.people)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    taken = [each / 1e3 for each in json.loads(done.stdout)]
    return Round(
        side, clients, len(taken) / given.seconds, statistics.median(taken), statistics.quantiles(taken, n=100)[98]
    )


def measure(given: argparse.Namespace) -> list[Round]:
    """Return the median round of each side and number of clients."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as until:
        place, issuer = Path(folder), free_address()
        counts = ("--people", str(given.people), "--opportunities", str(given.opportunities))
        shard = until.enter_context(
            process("benchmarks.ranking_server", "matching", str(place), *counts, CAREWEAVE_TRIAL_LISTEN=issuer)
        )
        line_of(shard)
        address = line_of(shard)
        settings = Settings(
            graph=f"ladybug:{place / 'front-graph'}", events=f"sqlite:{place / 'front.db'}", listen=free_address(),
            trial="yes", issuers=f"http://{issuer}", shards=f"all=*@{address}",
        )  # fmt: skip
        before = until.enter_context(process("benchmarks.front", "--serve", **environment_of(settings)))
        line_of(before)
        tokens = place / "trial-tokens.txt"
        asyncio.run(write_tokens(address, tokens, given.people))
        rounds = [
            asked(side, at, tokens, clients, given)
            for _ in range(given.rounds + 1)  # the first is left out: tokens are new, and parts of pages made
            for clients in (1, 16)
            for side, at in (("directly", address), ("through the front", settings.listen))
        ]
        return [_median(some) for some in _alike(rounds[4:])]


def _alike(rounds: list[Round]) -> list[list[Round]]:
    kinds = dict.fromkeys((each.side, each.clients) for each in rounds)
    return [[each for each in rounds if (each.side, each.clients) == kind] for kind in kinds]


def _median(rounds: list[Round]) -> Round:
    return sorted(rounds, key=lambda each: each.calls)[len(rounds) // 2]


async def serve_front() -> None:
    """Serve the front that the environment describes, on the day of the generated people, until standard input ends."""
    async with (
        open_adapters(read_settings(os.environ), midday) as adapters,
        running(adapters.settings, [front.build], adapters) as started,
    ):
        await started.until_ready()
        print(started.settings.listen, flush=True)
        await asyncio.to_thread(sys.stdin.read)


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON list instead of a table")
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--opportunities", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        asyncio.run(serve_front())
        return
    found = measure(given)
    if given.json:
        print(json.dumps([asdict(each) for each in found]))
        return
    table = Table("", "clients", "calls/s", "p50, ms", "p99, ms")
    for each in found:
        table.add_row(each.side, str(each.clients), *(f"{x:,.1f}" for x in (each.calls, each.p50, each.p99)))
    Console().print(table)


if __name__ == "__main__":
    main()
