"""What every call of ours passes through: one interceptor, since each of a stack would cost a turn.

In this order: who calls, whether it is their turn (`limits`), whether that role may use the RPC at all
(AIP-211), the request decoded, its field rules; then the servicer; and whatever goes wrong on the way
becomes a status. Where the client sends a stream, caller and role are asked at its opening, and a message
that is wrong goes to the servicer as `Refused`, to be answered in its place: it does not end the stream. A
stream ends when the token expires, or is revoked, that it was opened with.

What a call has asked of the policy, and of whom, goes into the audit trail. A servicer that answers
without having asked is at fault: its answer is withheld.

What is passed on to another server is asked here who calls, and whether it is their turn; all else is asked, and
recorded, where it is answered.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeAlias, TypeVar, cast

import grpc
from google.protobuf.message import DecodeError, Message
from grpc.aio import ServicerContext

from careweave.audit.trail import AuditTrail
from careweave.errors import CareweaveError, InvalidArgument, TimedOut
from careweave.identity.claims import Identified
from careweave.rpc import validation
from careweave.rpc.access import Access, access_of, admit
from careweave.rpc.access_record import AccessRecord
from careweave.rpc.caller import Callers
from careweave.rpc.deadlines import Deadlines
from careweave.rpc.errors import abort, status_of, status_of_unexpected
from careweave.rpc.incoming import Refused
from careweave.rpc.limits import Limits, Turn
from careweave.rpc.streams import Streams

_LOG: Final = logging.getLogger(__name__)
_OURS: Final = "/careweave."
LONGEST_SECONDS: Final = 120
LONGEST_BULK_SECONDS: Final = 900
"""How long a call may take at the server, whatever its client would wait. Streams may go on."""

Context: TypeAlias = ServicerContext[Any, Any]
Decode: TypeAlias = Callable[[bytes], Message]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
_Body = TypeVar("_Body")
Continue: TypeAlias = Callable[[grpc.HandlerCallDetails], Awaitable["Handler | None"]]


@dataclass(frozen=True, slots=True)
class Method:
    """What the guard knows of an RPC.

    rpc: the last part of its name. access: who may call it at all.
    """

    rpc: str
    access: Access
    decode: Decode


class Guard(grpc.aio.ServerInterceptor):
    """Guards every RPC of this project's services; leaves health and reflection as they are.

    callers: finds out who calls. streams: what is open, and how to end it. deadlines: of calls.
    new_id: makes the id by which an unexpected error is found in the log.
    audit: where accesses are recorded.
    limits: what one caller may ask.
    """

    def __init__(
        self,
        callers: Callers,
        streams: Streams,
        deadlines: Deadlines,
        *,
        new_id: Callable[[], str],
        audit: AuditTrail,
        limits: Limits,
    ) -> None:
        """Begin without having guarded any."""
        self._deadlines = deadlines
        self._callers = callers
        self._streams = streams
        self._new_id = new_id
        self._audit = audit
        self._limits = limits
        self._guarded: dict[str, Handler] = {}
        self._passed_on: set[str] = set()

    def pass_on(self, service: str) -> None:
        """Take what answers `service`, a full name, for what passes calls on to other servers."""
        self._passed_on.add(service)

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
        rpc = _method(method, handler)
        passed_on = method[1:].rpartition("/")[0] in self._passed_on
        self._guarded[method] = guarded = self._pass(handler, rpc) if passed_on else self._guard(handler, rpc)
        return guarded

    def _pass(self, handler: Handler, method: Method) -> Handler:
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(self._passed_stream(handler, method), None, None)
        return grpc.unary_unary_rpc_method_handler(self._passed_call(handler, method), None, None)

    def _passed_call(self, handler: Handler, method: Method) -> Callable[[bytes, Context], Awaitable[bytes]]:
        behaviour = cast("Callable[[bytes, Context], Awaitable[bytes]]", handler.unary_unary)

        async def call(body: bytes, context: Context) -> bytes:
            try:
                found = await self._callers.read(context)
                with self._limits.turn(found.caller):
                    return await behaviour(body, context)
            except Exception as error:  # noqa: BLE001  as in `_guarded_call`
                await self._fail(context, method.rpc, error)

        return call

    def _passed_stream(self, handler: Handler, method: Method) -> Callable[[bytes, Context], AsyncIterator[bytes]]:
        behaviour = cast("Callable[[bytes, Context], AsyncIterator[bytes]]", handler.unary_stream)

        async def stream(body: bytes, context: Context) -> AsyncIterator[bytes]:
            task = asyncio.current_task()
            assert task is not None  # noqa: S101  grpc runs every call in a task of its own
            try:
                found = await self._opened(context)
                with self._limits.turn(found.caller):
                    async for reply in behaviour(body, context):
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
        call = self._open_call(handler, method) if method.access.anybody else self._guarded_call(handler, method)
        return grpc.unary_unary_rpc_method_handler(call, None, handler.response_serializer)

    def _guarded_call(self, handler: Handler, method: Method) -> Callable[[bytes, Context], Awaitable[Message]]:
        behaviour = cast("Callable[[Message, Context], Awaitable[Message]]", handler.unary_unary)

        async def call(body: bytes, context: Context) -> Message:
            record = AccessRecord(self._audit, method.rpc)
            try:
                with self._entered(await self._callers.read(context), method, record):
                    request = _read(body, method)
                    await record.room(changes_permission=method.access.changes_permission)
                    reply = await self._in_time(behaviour(request, context), method)
                    await record.done(changes_permission=method.access.changes_permission)
            except asyncio.CancelledError:
                record.given_up()
                raise
            except Exception as error:  # noqa: BLE001  the last place where it can be turned into a status
                record.failed(error)
                await self._fail(context, method.rpc, error)
            return reply

        return call

    def _open_call(self, handler: Handler, method: Method) -> Callable[[bytes, Context], Awaitable[Message]]:
        """Return a call of somebody who need not say who they are: there is no policy to ask, and nobody to record."""
        behaviour = cast("Callable[[Message, Context], Awaitable[Message]]", handler.unary_unary)

        async def call(body: bytes, context: Context) -> Message:
            try:
                return await self._in_time(behaviour(_read(body, method), context), method)
            except Exception as error:  # noqa: BLE001  as above
                await self._fail(context, method.rpc, error)

        return call

    def _guarded_stream(self, handler: Handler, method: Method) -> Callable[[bytes, Context], AsyncIterator[Message]]:
        behaviour = cast("Callable[[Message, Context], AsyncIterator[Message]]", handler.unary_stream)

        async def replies(body: bytes, context: Context, record: AccessRecord) -> AsyncIterator[Message]:
            with self._entered(await self._opened(context), method, record):
                async for reply in behaviour(_read(body, method), context):
                    yield reply

        return self._ending_well(replies, method.rpc)

    def _guarded_exchange(
        self, handler: Handler, method: Method
    ) -> Callable[[AsyncIterator[bytes], Context], AsyncIterator[Message]]:
        behaviour = cast(
            "Callable[[AsyncIterator[Message | Refused], Context], AsyncIterator[Message]]", handler.stream_stream
        )

        async def replies(
            bodies: AsyncIterator[bytes], context: Context, record: AccessRecord
        ) -> AsyncIterator[Message]:
            with self._entered(await self._opened(context), method, record):
                async for reply in behaviour(_each_read(bodies, method), context):
                    yield reply

        return self._ending_well(replies, method.rpc)

    def _ending_well(
        self, replies: Callable[[_Body, Context, AccessRecord], AsyncIterator[Message]], rpc: str
    ) -> Callable[[_Body, Context], AsyncIterator[Message]]:
        """Return `replies` with each way in which it may end turned into a status."""

        async def stream(body: _Body, context: Context) -> AsyncIterator[Message]:
            task = asyncio.current_task()
            assert task is not None  # noqa: S101  grpc runs every call in a task of its own
            record = AccessRecord(self._audit, rpc)
            try:
                async for reply in replies(body, context, record):
                    await record.part()
                    yield reply
            except asyncio.CancelledError:
                record.given_up()
                why = self._streams.why_ended(task)
                if why is None:
                    raise
                await abort(context, status_of(why))
            except Exception as error:  # noqa: BLE001  as above
                record.failed(error)
                await self._fail(context, rpc, error)
            finally:
                self._streams.closed(task)

        return stream

    async def _opened(self, context: Context) -> Identified:
        """Return who opens a stream, which ends when what they are known by does."""
        opener = await self._callers.read(context)
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  as below
        self._streams.opened(task, opener)
        return opener

    def _entered(self, found: Identified, method: Method, record: AccessRecord) -> Turn:
        """Return the turn of a caller who may use the method.

        Raises:
            RateLimited, Forbidden: it is not their turn, they may not.
        """
        record.caller = found.caller
        turn = self._limits.turn(record.caller)
        admit(record.caller, method.access.roles, method.rpc)
        return turn

    async def _in_time(self, answering: Awaitable[Message], method: Method) -> Message:
        """Return what `answering` returns.

        Raises:
            TimedOut: not within the time that the method may take; what it was doing has been cancelled.
        """
        seconds = LONGEST_BULK_SECONDS if method.access.bulk else LONGEST_SECONDS
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  grpc runs every call in a task of its own
        self._deadlines.began(task, seconds)
        try:
            return await answering
        except asyncio.CancelledError as error:
            if not self._deadlines.ended(task):
                raise
            raise TimedOut(
                f"{method.rpc} took more than {seconds} seconds and was given up; look whether it was done before you "
                "call again.",
                reason="TOO_SLOW",
            ) from error
        finally:
            self._deadlines.ended(task)

    async def _fail(self, context: Context, rpc: str, error: Exception) -> NoReturn:
        if isinstance(error, grpc.aio.AbortError):
            raise error
        if isinstance(error, CareweaveError):
            await abort(context, status_of(error))
        error_id = self._new_id()
        _LOG.error("unexpected error", exc_info=error, extra={"rpc": rpc, "error_id": error_id})
        await abort(context, status_of_unexpected(error_id))


def _method(path: str, handler: Handler) -> Method:
    return Method(path.rpartition("/")[2], access_of(path), cast("Decode", handler.request_deserializer))


def _read(body: bytes, method: Method) -> Message:
    """Return the request, once its fields are found to be right."""
    request = _decoded(body, method)
    validation.check(request)
    return request


async def _each_read(bodies: AsyncIterator[bytes], method: Method) -> AsyncIterator[Message | Refused]:
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
