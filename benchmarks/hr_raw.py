"""The raw engines, writing rows that are ready, each by its best batch: what benchmarks.hr_updates is compared with."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Any, Final

import ladybug
import neo4j
import pyarrow as pa

from benchmarks.cost import Cost, Watch
from careweave.config import Settings
from careweave.graph.ladybug.values import ARROW, to_engine
from careweave.graph.port import Graph, Query
from careweave.graph.schema import SCHEMA, Value
from careweave.wiring import open_graph

BATCHES: Final = (300, 1000)
"""People of one transaction; the best counts."""
NODES: Final = ("Person", "FeedRecord", "Outbox")
_EMBEDDED: Final = "ladybug:"
LINKS: Final = (
    ("HAS_SKILL", "Person", "Skill"),
    ("EMPLOYED_BY", "Person", "Organisation"),
    ("FED_BY", "Person", "FeedRecord"),
)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of one label or kind. columns: by name; of relationships `source` and `target` come first."""

    create: str
    columns: Mapping[str, Value]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Written:
    """All that the updates left in the graph; each person's rows are together in every table."""

    people: int
    tables: Sequence[Table]


async def read_written(graph: Graph) -> Written:
    """Return everything that was written, as it can be written anew."""
    tables = [await _nodes(graph, label) for label in NODES]
    tables += [await _links(graph, *link) for link in LINKS]
    return Written(len(tables[0].rows), tables)


async def _nodes(graph: Graph, label: str) -> Table:
    columns = SCHEMA.node(label).properties
    returned = ", ".join(f"n.`{name}` AS c{index}" for index, name in enumerate(columns))
    rows = await graph.run(Query("raw", f"MATCH (n:{label}) RETURN {returned}"))
    given = ", ".join(f"`{name}`: {{{index}}}" for index, name in enumerate(columns))
    return _table(f"CREATE (:`{label}` {{{{{given}}}}})", columns, rows)


async def _links(graph: Graph, kind: str, source: str, target: str) -> Table:
    properties = SCHEMA.link(kind, source, target).properties
    columns = {"source": Value.TEXT, "target": Value.TEXT, **properties}
    returned = ", ".join(["a.name AS c0", "b.name AS c1", *(f"r.`{n}` AS c{i}" for i, n in enumerate(properties, 2))])
    rows = await graph.run(Query("raw", f"MATCH (a:{source})-[r:{kind}]->(b:{target}) RETURN {returned}"))
    given = ", ".join(f"`{name}`: {{{index}}}" for index, name in enumerate(properties, 2))
    create = (
        f"MATCH (a:`{source}` {{{{name: {{0}}}}}}) MATCH (b:`{target}` {{{{name: {{1}}}}}}) "
        f"CREATE (a)-[:`{kind}` {{{{{given}}}}}]->(b)"
    )
    return _table(create, columns, rows)


def _table(create: str, columns: Mapping[str, Value], rows: Sequence[Mapping[str, object]]) -> Table:
    return Table(create, columns, [[row[f"c{index}"] for index in range(len(columns))] for row in rows])


async def best(settings: Settings, written: Written) -> Cost:
    """Return the least that it costs the raw engine to write `written` into a graph without people.

    On a server, into that of `settings`, whose people are deleted.
    """
    if settings.graph.startswith(_EMBEDDED):
        return min([await _into_ladybug(written, size) for size in BATCHES])
    return min([_into_neo4j(settings, written, size) for size in BATCHES])


def clear(settings: Settings) -> None:
    """Delete all that the graph of `settings` holds, but what says how far its schema has come."""
    if settings.graph.startswith(_EMBEDDED):
        rmtree(settings.graph.removeprefix(_EMBEDDED), ignore_errors=True)
        return
    with _driver(settings) as driver, driver.session() as session:
        _delete(session, "n", "NOT n:GraphMigration")


def _driver(settings: Settings) -> neo4j.Driver:
    password = Path(settings.graph_password_file).read_text(encoding="utf-8")
    return neo4j.GraphDatabase.driver(settings.graph, auth=(settings.graph_user, password))


def _delete(session: neo4j.Session, node: str, where: str = "true") -> None:
    """Delete in parts: one transaction for all takes more memory than a server for development has."""
    text = f"MATCH ({node}) WHERE {where} CALL (n) {{DETACH DELETE n}} IN TRANSACTIONS OF 1000 ROWS"
    session.run(text).consume()


def _parts(written: Written, size: int) -> Iterator[list[tuple[Table, Sequence[Sequence[Any]]]]]:
    """Yield what is written in each transaction: as many rows of each table as `size` people have on average."""
    count = -(-written.people // size)
    for part in range(count):
        yield [
            (table, table.rows[part * len(table.rows) // count : (part + 1) * len(table.rows) // count])
            for table in written.tables
        ]


async def _into_ladybug(written: Written, size: int) -> Cost:
    with TemporaryDirectory() as folder:
        place = Path(folder) / "graph"
        graph = await open_graph(Settings(graph=f"ladybug:{place}"))
        async with graph.unit_of_work() as unit:
            names = {row[1] for row in written.tables[len(NODES)].rows}
            await unit.merge_nodes("Skill", [{"name": name, "label": name} for name in sorted(names)])
            await unit.merge_nodes("Organisation", [{"name": "organisations/generated", "title": "Generated"}])
        await graph.close()
        database = ladybug.Database(str(place / "graph.lbug"))
        connection = ladybug.Connection(database)
        watch = Watch()
        for part in _parts(written, size):
            connection.execute("BEGIN TRANSACTION")
            for table, rows in part:
                if rows:
                    text = table.create.format(*(f"c{index}" for index in range(len(table.columns))))
                    connection.execute(f"LOAD FROM $t {text}", {"t": _arrow(table, rows)})
            connection.execute("COMMIT")
        cost = watch.cost()
        connection.close()
        database.close()
        return cost


def _arrow(table: Table, rows: Sequence[Sequence[Any]]) -> pa.Table:
    columns = zip(*rows, strict=True)
    arrays = [
        pa.array([to_engine(value) for value in values] if kind is Value.TIME else values, ARROW[kind])
        for values, kind in zip(columns, table.columns.values(), strict=True)
    ]
    return pa.table(arrays, names=[f"c{index}" for index in range(len(arrays))])


def _into_neo4j(settings: Settings, written: Written, size: int) -> Cost:
    """Write into the server's database, emptied of what was measured before."""
    with _driver(settings) as driver, driver.session() as session:
        for label in NODES:
            _delete(session, f"n:{label}")
        watch = Watch()
        for part in _parts(written, size):
            with session.begin_transaction() as transaction:
                for table, rows in part:
                    text = table.create.format(*(f"r[{index}]" for index in range(len(table.columns))))
                    transaction.run(f"UNWIND $rows AS r {text}", rows=rows).consume()
        return watch.cost()
