"""The audit trail as a person and an operator meet it: over gRPC, on both stacks."""

import asyncio
import json
import os
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import grpc
import pytest
from careweave_profiles import service

from careweave.audit.chains import Chain, Head, verify
from careweave.audit.trail import AuditTrail, of_nobody
from careweave.client import OPERATOR, calling, connect, person
from careweave.config import Settings, environment_of
from careweave.errors import Forbidden, NotFound, Unavailable
from careweave.events.port import Event, Topic
from careweave.events.reading import all_kept
from careweave.policy import Caller, Role
from careweave.rpc.channels import Channels
from careweave.rpc.server import running
from careweave.v1 import audit_pb2, hr_pb2
from careweave.v1 import profiles_pb2 as pb
from careweave.v1.audit_pb2 import AuditBatch
from careweave.wiring import Adapters, open_adapters, open_events
from tests.rpc.probe import Probed
from tests.stacks import on_both_stacks

ANNA = "people/anna"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
OAKS_FEED = Caller("sourceSystems/esr-oaks", Role.HR_FEED)
RECRUITER = Caller("organisations/oaks", Role.RECRUITER, "organisations/oaks")


@dataclass
class Served:
    """The profiles service with Anna in it."""

    address: str
    adapters: Adapters
    services: Channels

    async def accesses(self, caller: Caller = OPERATOR, **options: object) -> list[audit_pb2.RecordedAccess]:
        """Return what Anna is told of the accesses so far, oldest first."""
        await self.adapters.audit.flush()
        request = audit_pb2.ListRecordedAccessesRequest(parent=ANNA, **options)  # type: ignore[arg-type]  # its fields
        async with connect(self.address, caller) as services:
            return list(reversed((await services.profiles.ListRecordedAccesses(request)).accesses))

    async def chains(self, heads: dict[str, Head] | None = None) -> tuple[list[Chain], list[str]]:
        """Return what verifying finds."""
        await self.adapters.audit.flush()
        return await verify(all_kept(self.adapters.events, Topic.AUDIT), heads or {}, LONG_AGO)


@pytest.fixture
async def served(settings: Settings, adapters: Adapters) -> AsyncIterator[Served]:
    async with (
        running(settings, [service.build], adapters) as started,
        connect(started.settings.listen, OPERATOR) as services,
    ):
        organisation = pb.Organisation(name="organisations/oaks", title="Oaks")
        await services.profiles.UpdateOrganisation(
            pb.UpdateOrganisationRequest(organisation=organisation, allow_missing=True)
        )
        given = pb.Person(display_name="Anna Fictional", email="anna@example.org", fictional=True)
        await services.profiles.CreatePerson(pb.CreatePersonRequest(person=given, person_id="anna"))
        yield Served(started.settings.listen, adapters, services)


async def give_consent(services: Channels) -> pb.Consent:
    consent = pb.Consent(purpose=pb.CONSENT_PURPOSE_BE_FOUND, organisations=["organisations/oaks"])
    return await services.profiles.GiveConsent(pb.GiveConsentRequest(parent=ANNA, consent=consent))


def told(accesses: Sequence[audit_pb2.RecordedAccess]) -> list[tuple[str, str, bool, int]]:
    """Return the accesses without their times."""
    return [(each.action, each.organisation, each.own, each.outcome) for each in accesses]


