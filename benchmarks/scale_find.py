"""FindOpportunities at 1,000, 10,000 and 100,000 opportunities, beside an empty handler and two databases.

    python -m benchmarks.scale_find [--json] [--opportunities 1000 10000 100000] [--people 50000] [--seconds 4]

At each size, one after the other within each round, and the median of the rounds is told:

- `careweave`: the service as it ships (tokens, policy, audit trail, decisions recorded to SQLite), people in turn, no
  reply cache; in the full and in the basic view. Its own recall is of the shown twenty against weighing all exactly.
  It has answered for twenty seconds before it is measured, as a server has that did not start just now.
- `empty`: a bare grpc.aio handler with the same bytes, in as many processes (`--processes`, else one). With more,
  clients take turns over many connections, which the kernel spreads over the processes.
- `postgres`: PostgreSQL 18 with pgvector, and `neo4j`: Neo4j Community, up to 10,000, on the same machine, each asked a
  question that is less work (`peer_questions`), in several ways (`postgres_peer`, `neo4j_peer`): exact over districts
  within reach, and by their vector index first. Recall is against exact scoring of the same question. They hold who
  asks, so a call sends a number; 2,000 people take turns, connections stay open, statements are prepared.
"""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import neo4j
import psycopg
from careweave_cli.devstack.jars import user_cache
from careweave_cli.devstack.neo4j_server import start_neo4j
from careweave_matching.bulk import Wish, best_rows
from careweave_matching.index import Index
from rich.console import Console
from rich.table import Table

from benchmarks import neo4j_peer, peer_questions, postgres_peer
from benchmarks.find_opportunities import over_grpc, server
from benchmarks.generated import TODAY
from benchmarks.peer_questions import SHOWN, Exact
from benchmarks.ranking_client import record, requests
from benchmarks.ranking_server import TOKENS, filled_index
from benchmarks.rounds import Drive, called_from, in_rounds
from careweave.config import read_settings
from careweave.wiring import open_embedder
from tests.postgres import Postgres

_RECORDED: Final = 500
_PEOPLE_OF_PEERS: Final = 2000
_JUDGED: Final = 100
"""People of whom recall is told."""
_MOST_FOR_NEO4J: Final = 10_000
_WARMING_CLIENTS, _WARMING_SECONDS, _WARMING_ROUND = 16, 20.0, 50
"""How long ours is asked before it is measured, and for whom: much of a page is encoded at its first use."""
_CONNECTIONS: Final = 32
"""Of each client process where there are several server processes: then each of these has nearly its share."""


@dataclass(frozen=True, slots=True)
class Line:
    """What one side did at one size. candidates: median of those who pass every filter of that side."""

    opportunities: int
    candidates: int
    side: str
    clients: int
    calls_per_second: float
    p50_ms: float
    p99_ms: float
    recall: float | None


@dataclass(frozen=True, slots=True)
class Side:
    """Something to measure."""

    name: str
    drive: Drive
    candidates: int
    recall: float | None = None


def say(words: str) -> None:
    """Tell how far it has come, on standard error."""
    Console(stderr=True).print(f"[dim]{time.strftime('%H:%M:%S')} {words}; load {os.getloadavg()[0]:.1f}[/dim]")


@dataclass(frozen=True, slots=True)
class Plan:
    """How each size is measured; fields as the options of the command line."""

    people: int
    clients: Sequence[int]
    seconds: float
    processes: int
    databases: bool


def measure(opportunities: int, plan: Plan) -> list[Line]:
    """Return the lines of one size."""
    people, processes = plan.people, plan.processes
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place, ExitStack() as until_done:
        folder = Path(place)
        folder.chmod(0o755)  # PostgreSQL runs as somebody else
        peers, (candidates, recall) = asyncio.run(_peers(folder, opportunities, until_done, databases=plan.databases))
        several = ("--processes", str(processes))
        options = ("--people", str(people), "--opportunities", str(opportunities), *several)
        matching = until_done.enter_context(server("matching", folder, *options))
        connections = _CONNECTIONS if processes > 1 else 1
        sides = list(peers)
        for view in ("full", "basic"):
            kept = folder / view
            kept.mkdir()
            asyncio.run(record(matching, requests(folder / TOKENS, 0, people, view), _RECORDED, kept))
            empty = until_done.enter_context(server("empty", kept, *several))
            ours, bare = (
                over_grpc(at, folder / TOKENS, view, people, connections=connections) for at in (matching, empty)
            )
            ours(_WARMING_CLIENTS, _WARMING_SECONDS, _WARMING_ROUND)
            sides += [Side(f"careweave, {view}", ours, candidates, recall), Side(f"empty, {view}", bare, candidates)]
        say(f"{opportunities:,}: measuring {len(sides)} sides")
        return [line for each in plan.clients for line in _lines(opportunities, sides, each, plan.seconds)]


def _over(peer: str, url: str, way: str, *more: str) -> Drive:
    def run(clients: int, seconds: float, number: int) -> tuple[float, list[float]]:
        def words(process: int, processes: int) -> list[str]:
            del processes
            first = (number * 613 + process * 1000) % _PEOPLE_OF_PEERS
            return [peer, url, way, *more, "--people", str(_PEOPLE_OF_PEERS), "--first", str(first)]

        return called_from("benchmarks.peer_client", words, clients, seconds)

    return run


def _lines(opportunities: int, sides: list[Side], clients: int, seconds: float) -> Iterator[Line]:
    rates = in_rounds({side.name: side.drive for side in sides}, clients, seconds)
    for side in sides:
        rate = rates[side.name]
        p50, p99 = rate.p50_microseconds / 1000, rate.p99_microseconds / 1000
        yield Line(opportunities, side.candidates, side.name, clients, rate.calls_per_second, p50, p99, side.recall)


