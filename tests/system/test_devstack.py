"""`careweave devstack`: real servers that stay, end when told, and keep what they hold through a crash."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from careweave_cli.devstack.occupancy import occupant

from careweave.config import Settings, read_settings
from careweave.events.port import Event, Positions, Topic
from careweave.graph.port import Query
from careweave.wiring import open_events, open_graph

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
EVENT = Event(Topic.MATCHES, "e1", "careweave.v1.MatchFound", "/test", "people/a", 1, NOON, b"")
PEOPLE = Query("test.people", "MATCH (p:Person) RETURN p.name AS name")


def devstack(folder: Path, *arguments: str, status: int = 0) -> list[Any]:
    """Run `careweave devstack`, and return the objects of JSON that it prints."""
    command = [sys.executable, "-m", "careweave_cli", "devstack", *arguments, "--folder", str(folder), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "stack"
    devstack(tmp_path / "stack", "down", "--erase")


async def write(settings: Settings) -> None:
    graph, events = await open_graph(settings), await open_events(settings)
    async with graph.unit_of_work() as unit:
        await unit.merge_nodes("Person", [{"name": "people/a"}])
    await events.append([EVENT])
    await events.close()
    await graph.close()


async def read(settings: Settings) -> tuple[list[object], Event]:
    graph, events = await open_graph(settings), await open_events(settings)
    people = [row["name"] for row in await graph.run(PEOPLE)]
    found = await anext(events.follow([Topic.MATCHES], Positions()))
    await events.close()
    await graph.close()
    return people, found.event


async def test_the_stack_serves_what_it_held_before_a_crash(folder: Path) -> None:
    assert devstack(folder, "status", status=5) == []
    (variables,) = devstack(folder, "up")
    settings = read_settings(variables)
    await write(settings)
    running = devstack(folder, "status")
    assert [part["name"] for part in running] == ["neo4j", "kafka/broker-1"]
    for part in running:
        os.kill(part["process"], signal.SIGKILL)
        while occupant(folder / part["name"]) is not None:
            pass
    assert [part["process"] for part in devstack(folder, "status", status=5)] == [None, None]
    assert devstack(folder, "up") == [variables]
    assert await read(settings) == (["people/a"], EVENT)
    assert devstack(folder, "down") == [{"stopped": ["neo4j", "kafka/broker-1"]}]
    assert devstack(folder, "down") == [{"stopped": []}]


def test_another_number_of_brokers_than_the_folder_has_is_refused(folder: Path) -> None:
    for broker in (1, 2, 3):
        home = folder / "kafka" / f"broker-{broker}"
        home.mkdir(parents=True)
        (home / "server.json").write_text('{"server": "kafka", "jars": "", "port": 1}')
    devstack(folder, "up", "--brokers", "1", status=2)
