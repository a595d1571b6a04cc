"""What others read: kcat, and a consumer in Go that decodes payloads by the published protos, on a real Kafka."""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from careweave_profiles import service
from google.protobuf.json_format import MessageToDict

from careweave.client import OPERATOR, connect
from careweave.events.port import Delivered, Topic
from careweave.rpc.server import running
from careweave.v1 import events_pb2
from careweave.v1 import profiles_pb2 as pb
from careweave.wiring import open_adapters
from tests.contract.engines import running_kafka
from tests.contract.reading import everything
from tests.stacks import SERVERS, settings_of
from tools.go_programs import MissingProgramError, build_event_consumer

ROOT = Path(__file__).resolve().parents[2]
REQUIRED = {"ce_specversion", "ce_id", "ce_source", "ce_type"}
"""Attributes that CloudEvents 1.0.2 requires of every event, with the prefix of its Kafka binding."""
SECONDS = 120.0


@dataclass(frozen=True)
class Written:
    """What the profiles service has written, as this project reads it. topic: its name on the cluster."""

    topic: str
    events: list[Delivered]


@pytest.fixture
async def written(tmp_path: Path) -> AsyncIterator[Written]:
    """Create two people, change one and delete the other."""
    settings = await settings_of(SERVERS, tmp_path)
    async with (
        open_adapters(settings) as adapters,
        running(settings, [service.build], adapters) as started,
        connect(started.settings.listen, OPERATOR) as services,
    ):
        people = [
            await services.profiles.CreatePerson(pb.CreatePersonRequest(person=pb.Person(display_name=name)))
            for name in ("Alex Fictional", "Sam Fictional, Jr = ö")
        ]
        changed = pb.Person(name=people[0].name, display_name="Alex Changed")
        await services.profiles.UpdatePerson(pb.UpdatePersonRequest(person=changed))
        await services.profiles.DeletePerson(pb.DeletePersonRequest(name=people[1].name))
        async with asyncio.timeout(SECONDS):
            while sum((await adapters.events.end([Topic.PROFILES])).offsets.values()) < 4:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        events = await everything(adapters.events, Topic.PROFILES)
        prefix = settings.events.rpartition("/")[2]
        yield Written(f"{prefix}.{Topic.PROFILES}", events)


async def output_of(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(SECONDS):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


def require_cloud_event(key: str, headers: Mapping[str, str], *, is_tombstone: bool) -> None:
    """Fail unless a record is as the Kafka binding of CloudEvents, section 3.2, and the guide say."""
    assert set(headers) >= REQUIRED
    assert headers["ce_specversion"] == "1.0"
    assert headers["ce_source"] == "/careweave/profiles"
    assert headers["ce_type"] == "careweave.v1.ProfileChanged"
    assert datetime.fromisoformat(headers["ce_time"]).tzinfo is not None
    assert headers["ce_partitionkey"] == key
    assert int(headers["ce_aggregateversion"]) >= 1
    assert headers.get("content-type") == (None if is_tombstone else "application/protobuf")


@pytest.mark.skipif(shutil.which("kcat") is None, reason="needs kcat")
async def test_kcat_reads_keys_headers_and_tombstones_as_cloudevents_says(written: Written) -> None:
    brokers = running_kafka().addresses
    out = await output_of("kcat", "-b", brokers, "-C", "-t", written.topic, "-e", "-q", "-f", "%p %o %S %k %h\n")
    lines = sorted(line.split(" ", 4) for line in out.splitlines())
    expected = sorted(written.events, key=lambda each: (each.partition, each.offset))
    assert [(int(p), int(o), int(size), key) for p, o, size, key, _ in lines] == [
        (
            each.partition,
            each.offset,
            -1 if each.event.payload is None else len(each.event.payload),
            each.event.key,
        )
        for each in expected
    ]
    assert [size for _, _, size, *_ in lines].count("-1") == 1, "the person who was deleted"
    for (_, _, size, key, header), each in zip(lines, expected, strict=True):
        headers = dict(part.split("=", 1) for part in header.split(","))
        require_cloud_event(key, headers, is_tombstone=size == "-1")
        assert (headers["ce_id"], int(headers["ce_aggregateversion"])) == (each.event.id, each.event.version)


async def test_a_consumer_in_go_decodes_every_payload_by_the_published_protos(written: Written, tmp_path: Path) -> None:
    program, image = await asyncio.to_thread(consumer), tmp_path / "protos.binpb"
    await output_of(sys.executable, str(ROOT / "tools" / "generate_stubs.py"), "--image", str(image))
    out = await output_of(
        str(program), "-brokers", running_kafka().addresses, "-topic", written.topic, "-image", str(image)
    )
    found = {(each["partition"], each["offset"]): each for each in map(json.loads, out.splitlines())}
    assert set(found) == {(each.partition, each.offset) for each in written.events}
    for each in written.events:
        line, payload = found[each.partition, each.offset], each.event.payload
        require_cloud_event(line["key"], line["headers"], is_tombstone=payload is None)
        message = None if payload is None else MessageToDict(events_pb2.ProfileChanged.FromString(payload))
        assert (line["key"], line["message"]) == (each.event.key, message)
    assert sorted(str(each["message"] is None) for each in found.values()) == ["False", "False", "False", "True"]


def consumer() -> Path:
    """Return the program. Without Go the test is skipped; that Go cannot build it fails under continuous checks."""
    if shutil.which("go") is None:
        pytest.skip("needs Go")
    try:
        return build_event_consumer()
    except MissingProgramError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
