"""What every graph engine does: see `careweave.graph.port`."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from enum import IntEnum
from pathlib import Path

import pytest

from careweave.errors import CareweaveError, FailedPrecondition, InvalidArgument, Unavailable
from careweave.events.port import Event
from careweave.graph.port import Graph, Query, Row, UnitOfWork
from careweave.graph.schema import SCHEMA, NodeTable, RelationshipTable, Schema, Value, declare

from .engines import GraphEngine

NOON = datetime(2026, 3, 4, 12, 30, 45, 123456, tzinfo=UTC)
PEOPLE = Query("test.people", "MATCH (p:Person) RETURN p.name AS name ORDER BY name")
SKILLS_OF = Query(
    "test.skills_of",
    "MATCH (p:Person) WHERE p.name = $person MATCH (p)-[h:HAS_SKILL]->(s:Skill) "
    "RETURN s.name AS skill, h.asserted_at AS asserted_at, h.level AS level, h.evidence AS evidence "
    "ORDER BY skill, asserted_at",
)
OUTBOX = Query("test.outbox", "MATCH (o:Outbox) RETURN o.key AS key, o.version AS version ORDER BY key, version")
RELATED = Query(
    "test.related",
    "MATCH (a:Skill)-[r:RELATED_TO]->(b:Skill) "
    "RETURN a.name AS source, b.name AS target, r.confidence AS confidence ORDER BY source, target",
)


def event(key: str, version: int = 1) -> Event:
    return Event("careweave.test", f"{key}-{version}", "careweave.v1.Test", "/test", key, version, NOON, b"\x00\xff")


async def names(graph: Graph) -> list[object]:
    return [row["name"] for row in await graph.run(PEOPLE)]


async def add_people(graph: Graph, *people: str) -> None:
    async with graph.unit_of_work() as unit:
        await unit.merge_nodes("Person", [{"name": person} for person in people])


async def add_skills(graph: Graph, *skills: str) -> None:
    async with graph.unit_of_work() as unit:
        await unit.merge_nodes("Skill", [{"name": skill} for skill in skills])


async def kept(graph: Graph, label: str, row: Mapping[str, object]) -> Row:
    """Return `row` as the graph gives it back."""
    table = SCHEMA.nodes[label]
    async with graph.unit_of_work() as unit:
        await unit.merge_nodes(label, [row])
    columns = ", ".join(f"n.`{name}` AS `{name}`" for name in row)
    query = Query("test.kept", f"MATCH (n:{label}) WHERE n.`{table.key}` = $key RETURN {columns}")
    return (await graph.run(query, key=row[table.key]))[0]


async def test_a_unit_of_work_sees_its_own_writes_and_nobody_else_does_before_it_commits(graph: Graph) -> None:
    async with graph.unit_of_work() as unit:
        await unit.merge_nodes("Person", [{"name": "people/a"}])
        assert await unit.run(PEOPLE) == [{"name": "people/a"}]
        assert await names(graph) == []
    assert await names(graph) == ["people/a"]


@pytest.mark.parametrize("rows", [3, 300, 3000])
async def test_batches_of_every_size_are_seen_within_their_unit_of_work(graph: Graph, rows: int) -> None:
    """However a batch is written, lookups by key and further writes in the same unit find its rows."""
    async with graph.unit_of_work() as unit:
        await unit.merge_nodes("Skill", [{"name": f"skills/{n:04}", "label": f"first {n}"} for n in range(rows)])
        await unit.merge_nodes("Skill", [{"name": "skills/one"}, {"name": "skills/0001", "label": "changed"}])
        await unit.merge_nodes("Skill", [{"name": f"skills/late{n}", "label": "late"} for n in range(rows)])
        await unit.merge_nodes("Person", [{"name": "people/a"}])
        links = [
            {"source": "people/a", "target": f"skills/{n:04}", "asserted_at": NOON, "level": 1} for n in range(rows)
        ]
        assert await unit.merge_relationships("HAS_SKILL", "Person", "Skill", links) == rows
        await unit.merge_relationships("HAS_SKILL", "Person", "Skill", [{**links[2], "level": 5}])
        look_up = Query("test.label", "MATCH (s:Skill) WHERE s.name = $name RETURN s.label AS label")
        for name, label in (("skills/0000", "first 0"), ("skills/0001", "changed"), ("skills/late2", "late")):
            assert await unit.run(look_up, name=name) == [{"label": label}]
    levels = {row["skill"]: row["level"] for row in await graph.run(SKILLS_OF, person="people/a")}
    assert len(levels) == rows
    assert (levels["skills/0001"], levels["skills/0002"]) == (1, 5)
    count = Query("test.count", "MATCH (s:Skill) RETURN count(*) AS n")
    assert await graph.run(count) == [{"n": 2 * rows + 1}]


async def test_an_exception_undoes_writes_and_events(graph: Graph) -> None:
    async def fail(unit: UnitOfWork) -> None:
        await unit.merge_nodes("Person", [{"name": "people/b"}])
        unit.emit(event("people/b"))
        raise LookupError

    await add_people(graph, "people/a")
    with pytest.raises(LookupError):
        async with graph.unit_of_work() as unit:
            await fail(unit)
    assert await names(graph) == ["people/a"]
    assert await graph.run(OUTBOX) == []


async def test_events_commit_with_the_writes(graph: Graph) -> None:
    seen = graph.emitted.count
    async with graph.unit_of_work() as unit:
        await unit.merge_nodes("Person", [{"name": "people/a"}])
        unit.emit(event("people/a", 1))
        unit.emit(event("people/a", 2))
    assert await graph.run(OUTBOX) == [{"key": "people/a", "version": 1}, {"key": "people/a", "version": 2}]
    assert graph.emitted.count > seen


async def test_a_cancelled_unit_of_work_leaves_nothing_and_the_next_one_works(graph: Graph) -> None:
    begun = asyncio.Event()

    async def write() -> None:
        async with graph.unit_of_work() as unit:
            await unit.merge_nodes("Person", [{"name": "people/lost"}])
            unit.emit(event("people/lost"))
            begun.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(write())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await add_people(graph, "people/next")
    assert await names(graph) == ["people/next"]
    assert await graph.run(OUTBOX) == []


@pytest.mark.parametrize("milliseconds", [0, 1, 2, 5, 10, 20, 40])
async def test_cancelling_at_any_moment_keeps_all_or_nothing(graph: Graph, milliseconds: int) -> None:
    async def write() -> None:
        async with graph.unit_of_work() as unit:
            await unit.merge_nodes("Person", [{"name": f"people/{n:03}"} for n in range(500)])
            unit.emit(event("people/000"))

    task = asyncio.create_task(write())
    await asyncio.sleep(milliseconds / 1000)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (len(await names(graph)), len(await graph.run(OUTBOX))) in {(0, 0), (500, 1)}
    await add_people(graph, "people/next")
    assert "people/next" in await names(graph)


async def test_a_unit_of_work_that_failed_takes_nothing_more_and_does_not_commit(graph: Graph) -> None:
    """An error that the caller swallows does not let half of the unit through."""

    async def swallow() -> None:
        async with graph.unit_of_work() as unit:
            await unit.merge_nodes("Person", [{"name": "people/b"}])
            with pytest.raises(InvalidArgument):
                await unit.run(Query("test.wrong", "THIS IS NOT CYPHER"))
            with pytest.raises(FailedPrecondition):
                await unit.merge_nodes("Person", [{"name": "people/c"}])

    await add_people(graph, "people/a")
    with pytest.raises(CareweaveError):
        await swallow()
    assert await names(graph) == ["people/a"]


async def test_merging_again_changes_nothing_and_other_values_overwrite_only_what_they_name(graph: Graph) -> None:
    row: Row = {"name": "people/a", "display_name": "A", "email": "a@example.org"}
    for update in (row, row, {"name": "people/a", "display_name": "B"}, {"name": "people/a"}):
        async with graph.unit_of_work() as unit:
            await unit.merge_nodes("Person", [update])
    query = Query("test.person", "MATCH (p:Person) RETURN p.display_name AS display_name, p.email AS email")
    assert await graph.run(query) == [{"display_name": "B", "email": "a@example.org"}]


@pytest.mark.parametrize("rows", [5, 200, 3000])
async def test_relationships_merge_by_their_ends_in_batches_of_every_size(graph: Graph, rows: int) -> None:
    await add_skills(graph, *(f"skills/{n:04}" for n in range(rows + 1)))
    links: list[Row] = [
        {"source": f"skills/{n:04}", "target": f"skills/{n + 1:04}", "confidence": 0.25, "type": "x"}
        for n in range(rows)
    ]
    for batch in (links, links, [{**link, "confidence": 0.5} for link in links[::2]]):
        async with graph.unit_of_work() as unit:
            assert await unit.merge_relationships("RELATED_TO", "Skill", "Skill", batch) == len(batch)
    found = await graph.run(RELATED)
    assert [row["confidence"] for row in found] == [0.5 if n % 2 == 0 else 0.25 for n in range(rows)]
    types = Query("test.types", "MATCH (:Skill)-[r:RELATED_TO]->(:Skill) RETURN DISTINCT r.type AS type")
    assert await graph.run(types) == [{"type": "x"}]


async def test_rows_of_one_batch_may_name_different_properties_and_the_same_key_twice(graph: Graph) -> None:
    async with graph.unit_of_work() as unit:
        await unit.merge_nodes(
            "Person",
            [
                {"name": "people/a", "display_name": "A", "email": "a@example.org"},
                {"name": "people/b", "place": "places/CW7"},
                {"name": "people/a", "display_name": None, "kinds": [1]},
            ],
        )
    query = Query(
        "test.rows",
        "MATCH (p:Person) RETURN p.display_name AS d, p.email AS e, p.place AS at, p.kinds AS k ORDER BY p.name",
    )
    assert await graph.run(query) == [
        {"d": None, "e": "a@example.org", "at": None, "k": [1]},
        {"d": None, "e": None, "at": "places/CW7", "k": None},
    ]


async def test_key_properties_tell_relationships_of_a_pair_apart(graph: Graph) -> None:
    await add_people(graph, "people/a")
    await add_skills(graph, "skills/x")
    earlier = NOON - timedelta(days=1)
    pair: Row = {"source": "people/a", "target": "skills/x"}
    async with graph.unit_of_work() as unit:
        for row in (
            {**pair, "asserted_at": earlier, "level": 1, "evidence": "first"},
            {**pair, "asserted_at": NOON, "level": 2},
            {**pair, "asserted_at": earlier, "level": 3},
        ):
            await unit.merge_relationships("HAS_SKILL", "Person", "Skill", [row])
    assert await graph.run(SKILLS_OF, person="people/a") == [
        {"skill": "skills/x", "asserted_at": earlier, "level": 3, "evidence": "first"},
        {"skill": "skills/x", "asserted_at": NOON, "level": 2, "evidence": None},
    ]


@pytest.mark.parametrize("rows", [1, 200, 3000])
async def test_relationships_whose_ends_are_missing_are_left_out_and_not_counted(graph: Graph, rows: int) -> None:
    await add_skills(graph, *(f"skills/{n}" for n in range(rows)))
    links: list[Row] = [
        {"source": f"skills/{n}", "target": end} for n in range(rows) for end in (f"skills/{n}", "skills/none")
    ]
    links.append({"source": "skills/none", "target": "skills/0"})
    async with graph.unit_of_work() as unit:
        assert await unit.merge_relationships("RELATED_TO", "Skill", "Skill", links) == rows
    assert len(await graph.run(RELATED)) == rows


@pytest.mark.parametrize(
    ("property_name", "value"),
    [
        ("display_name", None),
        ("display_name", ""),
        ("display_name", "Siân Ó Briain 李雷 👩🏽‍⚕️ \u202e'\"`$x{}\n\t\\"),
        ("aspiration", "long " * 200_000),
        ("kinds", []),
        ("kinds", [3, -1, 2**62]),
        ("kinds", None),
        ("aspired_occupations", []),
        ("aspired_occupations", ["", "occupations/ä", "x, y"]),
        ("minimum_weekly_hours", 37.5),
        ("minimum_weekly_hours", 0.0),
        ("fictional", False),
        ("fictional", None),
        ("version", 2**53 + 1),
        ("create_time", NOON),
        ("create_time", datetime(1899, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
        ("create_time", datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
    ],
)
async def test_values_come_back_as_they_went_in(graph: Graph, property_name: str, value: object) -> None:
    row: Row = {"name": "people/a", property_name: value}
    back = await kept(graph, "Person", row)
    assert back == row
    assert type(back[property_name]) is type(value)


@pytest.mark.parametrize("value", [date(1900, 1, 1), date(2024, 2, 29), date(2200, 12, 31), None])
async def test_dates_come_back_as_they_went_in(graph: Graph, value: date | None) -> None:
    row: Row = {"name": "people/a/credentials/1", "issue_date": value}
    assert await kept(graph, "Credential", row) == row


@pytest.mark.parametrize("value", [b"", b"\x00\xff\x5c\x78", bytes(range(256)) * 4, None])
async def test_bytes_come_back_as_they_went_in(graph: Graph, value: bytes | None) -> None:
    row: Row = {"id": "method 1", "response": value}
    assert await kept(graph, "RequestRecord", row) == row


async def test_a_time_of_any_zone_comes_back_as_the_same_moment_in_utc(graph: Graph) -> None:
    in_july = datetime(2026, 7, 1, 9, 0, tzinfo=timezone(timedelta(hours=1)))
    back = await kept(graph, "Person", {"name": "people/a", "create_time": in_july})
    assert back["create_time"] == in_july
    assert back["create_time"] == datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
    query = Query("test.since", "MATCH (p:Person) WHERE p.create_time >= $since RETURN p.name AS name")
    assert await graph.run(query, since=in_july) == [{"name": "people/a"}]
    assert await graph.run(query, since=in_july + timedelta(microseconds=1)) == []


async def test_the_number_of_an_enum_is_kept_as_a_number(graph: Graph) -> None:
    class Mode(IntEnum):
        CAR = 3

    assert await kept(graph, "Person", {"name": "people/a", "travel_mode": Mode.CAR, "kinds": [Mode.CAR]}) == {
        "name": "people/a",
        "travel_mode": 3,
        "kinds": [3],
    }


async def test_a_time_without_zone_is_refused(graph: Graph) -> None:
    with pytest.raises(InvalidArgument, match="zone"):
        await kept(graph, "Person", {"name": "people/a", "create_time": NOON.replace(tzinfo=None)})
    assert await names(graph) == []


@pytest.mark.parametrize(
    ("label", "row"),
    [
        ("Person", {"name": "people/a", "nickname": "x"}),
        ("Person", {"display_name": "no key"}),
        ("Person", {"name": ""}),
        ("Person", {"name": "people/a", "kinds": "not a list"}),
        ("Person", {"name": "people/a", "version": "many"}),
        ("Alien", {"name": "aliens/a"}),
    ],
)
@pytest.mark.parametrize("times", [1, 100])
async def test_rows_that_do_not_fit_the_schema_are_refused(graph: Graph, label: str, row: Row, times: int) -> None:
    rows: list[Row] = [{**row, "name": f"{row['name']}{n}"} if row.get("name") else row for n in range(times)]
    with pytest.raises(InvalidArgument):
        async with graph.unit_of_work() as unit:
            await unit.merge_nodes(label, rows)
    assert await names(graph) == []


async def test_relationships_that_do_not_fit_the_schema_are_refused(graph: Graph) -> None:
    await add_people(graph, "people/a")
    await add_skills(graph, "skills/x")
    pair: Row = {"source": "people/a", "target": "skills/x"}
    for kind, source, target, row in (
        ("HAS_SKILL", "Person", "Skill", pair),
        ("HAS_SKILL", "Person", "Skill", {**pair, "asserted_at": None}),
        ("HAS_SKILL", "Person", "Skill", {**pair, "asserted_at": NOON, "colour": "red"}),
        ("HAS_SKILL", "Skill", "Person", {**pair, "asserted_at": NOON}),
        ("KNOWS", "Person", "Person", pair),
    ):
        with pytest.raises(InvalidArgument):
            async with graph.unit_of_work() as unit:
                await unit.merge_relationships(kind, source, target, [row])


@pytest.mark.parametrize(
    "text",
    [
        "MATCH (p:Person",
        "MATCH (p:Alien) RETURN p.name AS name",
        "MATCH (p:Person) RETURN p.nothing AS x",
        "RETURN $given",
    ],
)
async def test_a_wrong_text_or_a_missing_parameter_is_refused_by_name(graph: Graph, text: str) -> None:
    with pytest.raises(InvalidArgument, match=r"test\.wrong"):
        await graph.run(Query("test.wrong", text))


async def test_a_read_does_not_write(graph: Graph) -> None:
    for text in (
        "CREATE (p:Person {name: 'people/x'})",
        "MATCH (p:Person) SET p.email = ''",
        "MATCH (p:Person) DELETE p",
    ):
        with pytest.raises(InvalidArgument, match="unit of work"):
            await graph.run(Query("test.write", text))
    harmless = Query("test.words", "MATCH (p:Person) WHERE p.name = 'DELETE' RETURN p.name AS name")
    assert await graph.run(harmless) == []


async def test_batches_of_rows_may_lack_columns_and_hold_nulls(graph: Graph) -> None:
    await add_people(graph, "people/a", "people/b", "people/c")
    query = Query(
        "test.rows",
        "UNWIND $rows AS r MATCH (p:Person) WHERE p.name = r.name "
        "RETURN p.name AS name, r.level AS level ORDER BY name",
    )
    rows: list[Row] = [{"name": "people/a"}, {"name": "people/b", "level": 2}, {"name": "people/c", "level": None}]
    assert [row["level"] for row in await graph.run(query, rows=rows)] == [None, 2, None]
    assert await graph.run(query, rows=[]) == []
    by_name = Query("test.in", "MATCH (p:Person) WHERE p.name IN $names RETURN p.name AS name ORDER BY name")
    assert await graph.run(by_name, names=("people/c", "people/a", "people/z")) == [
        {"name": "people/a"},
        {"name": "people/c"},
    ]
    assert await graph.run(by_name, names=[]) == []


async def test_an_engine_runs_the_text_meant_for_it(graph: Graph) -> None:
    query = Query("test.override", "RETURN 'common' AS which", {graph.engine: "RETURN 'own' AS which"})
    assert await graph.run(query) == [{"which": "own"}]


async def test_cycles_are_traversed_alike(graph: Graph) -> None:
    """Over a → b → c → a and c → c: what is reached in up to four steps is a fact of the graph, not of the engine."""
    await add_skills(graph, "skills/a", "skills/b", "skills/c", "skills/d")
    edges = [("a", "b"), ("b", "c"), ("c", "a"), ("c", "c"), ("d", "a")]
    rows: list[Row] = [{"source": f"skills/{a}", "target": f"skills/{b}"} for a, b in edges]
    async with graph.unit_of_work() as unit:
        await unit.merge_relationships("RELATED_TO", "Skill", "Skill", rows)
    reach = Query(
        "test.reach",
        "MATCH (s:Skill)-[:RELATED_TO*1..4]->(t:Skill) WHERE s.name = $start "
        "RETURN DISTINCT t.name AS name ORDER BY name",
    )
    assert await graph.run(reach, start="skills/a") == [{"name": f"skills/{x}"} for x in "abc"]
    assert await graph.run(reach, start="skills/d") == [{"name": f"skills/{x}"} for x in "abc"]
    assert [(row["source"], row["target"]) for row in await graph.run(RELATED)] == [
        (f"skills/{a}", f"skills/{b}") for a, b in edges
    ]


async def test_what_is_deleted_can_be_made_again(graph: Graph) -> None:
    await add_people(graph, "people/a")
    await add_skills(graph, "skills/x")
    link: Row = {"source": "people/a", "target": "skills/x", "asserted_at": NOON}
    delete = Query("test.delete", "MATCH (p:Person) WHERE p.name = $name DETACH DELETE p")
    for _ in range(3):
        async with graph.unit_of_work() as unit:
            await unit.merge_relationships("HAS_SKILL", "Person", "Skill", [link])
        async with graph.unit_of_work() as unit:
            await unit.run(delete, name="people/a")
            await unit.merge_nodes("Person", [{"name": "people/a", "display_name": "again"}])
        assert await graph.run(SKILLS_OF, person="people/a") == []
    assert await names(graph) == ["people/a"]


async def test_writers_at_the_same_time_lose_no_update(graph: Graph) -> None:
    await add_people(graph, "people/a")
    read = Query("test.version", "MATCH (p:Person) RETURN p.version AS version")

    async def count_up() -> None:
        async with graph.unit_of_work() as unit:
            row = (await unit.run(read))[0]
            seen = row["version"] or 0
            assert isinstance(seen, int)
            await unit.merge_nodes("Person", [{"name": "people/a", "version": seen + 1}])

    await asyncio.gather(*(count_up() for _ in range(20)))
    assert await graph.run(read) == [{"version": 20}]


async def test_reads_go_on_beside_a_writer(graph: Graph) -> None:
    await add_people(graph, "people/a")
    async with graph.unit_of_work() as unit:
        await unit.merge_nodes("Person", [{"name": "people/b"}])
        answers = await asyncio.gather(*(names(graph) for _ in range(20)))
    assert answers == [["people/a"]] * 20


async def test_what_was_committed_is_there_after_closing_and_opening_again(
    graph: Graph, graph_engine: GraphEngine, tmp_path: Path
) -> None:
    async with graph.unit_of_work() as unit:
        await unit.merge_nodes("Skill", [{"name": f"skills/{n}", "label": str(n)} for n in range(3000)])
        await unit.merge_nodes("Person", [{"name": "people/a", "create_time": NOON, "kinds": []}])
    await graph.close()
    again = await graph_engine.open(tmp_path, SCHEMA)
    await again.migrate()
    query = Query("test.person", "MATCH (p:Person) RETURN p.create_time AS t, p.kinds AS k")
    assert await again.run(query) == [{"t": NOON, "k": []}]
    assert await again.run(Query("test.count", "MATCH (s:Skill) RETURN count(*) AS n")) == [{"n": 3000}]
    await again.close()


async def test_a_closed_graph_says_so(graph: Graph) -> None:
    await graph.close()
    await graph.close()
    with pytest.raises(Unavailable, match="closed"):
        await graph.run(PEOPLE)
    with pytest.raises(Unavailable, match="closed"):
        async with graph.unit_of_work():
            pass


def _grown() -> Schema:
    skill = SCHEMA.nodes["Skill"]
    link = SCHEMA.relationships["RELATED_TO"]
    nodes = {
        **SCHEMA.nodes,
        "Skill": replace(skill, properties={**skill.properties, "hue": Value.TEXTS}),
        "Badge": NodeTable("Badge", "skills", {"name": Value.TEXT}),
    }
    relationships = {
        **SCHEMA.relationships,
        "RELATED_TO": replace(
            link, pairs=(*link.pairs, ("Skill", "Badge")), properties={**link.properties, "since": Value.DATE}
        ),
        "EARNS": RelationshipTable("EARNS", "skills", (("Person", "Badge"),)),
    }
    return declare(tuple(nodes.values()), tuple(relationships.values()))


async def test_migration_adds_what_the_schema_has_gained_and_keeps_what_was_there(
    graph: Graph, graph_engine: GraphEngine, tmp_path: Path
) -> None:
    await add_people(graph, "people/a")
    await add_skills(graph, "skills/x", "skills/y")
    async with graph.unit_of_work() as unit:
        await unit.merge_relationships(
            "RELATED_TO", "Skill", "Skill", [{"source": "skills/x", "target": "skills/y", "confidence": 0.5}]
        )
    await graph.close()
    grown = await graph_engine.open(tmp_path, _grown())
    await grown.migrate()
    await grown.migrate()
    async with grown.unit_of_work() as unit:
        await unit.merge_nodes("Badge", [{"name": "badges/1"}])
        await unit.merge_nodes("Skill", [{"name": "skills/x", "hue": ["red"]}])
        await unit.merge_relationships("EARNS", "Person", "Badge", [{"source": "people/a", "target": "badges/1"}])
        row: Row = {"source": "skills/x", "target": "badges/1", "since": date(2026, 1, 1)}
        await unit.merge_relationships("RELATED_TO", "Skill", "Badge", [row])
    hues = Query("test.hues", "MATCH (s:Skill) RETURN s.hue AS hue ORDER BY s.name")
    since = Query("test.since", "MATCH (:Skill)-[r:RELATED_TO]->(:Badge) RETURN r.since AS since, r.confidence AS c")
    assert await grown.run(hues) == [{"hue": ["red"]}, {"hue": None}]
    assert await grown.run(since) == [{"since": date(2026, 1, 1), "c": None}]
    assert [row["confidence"] for row in await grown.run(RELATED)] == [0.5]
    assert await names(grown) == ["people/a"]
    await grown.close()