@on_both_stacks
async def test_a_person_sees_who_read_and_changed_what_is_held_about_them_and_who_was_refused(served: Served) -> None:
    async with connect(served.address, person(ANNA)) as anna, connect(served.address, RECRUITER) as recruiter:
        consent = await give_consent(anna)
        with pytest.raises(Forbidden), calling():  # refused by the role alone: nobody has read of whom it was
            await recruiter.profiles.GetPerson(pb.GetPersonRequest(name=ANNA))
        async with connect(served.address, person("people/ben")) as ben:
            with pytest.raises(Forbidden), calling():
                await ben.profiles.GetPerson(pb.GetPersonRequest(name=ANNA))
        with pytest.raises(NotFound), calling():
            await anna.profiles.WithdrawConsent(pb.WithdrawConsentRequest(name=f"{ANNA}/consents/none"))
        await anna.profiles.WithdrawConsent(pb.WithdrawConsentRequest(name=consent.name))
    await served.services.profiles.ListPeople(pb.ListPeopleRequest())
    seen = await served.accesses()
    assert told(seen) == [
        ("CreatePerson", "", False, audit_pb2.AUDIT_OUTCOME_DONE),
        ("GiveConsent", "", True, audit_pb2.AUDIT_OUTCOME_DONE),
        ("GetPerson", "", False, audit_pb2.AUDIT_OUTCOME_REFUSED),
        ("WithdrawConsent", "", True, audit_pb2.AUDIT_OUTCOME_FAILED),
        ("WithdrawConsent", "", True, audit_pb2.AUDIT_OUTCOME_DONE),
        ("ListPeople", "", False, audit_pb2.AUDIT_OUTCOME_DONE),
    ]
    others = await served.accesses(person(ANNA), others_only=True)
    assert {each.action for each in others} == {"CreatePerson", "GetPerson", "ListPeople", "ListRecordedAccesses"}


@on_both_stacks
async def test_what_an_hr_system_changes_is_recorded_for_each_person(served: Served) -> None:
    opening = hr_pb2.FeedOpening(source_system=OAKS_FEED.subject, feed="staff")
    updates = [
        hr_pb2.ProfileUpdate(
            source_system=OAKS_FEED.subject,
            external_id=str(number),
            source_version=1,
            identity=hr_pb2.FeedIdentity(display_name=f"Person {number}", fictional=True),
        )
        for number in range(3)
    ]
    requests = [hr_pb2.StreamProfileUpdatesRequest(opening=opening)] + [
        hr_pb2.StreamProfileUpdatesRequest(update=update, position=at) for at, update in enumerate(updates, 1)
    ]
    async with connect(served.address, OAKS_FEED) as feed:
        replies = [each async for each in feed.profiles.StreamProfileUpdates(iter(requests))]
    assert len(replies) == 4
    await served.adapters.audit.flush()
    batches = [
        AuditBatch.FromString(each.event.payload or b"") async for each in all_kept(served.adapters.events, Topic.AUDIT)
    ]
    fed = [entry for batch in batches for entry in batch.entries if entry.role == 4]
    assert {entry.caller for entry in fed} == {OAKS_FEED.subject}
    assert len({pseudonym for entry in fed for pseudonym in entry.pseudonyms}) == 3


@on_both_stacks
async def test_erasure_destroys_the_pseudonym_and_the_chain_still_holds(served: Served) -> None:
    async with connect(served.address, person(ANNA)) as anna:
        await anna.profiles.GetPerson(pb.GetPersonRequest(name=ANNA))
        await served.adapters.audit.flush()
        await anna.profiles.DeletePerson(pb.DeletePersonRequest(name=ANNA))
    kept = [each.event async for each in all_kept(served.adapters.events, Topic.AUDIT)]
    last = AuditBatch.FromString(kept[-1].payload or b"").entries[-1]
    assert (last.action, last.outcome) == ("DeletePerson", audit_pb2.AUDIT_OUTCOME_DONE)
    assert last.pseudonyms == [last.caller_pseudonym]
    everything = b"".join(str(event).encode() + (event.payload or b"") for event in kept)
    assert b"anna" not in everything.lower()
    chains, missing = await served.chains()
    assert ([chain.faults for chain in chains], missing) == ([[]], [])
    with pytest.raises(NotFound), calling():
        await served.services.profiles.ListRecordedAccesses(audit_pb2.ListRecordedAccessesRequest(parent=ANNA))
    await served.adapters.audit.flush()
    created = pb.CreatePersonRequest(person=pb.Person(display_name="Another"), person_id="anna")
    await served.services.profiles.CreatePerson(created)
    assert told(await served.accesses()) == [("CreatePerson", "", False, audit_pb2.AUDIT_OUTCOME_DONE)]


