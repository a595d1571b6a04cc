"""Connections to the services, with a token on every call."""

import asyncio
import json
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from datetime import UTC
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TypeVar, cast

import grpc
from grpc.aio import ClientCallDetails as Details

from careweave.config import Settings
from careweave.errors import InvalidArgument
from careweave.identity.fetching import is_loopback
from careweave.identity.signing import Issued, OwnIssuer
from careweave.policy import Caller
from careweave.rpc.access import NUMBERS
from careweave.rpc.caller import AUTHORIZATION, SERVICE
from careweave.rpc.credentials import Ask, FromFile, Given, Nothing, Renewed, TokenSource, signed_by
from careweave.rpc.tls import channel_credentials
from careweave.v1.access_service_pb2 import IssueTrialTokenRequest
from careweave.v1.access_service_pb2_grpc import AccessServiceStub
from careweave.v1.matching_pb2_grpc import MatchingServiceStub
from careweave.v1.planning_pb2_grpc import PlanningServiceStub
from careweave.v1.profiles_pb2_grpc import ProfilesServiceStub
from careweave.v1.skills_pb2_grpc import SkillsServiceStub

if TYPE_CHECKING:  # these exist in the stubs alone
    from careweave.v1.access_service_pb2_grpc import AccessServiceAsyncStub
    from careweave.v1.matching_pb2_grpc import MatchingServiceAsyncStub
    from careweave.v1.planning_pb2_grpc import PlanningServiceAsyncStub
    from careweave.v1.profiles_pb2_grpc import ProfilesServiceAsyncStub
    from careweave.v1.skills_pb2_grpc import SkillsServiceAsyncStub

_OURS: Final = "/careweave."
_OPEN: Final = "/IssueTrialToken"
"""The one RPC of ours that is called without a token."""
STATUS_SECONDS: Final = 0.02
"""How long after its metadata the status of a refused stream may come."""
LONGEST_MESSAGE: Final = 32 * 1024 * 1024
"""Bytes of the longest message that is sent or taken, either way. Longer ones are refused with
RESOURCE_EXHAUSTED; below it, the field rules name the field that is too long."""

_OPTIONS: Final = (
    ("grpc.max_send_message_length", LONGEST_MESSAGE),
    ("grpc.max_receive_message_length", LONGEST_MESSAGE),
    # Who comes back after a restart is found within seconds; grpc's own pauses grow to two minutes.
    ("grpc.max_reconnect_backoff_ms", 2000),
)
# Where a name stands for several replicas, each call goes to the next one: a proxy that only passes connections on
# would leave all calls of a client with the replica it met first.
_IN_TURN: Final[dict[str, object]] = {"loadBalancingConfig": [{"round_robin": {}}]}
_AT_ONCE: Final = json.dumps(_IN_TURN)
# A service waits for those it calls while they start, in whatever order they do.
_WAITING: Final = json.dumps({**_IN_TURN, "methodConfig": [{"name": [{}], "waitForReady": True}]})

_Request = TypeVar("_Request")
_Reply = TypeVar("_Reply")


def without_token(settings: Settings, address: str) -> grpc.aio.Channel:
    """Return a connection to `address` for calls that bring a token of their own; it fails at once if nothing answers.

    A call without one is this process's own, by its certificate if it has one.
    """
    options = (*_OPTIONS, ("grpc.service_config", _AT_ONCE))
    secure = channel_credentials(settings)
    if secure is None:
        return grpc.aio.insecure_channel(address, options)
    return grpc.aio.secure_channel(address, secure, options)


class Channels:
    """Stubs of all services, each at the address that the settings give for it.

    caller: in whose name the calls are made, where a trial or this process's own server gives the tokens; a token that
    was given, from `settings.token_file`, or a certificate says by itself who calls.
    waiting: whether a call waits until the service answers, instead of failing at once.
    own: the issuer of this process's own server, or how to ask it, which answers at `settings.listen` in plain text.
    """

    def __init__(
        self,
        settings: Settings,
        caller: Caller = SERVICE,
        *,
        waiting: bool = True,
        token: str = "",
        own: OwnIssuer | Ask | None = None,
    ) -> None:
        """Connect when the first call is made; needs a running event loop.

        Raises:
            FailedPrecondition: a file of TLS cannot be used.
            InvalidArgument: a token would be sent in plain text to another machine.
        """
        self._settings = settings
        self._caller = caller
        self._token = token
        self._own = own
        self._open: dict[str, grpc.aio.Channel] = {}
        self._options = (*_OPTIONS, ("grpc.service_config", _WAITING if waiting else _AT_ONCE))
        self._secure = channel_credentials(settings)
        self.skills: SkillsServiceAsyncStub = SkillsServiceStub(self._channel(settings.address("skills")))
        self.profiles: ProfilesServiceAsyncStub = ProfilesServiceStub(self._channel(settings.address("profiles")))
        self.matching: MatchingServiceAsyncStub = MatchingServiceStub(self._channel(settings.address("matching")))
        self.access: AccessServiceAsyncStub = AccessServiceStub(self._channel(settings.address("profiles")))
        """At the profiles service; every server offers it."""
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
            within = self._own is not None and address == self._settings.listen
            secure = None if within else self._secure
            source = self._source(address)
            if secure is None:
                _refuse_plain_text(source, address)
                opened = grpc.aio.insecure_channel(address, self._options, interceptors=_authorised(source))
            else:
                opened = grpc.aio.secure_channel(address, secure, self._options, interceptors=_authorised(source))
            self._open[address] = opened
        return self._open[address]

    def _source(self, address: str) -> TokenSource:
        settings = self._settings
        if self._own is not None and address == settings.listen:
            return Renewed(self._caller, signed_by(self._own))
        if self._token:
            return Given(self._token)
        if settings.token_file:
            return FromFile(Path(settings.token_file))
        if settings.tls_certificate_file:
            return Nothing()
        return Renewed(self._caller, partial(self._ask_trial, address))

    async def _ask_trial(self, address: str, caller: Caller) -> Issued:
        stub: AccessServiceAsyncStub = AccessServiceStub(self._open[address])
        request = IssueTrialTokenRequest(
            role=NUMBERS[caller.role], subject=caller.subject, organisation=caller.organisation
        )
        reply = await stub.IssueTrialToken(request)
        return Issued(reply.token, reply.expire_time.ToDatetime(UTC))


