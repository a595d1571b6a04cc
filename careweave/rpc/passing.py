"""Calls that a worker does not answer itself: passed on to the first process, as bytes, and back.

What the client sent and what it gets are those of the first process: metadata, deadline, messages, trailing metadata,
status and its details; who goes away is gone there, too. Whether a method takes or gives streams need not be known.
"""

from collections.abc import AsyncIterator, Callable
from typing import Any, Final, TypeAlias, cast

import grpc
from grpc.aio import Metadata, ServicerContext

from careweave.rpc.channels import LONGEST_MESSAGE
from careweave.rpc.guard import Continue, Guard, Handler
from careweave.rpc.peers import PASSED_FROM

Context: TypeAlias = ServicerContext[bytes, bytes]

_OPTIONS: Final = (
    ("grpc.max_send_message_length", LONGEST_MESSAGE),
    ("grpc.max_receive_message_length", LONGEST_MESSAGE),
)
_OF_THE_CONNECTION: Final = ("user-agent", PASSED_FROM)
"""Metadata of the one connection that is not sent on over the other; gRPC sets its own."""


class Passing(grpc.aio.ServerInterceptor):
    """Has `guard` answer calls of `methods` while `able` says so, and passes all others on.

    The first process guards what is passed on, by the token that comes along.
    """

    def __init__(self, guard: Guard, calls: str, methods: frozenset[str], able: Callable[[], bool]) -> None:
        """Pass on to the socket `calls`."""
        self._guard = guard
        self._methods = methods
        self._able = able
        self._channel = grpc.aio.insecure_channel(calls, _OPTIONS)

    async def close(self) -> None:
        """End what is still passed on, and disconnect."""
        await self._channel.close()

    async def intercept_service(
        self, continuation: Continue, handler_call_details: grpc.HandlerCallDetails
    ) -> "Handler | None":
        """Return what answers the call, or passes it on."""
        method = handler_call_details.method
        if method in self._methods and self._able():
            return await self._guard.intercept_service(continuation, handler_call_details)
        return grpc.stream_stream_rpc_method_handler(self._passed_on(method))

    def _passed_on(self, method: str) -> Callable[[AsyncIterator[bytes], Context], AsyncIterator[bytes]]:
        begin: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = self._channel.stream_stream(method)

        async def replies(bodies: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
            call: Any = begin(bodies, timeout=_seconds_left(context), metadata=_sent_on(context))
            try:
                async for reply in call:
                    yield reply
                context.set_trailing_metadata(tuple(await call.trailing_metadata()))
            except grpc.aio.AioRpcError as failure:
                await context.abort(failure.code(), failure.details() or "", tuple(failure.trailing_metadata()))
            finally:
                call.cancel()

        return replies


def _sent_on(context: Context) -> Metadata:
    sent = context.invocation_metadata() or ()
    return Metadata(
        *((key, value) for key, value in sent if key not in _OF_THE_CONNECTION), (PASSED_FROM, str(context.peer()))
    )


def _seconds_left(context: Context) -> float | None:
    left = cast("float | None", context.time_remaining())  # None without a deadline, which its types do not say
    return None if left is None else max(0.0, left)
