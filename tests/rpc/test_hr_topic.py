"""HR updates from their topic, on both stacks: taken in once, set aside with the reason, put back after a fix."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from careweave_cli.hr.rejected import Rejection, read_rejections, replay
from careweave_profiles import service
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo

from careweave.client import OPERATOR, connect
from careweave.config import Settings
from careweave.events.port import Event, EventLog, Topic
from careweave.rpc.channels import Channels
from careweave.rpc.server import running
from careweave.v1 import hr_pb2
from careweave.v1 import profiles_pb2 as pb
from careweave.wiring import Adapters
from tests.stacks import on_both_stacks

pytestmark = on_both_stacks

PATIENCE_SECONDS = 30
SOURCE = "sourceSystems/esr-oaks"


@pytest.fixture
async def services(settings: Settings, adapters: Adapters) -> AsyncIterator[Channels]:
    async with (
        running(settings, [service.build], adapters) as started,
        connect(started.settings.listen, OPERATOR) as services,
    ):
        yield services


def event(number: int, payload: bytes | None, kind: str = "careweave.v1.ProfileUpdate") -> Event:
    return Event(
        topic=Topic.HR_UPDATES,
        id=f"event-{number}",
        type=kind,
        source=f"/{SOURCE}",
        key=f"key-{number}",
        version=1,
        time=datetime(2026, 3, 2, tzinfo=UTC),
        payload=payload,
    )


def update(external_id: str, organisation: str = "organisations/oaks", version: int = 1) -> bytes:
    work = hr_pb2.FeedEmployment(organisation=organisation, job_title=f"Carer {version}")
    return hr_pb2.ProfileUpdate(
        source_system=SOURCE,
        external_id=external_id,
        source_version=version,
        employments=hr_pb2.FeedEmployments(employments=[work]),
    ).SerializeToString()


async def open_employer(services: Channels, name: str) -> None:
    organisation = pb.Organisation(name=name, title=name, fictional=True)
    request = pb.UpdateOrganisationRequest(organisation=organisation, allow_missing=True)
    await services.profiles.UpdateOrganisation(request)


async def people(services: Channels, count: int) -> list[pb.Person]:
    """Return everyone, once they are `count`."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        request = pb.ListPeopleRequest(page_size=1000)
        while len(found := (await services.profiles.ListPeople(request)).people) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert len(found) == count
    return list(found)


async def rejections(log: EventLog, count: int) -> list[Rejection]:
    """Return what is set aside and not put back, once it is `count`."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(found := await read_rejections(log)) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert len(found) == count
    return found


async def test_updates_are_taken_in_once_and_a_bad_one_holds_nobody_up(services: Channels, adapters: Adapters) -> None:
    await open_employer(services, "organisations/oaks")
    events = [
        event(1, update("A")),
        event(2, b"\xff\xff"),
        event(3, update("B")),
        event(4, update("A")),
        event(5, None),
    ]
    await adapters.events.append(events)
    await people(services, 2)
    (undecodable,) = await rejections(adapters.events, 1)
    assert undecodable.reason == "PAYLOAD_UNDECODABLE"
    assert (undecodable.rejected.event_id, undecodable.rejected.topic) == ("event-2", Topic.HR_UPDATES)
    assert undecodable.rejected.payload == b"\xff\xff"


async def test_a_burst_is_taken_in_by_batches_and_its_bad_records_alone_are_set_aside(
    services: Channels, adapters: Adapters
) -> None:
    await open_employer(services, "organisations/oaks")
    records, bad = 200, 8
    events = [event(n, update(f"record {n % records}", version=1 + n // records)) for n in range(2 * records)]
    for number in range(bad):
        # In turn: no message, one that breaks a rule, another type, an employer that nobody knows.
        each = event(number * 50 + 7, [b"\xff", b"", update("A"), update("B", "organisations/none")][number % 4])
        events.insert(number * 50, replace(each, id=f"bad {number}", type=each.type + "?" * (number % 4 == 2)))
    await adapters.events.append(events)
    found = await people(services, records)
    set_aside = await rejections(adapters.events, bad)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while {each.employments[0].job_title for each in found} != {"Carer 2"}:
            found = await people(services, records)
    assert {each.rejected.event_id for each in set_aside} == {f"bad {number}" for number in range(bad)}
    assert {each.reason for each in set_aside} >= {"PAYLOAD_UNDECODABLE", "EVENT_TYPE_UNKNOWN", "REFERENCE_UNKNOWN"}
    assert len(await rejections(adapters.events, bad)) == bad
    moments = {each.update_time.ToDatetime() for each in found}
    assert len(moments) < records / 5, "those of one unit of work have one time"


async def test_a_payload_too_large_to_be_set_aside_whole_holds_up_nobody(
    services: Channels, adapters: Adapters
) -> None:
    """A log takes little more than the payload alone, so what is set aside goes without it."""
    await open_employer(services, "organisations/oaks")
    large = bytes(1_048_000)
    await adapters.events.append([event(1, large), event(2, update("A"))])
    await people(services, 1)
    (found,) = await rejections(adapters.events, 1)
    assert (found.reason, found.is_whole) == ("PAYLOAD_UNDECODABLE", False)


async def test_what_was_rejected_carries_its_reason_and_is_put_back_once_after_the_fix(
    services: Channels, adapters: Adapters
) -> None:
    log = adapters.events
    await log.append([event(1, update("A", "organisations/new")), event(2, b"\xff\xff")])
    found = await rejections(log, 2)
    unknown = next(each for each in found if each.reason == "REFERENCE_UNKNOWN")
    kinds = {packed.TypeName() for packed in unknown.rejected.status.details}
    assert kinds == {ErrorInfo.DESCRIPTOR.full_name, BadRequest.DESCRIPTOR.full_name}
    await open_employer(services, "organisations/new")
    put_back = [each for each in found if each.reason == "REFERENCE_UNKNOWN"]
    await replay(log, put_back, datetime.now(UTC))
    assert (await people(services, 1))[0].employments[0].organisation == "organisations/new"
    (left,) = await read_rejections(log)
    assert left.reason == "PAYLOAD_UNDECODABLE"


async def test_an_update_that_is_rejected_again_can_be_put_back_again(services: Channels, adapters: Adapters) -> None:
    log = adapters.events
    await log.append([event(1, update("A", "organisations/new"))])
    first = await rejections(log, 1)
    await replay(log, first, datetime.now(UTC))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (again := await read_rejections(log)) == [] or again[0].id == first[0].id:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await open_employer(services, "organisations/new")
    await replay(log, again, datetime.now(UTC))
    await people(services, 1)
    assert await read_rejections(log) == []
