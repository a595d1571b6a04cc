"""`careweave events tail` beside a process that has the log open."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from careweave.config import Settings
from careweave.events.port import Event, EventLog, Topic
from careweave.v1 import common_pb2, events_pb2, matching_pb2, profiles_pb2
from careweave.wiring import open_events

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
OPENING = matching_pb2.Opportunity(
    name="opportunities/one",
    title="Night Nurse",
    kind=common_pb2.OPPORTUNITY_KIND_JOB,
    organisation="organisations/a-hospice",
)


def event(topic: Topic, kind: str, key: str, payload: bytes | None, minute: int) -> Event:
    return Event(
        topic,
        f"e{minute}",
        f"careweave.v1.{kind}",
        "/careweave/test",
        key,
        1,
        NOON + timedelta(minutes=minute),
        payload,
    )


PUBLISHED = event(
    Topic.OPPORTUNITIES,
    "OpportunityPublished",
    OPENING.name,
    events_pb2.OpportunityPublished(opportunity=OPENING).SerializeToString(),
    1,
)
CHANGED = event(
    Topic.PROFILES,
    "ProfileChanged",
    "people/anna",
    events_pb2.ProfileChanged(person="people/anna", parts=[profiles_pb2.PROFILE_PART_SKILLS]).SerializeToString(),
    2,
)
ERASED = event(Topic.PROFILES, "ProfileChanged", "people/anna", None, 3)
FOUND = event(
    Topic.MATCHES,
    "MatchFound",
    "people/ben",
    events_pb2.MatchFound(
        person="people/ben", opportunity=OPENING.name, title=OPENING.title, reasons=["Near."], score=0.5
    ).SerializeToString(),
    4,
)
UNHEARD = event(Topic.DECISIONS, "Unheard", "people/anna", b"\x08\x01", 5)


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[EventLog]:
    opened = await open_events(Settings(events=f"sqlite:{tmp_path / 'events.db'}"))
    await opened.append([FOUND, PUBLISHED, CHANGED, ERASED, UNHEARD])
    yield opened
    await opened.close()


async def tail(folder: Path, *options: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "careweave_cli", "events", "tail", *options),
        env={"CAREWEAVE_EVENTS": f"sqlite:{folder / 'events.db'}", "COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def lines(folder: Path, *options: str) -> list[str]:
    process = await tail(folder, *options)
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode().splitlines()


async def test_everything_so_far_is_printed_in_order_of_time(log: EventLog, tmp_path: Path) -> None:
    published, changed, erased, found, unheard = await lines(tmp_path, "--from-start", "--no-follow")
    assert "OpportunityPublished" in published
    assert "“Night Nurse” (job) at organisations/a-hospice" in published
    assert "people/anna" in changed
    assert "changed: skills" in changed
    assert "erased" in erased
    assert "“Night Nurse” fits people/ben, 50 %: Near." in found
    assert "2 bytes" in unheard


async def test_json_is_one_cloud_event_a_line(log: EventLog, tmp_path: Path) -> None:
    printed = [json.loads(line) for line in await lines(tmp_path, "--from-start", "--no-follow", "--json")]
    assert [each["id"] for each in printed] == ["e1", "e2", "e3", "e4", "e5"]
    first, _, erased, _, unheard = printed
    assert first["specversion"] == "1.0"
    assert first["type"] == "careweave.v1.OpportunityPublished"
    assert first["partitionkey"] == OPENING.name
    assert first["data"]["opportunity"]["title"] == "Night Nurse"
    assert erased["data"] is None
    assert unheard["data"] == {"bytes": 2}


async def test_topics_and_their_number_can_be_chosen(log: EventLog, tmp_path: Path) -> None:
    assert len(await lines(tmp_path, "--from-start", "--no-follow", "--topic", "profiles")) == 2
    assert len(await lines(tmp_path, "--from-start", "-n", "3")) == 3


async def test_new_events_arrive_while_the_writer_goes_on(log: EventLog, tmp_path: Path) -> None:
    """Without --from-start the tail begins with the next event, which another process appends."""
    process = await tail(tmp_path, "-n", "1")
    assert process.stderr is not None
    async with asyncio.timeout(60):
        assert b"Waiting" in await process.stderr.readline()
        await log.append([event(Topic.PROFILES, "ProfileChanged", "people/new", CHANGED.payload, 6)])
        out, _ = await process.communicate()
    assert out.decode().splitlines()[0].split()[3] == "people/new"
