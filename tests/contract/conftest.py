"""Opens each engine for the tests of its contract."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from careweave.events.port import EventLog
from careweave.graph.port import Graph
from careweave.graph.schema import SCHEMA

from .engines import EVENT_LOGS, GRAPHS, EventEngine, GraphEngine


@pytest.fixture(params=GRAPHS, ids=str)
def graph_engine(request: pytest.FixtureRequest) -> GraphEngine:
    engine: GraphEngine = request.param
    return engine


@pytest.fixture(params=EVENT_LOGS, ids=str)
def event_engine(request: pytest.FixtureRequest) -> EventEngine:
    engine: EventEngine = request.param
    return engine


@pytest.fixture
async def graph(graph_engine: GraphEngine, tmp_path: Path) -> AsyncIterator[Graph]:
    opened = await graph_engine.open(tmp_path, SCHEMA)
    await opened.migrate()
    yield opened
    await opened.close()


@pytest.fixture
async def log(event_engine: EventEngine, tmp_path: Path) -> AsyncIterator[EventLog]:
    opened = await event_engine.open(tmp_path)
    yield opened
    await opened.close()
