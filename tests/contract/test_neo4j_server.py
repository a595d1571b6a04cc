"""What only a graph on a server meets: replicas that start together, logins, a server that goes and comes back."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import neo4j
import pytest
from careweave_cli.devstack.neo4j_server import USER

from careweave.errors import FailedPrecondition, Unavailable
from careweave.graph.neo4j import Login, Neo4jGraph, open_neo4j
from careweave.graph.port import Query
from careweave.graph.schema import SCHEMA

from .engines import emptied_neo4j, running_neo4j

REPLICAS = 8
PEOPLE = Query("test.people", "MATCH (p:Person) RETURN p.name AS name ORDER BY name")


@pytest.fixture
async def replicas() -> AsyncIterator[list[Neo4jGraph]]:
    server = await asyncio.to_thread(emptied_neo4j)
    opened = [open_neo4j(server.url, Login(USER, server.password_file)) for _ in range(REPLICAS)]
    yield opened
    for graph in opened:
        await graph.close()


async def run_on_server(text: str) -> list[dict[str, object]]:
    server = running_neo4j()
    async with neo4j.AsyncGraphDatabase.driver(server.url, auth=(USER, server.password_file.read_text())) as driver:
        return [record.data() for record in (await driver.execute_query(text)).records]


async def forget_the_schema() -> None:
    """Drop all constraints, all indexes and the record of what was migrated, as on a new server."""
    for found in await run_on_server("SHOW CONSTRAINTS YIELD name RETURN name"):
        await run_on_server(f"DROP CONSTRAINT {found['name']}")
    for found in await run_on_server("SHOW INDEXES YIELD name, type WHERE type <> 'LOOKUP' RETURN name"):
        await run_on_server(f"DROP INDEX {found['name']}")
    await run_on_server("MATCH (n) DETACH DELETE n")


async def test_replicas_that_start_together_on_a_new_server_migrate_it_once(replicas: list[Neo4jGraph]) -> None:
    await forget_the_schema()
    await asyncio.gather(*(graph.migrate() for graph in replicas))
    keys = await run_on_server("SHOW CONSTRAINTS YIELD labelsOrTypes, properties RETURN labelsOrTypes[0] AS label")
    assert {found["label"] for found in keys} >= set(SCHEMA.nodes)
    assert len(keys) == len({str(found) for found in keys})
    taken = await run_on_server("MATCH (m:GraphMigration) RETURN m.id AS id, count(*) AS times")
    assert {found["times"] for found in taken} == {1}
    offline = await run_on_server("SHOW INDEXES YIELD name, state WHERE state <> 'ONLINE' RETURN name")
    assert offline == []


async def test_replicas_that_write_the_same_at_once_lose_nothing(replicas: list[Neo4jGraph]) -> None:
    await replicas[0].migrate()

    async def write(number: int, graph: Neo4jGraph) -> None:
        for each in range(5):
            async with graph.unit_of_work() as unit:
                await unit.merge_nodes("Person", [{"name": f"people/{number}-{each}"}, {"name": "people/all"}])

    await asyncio.gather(*(write(number, graph) for number, graph in enumerate(replicas)))
    assert len(await replicas[0].run(PEOPLE)) == 5 * REPLICAS + 1


async def test_a_wrong_password_is_told_naming_the_settings(tmp_path: Path) -> None:
    kept = tmp_path / "password"
    kept.write_text("wrong")
    graph = open_neo4j(running_neo4j().url, Login(USER, kept))
    for _ in range(4):  # After three the server refuses them without looking.
        with pytest.raises(FailedPrecondition, match="CAREWEAVE_GRAPH_PASSWORD_FILE"):
            await graph.run(PEOPLE)
    await graph.close()
    await asyncio.to_thread(running_neo4j().wait)


async def test_a_server_that_was_killed_is_used_again_once_it_is_back(replicas: list[Neo4jGraph]) -> None:
    server, graph = running_neo4j(), replicas[0]
    await graph.migrate()
    async with graph.unit_of_work() as unit:
        await unit.merge_nodes("Person", [{"name": "people/before"}])
    await asyncio.to_thread(server.kill)
    with pytest.raises(Unavailable):
        async with graph.unit_of_work():
            pass
    server.start()
    await asyncio.to_thread(server.wait)
    async with graph.unit_of_work() as unit:
        await unit.merge_nodes("Person", [{"name": "people/after"}])
    assert await graph.run(PEOPLE) == [{"name": "people/after"}, {"name": "people/before"}]
