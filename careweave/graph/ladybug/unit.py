"""A unit of work on the embedded engine."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import ladybug

from careweave.errors import CareweaveError, FailedPrecondition, InvalidArgument, Unavailable
from careweave.events.port import Event
from careweave.graph.ladybug import batches, links
from careweave.graph.ladybug.texts import execute, read_text, text_of
from careweave.graph.ladybug.writer import Writer
from careweave.graph.outbox_rows import outbox_row
from careweave.graph.port import Query, Row
from careweave.graph.schema import Schema

T = TypeVar("T")


class EmbeddedUnit:
    """A transaction on the writer's connection. Any error ends it: the engine rolls back at once."""

    def __init__(self, writer: Writer, schema: Schema) -> None:
        """Begin with nothing written."""
        self.events: list[Event] = []
        self._writer = writer
        self._schema = schema
        self._failure: CareweaveError | None = None

    async def run(self, query: Query, /, **parameters: object) -> list[Row]:
        """Return the rows of `query`, which may write."""
        if not read_text(text_of(query)).fits_unit:
            raise InvalidArgument(
                f"{query.name}: a unit of work begins and ends itself, and takes no COPY; merge rows instead",
                reason="QUERY_REFUSED",
            )
        return await self._do(lambda connection: execute(connection, query, parameters), query.name)

    async def merge_nodes(self, label: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Create or update nodes of `label` by its key."""
        table = self._schema.node(label)
        if rows:
            await self._do(lambda connection: batches.merge_nodes(connection, table, rows), f"merging {label}")

    async def merge_relationships(
        self, kind: str, source: str, target: str, rows: Sequence[Mapping[str, object]]
    ) -> int:
        """Create or update relationships of `kind` from `source` to `target`."""
        ends = links.Ends(self._schema.link(kind, source, target), self._schema.node(source), self._schema.node(target))
        if not rows:
            return 0
        return await self._do(lambda connection: links.merge_relationships(connection, ends, rows), f"merging {kind}")

    def emit(self, event: Event) -> None:
        """Put `event` into the outbox of this unit."""
        self.events.append(event)

    def commit(self, connection: ladybug.Connection) -> None:
        """Write the events and commit; runs on the writer's thread.

        Raises:
            CareweaveError: an earlier step failed; nothing is committed.
        """
        if self._failure is not None:
            raise self._failure
        if self.events:
            rows = [outbox_row(event, position) for position, event in enumerate(self.events)]
            batches.merge_nodes(connection, self._schema.node("Outbox"), rows)
        self._writer.folder.require_room()
        connection.execute("COMMIT")

    async def _do(self, work: Callable[[ladybug.Connection], T], doing: str) -> T:
        if self._failure is not None:
            raise FailedPrecondition(
                f"{doing}: this unit of work has failed and was rolled back ({self._failure}); begin a new one",
                reason="UNIT_FAILED",
            )
        try:
            return await self._writer.do(work, doing)
        except CareweaveError as error:
            self._failure = error
            raise
        except asyncio.CancelledError:
            self._failure = Unavailable(f"{doing}: cancelled", reason="CANCELLED")
            raise