def _refuse_plain_text(source: TokenSource, address: str) -> None:
    targets = address.removeprefix("ipv4:").removeprefix("dns:///").split(",")
    near = all(is_loopback(target.rpartition(":")[0]) for target in targets)
    if isinstance(source, Given | FromFile) and not near:
        raise InvalidArgument(
            f"A token is not sent to {address} in plain text; name the PEM of who signs its certificate with "
            "CAREWEAVE_TLS_CA_FILE, or connect(…, ca_file=…).",
            reason="TOKEN_NEEDS_TLS",
        )


def _authorised(source: TokenSource) -> list[grpc.aio.ClientInterceptor]:
    return [_AuthorisedCall(source), _AuthorisedStream(source), _AuthorisedExchange(source)]


class _Authorised:
    def __init__(self, source: TokenSource) -> None:
        self._source = source

    async def _token(self, details: Details) -> str:
        """Return the token for a call; none for health, reflection and the request for a token itself."""
        method = cast("bytes", details.method).decode()  # its type says str
        return await self._source.current() if method.startswith(_OURS) and not method.endswith(_OPEN) else ""


def _bearing(details: Details, token: str) -> Details:
    if not token:
        return details
    metadata = grpc.aio.Metadata(*(details.metadata or ()), (AUTHORIZATION, f"Bearer {token}"))
    return Details(details.method, details.timeout, metadata, details.credentials, details.wait_for_ready)


class _AuthorisedCall(_Authorised, grpc.aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(
        self,
        continuation: Callable[[Details, _Request], Awaitable[grpc.aio.UnaryUnaryCall[_Request, _Reply]]],
        client_call_details: Details,
        request: _Request,
    ) -> _Reply | grpc.aio.UnaryUnaryCall[_Request, _Reply]:
        token = await self._token(client_call_details)
        call = await continuation(_bearing(client_call_details, token), request)
        # A refused token is the first thing that a server says: nothing was done, so the call may be made again.
        if token and await _or_cancelled(call, _has_failed_for_its_token(call)) and self._source.refused(token):
            return await continuation(_bearing(client_call_details, await self._source.current()), request)
        return call


class _AuthorisedStream(_Authorised, grpc.aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(
        self,
        continuation: Callable[[Details, _Request], Awaitable[grpc.aio.UnaryStreamCall[_Request, _Reply]]],
        client_call_details: Details,
        request: _Request,
    ) -> AsyncIterator[_Reply] | grpc.aio.UnaryStreamCall[_Request, _Reply]:
        token = await self._token(client_call_details)
        call = await continuation(_bearing(client_call_details, token), request)
        if token and await _or_cancelled(call, _is_refused(call)) and self._source.refused(token):
            return await continuation(_bearing(client_call_details, await self._source.current()), request)
        return call


class _AuthorisedExchange(_Authorised, grpc.aio.StreamStreamClientInterceptor):
    """What was sent is gone: a refused stream is for the client to open again, then with another token."""

    def __init__(self, source: TokenSource) -> None:
        super().__init__(source)
        self._learning: set[asyncio.Task[None]] = set()

    async def intercept_stream_stream(
        self,
        continuation: Callable[
            [Details, AsyncIterable[_Request] | Iterable[_Request]],
            Awaitable[grpc.aio.StreamStreamCall[_Request, _Reply]],
        ],
        client_call_details: Details,
        request_iterator: AsyncIterable[_Request] | Iterable[_Request],
    ) -> AsyncIterator[_Reply] | grpc.aio.StreamStreamCall[_Request, _Reply]:
        token = await self._token(client_call_details)
        call = await continuation(_bearing(client_call_details, token), request_iterator)
        if token:
            learning = asyncio.create_task(self._learn(call, token))
            self._learning.add(learning)
            learning.add_done_callback(self._learning.discard)
        return call

    async def _learn(self, call: grpc.aio.Call, token: str) -> None:
        if await _has_failed_for_its_token(call):
            self._source.refused(token)


async def _or_cancelled(call: grpc.aio.Call, answer: Awaitable[bool]) -> bool:
    """Return `answer`; who cancels what they wait for cancels `call`, which they have not been given yet."""
    try:
        return await answer
    except asyncio.CancelledError:
        call.cancel()
        raise


async def _has_failed_for_its_token(call: grpc.aio.Call) -> bool:
    return await call.code() is grpc.StatusCode.UNAUTHENTICATED


async def _is_refused(call: grpc.aio.Call) -> bool:
    """Tell, once the server answers, whether it refuses the token."""
    await call.initial_metadata()
    # A refusal is all in the first frame that comes back, and grpc tells its status a moment after its metadata.
    ended = asyncio.ensure_future(call.code())
    await asyncio.wait({ended}, timeout=STATUS_SECONDS)
    if ended.done():
        return ended.result() is grpc.StatusCode.UNAUTHENTICATED
    ended.cancel()
    return False
