"""Where callers ask if matching is shared out: each call goes on, as it is, to the shard that answers it.

The front holds nothing but which shard somebody was found in last. It asks who calls, and sends the call on with their
own token: the shard authorises, answers and records it, once. A shard that is asked for somebody who lives elsewhere
names where, and is not asked again. Nothing is answered in part: where a shard is needed that does not answer, the
error names it.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from careweave.errors import FailedPrecondition, InvalidArgument, Unavailable
from careweave.rpc.caller import AUTHORIZATION
from careweave.rpc.channels import Channels, without_token
from careweave.rpc.errors import error_of
from careweave.v1 import matching_pb2 as pb
from careweave_matching.shards import routes
from careweave_matching.shards.merging import merged
from careweave_matching.shards.peers import failed
from careweave_matching.shards.plan import Plan
from careweave_matching.shards.share import plan_of
from careweave_matching.shards.spanning import ELSEWHERE

if TYPE_CHECKING:
    from careweave.wiring import Adapters

NAME: Final = pb.DESCRIPTOR.services_by_name["MatchingService"].full_name
LOOK_EVERY: Final = 1.0
"""Seconds between two looks at the health of the shards."""
MOST_HOMES: Final = 200_000
"""People of whom is kept where they were found last: some 40 MB."""
_HOPS: Final = 3
"""Shards that are asked for one person at most: beyond, they are moving just now."""
_HANDED_ON: Final = frozenset({AUTHORIZATION, "traceparent", "tracestate"})
_DETAILS: Final = "grpc-status-details-bin"
_LOG: Final = logging.getLogger(__name__)

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]
_Unary: TypeAlias = "grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]"
_Stream: TypeAlias = "grpc.aio.UnaryStreamMultiCallable[bytes, bytes]"
_Lists: TypeAlias = "grpc.aio.UnaryStreamMultiCallable[bytes, pb.RankEveryoneResponse]"


class Front:
    """The part of a server that stands before the shards; see `careweave.rpc.parts.ServicePart`."""

    name = NAME
    passes_on = True

    def __init__(self, plan: Plan, channels: Sequence[grpc.aio.Channel]) -> None:
        """Pass calls on through `channels`, one for each shard of `plan`."""
        self._plan = plan
        self._channels = channels
        self._serving: frozenset[int] = frozenset()
        self._homes: OrderedDict[str, int] = OrderedDict()
        self._turn = 0

    def register(self, server: grpc.aio.Server) -> None:
        """Answer every method of MatchingService."""
        methods = pb.DESCRIPTOR.services_by_name["MatchingService"].methods
        server.add_registered_method_handlers(NAME, {method.name: self._handler(method) for method in methods})

    async def run(self) -> None:
        """Look again and again which shards serve, until cancelled."""
        while True:
            healthy = await asyncio.gather(*(self._is_serving(channel) for channel in self._channels))
            serving = frozenset(number for number, each in enumerate(healthy) if each)
            for number in sorted(serving ^ self._serving):
                says = "serves" if number in serving else "does not serve"
                _LOG.info("a shard %s", says, extra={"shard": self._plan.shards[number].name})
            self._serving = serving
            await asyncio.sleep(LOOK_EVERY)

    def ready(self) -> bool:
        """Say whether any shard serves: those who live there are answered, whatever the others do."""
        return bool(self._serving)

    async def close(self) -> None:
        """Disconnect."""
        for channel in self._channels:
            await channel.close()

    async def _is_serving(self, channel: grpc.aio.Channel) -> bool:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=HealthCheckRequest.SerializeToString,
            response_deserializer=HealthCheckResponse.FromString,
        )
        try:
            reply: HealthCheckResponse = await check(HealthCheckRequest(service=NAME), timeout=LOOK_EVERY)
        except grpc.aio.AioRpcError:
            return False
        return bool(reply.status == HealthCheckResponse.SERVING)

    def _handler(self, method: MethodDescriptor) -> "grpc.RpcMethodHandler[Any, Any]":
        path = f"/{NAME}/{method.name}"
        request = GetMessageClass(method.input_type)

        async def call(body: bytes, context: Context) -> bytes:
            return await self._answer(method.name, path, request, body, context)

        async def stream(body: bytes, context: Context) -> AsyncIterator[bytes]:
            async for reply in self._answers(method.name, path, request, body, context):
                yield reply

        if method.server_streaming:
            return grpc.unary_stream_rpc_method_handler(stream)
        return grpc.unary_unary_rpc_method_handler(call)

    async def _answer(self, rpc: str, path: str, request: type[Message], body: bytes, context: Context) -> bytes:
        """Return what the shard replies that answers `rpc`.

        Raises:
            CareweaveError: it cannot be asked; else the call ends with the status that the shard gave.
        """
        _refuse(rpc)
        person = _person(rpc, request, body)
        number = self._first(person)
        for _ in range(_HOPS):
            asked: _Unary = self._channels[number].unary_unary(path)
            try:
                reply = await asked(body, timeout=context.time_remaining(), metadata=_metadata(context))
            except grpc.aio.AioRpcError as failure:
                number = await self._elsewhere(number, failure, context)
                continue
            self._found(person, number)
            return reply
        raise _moving(person)

    async def _answers(
        self, rpc: str, path: str, request: type[Message], body: bytes, context: Context
    ) -> AsyncIterator[bytes]:
        """Yield what the shard, or all shards, stream that answer `rpc`; raises as `_answer`."""
        _refuse(rpc)
        if rpc in routes.EVERYWHERE:
            async for reply in self._ranked_everywhere(path, body, context):
                yield reply
            return
        person = _person(rpc, request, body)
        number = self._first(person)
        for _ in range(_HOPS):
            asked: _Stream = self._channels[number].unary_stream(path)
            streaming = asked(body, timeout=context.time_remaining(), metadata=_metadata(context))
            try:
                async for reply in streaming:
                    self._found(person, number)
                    yield reply
            except grpc.aio.AioRpcError as failure:
                number = await self._elsewhere(number, failure, context)
                continue
            finally:
                streaming.cancel()
            return
        raise _moving(person)

    async def _ranked_everywhere(self, path: str, body: bytes, context: Context) -> AsyncIterator[bytes]:
        async def one(number: int) -> AsyncIterator[pb.RankEveryoneResponse]:
            asked: _Lists = self._channels[number].unary_stream(
                path, response_deserializer=pb.RankEveryoneResponse.FromString
            )
            streaming = asked(body, timeout=context.time_remaining(), metadata=_metadata(context))
            try:
                async for reply in streaming:
                    yield reply
            except grpc.aio.AioRpcError as failure:
                raise failed(self._plan.shards[number], failure) from failure
            finally:
                streaming.cancel()

        async for reply in merged([one(number) for number in range(len(self._channels))]):
            yield reply.SerializeToString()

    def _first(self, person: str) -> int:
        """Return the shard to ask first: where the person was found last, else the next in turn that serves."""
        known = self._homes.get(person) if person else None
        if known is not None:
            return known
        able = sorted(self._serving) or range(len(self._channels))
        self._turn += 1
        return able[self._turn % len(able)]

    def _found(self, person: str, number: int) -> None:
        if not person:
            return
        self._homes[person] = number
        self._homes.move_to_end(person)
        if len(self._homes) > MOST_HOMES:
            self._homes.popitem(last=False)

    async def _elsewhere(self, number: int, failure: grpc.aio.AioRpcError, context: Context) -> int:
        """Return the shard that `failure` names; else the call ends as the shard ended it."""
        meant = error_of(failure)
        if meant.reason == ELSEWHERE:
            return self._plan.number(meant.metadata["shard"])
        told = failed(self._plan.shards[number], failure)
        if told.reason == meant.reason:
            await _end_alike(context, failure)
        raise told


async def _end_alike(context: Context, failure: grpc.aio.AioRpcError) -> NoReturn:
    """End the call as the shard ended it."""
    details = tuple((key, value) for key, value in failure.trailing_metadata() or () if key == _DETAILS)
    await context.abort(failure.code(), failure.details() or "", details)


def _refuse(rpc: str) -> None:
    if rpc in routes.NOWHERE:
        raise FailedPrecondition(f"{rpc} {routes.NOWHERE[rpc]}.", reason="NOT_AT_THE_FRONT", metadata={"rpc": rpc})


def _person(rpc: str, request: type[Message], body: bytes) -> str:
    """Return whom a request is about, if that decides which shard answers it."""
    person_of = routes.AT_HOME.get(rpc)
    if person_of is None:
        return ""
    try:
        return person_of(request.FromString(body))
    except DecodeError as error:
        raise InvalidArgument(
            f"The request cannot be read as a message of {rpc}: it is cut short, or a text in it is not valid UTF-8.",
            reason="REQUEST_UNDECODABLE",
        ) from error


def _moving(person: str) -> Unavailable:
    return Unavailable(
        f"{person} is moving from one shard to another; try again in a moment.",
        reason="PERSON_MOVING",
        metadata={"resource": person},
    )


def _metadata(context: Context) -> tuple[tuple[str, Any], ...]:
    return tuple((key, value) for key, value in context.invocation_metadata() or () if key in _HANDED_ON)


async def build(adapters: "Adapters", channels: Channels) -> Front:
    """Return the front of the shards that the settings name; it calls nobody in its own name.

    Raises:
        InvalidArgument: the settings name no shards.
    """
    del channels
    plan = plan_of(adapters.settings)
    return Front(plan, [without_token(adapters.settings, shard.address) for shard in plan.shards])