async def _peers(
    folder: Path, opportunities: int, until_done: ExitStack, *, databases: bool
) -> tuple[list[Side], tuple[int, float]]:
    """Return the databases as sides, and candidates and recall of careweave itself."""
    index = await filled_index(open_embedder(read_settings(os.environ)), _PEOPLE_OF_PEERS, opportunities)
    own = careweave_itself(index)
    if not databases:
        return [], own
    offers, askers = peer_questions.offers_of(index), peer_questions.askers_of(index)
    exact = Exact(offers)
    judged = askers[:_JUDGED]
    candidates = int(statistics.median(len(exact.candidates(asker)) for asker in askers[: 5 * _JUDGED]))
    width = len(offers[0].vector)
    sides: list[Side] = []
    say(f"{opportunities:,}: filling PostgreSQL")
    url = until_done.enter_context(_postgres(folder))
    await asyncio.to_thread(postgres_peer.fill, url, offers, askers, width)
    for way in postgres_peer.WAYS:
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in way.session:
                connection.execute(statement.encode())
            recall = statistics.mean(exact.recall(a, postgres_peer.answer(connection, way, a.number)) for a in judged)
        sides.append(Side(f"postgres, {way.name}", _over("postgres", url, way.name), candidates, recall))
    if opportunities <= _MOST_FOR_NEO4J:
        say(f"{opportunities:,}: filling Neo4j")
        found = until_done.enter_context(start_neo4j(folder / "neo4j", user_cache(), settings=neo4j_peer.SETTINGS))
        password = found.password_file.read_text(encoding="utf-8").strip()
        await asyncio.to_thread(neo4j_peer.fill, found.url, password, offers, askers, width)
        with (
            neo4j.GraphDatabase.driver(found.url, auth=("neo4j", password)) as driver,
            driver.session() as session,
        ):
            for name, query in neo4j_peer.WAYS.items():
                recall = statistics.mean(exact.recall(a, neo4j_peer.answer(session, query, a.number)) for a in judged)
                asking = _over("neo4j", found.url, name, "--password", password)
                sides.append(Side(f"neo4j, {name}", asking, candidates, recall))
    return sides, own


def careweave_itself(index: Index) -> tuple[int, float]:
    """Return the median of candidates, and the recall of the twenty shown against weighing every candidate exactly."""
    board = index.board(TODAY)
    counts, recalls = [], []
    for number, person in enumerate(index.people(TODAY)):
        screened = board.screener.screen(person, index.place(person))
        ranked = best_rows(person, board.table, screened, board.frame.reach, Wish(SHOWN))
        counts.append(ranked.total)
        if number < _JUDGED and ranked.total:
            every = best_rows(person, board.table, screened, board.frame.reach, Wish(board.table.count))
            best = every.best.rows[:SHOWN].tolist()
            recalls.append(len(set(best) & set(ranked.best.rows.tolist())) / len(best))
    return int(statistics.median(counts)), statistics.mean(recalls)


@contextmanager
def _postgres(folder: Path) -> Iterator[str]:
    """Yield the address of an empty database on a server of its own, set as `postgres_peer.SETTINGS` says."""
    (folder / "postgres").mkdir()
    database = Postgres(folder / "postgres")
    database.start()
    try:
        with psycopg.connect(database.url("postgres"), autocommit=True) as connection:
            for name, value in postgres_peer.SETTINGS.items():
                connection.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
        database.stop()
        database.start()
        yield database.make_database("peer")
    finally:
        database.stop()


def show(lines: list[Line]) -> None:
    """Print the lines as a table, with how many times the rate of each side careweave's is, in the full view."""
    table = Table(
        "opportunities", "candidates", "clients", "side", "calls/s", "p50 ms", "p99 ms", "recall@20", "of empty"
    )
    rates = {(line.opportunities, line.clients, line.side): line.calls_per_second for line in lines}
    for line in lines:
        key = (line.opportunities, line.clients)
        view = line.side.rpartition(" ")[2]
        if line.side.startswith(("careweave", "empty")):
            beside = f"{line.calls_per_second / rates[*key, f'empty, {view}']:.2f}"
        else:
            beside = f"careweave is {rates[*key, 'careweave, full'] / line.calls_per_second:.0f} times"
        recall = "" if line.recall is None else f"{line.recall:.3f}"
        table.add_row(
            f"{line.opportunities:,}", f"{line.candidates:,}", str(line.clients), line.side,
            f"{line.calls_per_second:,.0f}", f"{line.p50_ms:.2f}", f"{line.p99_ms:.2f}", recall, beside,
        )  # fmt: skip
    Console(width=150).print(table)


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON list instead of a table")
    parser.add_argument("--opportunities", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--people", type=int, default=50_000)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--seconds", type=float, default=4.0, help="length of one round of one side")
    parser.add_argument("--processes", type=int, default=1, help="of careweave and of the empty handler, each")
    parser.add_argument("--without-databases", action="store_true", help="careweave and the empty handler alone")
    given = parser.parse_args()
    plan = Plan(given.people, given.clients, given.seconds, given.processes, not given.without_databases)
    lines: list[Line] = []
    for opportunities in given.opportunities:
        lines += measure(opportunities, plan)
        if not given.json:
            show([line for line in lines if line.opportunities == opportunities])
    if given.json:
        print(json.dumps([asdict(line) for line in lines]))


if __name__ == "__main__":
    main()
