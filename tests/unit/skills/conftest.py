"""Graphs to import into."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from careweave_skills.importing import FOLDERS, Files, Progress, import_source
from careweave_skills.taxonomy import Source

from careweave.config import Settings
from careweave.graph.port import Graph
from careweave.wiring import open_graph
from tests.small_taxonomies import write_small_taxonomies

NOW = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)


def clock() -> datetime:
    """Return the time of every test here."""
    return NOW


def quiet(progress: Progress) -> None:
    """Take no notice of `progress`."""


@pytest.fixture(scope="session")
def small_taxonomies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of taxonomies cut down to care."""
    return write_small_taxonomies(tmp_path_factory.mktemp("taxonomies") / "small")


@pytest.fixture
async def graph(tmp_path: Path) -> AsyncIterator[Graph]:
    """Yield an empty graph."""
    opened = await open_graph(Settings(graph=f"ladybug:{tmp_path / 'graph'}"))
    yield opened
    await opened.close()


@pytest.fixture
def origin(small_taxonomies: Path) -> Callable[[Source], Files]:
    """Return what gives the small folder's origin of a source."""
    return lambda source: Files(source, small_taxonomies / FOLDERS[source])


@pytest.fixture
async def loaded(graph: Graph, origin: Callable[[Source], Files]) -> Graph:
    """Return a graph with the three small taxonomies."""
    for source in FOLDERS:
        await import_source(graph, origin(source), quiet, clock)
    return graph
