"""Merging rows of relationships into Ladybug the fastest way that is durable.

What is there already is read first: by the keys of the source nodes if they are few (with OPTIONAL
MATCH the engine looks these up and goes on from there; with MATCH it joins with the whole table, and
`WHERE a.name IN $keys` compares every node with every key), else the whole
table at once. Rows that would change nothing are left out, so that loading the same again costs a read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ladybug

from careweave.errors import InvalidArgument
from careweave.graph.ladybug.batches import AT_ONCE, BULK, EngineRow, check_names, present_keys
from careweave.graph.ladybug.values import TYPES, answer_of, table_of, to_engine
from careweave.graph.schema import NodeTable, RelationshipTable, Value

SINGLY = 24
"""Up to this many sources or updates go one by one: each looks its ends up, where a batch costs a join."""
SOURCES_AT_ONCE = 500
"""Source keys in one lookup; beyond four times this, reading the whole table is faster."""

Identity = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Ends:
    """A kind of relationship between two labels."""

    link: RelationshipTable
    source: NodeTable
    target: NodeTable

    @property
    def pattern(self) -> str:
        """Return the pattern that binds a, r and b, the label of a left to an earlier MATCH."""
        return f"(a)-[r:`{self.link.kind}`]->(b:`{self.target.label}`)"

    def identity(self, row: Mapping[str, Any]) -> Identity:
        """Return what tells this row's relationship from others."""
        return (row["source"], row["target"], *(row[name] for name in self.link.keys))


def merge_relationships(connection: ladybug.Connection, ends: Ends, rows: Sequence[Mapping[str, object]]) -> int:
    """Create or update relationships whose ends exist; returns how many rows were merged.

    Raises:
        InvalidArgument: an end or a key property is missing, or a property is not declared.
    """
    merged: dict[Identity, EngineRow] = {}
    for row in rows:
        checked = _checked(ends, row)
        merged.setdefault(ends.identity(checked), {}).update(checked)
    kept = _with_ends(connection, ends, merged)
    if not kept:
        return 0
    names = sorted({name for row in kept.values() for name in row} - {"source", "target", *ends.link.keys})
    present = _present(connection, ends, kept, names)
    _create(connection, ends, [row for identity, row in kept.items() if identity not in present])
    _update(connection, ends, [row for identity, row in kept.items() if _differs(row, present.get(identity))])
    return len(kept)


def _checked(ends: Ends, row: Mapping[str, object]) -> EngineRow:
    check_names(ends.link.kind, ends.link.properties, row, ("source", "target"))
    for name in ("source", "target", *ends.link.keys):
        if row.get(name) in (None, "") and not (name in ends.link.keys and row.get(name) == ""):
            raise InvalidArgument(f"a {ends.link.kind} needs {name}", reason="KEY_MISSING")
    return {name: to_engine(value) for name, value in row.items()}


def _with_ends(
    connection: ladybug.Connection, ends: Ends, rows: Mapping[Identity, EngineRow]
) -> dict[Identity, EngineRow]:
    sources = present_keys(connection, ends.source, sorted({row["source"] for row in rows.values()}))
    targets = present_keys(connection, ends.target, sorted({row["target"] for row in rows.values()}))
    return {key: row for key, row in rows.items() if row["source"] in sources and row["target"] in targets}


def _present(
    connection: ladybug.Connection, ends: Ends, rows: Mapping[Identity, EngineRow], names: list[str]
) -> dict[Identity, EngineRow]:
    """Return the relationships of the rows' sources, by identity, with the properties `names`."""
    wanted = [*ends.link.keys, *names]
    columns = ", ".join([f"a.`{ends.source.key}`", f"b.`{ends.target.key}`", *(f"r.`{name}`" for name in wanted)])
    keys = sorted({row["source"] for row in rows.values()})
    steps: list[tuple[str, dict[str, Any]]]
    if len(keys) <= SINGLY:
        one = f"MATCH (a:`{ends.source.label}` {{`{ends.source.key}`: $wanted}}) MATCH {ends.pattern} RETURN {columns}"
        steps = [(one, {"wanted": key}) for key in keys]
    elif len(keys) > 4 * SOURCES_AT_ONCE:
        steps = [(f"MATCH (a:`{ends.source.label}`) MATCH {ends.pattern} RETURN {columns}", {})]
    else:
        chosen = (
            f"UNWIND $keys AS wanted MATCH (a:`{ends.source.label}` {{`{ends.source.key}`: wanted}}) "
            f"OPTIONAL MATCH {ends.pattern}"
        )
        chunks = (keys[start : start + SOURCES_AT_ONCE] for start in range(0, len(keys), SOURCES_AT_ONCE))
        steps = [(f"{chosen} RETURN {columns}", {"keys": chunk}) for chunk in chunks]
    found: dict[Identity, EngineRow] = {}
    for text, parameters in steps:
        for values in answer_of(connection, text, parameters)[1]:
            row = dict(zip(("source", "target", *wanted), values, strict=True))
            if row["target"] is not None:
                found[ends.identity(row)] = row
    return found


