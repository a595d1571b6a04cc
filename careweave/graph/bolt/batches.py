"""Merging rows into Neo4j: one statement for rows that name the same properties, values as lists.

Lists cost less to send and to read than maps, whose keys travel with every row, and a SET of named
properties less than one of a map. Statements take `CHUNK` rows: beyond, only memory grows.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from careweave.errors import InvalidArgument
from careweave.graph.bolt.values import typed
from careweave.graph.schema import NodeTable, RelationshipTable, Value

CHUNK = 5000
"""Rows of one statement."""

EngineRow = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One statement of a merge. `rows` is its parameter; it answers with `written`, how many rows it took."""

    text: str
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Ends:
    """A kind of relationship between two labels."""

    link: RelationshipTable
    source: NodeTable
    target: NodeTable

    @property
    def identity(self) -> tuple[str, ...]:
        """Return the columns that tell one relationship from another."""
        return ("source", "target", *self.link.keys)


def merge_nodes(table: NodeTable, rows: Sequence[Mapping[str, object]]) -> Iterator[Step]:
    """Yield the statements that create or update nodes.

    Raises:
        InvalidArgument: a row lacks its key, or does not fit the declared properties.
    """
    merged: dict[str, EngineRow] = {}
    for row in rows:
        checked = typed(table.label, table.properties, row)
        key = checked.get(table.key)
        if not key:
            raise InvalidArgument(f"a {table.label} needs {table.key}, a text that is not empty", reason="KEY_MISSING")
        if key in merged:
            merged[key].update(checked)
        else:
            merged[key] = checked
    for names, group in _by_columns(merged.values()):
        columns = (table.key, *sorted(names - {table.key}))
        changes = _changes("n", columns, 1)
        text = (
            f"UNWIND $rows AS r MERGE (n:`{table.label}` {{`{table.key}`: r[0]}}){changes} RETURN count(*) AS written"
        )
        yield from _steps(text, columns, group)


def merge_relationships(ends: Ends, rows: Sequence[Mapping[str, object]]) -> Iterator[Step]:
    """Yield the statements that create or update relationships whose ends exist.

    Raises:
        InvalidArgument: an end or a key property is missing, or a row does not fit what is declared.
    """
    properties = {**ends.link.properties, "source": Value.TEXT, "target": Value.TEXT}
    merged: dict[tuple[Any, ...], EngineRow] = {}
    for row in rows:
        checked = typed(ends.link.kind, properties, row)
        _require_identity(ends, checked)
        identity = tuple(checked[name] for name in ends.identity)
        if identity in merged:
            merged[identity].update(checked)
        else:
            merged[identity] = checked
    for names, group in _by_columns(merged.values()):
        columns = (*ends.identity, *sorted(names - set(ends.identity)))
        keys = ", ".join(f"`{name}`: r[{index}]" for index, name in enumerate(ends.link.keys, 2))
        text = (
            f"UNWIND $rows AS r MATCH (a:`{ends.source.label}` {{`{ends.source.key}`: r[0]}}) "
            f"MATCH (b:`{ends.target.label}` {{`{ends.target.key}`: r[1]}}) "
            f"MERGE (a)-[x:`{ends.link.kind}` {{{keys}}}]->(b){_changes('x', columns, len(ends.identity))} "
            "RETURN count(*) AS written"
        )
        yield from _steps(text, columns, group)


def _require_identity(ends: Ends, row: EngineRow) -> None:
    for name in ends.identity:
        if row.get(name) is None or (row[name] == "" and name in {"source", "target"}):
            raise InvalidArgument(f"a {ends.link.kind} needs {name}", reason="KEY_MISSING")


def _by_columns(rows: Iterable[EngineRow]) -> Iterator[tuple[frozenset[str], list[EngineRow]]]:
    groups: dict[frozenset[str], list[EngineRow]] = {}
    for row in rows:
        groups.setdefault(frozenset(row), []).append(row)
    yield from groups.items()


def _changes(variable: str, columns: Sequence[str], first: int) -> str:
    changes = [f"{variable}.`{name}` = r[{index}]" for index, name in enumerate(columns) if index >= first]
    return f" SET {', '.join(changes)}" if changes else ""


def _steps(text: str, columns: Sequence[str], rows: Sequence[EngineRow]) -> Iterator[Step]:
    for start in range(0, len(rows), CHUNK):
        yield Step(text, [[row[name] for name in columns] for row in rows[start : start + CHUNK]])
