"""Every query of every service gives the same answer on each engine, order included, on random data with cycles."""

import importlib
import pkgutil
import random
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from types import ModuleType

import careweave_matching
import careweave_profiles
import careweave_skills
import pytest
from careweave_profiles.registers import Register

import careweave.events
import careweave.graph
from careweave.graph.cypher import read_text
from careweave.graph.port import Graph, Query, Reads, Row
from careweave.graph.schema import SCHEMA, NodeTable, RelationshipTable, Value

from .engines import GRAPHS

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
NODES = 12
"""Of each label; relationships are three times as many for each pair of labels, loops and cycles among them."""
SEEDS = (1, 2)
PACKAGES = (careweave.graph, careweave.events, careweave_skills, careweave_profiles, careweave_matching)
APART = ("__main__", "bolt", "broker", "ladybug", "neo4j", "kafka", "sqlite", "embedded")
"""Modules without queries for both engines."""


def modules(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not set(found.name.split(".")) & set(APART):
            yield importlib.import_module(found.name)


def queries_in(value: object) -> Iterator[Query]:
    """Yield the queries that `value` is or holds."""
    if isinstance(value, Query):
        yield value
    elif isinstance(value, Register):
        yield from (value.find, value.after, *(value.unlink(link) for link in value.links))
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from queries_in(part)
    elif isinstance(value, tuple):
        for part in value:
            yield from queries_in(part)


@cache
def queries() -> tuple[Query, ...]:
    """Return all named queries of the services and of the shared library, by name."""
    found = {
        (query.name, query.text): query
        for package in PACKAGES
        for module in modules(package)
        for value in vars(module).values()
        for query in queries_in(value)
    }
    return tuple(found[key] for key in sorted(found))


def key_of(label: str, number: int) -> str:
    return f"{label.lower()}s/{number:02}"


def names_of(label: str) -> list[str]:
    return [key_of(label, number) for number in range(NODES)]


ALL_NAMES = [name for label in SCHEMA.nodes for name in names_of(label)]


class Maker:
    """Makes rows that fit the schema. A number that orders things is never given twice."""

    def __init__(self, seed: int) -> None:
        """Begin a sequence that depends on `seed` alone."""
        self._random = random.Random(seed)
        self._last = 0

    def value(self, name: str, kind: Value) -> object:
        """Return a value of `kind`, or None now and then."""
        chance = self._random
        if name in {"position", "version"} and kind is Value.INTEGER:
            self._last += 1
            return self._last
        if chance.random() < 0.15:
            return None
        makers = {
            Value.TEXT: lambda: chance.choice(["", "nurse", "Siân", "Ärztin", "x" * 300, *ALL_NAMES]),
            Value.INTEGER: lambda: chance.randrange(4),
            Value.NUMBER: lambda: chance.choice([0.0, 0.1, -1.5, 1e300, 37.5]),
            Value.FLAG: lambda: chance.random() < 0.5,
            Value.BYTES: lambda: chance.randbytes(5),
            Value.DATE: lambda: NOON.date() + timedelta(chance.randrange(-9, 9)),
            Value.TIME: lambda: NOON + timedelta(seconds=chance.randrange(-9, 9)),
            Value.TEXTS: lambda: [chance.choice(["", "a", *ALL_NAMES]) for _ in range(chance.randrange(4))],
            Value.INTEGERS: lambda: [chance.randrange(4) for _ in range(chance.randrange(4))],
            Value.NUMBERS: lambda: [chance.random() for _ in range(chance.randrange(4))],
        }
        return makers[kind]()  # type: ignore[no-untyped-call]

    def nodes(self, table: NodeTable) -> list[Row]:
        """Return the nodes of one label."""
        return [
            {name: self.value(name, kind) for name, kind in table.properties.items()} | {table.key: key}
            for key in names_of(table.label)
        ]

    def links(self, link: RelationshipTable, source: str, target: str) -> list[Row]:
        """Return relationships of one kind between two labels."""
        rows: list[Row] = []
        for _ in range(3 * NODES):
            row = {name: self.value(name, kind) for name, kind in link.properties.items()}
            for name in link.keys:
                while row[name] is None:
                    row[name] = self.value(name, link.properties[name])
            ends = {"source": self._random.choice(names_of(source)), "target": self._random.choice(names_of(target))}
            rows.append(row | ends)
        return rows


async def fill(graph: Graph, seed: int) -> list[int]:
    """Fill `graph` with what `seed` says; returns how many rows of each kind of relationship it took."""
    maker = Maker(seed)
    taken = []
    async with graph.unit_of_work() as unit:
        for label, table in SCHEMA.nodes.items():
            await unit.merge_nodes(label, maker.nodes(table))
        for kind, link in SCHEMA.relationships.items():
            for source, target in link.pairs:
                taken.append(await unit.merge_relationships(kind, source, target, maker.links(link, source, target)))
    return taken


@asynccontextmanager
async def both(folder: Path, seed: int) -> AsyncIterator[tuple[Graph, Graph]]:
    """Open the first two engines with the same content."""
    async with AsyncExitStack() as stack:
        graphs = []
        for engine in GRAPHS[:2]:
            (folder / engine.name).mkdir()
            graph = await engine.open(folder / engine.name, SCHEMA)
            stack.push_async_callback(graph.close)
            await graph.migrate()
            graphs.append(graph)
        one, other = graphs
        assert await fill(one, seed) == await fill(other, seed)
        yield one, other


CHOICES: Mapping[str, tuple[object, ...]] = {
    "after": ("", key_of("Person", 4), key_of("Skill", 4), key_of("Opportunity", 4)),
    "limit": (3, 100),
    "names": (tuple(ALL_NAMES[::-1]), tuple(ALL_NAMES[::3]), ()),
    "groups": (("", "nurse", *ALL_NAMES[::2]), ()),
    "ids": (names_of("Outbox")[:3],),
    "published": ((), names_of("Outbox")[:3]),
    "digests": (tuple(names_of("Erasure")),),
    "name": tuple(key_of(label, 4) for label in SCHEMA.nodes),
    "id": tuple(key_of(label, 5) for label in ("Lease", "EffectRecord", "RequestRecord")),
    "resource": (key_of("Person", 5),),
    "person": tuple(names_of("Person")[:3]),
    "skill": tuple(names_of("Skill")[:3]),
    "opportunity": tuple(names_of("Opportunity")[:3]),
    "organisation": ("", *names_of("Organisation")[:3]),
    "record": tuple(names_of("FeedRecord")[:2]),
    "digest": tuple(names_of("EmploymentCode")[:2]),
    "secret": ("a secret",),
    "source_system": ("", "nurse"),
    "source": ("", "nurse"),
    "kind": (0, 1),
    "scheme": (0, 1),
    "collection": (0, 1),
    "last_state": (1, 3),
    "sector": (0, 1),
    "any_sector": (0,),
    "stated": (1,),
    "model": tuple(names_of("EmbeddingModel")[:2]),
    "today": (NOON.date(), date(2026, 3, 9)),
    "now": (NOON,),
    "state": (0, 1),
    "due_before": (NOON, NOON + timedelta(days=1)),
    "before": (NOON,),
}
"""What each parameter of a query may be. A query with another one needs an entry here."""

LEFT_OUT: Mapping[str, str] = {"drop_unresolved": "deletes nodes that nothing mentions; here random ones are mentioned"}
"""Writing queries that ask for more than random content has, with the reason."""


def given(query: Query) -> list[dict[str, object]]:
    """Return sets of parameters for `query`: each value of each parameter, and some of their combinations."""
    needed = sorted(read_text(query.text).parameters)
    assert set(needed) <= set(CHOICES), f"{query.name}: add {set(needed) - set(CHOICES)} to CHOICES"
    times = max((len(CHOICES[name]) for name in needed), default=1)
    chance = random.Random(query.name)
    sets: list[dict[str, object]] = [{n: CHOICES[n][i % len(CHOICES[n])] for n in needed} for i in range(times)]
    if len(needed) > 1:
        sets += [{name: chance.choice(CHOICES[name]) for name in needed} for _ in range(3)]
    return sets


async def answer(reads: Reads, query: Query, parameters: Mapping[str, object]) -> list[Row]:
    """Return the rows; those without declared order in an order of their own."""
    rows = await reads.run(query, **parameters)
    return rows if "ORDER BY" in query.text else sorted(rows, key=repr)


async def content(graph: Graph) -> dict[str, list[Row]]:
    """Return all that `graph` holds."""
    found: dict[str, list[Row]] = {}
    for label, table in SCHEMA.nodes.items():
        columns = ", ".join(f"n.`{name}` AS `{name}`" for name in table.properties)
        query = Query(f"all_{label}", f"MATCH (n:`{label}`) RETURN {columns} ORDER BY n.`{table.key}`")
        found[label] = await graph.run(query)
    for kind, link in SCHEMA.relationships.items():
        for source, target in link.pairs:
            ends = f"a.`{SCHEMA.nodes[source].key}` AS source, b.`{SCHEMA.nodes[target].key}` AS target"
            columns = ", ".join([ends, *(f"r.`{name}` AS `{name}`" for name in link.properties)])
            text = f"MATCH (a:`{source}`)-[r:`{kind}`]->(b:`{target}`) RETURN {columns}"
            found[f"{source} {kind} {target}"] = await answer(graph, Query(f"all_{kind}", text), {})
    return found


@pytest.mark.parametrize("seed", SEEDS)
async def test_every_reading_query_answers_alike_on_both_engines(tmp_path: Path, seed: int) -> None:
    reading = [query for query in queries() if not read_text(query.text).writes]
    assert len(reading) > 60
    answered = set()
    async with both(tmp_path, seed) as (one, other):
        assert await content(one) == await content(other)
        for query in reading:
            for parameters in given(query):
                rows = await answer(one, query, parameters)
                assert await answer(other, query, parameters) == rows, (query.name, parameters)
                if rows:
                    answered.add(query.name)
    # Answers that are always empty would show nothing.
    assert len(answered) > 0.9 * len({query.name for query in reading}), {q.name for q in reading} - answered


@pytest.mark.parametrize("seed", SEEDS)
async def test_every_writing_query_leaves_the_same_on_both_engines(tmp_path: Path, seed: int) -> None:
    writing = [query for query in queries() if read_text(query.text).writes and query.name not in LEFT_OUT]
    assert len(writing) > 15
    async with both(tmp_path, seed) as (one, other):
        before = await content(one)
        for query in writing:
            parameters = {**given(query)[0], **({"names": tuple(ALL_NAMES[::4])} if "$names" in query.text else {})}
            for graph in (one, other):
                async with graph.unit_of_work() as unit:
                    await unit.run(query, **parameters)
        after = await content(one)
        assert await content(other) == after
        assert after != before


@pytest.mark.parametrize("seed", SEEDS)
async def test_steps_of_many_lengths_reach_the_same_from_every_node_of_a_cyclic_graph(
    tmp_path: Path, seed: int
) -> None:
    """Ladybug walks, Neo4j takes each relationship once: the set of what is reached is the same all the same."""
    reach = Query(
        "reach",
        "MATCH (a:Skill)-[:RELATED_TO*1..5]->(b:Skill) WHERE a.name = $name "
        "RETURN DISTINCT b.name AS name ORDER BY name",
    )
    trails = Query(
        "trails",
        "MATCH (a:Skill)-[:RELATED_TO*1..4]->(b:Skill) WHERE a.name = $name "
        "RETURN b.name AS name, count(*) AS ways ORDER BY name",
        {
            # Left to itself, it would count walks, which go round a cycle as often as they are long.
            "ladybug": "MATCH (a:Skill)-[:RELATED_TO* TRAIL 1..4]->(b:Skill) WHERE a.name = $name "
            "RETURN b.name AS name, count(*) AS ways ORDER BY name"
        },
    )
    async with both(tmp_path, seed) as (one, other):
        for name in names_of("Skill"):
            for query in (reach, trails):
                assert await one.run(query, name=name) == await other.run(query, name=name)
