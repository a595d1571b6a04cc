import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, cast

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from careweave import errors
from careweave.client import calling, connect, person
from careweave.policy import Caller, Role
from careweave.rpc import deadlines, guard
from careweave.rpc.caller import AUTHORIZATION, OPERATOR
from careweave.rpc.channels import LONGEST_MESSAGE
from careweave.rpc.errors import STATUS_CODES
from careweave.v1 import common_pb2, matching_pb2
from tests.rpc.probe import Probed

ANNA = "people/anna"
FIND = matching_pb2.FindOpportunitiesRequest(person=ANNA)


def raising(error: Exception) -> Callable[[], matching_pb2.FindOpportunitiesResponse]:
    def answer() -> matching_pb2.FindOpportunitiesResponse:
        raise error

    return answer


async def failure(call: Awaitable[Any]) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


async def raw(probed: Probed, method: str, body: bytes) -> object:
    """Call as an operator without a stub: no client library of ours looks at the bytes."""
    metadata = ((AUTHORIZATION, f"Bearer {probed.running.own.issue(OPERATOR).token}"),)
    async with grpc.aio.insecure_channel(probed.address) as channel:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
        call = channel.unary_unary(f"/careweave.v1.MatchingService/{method}")
        return await call(body, metadata=metadata)


def status_in(error: grpc.aio.AioRpcError) -> Status:
    status = rpc_status.from_call(cast("grpc.Call", error))
    assert status is not None
    return status


def detail(error: grpc.aio.AioRpcError, kind: Any) -> Any:
    for packed in status_in(error).details:
        found = kind()
        if packed.Unpack(found):
            return found
    pytest.fail(f"no {kind.__name__} in {status_in(error)}")


@pytest.mark.parametrize(("kind", "code"), STATUS_CODES.items(), ids=lambda each: getattr(each, "__name__", ""))
async def test_every_error_of_the_domain_reaches_the_client_as_it_was_raised(
    probed: Probed, kind: type[errors.CareweaveError], code: grpc.StatusCode
) -> None:
    """Code, message, reason and metadata survive the way to the client, which gets the same error type."""
    probed.probe.answer = raising(kind("Read it again and retry.", "SOME_REASON", {"etag": "7"}))
    error = await failure(probed.services.matching.FindOpportunities(FIND))
    assert error.code() is code
    assert error.details() == "Read it again and retry."
    assert detail(error, ErrorInfo) == ErrorInfo(reason="SOME_REASON", domain="careweave", metadata={"etag": "7"})
    with pytest.raises(kind) as caught, calling():
        await probed.services.matching.FindOpportunities(FIND)
    assert (caught.value.message, caught.value.reason) == ("Read it again and retry.", "SOME_REASON")


async def test_a_reason_is_given_even_where_none_was_named(probed: Probed) -> None:
    probed.probe.answer = raising(errors.NotFound("There is no such person."))
    assert detail(await failure(probed.services.matching.FindOpportunities(FIND)), ErrorInfo).reason == "NOT_FOUND"


async def test_a_caller_who_asks_too_often_is_told_when_to_come_back(probed: Probed) -> None:
    async with connect(probed.address, person(ANNA)) as anna, connect(probed.address, person("people/ben")) as ben:
        answers = [anna.matching.FindOpportunities(FIND) for _ in range(1000)]
        done = await asyncio.gather(*answers, return_exceptions=True)
        refused = [each for each in done if isinstance(each, grpc.aio.AioRpcError)]
        assert 0 < len(refused) < len(done)
        assert {each.code() for each in refused} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
        assert "TOO_MANY_CALLS" in {detail(each, ErrorInfo).reason for each in refused}
        assert all(detail(each, RetryInfo).retry_delay.ToTimedelta() <= timedelta(seconds=1) for each in refused)
        await ben.matching.FindOpportunities(FIND)


async def test_a_call_that_takes_too_long_is_given_up(probed: Probed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "LONGEST_SECONDS", 0.05)
    monkeypatch.setattr(deadlines, "LOOK_SECONDS", 0.05)
    probed.probe.takes_seconds = 60.0
    error = await failure(probed.services.matching.FindOpportunities(FIND))
    assert (error.code(), detail(error, ErrorInfo).reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "TOO_SLOW")


async def test_unavailable_says_when_to_try_again(probed: Probed) -> None:
    probed.probe.answer = raising(errors.Unavailable("The log does not answer."))
    error = await failure(probed.services.matching.FindOpportunities(FIND))
    assert detail(error, RetryInfo).retry_delay.seconds == 1


async def test_an_unexpected_error_shows_an_id_and_nothing_else(
    probed: Probed, caplog: pytest.LogCaptureFixture
) -> None:
    """The id is in the log, with the place; what the error said, which may quote stored content, is in neither."""
    probed.probe.answer = raising(ValueError("Anna Example, born 1 April"))
    with caplog.at_level(logging.ERROR, "careweave"):
        error = await failure(probed.services.matching.FindOpportunities(FIND))
    assert error.code() is grpc.StatusCode.INTERNAL
    assert "Anna" not in str(status_in(error))
    (record,) = caplog.records
    assert detail(error, ErrorInfo).metadata["error_id"] == vars(record)["error_id"]


