"""Connections to the services, with the caller's name on every call."""

import json
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TypeVar

import grpc
from grpc.aio import ClientCallDetails as Details

from careweave.config import Settings
from careweave.policy import Caller
from careweave.rpc.caller import SERVICE, metadata_of
from careweave.v1.matching_pb2_grpc import MatchingServiceStub
from careweave.v1.planning_pb2_grpc import PlanningServiceStub
from careweave.v1.profiles_pb2_grpc import ProfilesServiceStub
from careweave.v1.skills_pb2_grpc import SkillsServiceStub

if TYPE_CHECKING:  # these exist in the stubs alone
    from careweave.v1.matching_pb2_grpc import MatchingServiceAsyncStub
    from careweave.v1.planning_pb2_grpc import PlanningServiceAsyncStub
    from careweave.v1.profiles_pb2_grpc import ProfilesServiceAsyncStub
    from careweave.v1.skills_pb2_grpc import SkillsServiceAsyncStub

LONGEST_MESSAGE: Final = 32 * 1024 * 1024
"""Bytes of the longest message that is sent or taken, either way. Longer ones are refused with
RESOURCE_EXHAUSTED; below it, the field rules name the field that is too long."""

_OPTIONS: Final = (
    ("grpc.max_send_message_length", LONGEST_MESSAGE),
    ("grpc.max_receive_message_length", LONGEST_MESSAGE),
)
# Where a name stands for several replicas, each call goes to the next one: a proxy that only passes connections on
# would leave all calls of a client with the replica it met first.
_IN_TURN: Final[dict[str, object]] = {"loadBalancingConfig": [{"round_robin": {}}]}
_AT_ONCE: Final = json.dumps(_IN_TURN)
# A service waits for those it calls while they start, in whatever order they do.
_WAITING: Final = json.dumps({**_IN_TURN, "methodConfig": [{"name": [{}], "waitForReady": True}]})

_Request = TypeVar("_Request")
_Reply = TypeVar("_Reply")


class Channels:
    """Stubs of all services, each at the address that the settings give for it.

    caller: in whose name the calls are made.
    waiting: whether a call waits until the service answers, instead of failing at once.
    """

    def __init__(self, settings: Settings, caller: Caller = SERVICE, *, waiting: bool = True) -> None:
        """Connect when the first call is made; needs a running event loop."""
        self._open: dict[str, grpc.aio.Channel] = {}
        self._naming: list[grpc.aio.ClientInterceptor] = [
            _NamedCall(caller),
            _NamedStream(caller),
            _NamedExchange(caller),
        ]
        self._options = (*_OPTIONS, ("grpc.service_config", _WAITING if waiting else _AT_ONCE))
        self.skills: SkillsServiceAsyncStub = SkillsServiceStub(self._channel(settings.address("skills")))
        self.profiles: ProfilesServiceAsyncStub = ProfilesServiceStub(self._channel(settings.address("profiles")))
        self.matching: MatchingServiceAsyncStub = MatchingServiceStub(self._channel(settings.address("matching")))
        self.planning: PlanningServiceAsyncStub = PlanningServiceStub(self._channel(settings.address("planning")))

    async def close(self) -> None:
        """End what is still under way and disconnect."""
        for channel in self._open.values():
            await channel.close()

    async def __aenter__(self) -> Self:
        """Return these channels."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close them."""
        await self.close()

    def channel(self, address: str) -> grpc.aio.Channel:
        """Return the connection to `address`, for services that have no stub here (health)."""
        return self._channel(address)

    def _channel(self, address: str) -> grpc.aio.Channel:
        if address not in self._open:
            self._open[address] = grpc.aio.insecure_channel(address, self._options, interceptors=self._naming)
        return self._open[address]


class _Named:
    def __init__(self, caller: Caller) -> None:
        self._metadata = metadata_of(caller)

    def _named(self, details: Details) -> Details:
        metadata = grpc.aio.Metadata(*(details.metadata or ()), *self._metadata)
        return Details(details.method, details.timeout, metadata, details.credentials, details.wait_for_ready)


class _NamedCall(_Named, grpc.aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(
        self,
        continuation: Callable[[Details, _Request], Awaitable[grpc.aio.UnaryUnaryCall[_Request, _Reply]]],
        client_call_details: Details,
        request: _Request,
    ) -> _Reply | grpc.aio.UnaryUnaryCall[_Request, _Reply]:
        return await continuation(self._named(client_call_details), request)


class _NamedStream(_Named, grpc.aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(
        self,
        continuation: Callable[[Details, _Request], Awaitable[grpc.aio.UnaryStreamCall[_Request, _Reply]]],
        client_call_details: Details,
        request: _Request,
    ) -> AsyncIterator[_Reply] | grpc.aio.UnaryStreamCall[_Request, _Reply]:
        return await continuation(self._named(client_call_details), request)


class _NamedExchange(_Named, grpc.aio.StreamStreamClientInterceptor):
    async def intercept_stream_stream(
        self,
        continuation: Callable[
            [Details, AsyncIterable[_Request] | Iterable[_Request]],
            Awaitable[grpc.aio.StreamStreamCall[_Request, _Reply]],
        ],
        client_call_details: Details,
        request_iterator: AsyncIterable[_Request] | Iterable[_Request],
    ) -> AsyncIterator[_Reply] | grpc.aio.StreamStreamCall[_Request, _Reply]:
        return await continuation(self._named(client_call_details), request_iterator)