async def test_pages_of_accesses_do_not_shift_while_new_ones_come(served: Served) -> None:
    for _ in range(5):
        await served.services.profiles.GetPerson(pb.GetPersonRequest(name=ANNA))
    await served.adapters.audit.flush()
    request = audit_pb2.ListRecordedAccessesRequest(parent=ANNA, page_size=4)
    first = await served.services.profiles.ListRecordedAccesses(request)
    await served.adapters.audit.flush()  # asking for the first page is an access, too
    request.page_token = first.next_page_token
    second = await served.services.profiles.ListRecordedAccesses(request)
    actions = [each.action for each in (*first.accesses, *second.accesses)]
    assert actions == [*["GetPerson"] * 5, "CreatePerson"]
    assert not second.next_page_token


async def test_a_change_of_consent_is_in_the_log_when_it_is_answered(served: Served) -> None:
    async with connect(served.address, person(ANNA)) as anna:
        await give_consent(anna)
    kept = [each.event.payload or b"" async for each in all_kept(served.adapters.events, Topic.AUDIT)]
    assert AuditBatch.FromString(kept[-1]).entries[-1].action == "GiveConsent"


async def test_no_consent_changes_while_the_trail_cannot_be_written_and_reads_go_on(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(events: Sequence[Event]) -> None:
        raise Unavailable("The log does not answer.")

    with monkeypatch.context() as broken:
        broken.setattr(served.adapters.events, "append", refuse)
        await served.services.profiles.GetPerson(pb.GetPersonRequest(name=ANNA))
        with pytest.raises(Unavailable):
            await served.adapters.audit.flush()
        async with connect(served.address, person(ANNA)) as own:
            with pytest.raises(Unavailable) as caught, calling():
                await give_consent(own)
        assert caught.value.reason == "AUDIT_UNAVAILABLE"
        anna = await served.services.profiles.GetPerson(pb.GetPersonRequest(name=ANNA))
        assert not anna.consents
    seen = await served.accesses()
    assert [each.action for each in seen] == ["CreatePerson", "GetPerson", "GetPerson"]
    chains, _ = await served.chains()
    assert [chain.faults for chain in chains] == [[]]


async def test_a_servicer_that_answers_without_asking_the_policy_is_not_heard(probed: Probed) -> None:
    probed.probe.asks = False
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await probed.services.matching.FindOpportunities(probed.probe.request)
    assert caught.value.code() is grpc.StatusCode.INTERNAL


Damage = Callable[[sqlite3.Connection], None]


def damaged(settings: Settings, damage: Damage) -> None:
    with sqlite3.connect(settings.events.removeprefix("sqlite:")) as connection:
        damage(connection)
    connection.close()


def alter(connection: sqlite3.Connection) -> None:
    """Let another one have read it."""
    [(offset, payload)] = connection.execute(
        "SELECT offset, payload FROM event WHERE topic = ? ORDER BY offset LIMIT 1 OFFSET 1", (str(Topic.AUDIT),)
    ).fetchall()
    batch = AuditBatch.FromString(payload)
    batch.entries[0].caller = "organisations/another"
    connection.execute(
        "UPDATE event SET payload = ? WHERE topic = ? AND offset = ?",
        (batch.SerializeToString(deterministic=True), str(Topic.AUDIT), offset),
    )


def leave_out(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM event WHERE topic = ? AND version = 2", (str(Topic.AUDIT),))


def cut_off(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM event WHERE topic = ? AND version > 2", (str(Topic.AUDIT),))


@pytest.mark.parametrize("damage", [alter, leave_out])
async def test_what_was_altered_or_left_out_shows(served: Served, settings: Settings, damage: Damage) -> None:
    for _ in range(4):
        await served.services.profiles.GetPerson(pb.GetPersonRequest(name=ANNA))
        await served.adapters.audit.flush()
    assert [chain.faults for chain in (await served.chains())[0]] == [[]]
    await asyncio.to_thread(damaged, settings, damage)
    assert any(chain.faults for chain in (await served.chains())[0])


async def test_a_cut_off_end_shows_to_whoever_knows_where_the_chain_had_come_to(
    served: Served, settings: Settings
) -> None:
    for _ in range(4):
        await served.services.profiles.GetPerson(pb.GetPersonRequest(name=ANNA))
        await served.adapters.audit.flush()
    chains, _ = await served.chains()
    heads = {chain.name: Head(chain.last, chain.digest, datetime.now(UTC)) for chain in chains}
    assert (await served.chains(heads))[1] == []
    await asyncio.to_thread(damaged, settings, cut_off)
    found, missing = await served.chains(heads)
    assert [chain.faults for chain in found] == [[]]
    assert len(missing) == 1
    # What retention may have taken by now is not missed.
    assert (await verify(all_kept(served.adapters.events, Topic.AUDIT), heads, datetime.now(UTC)))[1] == []


async def test_the_command_verifies_and_writes_down_where_the_chains_have_come_to(
    served: Served, settings: Settings, tmp_path: Path
) -> None:
    for _ in range(2):
        await served.adapters.audit.flush()
        await served.services.profiles.GetPerson(pb.GetPersonRequest(name=ANNA))
    await served.adapters.audit.flush()
    heads = tmp_path / "heads.json"

    async def verified(*options: str) -> int | None:
        command = [sys.executable, "-m", "careweave_cli", "audit", "verify", *options]
        running_command = await asyncio.create_subprocess_exec(*command, env={**os.environ, **environment_of(settings)})
        return await running_command.wait()

    assert await verified("--heads", str(heads)) == 0
    written = json.loads(await asyncio.to_thread(heads.read_text))
    assert [set(head) for head in written.values()] == [{"number", "digest", "ended"}]
    await asyncio.to_thread(damaged, settings, leave_out)
    assert await verified("--known", str(heads)) == 1


async def test_a_batch_written_twice_counts_once(adapters: Adapters) -> None:
    """As when the log has taken it and the answer was lost."""
    trail = AuditTrail(adapters.events, lambda: "chain", lambda: datetime.now(UTC))
    await adapters.events.append([trail._event([], {}, closing=False)])
    twice = [each async for each in all_kept(adapters.events, Topic.AUDIT)] * 2

    async def given() -> AsyncIterator[object]:
        for each in twice:
            yield each

    chains, _ = await verify(given(), {}, LONG_AGO)  # type: ignore[arg-type]
    digest = sha256(twice[0].event.payload or b"").hexdigest()
    assert [(chain.last, chain.digest, chain.faults) for chain in chains] == [(1, digest, [])]


async def test_the_trail_of_a_server_that_ended_in_order_says_so(settings: Settings) -> None:
    async with (
        open_adapters(settings) as adapters,
        running(settings, [service.build], adapters) as started,
        connect(started.settings.listen, OPERATOR) as services,
    ):
        await services.profiles.ListPeople(pb.ListPeopleRequest())
    log = await open_events(settings)
    chains, _ = await verify(all_kept(log, Topic.AUDIT), {}, LONG_AGO)
    await log.close()
    assert [(chain.closed, chain.faults, chain.entries) for chain in chains] == [(True, [], 1)]
    assert timedelta() <= datetime.now(UTC) - (chains[0].ended or LONG_AGO) < timedelta(minutes=5)


async def test_a_call_whose_caller_leaves_before_the_answer_is_recorded(probed: Probed) -> None:
    probed.probe.takes_seconds = 60.0
    probed.probe.about = ANNA
    call = probed.services.matching.FindOpportunities(probed.probe.request)
    async with asyncio.timeout(30):
        while not probed.probe.callers:  # noqa: ASYNC110  it is on its way
            await asyncio.sleep(0.01)
    call.cancel()
    trail = probed.adapters.audit
    trail.name_by(of_nobody)  # there is no profiles service here to ask
    async with asyncio.timeout(30):
        while True:
            await trail.flush()
            batches = [
                AuditBatch.FromString(each.event.payload or b"")
                async for each in all_kept(probed.adapters.events, Topic.AUDIT)
            ]
            if entries := [entry for batch in batches for entry in batch.entries]:
                break
            await asyncio.sleep(0.05)
    assert [(each.action, each.outcome) for each in entries] == [("FindOpportunities", audit_pb2.AUDIT_OUTCOME_FAILED)]
