"""A graph that another process of the same server has open, and lets this one read."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

from careweave.errors import FailedPrecondition
from careweave.events.wakeup import Wakeup
from careweave.graph.port import Query, Row, UnitOfWork

Read: TypeAlias = Callable[[Query, Mapping[str, object]], Awaitable[list[Row]]]
"""Has a query answered by the process that has the graph open."""


class RemoteGraph:
    """The graph port without writes: whoever works for another process leaves these to it."""

    engine = "remote"

    def __init__(self, read: Read) -> None:
        """Have queries answered by `read`, each in the text of the engine that is open there."""
        self.emitted = Wakeup()
        self._read = read

    async def run(self, query: Query, /, **parameters: object) -> list[Row]:
        """Return the rows of `query`, which must not write."""
        return await self._read(query, parameters)

    async def migrate(self) -> None:
        """Do nothing: the process that opened the graph has done it."""

    def unit_of_work(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """Refuse.

        Raises:
            FailedPrecondition: always.
        """
        raise FailedPrecondition("This process can only read the graph.", reason="GRAPH_READ_ONLY")

    async def close(self) -> None:
        """Do nothing: the graph is another process's."""
