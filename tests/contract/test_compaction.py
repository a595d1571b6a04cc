"""A graph written anew holds all that it held, and nothing in its files of what was deleted."""

import asyncio
import random
from pathlib import Path

import pytest

from careweave.errors import FailedPrecondition
from careweave.graph import copying
from careweave.graph.copying import copy_graph
from careweave.graph.embedded import compact_embedded, open_embedded
from careweave.graph.ladybug.files import COMPACTING, DATABASE
from careweave.graph.port import Graph, Query, Row
from careweave.graph.schema import SCHEMA

from .test_congruence import content, fill
from .test_embedded_folders import child

DELETE = Query("test.delete", "MATCH (p:Person) WHERE p.name IN $names DETACH DELETE p")
GONE = [f"people/quillfeather-{number}" for number in range(200)]


def say_nothing(activity: str, done: int, total: int) -> None:
    """Report to nobody."""


async def filled(folder: Path) -> Graph:
    """Return an open graph with random content, from which people were deleted."""
    graph = await open_embedded(folder)
    await graph.migrate()
    await fill(graph, seed=3)
    async with graph.unit_of_work() as unit:
        await unit.merge_nodes("Person", [{"name": name, "email": f"{name[7:]}@example.org"} for name in GONE])
    async with graph.unit_of_work() as unit:
        await unit.run(DELETE, names=GONE)
    return graph


async def left(folder: Path) -> dict[str, list[Row]]:
    """Return what a closed graph holds from which people were deleted; leases end with the process that had them."""
    graph = await filled(folder)
    await graph.close()
    graph = await open_embedded(folder)
    await graph.migrate()
    held = await content(graph)
    await graph.close()
    return held


@pytest.mark.parametrize("page", [5, 10_000])
async def test_a_copy_holds_the_same_on_each_engine(
    graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(copying, "PAGE", page)
    source = await filled(tmp_path / "source")
    told: dict[str, tuple[int, int]] = {}
    await copy_graph(source, graph, SCHEMA, lambda activity, done, total: told.update({activity: (done, total)}))
    assert await content(graph) == await content(source)
    assert told
    assert all(done == total for done, total in told.values())
    await source.close()


async def test_a_graph_that_holds_something_is_not_copied_over(graph: Graph, tmp_path: Path) -> None:
    source = await filled(tmp_path / "source")
    async with graph.unit_of_work() as unit:
        await unit.merge_nodes("Skill", [{"name": "skills/there"}])
    with pytest.raises(FailedPrecondition) as caught:
        await copy_graph(source, graph, SCHEMA, say_nothing)
    assert caught.value.reason == "GRAPH_NOT_EMPTY"
    await source.close()


async def test_what_was_deleted_stays_in_the_file_until_the_graph_is_compacted(tmp_path: Path) -> None:
    before = await left(tmp_path / "graph")
    assert traces(tmp_path / "graph") > len(GONE)  # else the engine does it by itself now, and this can go
    was, became = await compact_embedded(tmp_path / "graph", say_nothing)
    assert traces(tmp_path / "graph") == 0
    assert became == (tmp_path / "graph" / DATABASE).stat().st_size < was
    again = await open_embedded(tmp_path / "graph")
    assert await content(again) == before
    await again.close()


async def test_a_graph_in_use_is_not_compacted(tmp_path: Path) -> None:
    graph = await filled(tmp_path / "graph")
    with pytest.raises(FailedPrecondition) as caught:
        await compact_embedded(tmp_path / "graph", say_nothing)
    assert caught.value.reason == "GRAPH_IN_USE"
    await graph.close()


async def test_a_compaction_killed_at_any_moment_loses_nothing_and_leaves_no_copy(tmp_path: Path) -> None:
    before = await left(tmp_path / "graph")
    chance = random.Random(5)
    done = 0
    for _ in range(6):
        with child("compact-graph", tmp_path / "graph") as process:
            assert process.stdout is not None
            process.stdout.readline()
            await asyncio.sleep(chance.uniform(0.0, 4.0))
            process.kill()
            done += process.stdout.read().count("compacted")
        again = await open_embedded(tmp_path / "graph")
        assert await content(again) == before
        assert not (tmp_path / "graph" / COMPACTING).exists()
        await again.close()
    assert done  # some were killed between two compactions, others within one


def traces(folder: Path) -> int:
    """Return how often those who were deleted stand in the files of `folder`."""
    return sum(file.read_bytes().count(b"quillfeather") for file in folder.rglob("*") if file.is_file())
