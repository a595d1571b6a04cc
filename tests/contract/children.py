"""Programs that tests run as processes of their own, to be killed or to be short of disk.

python children.py write-graph FOLDER      commit without end, printing the number of each commit
python children.py write-events FILE       append without end, printing the number of each event
python children.py open-graph FOLDER       open, say so, wait for a line, close
python children.py compact-graph FOLDER    compact without end, saying each step
python children.py fill-graph FOLDER BYTES commit until files may grow no more; then go on with more room
python children.py fill-events FILE BYTES  the same for an event log
python children.py write-equality FILE     declare without end, printing the number of each declaration
python children.py fill-equality FILE BYTES the same as fill-graph for a store of equality declarations
"""

import asyncio
import resource
import secrets
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from careweave_planning.storing import engines
from careweave_planning.storing.sealing import Seal
from careweave_planning.storing.sql import SqlStore

from careweave.errors import CareweaveError, Exhausted
from careweave.events import embedded as embedded_events
from careweave.events.port import Event
from careweave.graph import embedded as embedded_graph
from careweave.graph.port import Graph, Query
from careweave.graph.schema import SCHEMA
from careweave.v1.common_pb2 import Date
from careweave.v1.planning_pb2 import EqualityDeclaration

TOPIC = "careweave.test.v1"
LATEST = Query("child.latest", "MATCH (p:Person) RETURN max(p.version) AS version")


def now() -> datetime:
    return datetime.now(UTC)


def event(key: str, version: int) -> Event:
    return Event(TOPIC, f"{key} {version}", "careweave.v1.Test", "/test", key, version, now(), b"x" * 500)


def say(text: object) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def commit(graph: Graph, version: int) -> None:
    """Write a person and two events of `version`; records of many lengths, some longer than a page."""
    text = "x" * (version * 977 % 9000)
    async with graph.unit_of_work() as unit:
        person: dict[str, object] = {"name": f"people/{version}", "version": version, "aspiration": text}
        await unit.merge_nodes("Person", [person])
        if version % 7 == 0:
            await unit.merge_nodes("Skill", [{"name": f"skills/{version}-{n}", "label": text} for n in range(100)])
        unit.emit(event("a", version))
        unit.emit(event("b", version))


async def write_graph(folder: Path) -> None:
    graph = await embedded_graph.open_embedded(folder)
    await graph.migrate()
    version = (await graph.run(LATEST))[0]["version"] or 0
    assert isinstance(version, int)
    while True:
        version += 1
        await commit(graph, version)
        say(version)


async def write_events(file: Path) -> None:
    log = await embedded_events.open_embedded(file, now, lambda: uuid4().hex)
    number = sum((await log.end([TOPIC])).offsets.values())
    while True:
        await log.append([event(f"k{n}", number + n) for n in range(10)])
        number += 10
        say(number)


async def open_graph(folder: Path) -> None:
    try:
        graph = await embedded_graph.open_embedded(folder)
    except CareweaveError as error:
        say(f"{type(error).__name__}: {error}")
        return
    say("open")
    await asyncio.to_thread(sys.stdin.readline)
    await graph.close()


async def compact_graph(folder: Path) -> None:
    while True:
        await embedded_graph.compact_embedded(folder, lambda activity, done, total: say(f"{activity} {done} {total}"))
        say("compacted")


async def _until_full(step: Callable[[int], Awaitable[None]], limit: int) -> int:
    """Run `step` with 1, 2, … under the limit until it is refused, and thrice more; return the last kept."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    number = 0
    while number < 100_000:
        try:
            await step(number + 1)
        except Exhausted as error:
            say(f"Exhausted: {error}")
            break
        number += 1
    for _ in range(3):
        try:
            await step(number + 1)
        except Exhausted:
            continue
        number += 1  # A smaller one may still have found room.
    return number


async def fill_graph(folder: Path, limit: int) -> None:
    graph = await embedded_graph.open_embedded(folder, SCHEMA)
    await graph.migrate()
    last = await _until_full(lambda number: commit(graph, number), limit)
    say(last)
    say((await graph.run(Query("child.count", "MATCH (p:Person) RETURN count(*) AS n")))[0]["n"])
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await commit(graph, last + 1)
    say(last + 1)
    await graph.close()


async def fill_events(file: Path, limit: int) -> None:
    log = await embedded_events.open_embedded(file, now, lambda: uuid4().hex)
    last = await _until_full(lambda number: log.append([event("k", number)]), limit)
    say(last)
    say(sum((await log.end([TOPIC])).offsets.values()))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await log.append([event("k", last + 1)])
    say(last + 1)
    await log.close()


async def equality_at(file: Path) -> SqlStore:
    return await asyncio.to_thread(SqlStore.prepared, engines.sqlite(file), Seal(bytes(range(32)), secrets.token_bytes))


async def declare(store: SqlStore, number: int) -> None:
    """Declare twice: of the one person of all numbers, and of one of this number alone."""
    for person in ("people/anna", f"people/{number}"):
        declaration = EqualityDeclaration(name=f"{person}/equalityDeclaration", declare_date=Date(year=number))
        await store.change(person, lambda _, declaration=declaration: declaration)  # type: ignore[misc]


async def write_equality(file: Path) -> None:
    store = await equality_at(file)
    number = 0
    while True:
        number += 1
        await declare(store, number)
        say(number)


async def fill_equality(file: Path, limit: int) -> None:
    store = await equality_at(file)
    last = await _until_full(lambda number: declare(store, number), limit)
    say(last)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await declare(store, last + 1)
    say(last + 1)
    await store.close()


def main(name: str, place: str, *rest: str) -> None:
    programs: dict[str, Callable[..., Awaitable[None]]] = {
        "write-graph": write_graph,
        "write-events": write_events,
        "open-graph": open_graph,
        "compact-graph": compact_graph,
        "fill-graph": fill_graph,
        "fill-events": fill_events,
        "write-equality": write_equality,
        "fill-equality": fill_equality,
    }

    async def run() -> None:
        await programs[name](Path(place), *map(int, rest))

    asyncio.run(run())


if __name__ == "__main__":
    main(*sys.argv[1:])
