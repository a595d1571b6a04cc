"""The engines that the contract suites run on. Another engine is another entry."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

from careweave.events import embedded as embedded_events
from careweave.events.port import EventLog
from careweave.graph import embedded as embedded_graph
from careweave.graph.port import Graph
from careweave.graph.schema import Schema


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """Return a random id."""
    return uuid4().hex


@dataclass(frozen=True, slots=True)
class GraphEngine:
    """How to open a graph that keeps its content in a place of the test's own; opening again finds it."""

    name: str
    open: Callable[[Path, Schema], Awaitable[Graph]]

    def __str__(self) -> str:
        """Return the name, for test ids."""
        return self.name


@dataclass(frozen=True, slots=True)
class EventEngine:
    """How to open an event log that keeps its content in a place of the test's own, with leases of a second."""

    name: str
    open: Callable[[Path], Awaitable[EventLog]]

    def __str__(self) -> str:
        """Return the name, for test ids."""
        return self.name


async def _ladybug(place: Path, schema: Schema) -> Graph:
    return await embedded_graph.open_embedded(place / "graph", schema)


async def _sqlite(place: Path) -> EventLog:
    return await embedded_events.open_embedded(place / "events.db", now, new_id, lease_seconds=1.0)


GRAPHS: Final = (GraphEngine("ladybug", _ladybug),)
EVENT_LOGS: Final = (EventEngine("sqlite", _sqlite),)
