from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from careweave.config import Settings
from careweave.wiring import open_graph
from tests.unit.profiles.world import World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    graph = await open_graph(Settings(graph=f"ladybug:{tmp_path / 'graph'}"))
    try:
        world = World(graph)
        await world.furnish()
        yield world
    finally:
        await graph.close()
