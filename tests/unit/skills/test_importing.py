import asyncio
import csv
import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from careweave_skills import store
from careweave_skills.import_store import read_imports
from careweave_skills.importing import FOLDERS, Files, Progress, import_source
from careweave_skills.taxonomy import Source

from careweave.config import Settings
from careweave.datasets import folder
from careweave.errors import InvalidArgument
from careweave.graph.port import Graph, Query
from careweave.wiring import open_graph
from tests.small_taxonomies import CLASSIFICATION, RELATIONS, copy_archive
from tests.unit.skills.conftest import clock, quiet

SKILLS = Query("count_skills", "MATCH (s:Skill) RETURN count(*) AS n")
REQUIRED = Query("count_required", "MATCH (:Occupation)-[r:REQUIRES]->(:Skill) RETURN count(r) AS n")
HELD = Query("count_held", "MATCH (:Person)-[r:HAS_SKILL]->(s:Skill) WHERE s.name = $name RETURN count(r) AS n")

Origin = Callable[[Source], Files]


async def count(graph: Graph, query: Query, **parameters: object) -> int:
    return int(str((await graph.run(query, **parameters))[0]["n"]))


async def test_the_whole_of_esco_is_in_the_graph_after_one_import(graph: Graph) -> None:
    summary = await import_source(graph, Files(Source.ESCO, folder("esco-v1.1.1")), quiet, clock)
    assert not summary.unchanged
    assert summary.loaded["skills"] == 13_896
    assert summary.loaded["occupation–skill relations"] == 123_788
    assert await count(graph, SKILLS) == 13_896
    assert await count(graph, REQUIRED) == 123_788
    assert [(each.count, each.file) for each in summary.dropped if each.count > 1] == [
        (67, "esco-v1.1.1-relations.zip/occupationSkillRelations.csv")
    ]
    assert len(summary.dropped[0].examples) == 10
    assert (await read_imports(graph))[Source.ESCO].version == summary.version


async def test_importing_again_changes_nothing_and_says_so(loaded: Graph, origin: Origin) -> None:
    before = await store.skills_after(loaded, "", 10_000, 0, 0)
    for source in FOLDERS:
        summary = await import_source(loaded, origin(source), quiet, clock)
        assert summary.unchanged
        assert summary.loaded
        forced = await import_source(loaded, origin(source), quiet, clock, force=True)
        assert not forced.unchanged
        assert forced.loaded == summary.loaded
    assert await store.skills_after(loaded, "", 10_000, 0, 0) == before
    assert await count(loaded, REQUIRED) == len(await pairs(loaded))


async def pairs(graph: Graph) -> set[tuple[object, object]]:
    text = "MATCH (o:Occupation)-[:REQUIRES]->(s:Skill) RETURN o.name AS o, s.name AS s"
    return {(row["o"], row["s"]) for row in await graph.run(Query("pairs", text))}


async def test_a_new_version_updates_and_removes_what_is_no_longer_there(
    loaded: Graph, small_taxonomies: Path, tmp_path: Path
) -> None:
    occupation = (await store.occupations(loaded, [await care_aide(loaded)]))[0]
    required = await store.requirements(loaded, occupation.name)
    gone, kept_by_person = required[0].skill, required[1].skill
    async with loaded.unit_of_work() as unit:
        await unit.merge_nodes("Person", [{"name": "people/a"}])
        rows = [{"source": "people/a", "target": kept_by_person, "asserted_at": clock()}]
        await unit.merge_relationships("HAS_SKILL", "Person", "Skill", rows)
    newer = without_skills(small_taxonomies, tmp_path / "newer", {gone, kept_by_person})

    summary = await import_source(loaded, Files(Source.ESCO, newer), quiet, clock)

    assert not await store.skills(loaded, [gone])
    assert await count(loaded, HELD, name=kept_by_person) == 1
    assert [(each.count, each.examples) for each in summary.corrected if "no longer" in each.reason] == [
        (1, (kept_by_person,))
    ]
    still = {each.skill for each in await store.requirements(loaded, occupation.name)}
    assert still == {each.skill for each in required} - {gone, kept_by_person}
    changed = (await store.occupations(loaded, [occupation.name]))[0]
    assert changed.description == "A newer description."


async def care_aide(graph: Graph) -> str:
    text = "MATCH (o:Occupation) WHERE o.label = 'home care aide' RETURN o.name AS name"
    return str((await graph.run(Query("home_care_aide", text)))[0]["name"])


def without_skills(source: Path, target: Path, names: set[str]) -> Path:
    """Write a newer ESCO without the skills of `names`, and with another description of home care aides."""
    target.mkdir()
    uris = {name.replace("skills/esco-", "http://data.europa.eu/esco/skill/") for name in names}

    def renewed(row: dict[str, str]) -> bool:
        if row["preferredLabel"] == "home care aide":
            row["description"] = "A newer description."
        return True

    for archive in (CLASSIFICATION, RELATIONS):
        copy_archive(
            source / "esco-v1.1.1" / archive,
            target / archive,
            {
                "skills_en.csv": lambda row: row["conceptUri"] not in uris,
                "occupations_en.csv": renewed,
                "occupationSkillRelations.csv": lambda row: row["skillUri"] not in uris,
            },
        )
    return target


