"""StreamProfileUpdates as an HR system meets it: over gRPC, on the embedded engines."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from careweave_profiles import service
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo

from careweave.client import OPERATOR, calling, connect, person
from careweave.config import Settings
from careweave.errors import FailedPrecondition, Forbidden, InvalidArgument, NotFound
from careweave.policy import Caller, Role
from careweave.rpc.caller import AUTHORIZATION
from careweave.rpc.channels import Channels
from careweave.rpc.server import running
from careweave.v1 import hr_pb2
from careweave.v1 import profiles_pb2 as pb
from careweave.wiring import Adapters
from tests.rpc.bearing import trial_token
from tests.stacks import on_both_stacks

pytestmark = on_both_stacks

PATIENCE_SECONDS = 30
OAKS = Caller("sourceSystems/esr-oaks", Role.HR_FEED, "organisations/oaks")
VALE = Caller("sourceSystems/asc-vale", Role.HR_FEED, "organisations/vale")
APPLIED, DUPLICATE, STALE, REJECTED = (1, 2, 3, 4)


@dataclass
class Served:
    """The service with the skill skills/lifting and two employers, and the HR system of the first."""

    address: str
    operator: Channels
    hr: Channels

    def called_by(self, caller: Caller) -> Channels:
        """Return stubs that call as `caller`."""
        return connect(self.address, caller)

    async def people(self) -> list[pb.Person]:
        """Return everyone."""
        return list((await self.operator.profiles.ListPeople(pb.ListPeopleRequest())).people)


@pytest.fixture
async def served(settings: Settings, adapters: Adapters) -> AsyncIterator[Served]:
    async with adapters.graph.unit_of_work() as unit:
        await unit.merge_nodes("Skill", [{"name": "skills/lifting", "label": "Lifting"}])
    async with (
        running(settings, [service.build], adapters) as started,
        connect(started.settings.listen, OPERATOR) as operator,
        connect(started.settings.listen, OAKS) as hr,
    ):
        for name in ("organisations/oaks", "organisations/vale"):
            organisation = pb.Organisation(name=name, title=name, fictional=True)
            await operator.profiles.UpdateOrganisation(
                pb.UpdateOrganisationRequest(organisation=organisation, allow_missing=True)
            )
        yield Served(started.settings.listen, operator, hr)


def opening(caller: Caller = OAKS, feed: str = "staff") -> hr_pb2.StreamProfileUpdatesRequest:
    return hr_pb2.StreamProfileUpdatesRequest(opening=hr_pb2.FeedOpening(source_system=caller.subject, feed=feed))


def sent(
    position: int, external_id: str, version: int = 1, caller: Caller = OAKS
) -> hr_pb2.StreamProfileUpdatesRequest:
    work = hr_pb2.FeedEmployment(organisation=caller.organisation, job_title=f"Role {version}")
    update = hr_pb2.ProfileUpdate(
        source_system=caller.subject,
        external_id=external_id,
        source_version=version,
        employments=hr_pb2.FeedEmployments(employments=[work]),
        skills=hr_pb2.FeedSkills(skills=[hr_pb2.FeedSkill(skill="skills/lifting")]),
    )
    return hr_pb2.StreamProfileUpdatesRequest(update=update, position=position)


async def exchange(
    services: Channels, *requests: hr_pb2.StreamProfileUpdatesRequest
) -> tuple[int, list[hr_pb2.UpdateAnswer]]:
    """Return the position that was acknowledged at the opening, and all answers."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        replies = [each async for each in services.profiles.StreamProfileUpdates(iter(requests))]
    return replies[0].opened.acknowledged_position, [each.answer for each in replies[1:]]


def outcomes(answers: Iterable[hr_pb2.UpdateAnswer]) -> list[tuple[int, int]]:
    return [(each.position, each.outcome) for each in answers]


def detail(answer: hr_pb2.UpdateAnswer, kind: Any) -> Any:
    for packed in answer.status.details:
        found = kind()
        if packed.Unpack(found):
            return found
    pytest.fail(f"no {kind.__name__} in {answer.status}")


async def test_every_update_is_answered_in_order_and_the_feed_goes_on_from_the_last(served: Served) -> None:
    requests = [sent(1, "A", 2), sent(2, "B"), sent(3, "A", 2), sent(4, "A", 1)]
    acknowledged, answers = await exchange(served.hr, opening(), *requests)
    assert acknowledged == 0
    assert outcomes(answers) == [(1, APPLIED), (2, APPLIED), (3, DUPLICATE), (4, STALE)]
    assert (await exchange(served.hr, opening()))[0] == 4
    assert (await exchange(served.hr, opening(feed="training")))[0] == 0
    assert len(await served.people()) == 2


async def test_a_message_that_breaks_a_rule_is_answered_as_rejected_and_the_stream_goes_on(served: Served) -> None:
    wrong = sent(2, "B")
    wrong.update.employments.employments[0].weekly_hours = 400
    no_order = sent(3, "C")
    no_order.update.ClearField("source_version")
    _, answers = await exchange(
        served.hr, opening(), sent(1, "A"), wrong, no_order, opening(), sent(0, "D"), sent(5, "E")
    )
    assert outcomes(answers) == [(1, APPLIED), (2, REJECTED), (3, REJECTED), (0, REJECTED), (0, REJECTED), (5, APPLIED)]
    (violation,) = detail(answers[1], BadRequest).field_violations
    assert violation.field == "update.employments.employments[0].weekly_hours"
    assert [detail(each, ErrorInfo).reason for each in answers[1:5]] == [
        "FIELD_RULE_BROKEN",
        "FIELD_RULE_BROKEN",
        "OPENED_ALREADY",
        "POSITION_MISSING",
    ]


