"""Merging rows of relationships into Ladybug the fastest way that is durable.

What is there already is read first. Rows that would change nothing are left out, so that loading the
same again costs a read. Relationships of given sources are found by OPTIONAL MATCH: it starts from the
nodes, where MATCH would scan all relationships of the kind (0.5 ms and 0.7 s among 750,000).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ladybug

from careweave.errors import InvalidArgument
from careweave.graph.ladybug.batches import AT_ONCE, BULK, EngineRow, check_names, present_keys
from careweave.graph.ladybug.values import TYPES, answer_of, table_of, to_engine
from careweave.graph.schema import NodeTable, RelationshipTable, Value

SOURCES_AT_ONCE = 2000
"""Source nodes in one lookup."""

_AS_THEY_ARE = frozenset({str, int, float, bool, bytes, type(None)})
"""Types that the engine takes without a change."""

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
    checked_columns: set[tuple[str, ...]] = set()
    for row in rows:
        columns = tuple(row)
        if columns not in checked_columns:  # rows of one maker have the same ones
            check_names(ends.link.kind, ends.link.properties, row, ("source", "target"))
            checked_columns.add(columns)
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
    if not row.get("source") or not row.get("target"):
        raise InvalidArgument(f"a {ends.link.kind} needs source and target", reason="KEY_MISSING")
    for name in ends.link.keys:
        if row.get(name) is None:
            raise InvalidArgument(f"a {ends.link.kind} needs {name}", reason="KEY_MISSING")
    return {name: value if type(value) in _AS_THEY_ARE else to_engine(value) for name, value in row.items()}


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
    text = (
        f"MATCH (a:`{ends.source.label}` {{`{ends.source.key}`: c0}}) "
        f"OPTIONAL MATCH {ends.pattern} WITH a, r, b WHERE b.`{ends.target.key}` IS NOT NULL RETURN {columns}"
    )
    keys = sorted({row["source"] for row in rows.values()})
    found: dict[Identity, EngineRow] = {}
    for start in range(0, len(keys), SOURCES_AT_ONCE):
        chunk = keys[start : start + SOURCES_AT_ONCE]
        if len(chunk) < BULK:
            answer = answer_of(connection, f"UNWIND $keys AS c0 {text}", {"keys": chunk})
        else:
            table = table_of([Value.TEXT], [[key] for key in chunk])
            answer = answer_of(connection, f"LOAD FROM $t {text}", {"t": table})
        for values in answer[1]:
            row = dict(zip(("source", "target", *wanted), values, strict=True))
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
        if len(group) < BULK:
            column = {name: f"CAST(x.`{name}` AS {TYPES[ends.link.properties[name]]})" for name in names}
            column |= {"source": "x.source", "target": "x.target"}
            connection.execute(f"UNWIND $rows AS x {_update_text(ends, names, column, ['x'])}", {"rows": group})
            continue
        column = {name: f"c{index}" for index, name in enumerate(("source", "target", *names))}
        text = f"LOAD FROM $t {_update_text(ends, names, column, list(column.values()))}"
        for start in range(0, len(group), AT_ONCE):
            connection.execute(text, {"t": _table(ends, names, group[start : start + AT_ONCE])})


def _update_text(ends: Ends, names: list[str], column: Mapping[str, str], carried: list[str]) -> str:
    same = [f"b.`{ends.target.key}` = {column['target']}", *(f"r.`{name}` = {column[name]}" for name in ends.link.keys)]
    changed = [f"r.`{name}` = {column[name]}" for name in names if name not in ends.link.keys]
    return (
        f"MATCH (a:`{ends.source.label}` {{`{ends.source.key}`: {column['source']}}}) "
        f"OPTIONAL MATCH {ends.pattern} WITH {', '.join(carried)}, r, b WHERE {' AND '.join(same)} "
        f"SET {', '.join(changed)}"
    )


def _table(ends: Ends, names: list[str], rows: list[EngineRow]) -> Any:
    kinds = [Value.TEXT, Value.TEXT, *(ends.link.properties[name] for name in names)]
    return table_of(kinds, [[row.get(name) for name in ("source", "target", *names)] for row in rows])
