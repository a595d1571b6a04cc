"""What the embedded engines do to files: kills, a second process, a full disk, a log cut short.

Other engines keep their files by themselves, hence no contract for all.
"""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from careweave.errors import DataLoss, Exhausted, FailedPrecondition
from careweave.events import embedded as embedded_events
from careweave.events.port import POSITIONS_LOST, Event, Positions
from careweave.graph.embedded import open_embedded
from careweave.graph.ladybug import files
from careweave.graph.port import Query

from .children import TOPIC, commit
from .engines import new_id, now

START = datetime(2026, 3, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)
CHILDREN = Path(__file__).with_name("children.py")
PEOPLE = Query("test.people", "MATCH (p:Person) RETURN p.version AS version, p.aspiration AS text ORDER BY version")
EVENTS = Query("test.events", "MATCH (o:Outbox) RETURN o.key AS key, o.version AS version ORDER BY key, version")
SKILLS = Query("test.skills", "MATCH (s:Skill) RETURN count(*) AS n")


@contextmanager
def child(*arguments: object) -> Iterator["subprocess.Popen[str]"]:
    """Run one of `children.py`'s programs; it is killed on the way out."""
    command = [sys.executable, str(CHILDREN), *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def lines_until_killed(program: str, place: Path, seconds: float) -> list[str]:
    """Return what `program` printed before it was killed, `seconds` after its first line."""
    with child(program, place) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(seconds)
        process.kill()
        return [first, *(line for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n"))]


async def assert_all_or_nothing(folder: Path, acknowledged: int) -> int:
    """Check that each version up to some one is there wholly; return that one."""
    graph = await open_embedded(folder)
    people = await graph.run(PEOPLE)
    events = await graph.run(EVENTS)
    skills = await graph.run(SKILLS)
    await graph.close()
    last = len(people)
    assert last >= acknowledged
    assert [row["version"] for row in people] == list(range(1, last + 1))
    assert all(row["text"] == "x" * (number * 977 % 9000) for number, row in enumerate(people, 1))
    assert [(row["key"], row["version"]) for row in events] == [(key, n) for key in "ab" for n in range(1, last + 1)]
    assert skills == [{"n": last // 7 * 100}]
    return last


async def test_a_graph_killed_while_it_writes_keeps_what_it_acknowledged_with_its_events(tmp_path: Path) -> None:
    chance = random.Random(7)
    for _ in range(4):
        lines = lines_until_killed("write-graph", tmp_path / "graph", chance.uniform(0.0, 0.7))
        await assert_all_or_nothing(tmp_path / "graph", int(lines[-1]))


async def test_a_log_killed_while_it_appends_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    chance = random.Random(7)
    for _ in range(4):
        lines = lines_until_killed("write-events", tmp_path / "events.db", chance.uniform(0.0, 0.4))
        log = await embedded_events.open_embedded(tmp_path / "events.db", now, new_id)
        appended = sum((await log.end([TOPIC])).offsets.values())
        await log.close()
        assert appended >= int(lines[-1])
        assert appended % 10 == 0


async def test_a_second_process_is_told_which_folder_is_open_where_and_what_to_do(tmp_path: Path) -> None:
    folder = tmp_path / "graph"
    with child("open-graph", folder) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "open\n"
        with child("open-graph", folder) as second:
            said = second.communicate()[0]
        assert said.startswith("FailedPrecondition")
        assert all(part in said for part in (str(folder), str(first.pid), "client of a running server", "CAREWEAVE_"))
        with pytest.raises(FailedPrecondition):
            await open_embedded(folder)
    graph = await open_embedded(folder)
    with pytest.raises(FailedPrecondition):
        await open_embedded(folder)
    await graph.close()
    await (await open_embedded(folder)).close()


@pytest.mark.parametrize("limit", [600_000, 1_234_567])
async def test_a_graph_whose_files_cannot_grow_says_so_keeps_nothing_half_and_goes_on_later(
    tmp_path: Path, limit: int
) -> None:
    with child("fill-graph", tmp_path / "graph", limit) as process:
        said = process.communicate(timeout=120)[0].splitlines()
    assert process.returncode == 0
    assert said[0].startswith("Exhausted: ")
    assert "Free some space" in said[0]
    last = int(said[1])
    assert last > 0
    assert said[2:] == [str(last), str(last + 1)]
    assert await assert_all_or_nothing(tmp_path / "graph", last + 1) == last + 1


async def test_a_log_whose_file_cannot_grow_says_so_keeps_nothing_half_and_goes_on_later(tmp_path: Path) -> None:
    with child("fill-events", tmp_path / "events.db", 600_000) as process:
        said = process.communicate(timeout=120)[0].splitlines()
    assert process.returncode == 0
    assert said[0].startswith("Exhausted: ")
    last = int(said[1])
    assert last > 0
    assert said[2:] == [str(last), str(last + 1)]


async def test_a_disk_that_is_nearly_full_is_noticed_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = await open_embedded(tmp_path / "graph")
    await graph.migrate()
    await commit(graph, 1)
    with monkeypatch.context() as patched:
        patched.setattr(files, "RESERVE_BYTES", 1 << 60)
        with pytest.raises(Exhausted, match="Free some space"):
            await commit(graph, 2)
        assert len(await graph.run(PEOPLE)) == 1
    await commit(graph, 2)
    await graph.close()
    await assert_all_or_nothing(tmp_path / "graph", 2)


async def test_a_graph_whose_log_was_cut_short_anywhere_opens_with_the_commits_before(tmp_path: Path) -> None:
    """As a kill in the middle of a write leaves it, whatever the length of the record."""
    lines = lines_until_killed("write-graph", tmp_path / "graph", 0.3)
    acknowledged = int(lines[-1])
    folder = tmp_path / "graph"
    log = folder / f"{files.DATABASE}.wal"
    whole, database = log.read_bytes(), (folder / files.DATABASE).read_bytes()
    chance = random.Random(7)
    last = None
    for cut in (0, 1, 7, 9, 100, 1500, *(chance.randrange(1, len(whole) // 2) for _ in range(6))):
        log.write_bytes(whole[: len(whole) - cut])
        (folder / files.DATABASE).write_bytes(database)
        found = await assert_all_or_nothing(folder, 1)
        last = found if last is None else last
        assert found >= acknowledged if cut == 0 else found <= last


async def test_a_damaged_log_is_reported_and_kept(tmp_path: Path) -> None:
    """A changed byte amid the log is no unfinished write: what follows it was acknowledged."""
    lines_until_killed("write-graph", tmp_path / "graph", 0.2)
    log = tmp_path / "graph" / f"{files.DATABASE}.wal"
    content = bytearray(log.read_bytes())
    content[content.index(b"xxxxxxxx", len(content) // 2)] ^= 0xFF
    log.write_bytes(bytes(content))
    with pytest.raises(DataLoss, match="backup"):
        await open_embedded(tmp_path / "graph")
    assert log.with_name(f"{log.name}.damaged").exists()


async def test_many_batches_do_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine keeps what a statement worked in while its connection lives: 150 batches took more than this."""
    monkeypatch.setattr(files, "BUFFER_BYTES", 256 << 20)
    graph = await open_embedded(tmp_path)
    await graph.migrate()
    noon, people = now(), [f"people/{number}" for number in range(500)]
    async with graph.unit_of_work() as unit:
        await unit.merge_nodes("Skill", [{"name": f"skills/{number}", "label": "x"} for number in range(5)])
    for level in range(150):
        async with graph.unit_of_work() as unit:
            await unit.merge_nodes("Person", [{"name": name, "version": level} for name in people])
            held = [{"source": name, "target": "skills/1", "asserted_at": noon, "level": level} for name in people]
            await unit.merge_relationships("HAS_SKILL", "Person", "Skill", held)
    assert (await graph.run(SKILLS))[0]["n"] == 5
    await graph.close()


async def test_an_event_appended_again_is_in_the_embedded_log_once(tmp_path: Path) -> None:
    log = await embedded_events.open_embedded(tmp_path / "events.db", now, new_id)
    event = Event(TOPIC, "id", "T", "/s", "k", 1, now(), b"")
    await log.append([event])
    await log.append([event, event])
    following = log.follow([TOPIC], (await log.end(["nothing"])))
    assert (await anext(following)).event == event
    await log.append([Event(TOPIC, "id", "T", "/other", "k", 1, now(), b"")])
    assert (await anext(following)).event.source == "/other"
    await log.close()


async def test_a_file_that_is_no_log_is_reported(tmp_path: Path) -> None:
    (tmp_path / "events.db").write_text("This is a letter, not a database." * 100)
    with pytest.raises(DataLoss):
        await embedded_events.open_embedded(tmp_path / "events.db", now, new_id)


async def test_a_follower_behind_what_was_dropped_is_told_so_at_once_and_amid_following(tmp_path: Path) -> None:
    log = await embedded_events.open_embedded(tmp_path / "events.db", now, new_id, partitions=1)
    await log.append([an_event(number) for number in range(6)])
    following = log.follow([TOPIC], Positions({(TOPIC, 0): 5}))
    await anext(following)
    await log.append([an_event(number) for number in range(6, 12)])
    await log.drop_before(TOPIC, START + 9 * HOUR)
    for behind in (following, log.follow([TOPIC], Positions({(TOPIC, 0): 0}))):
        with pytest.raises(FailedPrecondition) as caught:
            await anext(behind)
        assert caught.value.reason == POSITIONS_LOST
    for positions in (Positions(), Positions({(TOPIC, 0): 9})):
        assert (await anext(log.follow([TOPIC], positions))).offset == 9
    await log.drop_before(TOPIC, START + 100 * HOUR)
    end = await log.end([TOPIC])
    await log.append([an_event(200)])
    assert (await anext(log.follow([TOPIC], end))).offset == 12
    await log.close()


async def test_what_was_dropped_is_in_no_file_of_the_log(tmp_path: Path) -> None:
    log = await embedded_events.open_embedded(tmp_path / "events.db", now, new_id, partitions=2)
    await log.append([an_event(number, f"people/gone-{number}") for number in range(800)])
    await log.append([an_event(number, f"people/erased-{number}") for number in range(800)])
    await log.append([an_event(900, f"people/erased-{number}", payload=None) for number in range(800)])
    assert traces(tmp_path, b"gone-") > 0
    assert await log.compact(TOPIC, START + 1000 * HOUR) > 0
    await log.scrub()
    assert traces(tmp_path, b"erased-") == 0
    assert await log.drop_before(TOPIC, START + 1000 * HOUR) > 0
    await log.scrub()
    assert traces(tmp_path, b"gone-") == 0
    await log.close()


async def test_nothing_is_left_in_pages_that_rows_were_moved_from(tmp_path: Path) -> None:
    """Overwriting deleted rows is not enough: SQLite leaves copies where it moves rows between pages."""
    for seed in (4, 9, 15, 25, 27, 32):  # that did leave some
        folder = tmp_path / str(seed)
        folder.mkdir()
        log = await embedded_events.open_embedded(folder / "events.db", now, new_id, partitions=2)
        chance, number = random.Random(seed), 0
        for _ in range(60):
            batch = []
            for _ in range(chance.randrange(1, 30)):
                number += 1
                worded = chance.random() < 0.2
                text = (b"people/gone-" if worded else b"plain") + chance.randbytes(chance.randrange(10, 2500))
                each = an_event(number, f"people/{chance.randrange(10**18)}", payload=text)
                batch.append(replace(each, topic=TOPIC if worded else f"topic-{chance.randrange(4)}"))
            await log.append(batch)
        for topic in ("topic-0", "topic-1", "topic-2", TOPIC):
            assert await log.drop_before(topic, START + 10_000 * HOUR) > 0
        await log.scrub()
        assert traces(folder, b"gone-") == 0
        assert await log.lag(["topic-3"], "nobody")
        await log.close()


def an_event(number: int, key: str = "a", payload: bytes | None = b"people/gone-payload") -> Event:
    return Event(TOPIC, new_id(), "careweave.v1.Test", "/test", key, number + 1, START + number * HOUR, payload)


def traces(folder: Path, needle: bytes) -> int:
    """Return how often `needle` stands in the files of `folder`."""
    return sum(file.read_bytes().count(needle) for file in folder.iterdir() if file.is_file())