async def test_a_source_that_cannot_be_read_leaves_the_graph_as_it_was(
    loaded: Graph, small_taxonomies: Path, tmp_path: Path
) -> None:
    before = await read_imports(loaded)
    damaged = tmp_path / "damaged"
    shutil.copytree(small_taxonomies / "esco-v1.1.1", damaged)
    archive = damaged / RELATIONS
    archive.write_bytes(archive.read_bytes()[:-100])
    with pytest.raises(InvalidArgument):
        await import_source(loaded, Files(Source.ESCO, damaged), quiet, clock)
    assert await read_imports(loaded) == before


async def test_a_failure_while_writing_leaves_nothing_behind(graph: Graph, origin: Origin) -> None:
    def fail(progress: Progress) -> None:
        if progress.activity == "committing":
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await import_source(graph, origin(Source.ESCO), fail, clock)
    assert await count(graph, SKILLS) == 0
    assert not await read_imports(graph)


async def test_reads_go_on_while_an_import_writes(loaded: Graph, origin: Origin) -> None:
    seen: list[int] = []
    reading: list[asyncio.Task[None]] = []

    async def read() -> None:
        seen.append(await count(loaded, SKILLS))

    def report(progress: Progress) -> None:
        if progress.activity.startswith("writing") and not reading:
            reading.append(asyncio.ensure_future(read()))
        if progress.activity == "committing":
            assert seen, "a read that began with the import had to wait for its end"

    before = await count(loaded, SKILLS)
    await import_source(loaded, origin(Source.ESCO), report, clock, force=True)
    await asyncio.gather(*reading)
    assert seen == [before]


def import_and_die(place: str, packaged: str, at: str) -> None:
    """Import in a process of its own, which kills itself at an activity."""

    def report(progress: Progress) -> None:
        if progress.activity == at:
            os.kill(os.getpid(), signal.SIGKILL)

    async def run() -> None:
        graph = await open_graph(Settings(graph=f"ladybug:{place}"))
        await import_source(graph, Files(Source.ESCO, Path(packaged)), report, clock)

    asyncio.run(run())


@pytest.mark.parametrize("activity", ["writing occupation–skill relations", "committing"])
async def test_a_kill_in_the_middle_of_an_import_leaves_the_graph_as_it_was(
    activity: str, small_taxonomies: Path, tmp_path: Path
) -> None:
    place = tmp_path / "graph"
    arguments = (str(place), str(small_taxonomies / "esco-v1.1.1"), activity)
    process = multiprocessing.get_context("spawn").Process(target=import_and_die, args=arguments)
    process.start()
    await asyncio.to_thread(process.join)
    assert process.exitcode == -signal.SIGKILL

    graph = await open_graph(Settings(graph=f"ladybug:{place}"))
    try:
        assert await count(graph, SKILLS) == 0
        assert not await read_imports(graph)
        summary = await import_source(graph, Files(Source.ESCO, Path(arguments[1])), quiet, clock)
        assert summary.loaded["skills"] == await count(graph, SKILLS)
    finally:
        await graph.close()


async def test_each_bad_row_of_a_table_is_counted_and_named(
    graph: Graph, small_taxonomies: Path, tmp_path: Path
) -> None:
    dirty = tmp_path / "apprenticeships"
    shutil.copytree(small_taxonomies / "apprenticeships", dirty)
    with (dirty / "health_care_standards_2026.csv").open("a", newline="") as opened:
        rows = csv.writer(opened)
        rows.writerow(["ST0005", "Given twice", 2, "Care services", 1, 1, "x", 0, 0, 0])
        rows.writerow(["ST9001", "Level nine", 9, "Care services", 1, 1, "x", 0, 0, 0])
        rows.writerow(["ST9002", "Bell\x07", 2, "Care services", 1, 1, "x", 0, 0, 0])
        rows.writerow(["ST9003", "Short"])
    with (dirty / "health_care_ksb_2026.csv").open("ab") as raw:
        raw.write(b"ST9999,K,K1,of no standard\r\nST0005,K,K1,given twice\r\nST0005,K,K99,caf\xe9\r\n")
    summary = await import_source(graph, Files(Source.APPRENTICESHIP_STANDARDS, dirty), quiet, clock)
    assert {each.reason: each.count for each in summary.dropped} == {
        "no reference such as ST0005, or reference given before": 1,
        "level, funding or duration is not a sensible number": 1,
        "control character": 1,
        "not 10 fields as in the header": 1,
        "of a standard that is not in the list": 1,
        "code given before": 1,
        "not valid UTF-8": 1,
    }
    assert (await store.standards(graph, ["standards/ST0005"]))[0].title == "Adult care worker"
