"""A unit of work on Neo4j."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TypeVar, cast

import neo4j

from careweave.errors import CareweaveError, FailedPrecondition, Unavailable
from careweave.events.port import Event
from careweave.graph.bolt import batches
from careweave.graph.bolt.failures import FAILURES, translate
from careweave.graph.bolt.texts import parameters_of, rows_of, text_of
from careweave.graph.outbox_rows import outbox_row
from careweave.graph.port import Query, Row
from careweave.graph.schema import Schema

T = TypeVar("T")


class BoltUnit:
    """An open transaction. Any error ends it: the server rolls back at once."""

    def __init__(self, transaction: neo4j.AsyncTransaction, schema: Schema) -> None:
        """Begin with nothing written."""
        self.events: list[Event] = []
        self._transaction = transaction
        self._schema = schema
        self._failure: CareweaveError | None = None

    async def run(self, query: Query, /, **parameters: object) -> list[Row]:
        """Return the rows of `query`, which may write."""

        async def work() -> list[Row]:
            result = await self._transaction.run(text_of(query), parameters_of(query, parameters))
            return await rows_of(result)

        return await self._do(work, query.name)

    async def merge_nodes(self, label: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Create or update nodes of `label` by its key."""
        table = self._schema.node(label)
        await self._do(lambda: self._merge(batches.merge_nodes(table, rows)), f"merging {label}")

    async def merge_relationships(
        self, kind: str, source: str, target: str, rows: Sequence[Mapping[str, object]]
    ) -> int:
        """Create or update relationships of `kind` from `source` to `target`."""
        ends = batches.Ends(
            self._schema.link(kind, source, target), self._schema.node(source), self._schema.node(target)
        )
        return await self._do(lambda: self._merge(batches.merge_relationships(ends, rows)), f"merging {kind}")

    def emit(self, event: Event) -> None:
        """Put `event` into the outbox of this unit."""
        self.events.append(event)

    async def finish(self) -> None:
        """Write the events, that committing may follow.

        Raises:
            CareweaveError: this or an earlier step failed; nothing must be committed.
        """
        if self._failure is not None:
            raise self._failure
        if self.events:
            await self.merge_nodes("Outbox", [outbox_row(event, n) for n, event in enumerate(self.events)])

    async def _merge(self, steps: Iterable[batches.Step]) -> int:
        written = 0
        for step in steps:
            result = await self._transaction.run(step.text, rows=step.rows)
            written += cast("int", (await rows_of(result))[0]["written"])
        return written

    async def _do(self, work: Callable[[], Awaitable[T]], doing: str) -> T:
        try:
            if self._failure is not None:
                raise FailedPrecondition(
                    f"{doing}: this unit of work has failed and was rolled back ({self._failure}); begin a new one",
                    reason="UNIT_FAILED",
                )
            return await work()
        except FAILURES as error:
            self._failure = translate(error, doing)
            raise self._failure from error
        except CareweaveError as error:
            self._failure = self._failure or error
            if doing not in error.message:
                error.message = f"{doing}: {error.message}"
            raise
        except asyncio.CancelledError:
            self._failure = Unavailable(f"{doing}: cancelled", reason="CANCELLED")
            raise
