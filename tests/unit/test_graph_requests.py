"""Requests with an id are done once."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from careweave.errors import InvalidArgument
from careweave.graph.embedded import open_embedded
from careweave.graph.port import Graph, Query
from careweave.graph.requests import KEPT, Request, digest_of, forget, recall, remember

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
REQUEST = Request("CreatePerson", "6F9619FF-8B86-D011-B42D-00CF4FC964FF", digest_of(b"content"))


@pytest.fixture
async def graph(tmp_path: Path) -> AsyncIterator[Graph]:
    opened = await open_embedded(tmp_path / "graph")
    await opened.migrate()
    async with opened.unit_of_work() as unit:
        assert await recall(unit, REQUEST, NOON) is None
        await remember(unit, REQUEST, b"\x00answer", "people/a", NOON)
    yield opened
    await opened.close()


async def answer(graph: Graph, request: Request, now: datetime) -> bytes | None:
    async with graph.unit_of_work() as unit:
        return await recall(unit, request, now)


async def test_the_same_request_is_answered_alike_for_a_day(graph: Graph) -> None:
    lower = Request(REQUEST.method, REQUEST.request_id.lower(), REQUEST.digest)
    assert await answer(graph, lower, NOON + KEPT - timedelta(microseconds=1)) == b"\x00answer"
    assert await answer(graph, REQUEST, NOON + KEPT) is None


async def test_the_same_id_with_another_content_is_refused(graph: Graph) -> None:
    other = Request(REQUEST.method, REQUEST.request_id, digest_of(b"other content"))
    with pytest.raises(InvalidArgument, match="another content") as refused:
        await answer(graph, other, NOON)
    assert [violation.field for violation in refused.value.violations] == ["request_id"]
    assert await answer(graph, other, NOON + KEPT) is None


async def test_another_method_has_ids_of_its_own(graph: Graph) -> None:
    assert await answer(graph, Request("UpdatePerson", REQUEST.request_id, REQUEST.digest), NOON) is None


async def test_a_request_whose_unit_of_work_fails_is_not_remembered(graph: Graph) -> None:
    second = Request("CreatePerson", "another", digest_of(b""))

    async def fail() -> None:
        async with graph.unit_of_work() as unit:
            await remember(unit, second, b"", "people/b", NOON)
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await answer(graph, second, NOON) is None


async def test_remembering_drops_what_is_older_than_a_day_and_erasure_what_shows_the_resource(graph: Graph) -> None:
    kept = Query("test.kept", "MATCH (r:RequestRecord) RETURN r.resource AS resource ORDER BY resource")
    later = NOON + KEPT
    async with graph.unit_of_work() as unit:
        await remember(unit, Request("M", "1", ""), b"", "people/b", later)
        await remember(unit, Request("M", "2", ""), b"", "people/c", later)
    assert await graph.run(kept) == [{"resource": "people/b"}, {"resource": "people/c"}]
    async with graph.unit_of_work() as unit:
        await forget(unit, "people/b")
    assert await graph.run(kept) == [{"resource": "people/c"}]
