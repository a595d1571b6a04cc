"""What every call of ours passes through: one interceptor, since each of a stack would cost a turn.

In this order: who calls, whether that role may use the RPC at all (AIP-211), the request decoded,
its field rules; then the servicer; and whatever goes wrong on the way becomes a status. Where the
client sends a stream, caller and role are asked at its opening, and a message that is wrong goes to
the servicer as `Refused`, to be answered in its place: it does not end the stream. A stream ends when the token
expires or is revoked that it was opened with.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeAlias, TypeVar, cast

import grpc
from google.protobuf.message import DecodeError, Message
from grpc.aio import ServicerContext

from careweave.errors import CareweaveError, InvalidArgument
from careweave.identity.claims import Identified
from careweave.policy import Role
from careweave.rpc import validation
from careweave.rpc.access import admit, for_anybody, roles_of
from careweave.rpc.caller import Callers
from careweave.rpc.errors import abort, status_of, status_of_unexpected
from careweave.rpc.incoming import Refused
from careweave.rpc.streams import Streams

_LOG: Final = logging.getLogger(__name__)
_OURS: Final = "/careweave."

Context: TypeAlias = ServicerContext[Any, Any]
Decode: TypeAlias = Callable[[bytes], Message]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
_Body = TypeVar("_Body")
Continue: TypeAlias = Callable[[grpc.HandlerCallDetails], Awaitable["Handler | None"]]


@dataclass(frozen=True, slots=True)
class Method:
    """What the guard knows of an RPC.

    rpc: the last part of its name. roles: who may call it at all. anybody: whether it may be called without saying
    who calls.
    """

    rpc: str
    roles: frozenset[Role]
    anybody: bool
    decode: Decode


class Guard(grpc.aio.ServerInterceptor):
    """Guards every RPC of this project's services; leaves health and reflection as they are.

    callers: finds out who calls. streams: what is open, and how to end it.
    new_id: makes the id by which an unexpected error is found in the log.
    """

    def __init__(self, callers: Callers, streams: Streams, new_id: Callable[[], str]) -> None:
        """Begin without having guarded any."""
        self._callers = callers
        self._streams = streams
        self._new_id = new_id
        self._guarded: dict[str, Handler] = {}

    async def intercept_service(
        self, continuation: Continue, handler_call_details: grpc.HandlerCallDetails
    ) -> "Handler | None":
        """Return the guarded handler of the method that is called, made at its first call."""
        method = handler_call_details.method
        known = self._guarded.get(method)
        if known is not None:
            return known
        handler = await continuation(handler_call_details)
        if handler is None or not method.startswith(_OURS):
            return handler
        self._guarded[method] = guarded = self._guard(handler, _method(method, handler))
        return guarded

    def _guard(self, handler: Handler, method: Method) -> Handler:
        # Without a deserialiser the bytes arrive here, where a failure to read them can be named.
        if handler.request_streaming and handler.response_streaming:
            return grpc.stream_stream_rpc_method_handler(
                self._guarded_exchange(handler, method), None, handler.response_serializer
            )
        if handler.request_streaming:
            message = f"{method.rpc} takes a stream and gives one answer, which has no guard yet"
            raise NotImplementedError(message)
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(
                self._guarded_stream(handler, method), None, handler.response_serializer
            )
        return grpc.unary_unary_rpc_method_handler(
            self._guarded_call(handler, method), None, handler.response_serializer
        )

    def _guarded_call(self, handler: Handler, method: Method) -> Callable[[bytes, Context], Awaitable[Message]]:
        behaviour = cast("Callable[[Message, Context], Awaitable[Message]]", handler.unary_unary)

        async def call(body: bytes, context: Context) -> Message:
            try:
                await self._admit(method, context)
                return await behaviour(_checked(body, method), context)
            except Exception as error:  # noqa: BLE001  the last place where it can be turned into a status
                await self._fail(context, method.rpc, error)

        return call

    def _guarded_stream(self, handler: Handler, method: Method) -> Callable[[bytes, Context], AsyncIterator[Message]]:
        behaviour = cast("Callable[[Message, Context], AsyncIterator[Message]]", handler.unary_stream)

        async def replies(body: bytes, context: Context) -> AsyncIterator[Message]:
            async for reply in behaviour(_checked(body, method), context):
                yield reply

        return self._ending_well(replies, method)

    def _guarded_exchange(
        self, handler: Handler, method: Method
    ) -> Callable[[AsyncIterator[bytes], Context], AsyncIterator[Message]]:
        behaviour = cast(
            "Callable[[AsyncIterator[Message | Refused], Context], AsyncIterator[Message]]", handler.stream_stream
        )

        async def replies(bodies: AsyncIterator[bytes], context: Context) -> AsyncIterator[Message]:
            async for reply in behaviour(_each_checked(bodies, method), context):
                yield reply

        return self._ending_well(replies, method)

    def _ending_well(
        self, replies: Callable[[_Body, Context], AsyncIterator[Message]], method: Method
    ) -> Callable[[_Body, Context], AsyncIterator[Message]]:
        """Return `replies`, once the caller is admitted, with each way in which they may end turned into a status."""

        async def stream(body: _Body, context: Context) -> AsyncIterator[Message]:
            task = asyncio.current_task()
            assert task is not None  # noqa: S101  grpc runs every call in a task of its own
            try:
                self._streams.opened(task, await self._admit(method, context))
                async for reply in replies(body, context):
                    yield reply
            except asyncio.CancelledError:
                why = self._streams.why_ended(task)
                if why is None:
                    raise
                await abort(context, status_of(why))
            except Exception as error:  # noqa: BLE001  as above
                await self._fail(context, method.rpc, error)
            finally:
                self._streams.closed(task)

        return stream

    async def _admit(self, method: Method, context: Context) -> Identified | None:
        """Return who calls, if they may call `method`; None if nobody is asked who they are."""
        if method.anybody:
            return None
        found = await self._callers.read(context)
        admit(found.caller, method.roles, method.rpc)
        return found

    async def _fail(self, context: Context, rpc: str, error: Exception) -> NoReturn:
        if isinstance(error, grpc.aio.AbortError):
            raise error
        if isinstance(error, CareweaveError):
            await abort(context, status_of(error))
        error_id = self._new_id()
        _LOG.error("unexpected error", exc_info=error, extra={"rpc": rpc, "error_id": error_id})
        await abort(context, status_of_unexpected(error_id))


def _method(path: str, handler: Handler) -> Method:
    return Method(
        path.rpartition("/")[2], roles_of(path), for_anybody(path), cast("Decode", handler.request_deserializer)
    )


def _checked(body: bytes, method: Method) -> Message:
    """Return the request, once its fields are found to be right."""
    request = _decoded(body, method)
    validation.check(request)
    return request


async def _each_checked(bodies: AsyncIterator[bytes], method: Method) -> AsyncIterator[Message | Refused]:
    """Yield each message of a stream, or why it cannot be taken."""
    async for body in bodies:
        message: Message | None = None
        try:
            message = _decoded(body, method)
            validation.check(message)
        except InvalidArgument as error:
            yield Refused(message, error)
        else:
            yield message


def _decoded(body: bytes, method: Method) -> Message:
    try:
        return method.decode(body)
    except DecodeError as error:
        raise InvalidArgument(
            f"The request cannot be read as a message of {method.rpc}: it is cut short, or a text in it is not valid "
            "UTF-8.",
            reason="REQUEST_UNDECODABLE",
        ) from error
