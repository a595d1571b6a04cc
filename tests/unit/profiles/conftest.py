from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from careweave_profiles.feeds.applying import Feeds

from careweave.config import Settings
from careweave.events.port import EventLog
from careweave.wiring import open_events, open_graph
from tests.unit.profiles.feeding import Feeding, Words
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


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[EventLog]:
    """Return an event log of its own, to which nothing relays."""
    opened = await open_events(Settings(events=f"sqlite:{tmp_path / 'events.db'}"))
    yield opened
    await opened.close()


@pytest.fixture
async def feeding(world: World) -> Feeding:
    """Return HR systems, and a course that develops lifting and dressing."""
    async with world.graph.unit_of_work() as unit:
        await unit.merge_nodes("Course", [{"name": "courses/handling", "title": "Moving and handling"}])
        developed = [{"source": "courses/handling", "target": f"skills/{each}"} for each in ("lifting", "dressing")]
        await unit.merge_relationships("DEVELOPS", "Course", "Skill", developed)
    words = Words()
    return Feeding(world, words, Feeds(world.ports, words))
