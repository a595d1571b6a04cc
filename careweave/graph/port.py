"""What a graph engine must do, stated once. Every adapter passes `tests/contract/test_graph.py`.

Semantics that callers rely on:

- A read sees every unit of work that was committed before it began, and nothing uncommitted.
- A unit of work sees its own writes. On a clean exit its writes and its events commit together,
  durably, before `__aexit__` returns; on any exception neither does.
- Engines may admit one writer at a time; further writers wait their turn, in order of arrival.
- Merging a row again changes nothing; merging it with other values overwrites those it names.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from careweave.events.port import Event
from careweave.events.wakeup import Wakeup

Row: TypeAlias = dict[str, object]
"""One row of an answer: column name to bool, int, float, str, bytes, date, aware datetime, list or None."""


@dataclass(frozen=True, slots=True)
class Query:
    """One named text of Cypher, the same for both engines unless overridden.

    The common subset: explicit RETURN columns, no map projections, batches by UNWIND, one MATCH
    clause per pattern (the embedded engine joins comma patterns as a product), declared schema,
    aliases that are not also variables. From given nodes along relationships, OPTIONAL MATCH: after
    `UNWIND $names AS wanted MATCH (a:Skill {name: wanted})` the embedded engine follows only these
    nodes by `OPTIONAL MATCH (a)-[r:RELATED_TO]->(b:Skill) WITH a, r, b WHERE b.name IS NOT NULL`,
    and by MATCH scans all relationships of the kind.
    """

    name: str
    text: str
    overrides: Mapping[str, str] = field(default_factory=dict)
    """Engine name (`ladybug`, `neo4j`) to the text it runs instead, with the reason in a comment."""


class Reads(Protocol):
    """Whatever can answer a query."""

    async def run(self, query: Query, /, **parameters: object) -> list[Row]:
        """Return the rows of `query`, each a dict of column name to value.

        Raises:
            InvalidArgument: the text or a parameter is wrong.
            Unavailable: the engine does not answer.
            Exhausted: the disk is full or memory is used up.
        """
        ...


class UnitOfWork(Reads, Protocol):
    """Writes that commit together with their events."""

    async def merge_nodes(self, label: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Create or update nodes of `label` by its key; properties a row lacks keep their value."""
        ...

    async def merge_relationships(
        self, kind: str, source: str, target: str, rows: Sequence[Mapping[str, object]]
    ) -> int:
        """Create or update relationships of `kind` between nodes of labels `source` and `target`.

        Each row has `source` and `target` (the keys of the end nodes) and the properties; one
        relationship of a kind holds per pair and, where the schema names further key properties,
        per value of these. Rows whose end is missing are left out. Returns how many rows were written.
        """
        ...

    def emit(self, event: Event) -> None:
        """Put `event` into the outbox; it is published if and only if this unit commits."""
        ...


class Graph(Reads, Protocol):
    """A graph database."""

    engine: str
    """`ladybug` or `neo4j`; picks the override of a query."""
    emitted: Wakeup
    """Notified when a unit of work of this process has committed events."""

    async def migrate(self) -> None:
        """Bring the declared schema (`careweave.graph.schema`) into being; safe to run at any time."""
        ...

    def unit_of_work(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """Begin a unit of work."""
        ...

    async def close(self) -> None:
        """Release files and connections. Further calls raise Unavailable."""
        ...