async def test_field_rules_name_field_rule_and_what_would_be_right(probed: Probed) -> None:
    request = matching_pb2.FindOpportunitiesRequest(page_size=-1, kinds=cast("Any", [2, 77]))
    error = await failure(probed.services.matching.FindOpportunities(request))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    found = {each.field: each for each in detail(error, BadRequest).field_violations}
    assert list(found) == ["person", "page_size", "kinds[1]"]
    assert found["page_size"].reason == "INT32_GTE"
    assert found["person"].description.startswith("must be set")
    assert "OPPORTUNITY_KIND_JOB (1)" in found["kinds[1]"].description


def opening(**fields: Any) -> matching_pb2.CreateOpportunityRequest:
    given: dict[str, Any] = {
        "title": "Carer",
        "kind": common_pb2.OPPORTUNITY_KIND_JOB,
        "organisation": "organisations/one",
    } | fields
    return matching_pb2.CreateOpportunityRequest(opportunity=matching_pb2.Opportunity(**given))


@pytest.mark.parametrize(
    ("request_", "field", "says"),
    [
        (
            opening(requirements=[common_pb2.SkillRequirement(skill="skills/x", proficiency=cast("Any", 7))]),
            "opportunity.requirements[0].proficiency",
            "7 is none of PROFICIENCY_NOVICE (1)",
        ),
        (
            opening(
                start_date=common_pb2.Date(year=2027, month=3, day=2),
                end_date=common_pb2.Date(year=2027, month=3, day=1),
            ),
            "opportunity",
            "end_date must not come before start_date",
        ),
        (opening(description="x" * 20_000_000), "opportunity.description", "20000"),
        (opening(title=" " * 201), "opportunity.title", "200"),
        (opening(minimum_weekly_hours=float("nan")), "opportunity.minimum_weekly_hours", ""),
        (matching_pb2.CreateOpportunityRequest(), "opportunity", "required"),
    ],
    ids=["level 7", "end before start", "20 MB description", "long title", "not a number", "nothing"],
)
async def test_bad_input_is_refused_before_it_reaches_the_service(
    probed: Probed, request_: matching_pb2.CreateOpportunityRequest, field: str, says: str
) -> None:
    error = await failure(probed.services.matching.CreateOpportunity(request_))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    (violation,) = detail(error, BadRequest).field_violations
    assert violation.field == field
    assert says in violation.description
    assert len(violation.description) < 500


async def test_more_breaches_than_fit_a_reply_are_counted(probed: Probed) -> None:
    """A request with hundreds of errors still gets its answer: trailers have a limit."""
    bad = [common_pb2.SkillRequirement(skill="-", proficiency=cast("Any", 9)) for _ in range(200)]
    error = await failure(probed.services.matching.CreateOpportunity(opening(requirements=bad)))
    *shown, last = detail(error, BadRequest).field_violations
    assert len(shown) == 8
    assert last.description == "and 392 more"


async def test_a_message_over_the_limit_is_refused_with_both_sizes(probed: Probed) -> None:
    request = opening(description="x" * LONGEST_MESSAGE)
    error = await failure(raw(probed, "CreateOpportunity", request.SerializeToString()))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert str(LONGEST_MESSAGE) in (error.details() or "")


@pytest.mark.parametrize("body", [b"\x0a\x08people", b"\x0a\x02\xff\xfe"], ids=["cut short", "not UTF-8"])
async def test_bytes_that_are_no_message_are_the_callers_mistake(probed: Probed, body: bytes) -> None:
    error = await failure(raw(probed, "FindOpportunities", body))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert detail(error, ErrorInfo).reason == "REQUEST_UNDECODABLE"


async def test_a_method_that_is_not_there_is_unimplemented(probed: Probed) -> None:
    error = await failure(raw(probed, "Guess", b""))
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_trial_gives_a_token_for_whoever_the_client_says_it_is(probed: Probed) -> None:
    await probed.services.matching.FindOpportunities(FIND)
    async with connect(probed.address, person(ANNA)) as services:
        await services.matching.FindOpportunities(FIND)
    assert probed.probe.callers == [OPERATOR, Caller(ANNA, Role.PERSON)]


async def test_a_role_without_any_grant_learns_nothing_about_the_request(probed: Probed) -> None:
    """Authorisation comes before validation: a planner is refused for the RPC, not for its empty field."""
    async with connect(probed.address, Caller("", Role.PLANNER)) as services:
        error = await failure(services.matching.FindOpportunities(matching_pb2.FindOpportunitiesRequest()))
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_streams_are_guarded_too(probed: Probed) -> None:
    watch = probed.services.matching.WatchOpportunities(matching_pb2.WatchOpportunitiesRequest(person="anna"))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await watch.read()
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    probed.probe.answer = raising(errors.Forbidden("No."))
    watch = probed.services.matching.WatchOpportunities(matching_pb2.WatchOpportunitiesRequest(person=ANNA))
    with pytest.raises(errors.Forbidden), calling():
        async for _ in watch:
            pass
