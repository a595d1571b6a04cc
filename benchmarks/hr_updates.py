"""HR updates a second, 15 skills each, beside the raw engine writing the same nodes, history and outbox rows.

python -m benchmarks.hr_updates [--neo4j] [--records 2000] [--rounds 3] [--json]

On Ladybug, or with `--neo4j` on a Neo4j that is started for it. Updates go the way of a stream's: decoded,
checked against the field rules, read ahead, taken in batches, answered one by one; the network alone is left
out. The raw side (benchmarks.hr_raw) gets rows that are ready to be written. CPU time, of all threads of this
process, is given beside the time on the clock, since that one says little on a machine that others use; of a
server it is the client's alone.
"""

import argparse
import asyncio
import json
import random
import statistics
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from careweave_cli.devstack.jars import user_cache
from careweave_cli.devstack.neo4j_server import start_neo4j
from careweave_profiles.feeds.applying import Feeds
from careweave_profiles.feeds.streaming import Item, answers
from careweave_profiles.feeds.wordings import Known
from careweave_profiles.ports import Ports

from benchmarks import hr_raw
from benchmarks.cost import Cost, Watch
from careweave.config import Settings
from careweave.graph.port import Graph
from careweave.policy import Caller, Role
from careweave.rpc import validation
from careweave.v1 import hr_pb2
from careweave.wiring import open_graph, random_id

SOURCE: Final = "sourceSystems/generated"
CALLER: Final = Caller(SOURCE, Role.HR_FEED, "organisations/generated")
SKILLS: Final = 500
SKILLS_EACH: Final = 15
SEED: Final = 7


class NoWords:
    """Stands where the skills service would: these updates name their skills."""

    async def labelled(self, label: str) -> list[Known]:
        """Return nothing."""
        del label
        return []

    async def spoken_of(self, text: str) -> list[Known]:
        """Return nothing."""
        del text
        return []


def requests(count: int, version: int) -> list[bytes]:
    """Return serialised requests for `count` records, each with 15 skills of random levels."""
    rng = random.Random(SEED + version)
    return [_request(rng, number, version) for number in range(count)]


def _request(rng: random.Random, number: int, version: int) -> bytes:
    update = hr_pb2.ProfileUpdate(source_system=SOURCE, external_id=f"record {number}", source_version=version)
    update.identity.display_name = f"Fictional {number}"
    update.identity.fictional = True
    work = update.employments.employments.add(organisation="organisations/generated", job_title="Care worker")
    work.start_date.year, work.start_date.month, work.start_date.day = 2024, rng.randrange(1, 13), 1
    for skill in rng.sample(range(SKILLS), SKILLS_EACH):
        update.skills.skills.add(skill=f"skills/g{skill}", proficiency=rng.randrange(6))
    request = hr_pb2.StreamProfileUpdatesRequest(update=update, position=version * 1_000_000 + number + 1)
    return request.SerializeToString()


async def _items(bodies: Sequence[bytes]) -> AsyncIterator[Item]:
    for body in bodies:
        request = hr_pb2.StreamProfileUpdatesRequest.FromString(body)
        validation.check(request)
        yield Item(request.position, request.update)


async def _furnish(graph: Graph) -> None:
    async with graph.unit_of_work() as unit:
        await unit.merge_nodes(
            "Skill", [{"name": f"skills/g{number}", "label": f"Skill {number}"} for number in range(SKILLS)]
        )
        await unit.merge_nodes("Organisation", [{"name": "organisations/generated", "title": "Generated"}])


async def taken_in(graph: Graph, bodies: Sequence[bytes]) -> Cost:
    """Return what it takes to answer all of `bodies` as applied."""
    feeds = Feeds(Ports(graph, lambda: datetime.now(UTC), random_id), NoWords())
    opening = hr_pb2.FeedOpening(source_system=SOURCE, feed="bench")
    watch = Watch()
    outcomes = [str(answer.outcome) async for _, answer in answers(feeds, CALLER, opening, _items(bodies))]
    cost = watch.cost()
    if outcomes != ["applied"] * len(bodies):
        message = "not every update was applied"
        raise RuntimeError(message)
    return cost


@contextmanager
def engine(*, neo4j: bool) -> Iterator[Settings]:
    """Give the settings of a graph that is there for the block alone."""
    with tempfile.TemporaryDirectory() as folder:
        if not neo4j:
            yield Settings(graph=f"ladybug:{Path(folder) / 'graph'}")
            return
        with start_neo4j(Path(folder), user_cache()) as server:
            yield Settings(graph=server.url, graph_password_file=str(server.password_file))


async def measure(settings: Settings, count: int) -> dict[str, float]:
    """Return the figures for records that are new, on both sides, and for the same records changed.

    What the graph of `settings` holds is deleted.
    """
    found: dict[str, float] = {}
    hr_raw.clear(settings)
    graph = await open_graph(settings)
    try:
        await _furnish(graph)
        new = await taken_in(graph, requests(count, 1))
        written = await hr_raw.read_written(graph)
        changed = await taken_in(graph, requests(count, 2))
    finally:
        await graph.close()
    raw = await hr_raw.best(settings, written)
    for name, cost in (("new", new), ("raw new", raw), ("changed", changed)):
        found[f"{name} a second"] = count / cost.seconds
        found[f"{name} CPU ms each"] = 1000 * cost.cpu_seconds / count
    found["ratio new"] = raw.seconds / new.seconds
    found["ratio new by CPU"] = raw.cpu_seconds / new.cpu_seconds
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--neo4j", action="store_true")
    parser.add_argument("--records", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with engine(neo4j=arguments.neo4j) as settings:
        rounds = [asyncio.run(measure(settings, arguments.records)) for _ in range(arguments.rounds)]
    medians = {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}
    print(json.dumps(medians) if arguments.json else _table(medians, arguments))


def _table(medians: dict[str, float], arguments: argparse.Namespace) -> str:
    engine_name = "Neo4j" if arguments.neo4j else "Ladybug"
    head = f"HR updates of {SKILLS_EACH} skills into {engine_name}, {arguments.records} records"
    lines = [f"{head}, median of {arguments.rounds} rounds"]
    lines += [f"  {name:<20} {value:10.2f}" for name, value in medians.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