def _differs(row: EngineRow, present: EngineRow | None) -> bool:
    return present is not None and any(present[name] != value for name, value in row.items())


def _create(connection: ladybug.Connection, ends: Ends, rows: list[EngineRow]) -> None:
    if not rows:
        return
    names = sorted({name for row in rows for name in row} - {"source", "target"})
    if len(rows) < BULK:
        given = ", ".join(f"`{name}`: CAST(r.`{name}` AS {TYPES[ends.link.properties[name]]})" for name in names)
        full = [{name: row.get(name) for name in ("source", "target", *names)} for row in rows]
        connection.execute(
            f"UNWIND $rows AS r {_match_ends(ends, 'r.source', 'r.target')} "
            f"CREATE (a)-[:`{ends.link.kind}` {{{given}}}]->(b)",
            {"rows": full},
        )
        return
    given = ", ".join(f"`{name}`: c{index}" for index, name in enumerate(names, 2))
    text = f"LOAD FROM $t {_match_ends(ends, 'c0', 'c1')} CREATE (a)-[:`{ends.link.kind}` {{{given}}}]->(b)"
    for start in range(0, len(rows), AT_ONCE):
        connection.execute(text, {"t": _table(ends, names, rows[start : start + AT_ONCE])})


def _match_ends(ends: Ends, source: str, target: str) -> str:
    # Two clauses: joined by a comma, the engine would make the product of the two labels.
    return (
        f"MATCH (a:`{ends.source.label}` {{`{ends.source.key}`: {source}}}) "
        f"MATCH (b:`{ends.target.label}` {{`{ends.target.key}`: {target}}})"
    )


def _update(connection: ladybug.Connection, ends: Ends, rows: list[EngineRow]) -> None:
    groups: dict[frozenset[str], list[EngineRow]] = {}
    for row in rows:
        groups.setdefault(frozenset(row), []).append(row)
    for group_names, group in groups.items():
        names = sorted(group_names - {"source", "target"})
        if len(group) <= SINGLY:
            for row in group:
                connection.execute(_update_text(ends, names, _parameter(ends, names)), row)
        else:
            columns = {name: f"c{index}" for index, name in enumerate(("source", "target", *names))}
            # OPTIONAL MATCH, though all are there: the engine then looks each up instead of joining with the table.
            text = f"LOAD FROM $t {_update_text(ends, names, columns, match='OPTIONAL MATCH')}"
            for start in range(0, len(group), AT_ONCE):
                connection.execute(text, {"t": _table(ends, names, group[start : start + AT_ONCE])})


def _parameter(ends: Ends, names: list[str]) -> dict[str, str]:
    typed = {name: f"CAST(${name} AS {TYPES[ends.link.properties[name]]})" for name in names}
    return {"source": "$source", "target": "$target", **typed}


def _update_text(ends: Ends, names: list[str], value: Mapping[str, str], match: str = "MATCH") -> str:
    same = [f"b.`{ends.target.key}` = {value['target']}", *(f"r.`{name}` = {value[name]}" for name in ends.link.keys)]
    changed = [f"r.`{name}` = {value[name]}" for name in names if name not in ends.link.keys]
    return (
        f"MATCH (a:`{ends.source.label}` {{`{ends.source.key}`: {value['source']}}}) {match} {ends.pattern} "
        f"WHERE {' AND '.join(same)} SET {', '.join(changed)}"
    )


def _table(ends: Ends, names: list[str], rows: list[EngineRow]) -> Any:
    kinds = [Value.TEXT, Value.TEXT, *(ends.link.properties[name] for name in names)]
    return table_of(kinds, [[row.get(name) for name in ("source", "target", *names)] for row in rows])
