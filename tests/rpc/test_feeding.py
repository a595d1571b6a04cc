"""Sending a feed over a connection that is cut again and again: nothing is lost, and every update is answered."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

import pytest
from careweave_profiles import service

from careweave import feeding
from careweave.client import OPERATOR, connect
from careweave.config import Settings
from careweave.rpc.server import running
from careweave.v1 import hr_pb2, profiles_pb2
from careweave.wiring import Adapters
from tests.stacks import on_both_stacks

pytestmark = on_both_stacks

PATIENCE_SECONDS = 300
UPDATES = 400
CUTS = 3
BYTES_UNTIL_CUT = 12_000
OPENING = hr_pb2.FeedOpening(source_system="sourceSystems/esr-oaks", feed="staff")


@dataclass
class Wire:
    """A connection to `target` that breaks after so many bytes, `cuts` times."""

    target: str
    cuts: int
    broken: int = 0
    tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass bytes on in both directions until the wire breaks or either side closes."""
        host, _, port = self.target.rpartition(":")
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        there = asyncio.create_task(self._pass(reader, far_writer, BYTES_UNTIL_CUT))
        back = asyncio.create_task(self._pass(far_reader, writer, None))
        await asyncio.wait((there, back), return_when=asyncio.FIRST_COMPLETED)
        for each in (there, back):
            each.cancel()
        for end in (writer, far_writer):
            end.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, most: int | None) -> None:
        passed = 0
        while content := await reader.read(1000):
            writer.write(content)
            await writer.drain()
            passed += len(content)
            if most is not None and passed > most and self.broken < self.cuts:
                self.broken += 1
                return


@pytest.fixture
async def address(settings: Settings, adapters: Adapters) -> AsyncIterator[str]:
    async with running(settings, [service.build], adapters) as started:
        async with connect(started.settings.listen, OPERATOR) as services:
            organisation = profiles_pb2.Organisation(name="organisations/oaks", title="Oaks", fictional=True)
            request = profiles_pb2.UpdateOrganisationRequest(organisation=organisation, allow_missing=True)
            await services.profiles.UpdateOrganisation(request)
        yield started.settings.listen


def updates_after(position: int) -> Iterable[tuple[int, hr_pb2.ProfileUpdate]]:
    for number in range(position + 1, UPDATES + 1):
        work = hr_pb2.FeedEmployment(organisation="organisations/oaks", job_title=f"Role {number}")
        yield (
            number,
            hr_pb2.ProfileUpdate(
                source_system=OPENING.source_system,
                external_id=f"record {number}",
                source_version=1,
                employments=hr_pb2.FeedEmployments(employments=[work]),
            ),
        )


async def test_a_feed_over_a_wire_that_breaks_is_answered_to_the_last_update(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding, "FIRST_PAUSE", 0.01)
    wire = Wire(address, CUTS)
    server = await asyncio.start_server(wire.connected, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with asyncio.timeout(PATIENCE_SECONDS), connect(f"127.0.0.1:{port}", OPERATOR) as services:
        answers = [each async for each in feeding.send_updates(services, OPENING, updates_after)]
        server.close()
    assert wire.broken == CUTS
    assert [each.position for each in answers] == list(range(1, UPDATES + 1))
    assert {each.outcome for each in answers} <= {hr_pb2.UPDATE_OUTCOME_APPLIED, hr_pb2.UPDATE_OUTCOME_DUPLICATE}
    async with connect(address, OPERATOR) as services:
        people = (await services.profiles.ListPeople(profiles_pb2.ListPeopleRequest(page_size=1000))).people
    assert len(people) == UPDATES
