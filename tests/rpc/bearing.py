"""Calls with a token and nothing else, and how they are refused."""

from typing import TYPE_CHECKING

import grpc
from google.rpc.error_details_pb2 import ErrorInfo

from careweave.policy import Role
from careweave.rpc.access import NUMBERS
from careweave.rpc.caller import AUTHORIZATION
from careweave.v1 import access_service_pb2, matching_pb2
from careweave.v1.access_service_pb2_grpc import AccessServiceStub
from tests.rpc.test_guard import detail, failure

if TYPE_CHECKING:
    from careweave.v1.access_service_pb2_grpc import AccessServiceAsyncStub

ANNA = "people/anna"
FIND = matching_pb2.FindOpportunitiesRequest(person=ANNA)
METHOD = "/careweave.v1.MatchingService/FindOpportunities"


async def trial_token(address: str, role: Role = Role.OPERATOR) -> str:
    """Return a token of the trial at `address`."""
    async with grpc.aio.insecure_channel(address) as channel:
        stub: AccessServiceAsyncStub = AccessServiceStub(channel)
        return (await stub.IssueTrialToken(access_service_pb2.IssueTrialTokenRequest(role=NUMBERS[role]))).token


async def called(address: str, *metadata: tuple[str, str]) -> object:
    """Call FindOpportunities with nothing but `metadata`."""
    async with grpc.aio.insecure_channel(address) as channel:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)
        return await call(FIND.SerializeToString(), metadata=metadata)


async def bearing(address: str, token: str) -> object:
    return await called(address, (AUTHORIZATION, f"Bearer {token}"))


async def refusal(address: str, *metadata: tuple[str, str]) -> str:
    error = await failure(called(address, *metadata))
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    return str(detail(error, ErrorInfo).reason)


async def refused(address: str, token: str) -> str:
    return await refusal(address, (AUTHORIZATION, f"Bearer {token}"))
