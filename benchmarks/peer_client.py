"""A client of a database in the benchmark of FindOpportunities at scale, as a process of its own.

    python -m benchmarks.peer_client postgres URL WAY --calls-at-once 8 --seconds 5 --first 0 --people 2000
    python -m benchmarks.peer_client neo4j URL WAY --password …

Asks for one person after the other over as many connections as calls at once, prepared beforehand, and prints the
latencies in microseconds as a JSON list.
"""

import argparse
import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeAlias

import neo4j
import psycopg

from benchmarks import neo4j_peer, postgres_peer

Ask: TypeAlias = Callable[[int], Awaitable[None]]


async def ask(asks: list[Ask], numbers: Iterator[int], seconds: float) -> list[float]:
    """Return the latency of every call, microseconds; each of `asks` is busy all the time."""
    latencies: list[float] = []
    end = time.perf_counter() + seconds

    async def one_after_the_other(once: Ask) -> None:
        while (began := time.perf_counter()) < end:
            await once(next(numbers))
            latencies.append((time.perf_counter() - began) * 1e6)

    await asyncio.gather(*(one_after_the_other(once) for once in asks))
    return latencies


async def ask_postgres(url: str, way: str, at_once: int, numbers: Iterator[int], seconds: float) -> list[float]:
    """Ask PostgreSQL over `at_once` connections."""
    chosen = next(each for each in postgres_peer.WAYS if each.name == way)
    connections = [await psycopg.AsyncConnection.connect(url, autocommit=True) for _ in range(at_once)]
    for connection in connections:
        for statement in chosen.session:
            await connection.execute(statement.encode())

    def asking(connection: psycopg.AsyncConnection[tuple[int]]) -> Ask:
        async def once(number: int) -> None:
            found = await connection.execute(chosen.query.encode(), (number,), prepare=True)
            await found.fetchall()

        return once

    latencies = await ask([asking(each) for each in connections], numbers, seconds)
    for connection in connections:
        await connection.close()
    return latencies


async def ask_neo4j(
    url: str, way: str, at_once: int, numbers: Iterator[int], seconds: float, *, password: str
) -> list[float]:
    """Ask Neo4j over `at_once` sessions."""
    async with neo4j.AsyncGraphDatabase.driver(url, auth=("neo4j", password)) as driver:
        sessions = [driver.session() for _ in range(at_once)]

        def asking(session: neo4j.AsyncSession) -> Ask:
            async def once(number: int) -> None:
                found = await session.run(neo4j_peer.WAYS[way], id=number)
                _ = [row async for row in found]

            return once

        latencies = await ask([asking(each) for each in sessions], numbers, seconds)
        for session in sessions:
            await session.close()
    return latencies


def main() -> None:
    """Ask as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=["postgres", "neo4j"])
    parser.add_argument("url")
    parser.add_argument("way")
    parser.add_argument("--password", default="")
    parser.add_argument("--calls-at-once", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--people", type=int, default=2000)
    given = parser.parse_args()
    numbers = itertools.chain(range(given.first, given.people), itertools.cycle(range(given.people)))
    if given.peer == "postgres":
        asking = ask_postgres(given.url, given.way, given.calls_at_once, numbers, given.seconds)
    else:
        asking = ask_neo4j(given.url, given.way, given.calls_at_once, numbers, given.seconds, password=given.password)
    print(json.dumps(asyncio.run(asking)))


if __name__ == "__main__":
    main()