async def test_bytes_that_are_no_message_are_answered_as_rejected_and_the_stream_goes_on(served: Served) -> None:
    metadata = ((AUTHORIZATION, f"Bearer {await trial_token(served.address)}"),)
    async with grpc.aio.insecure_channel(served.address) as channel:
        call: grpc.aio.StreamStreamMultiCallable[bytes, bytes]
        call = channel.stream_stream("/careweave.v1.ProfilesService/StreamProfileUpdates")
        bodies = [opening().SerializeToString(), b"\xff\xff\xff", sent(2, "A").SerializeToString()]
        replies = [
            hr_pb2.StreamProfileUpdatesResponse.FromString(each) async for each in call(iter(bodies), metadata=metadata)
        ]
    answers = [each.answer for each in replies[1:]]
    assert outcomes(answers) == [(0, REJECTED), (2, APPLIED)]
    assert detail(answers[0], ErrorInfo).reason == "REQUEST_UNDECODABLE"


async def test_a_stream_that_does_not_begin_with_an_opening_is_refused(served: Served) -> None:
    with pytest.raises(InvalidArgument) as caught, calling():
        await exchange(served.hr, sent(1, "A"))
    assert caught.value.reason == "OPENING_MISSING"
    with pytest.raises(InvalidArgument), calling():
        await exchange(served.hr)


async def test_a_feed_opens_its_own_source_system_alone_and_a_person_none(served: Served) -> None:
    with pytest.raises(Forbidden), calling():
        await exchange(served.hr, opening(VALE))
    async with served.called_by(person("people/anna")) as anna:
        with pytest.raises(Forbidden), calling():
            await exchange(anna, opening())
    _, answers = await exchange(served.hr, opening(), sent(1, "A", caller=VALE))
    assert detail(answers[0], ErrorInfo).reason == "SOURCE_SYSTEM_MISMATCH"


async def test_two_employments_become_one_profile_when_the_person_confirms_it_and_neither_employer_learns_of_it(
    served: Served,
) -> None:
    async with served.called_by(VALE) as other:
        await exchange(served.hr, opening(), sent(1, "A"))
        await exchange(other, opening(VALE), sent(1, "77", caller=VALE))
        mine, theirs = sorted(await served.people(), key=lambda each: each.employments[0].organisation)
        issued = await other.profiles.IssueEmploymentCode(
            hr_pb2.IssueEmploymentCodeRequest(source_system=VALE.subject, external_id="77")
        )
        async with served.called_by(person(mine.name)) as anna:
            request = hr_pb2.ConfirmEmploymentRequest(person=mine.name, code=issued.code.upper())
            joined = await anna.profiles.ConfirmEmployment(request)
            with pytest.raises(InvalidArgument) as caught, calling():
                await anna.profiles.ConfirmEmployment(request)
        assert caught.value.reason == "CODE_NOT_GOOD"
        assert {each.organisation for each in joined.employments} == {"organisations/oaks", "organisations/vale"}
        assert [each.name for each in await served.people()] == [mine.name]
        answers = [
            (await exchange(served.hr, opening(), sent(2, "A", 2)))[1],
            (await exchange(other, opening(VALE), sent(2, "77", 2, caller=VALE)))[1],
        ]
    assert [outcomes(each) for each in answers] == [[(2, APPLIED)], [(2, APPLIED)]]
    (kept,) = await served.people()
    assert [each.job_title for each in kept.employments] == ["Role 2", "Role 2"]
    with pytest.raises(NotFound), calling():
        await served.operator.profiles.GetPerson(pb.GetPersonRequest(name=theirs.name))


async def test_a_code_is_for_records_of_the_caller_and_a_profile_in_use_stays(served: Served) -> None:
    issue = hr_pb2.IssueEmploymentCodeRequest(source_system=OAKS.subject, external_id="A")
    with pytest.raises(NotFound), calling():
        await served.hr.profiles.IssueEmploymentCode(issue)
    await exchange(served.hr, opening(), sent(1, "A"))
    async with served.called_by(VALE) as other:
        with pytest.raises(Forbidden), calling():
            await other.profiles.IssueEmploymentCode(issue)
    (theirs,) = await served.people()
    mine = await served.operator.profiles.CreatePerson(pb.CreatePersonRequest(person=pb.Person(), person_id="mine"))
    issued = await served.hr.profiles.IssueEmploymentCode(issue)
    async with served.called_by(person(theirs.name)) as user:
        said = pb.Person(name=theirs.name, email="anna@example.org")
        await user.profiles.UpdatePerson(pb.UpdatePersonRequest(person=said))
    async with served.called_by(person(mine.name)) as anna:
        with pytest.raises(FailedPrecondition) as caught, calling():
            await anna.profiles.ConfirmEmployment(hr_pb2.ConfirmEmploymentRequest(person=mine.name, code=issued.code))
    assert caught.value.reason == "PROFILE_IN_USE"
    assert len(await served.people()) == 2
