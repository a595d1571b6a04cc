"""Merging rows of nodes into Ladybug the fastest way that is durable.

- Few rows: UNWIND with casts, which gives nulls and empty lists their types.
- More: `LOAD FROM` an Arrow table, five times as fast as UNWIND.

COPY would be three times as fast again, but the engine (0.22) does not log what it copies: until the
next checkpoint a killed process loses these rows, and keeps the rest of their transaction.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import ladybug

from careweave.errors import InvalidArgument
from careweave.graph.ladybug.values import TYPES, answer_of, table_of, to_engine
from careweave.graph.schema import NodeTable, Value

BULK = 64
"""From this many rows on, Arrow pays."""
AT_ONCE = 20_000
"""Rows in one statement, which bounds the memory it takes."""

EngineRow = dict[str, Any]


def merge_nodes(connection: ladybug.Connection, table: NodeTable, rows: Sequence[Mapping[str, object]]) -> None:
    """Create or update nodes.

    Raises:
        InvalidArgument: a row lacks its key, or names a property that is not declared.
    """
    for names, group in _by_columns(table, rows):
        if len(group) < BULK:
            _unwind(connection, table, names, group)
        else:
            for start in range(0, len(group), AT_ONCE):
                _load(connection, table, names, group[start : start + AT_ONCE])


def present_keys(connection: ladybug.Connection, table: NodeTable, keys: Sequence[str]) -> set[str]:
    """Return those of `keys` of which there is a node."""
    if len(keys) < BULK:
        # A look-up for each key; `WHERE … IN $keys` compares every node with every key.
        text = f"UNWIND $keys AS wanted MATCH (n:`{table.label}` {{`{table.key}`: wanted}}) RETURN n.`{table.key}`"
        _, rows = answer_of(connection, text, {"keys": list(keys)})
    else:
        text = f"LOAD FROM $t MATCH (n:`{table.label}` {{`{table.key}`: c0}}) RETURN c0"
        _, rows = answer_of(connection, text, {"t": table_of([Value.TEXT], [[key] for key in keys])})
    return {row[0] for row in rows}


def check_names(owner: str, declared: Mapping[str, Value], row: Mapping[str, object], also: Sequence[str] = ()) -> None:
    """Refuse a row that names what `owner` does not have.

    Raises:
        InvalidArgument: a property is not declared.
    """
    unknown = row.keys() - declared.keys() - set(also)
    if unknown:
        raise InvalidArgument(
            f"{owner} has no property {', '.join(sorted(unknown))}; declare it in careweave.graph.schema",
            reason="UNKNOWN_PROPERTY",
        )


def _by_columns(table: NodeTable, rows: Sequence[Mapping[str, object]]) -> Iterator[tuple[list[str], list[EngineRow]]]:
    """Yield (property names, rows that name just these), each key once, its later values winning."""
    merged: dict[str, EngineRow] = {}
    for row in rows:
        check_names(table.label, table.properties, row)
        key = row.get(table.key)
        if not isinstance(key, str) or not key:
            raise InvalidArgument(f"a {table.label} needs {table.key}, a text that is not empty", reason="KEY_MISSING")
        merged.setdefault(key, {}).update({name: to_engine(value) for name, value in row.items()})
    groups: dict[frozenset[str], list[EngineRow]] = {}
    for merged_row in merged.values():
        groups.setdefault(frozenset(merged_row), []).append(merged_row)
    for names, group in groups.items():
        yield sorted(names - {table.key}), group


def _unwind(connection: ladybug.Connection, table: NodeTable, names: list[str], rows: list[EngineRow]) -> None:
    text = f"UNWIND $rows AS r MERGE (n:`{table.label}` {{`{table.key}`: r.`{table.key}`}})"
    if names:
        text += " SET " + ", ".join(
            f"n.`{name}` = CAST(r.`{name}` AS {TYPES[table.properties[name]]})" for name in names
        )
    connection.execute(text, {"rows": rows})


def _load(connection: ladybug.Connection, table: NodeTable, names: list[str], rows: list[EngineRow]) -> None:
    columns = (table.key, *names)
    kinds = [table.properties[name] for name in columns]
    text = f"LOAD FROM $t MERGE (n:`{table.label}` {{`{table.key}`: c0}})"
    if names:
        text += " SET " + ", ".join(f"n.`{name}` = c{index}" for index, name in enumerate(names, 1))
    connection.execute(text, {"t": table_of(kinds, [[row[name] for name in columns] for row in rows])})
