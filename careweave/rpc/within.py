"""What the processes of one server say to each other: the first answers, its workers ask.

The first process has the graph open and holds the keys of its issuers; its workers read the one through it and know
the public half of the others. It answers at a Unix socket in a folder that only its user may enter, and asks nobody
who they are: whoever is in there could read the process's memory as well. For the same reason rows travel pickled,
which keeps every type that the graph knows and would be a hole anywhere else.
"""

import asyncio
import json
import pickle
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Any, Final, Self, TypeAlias, cast

import grpc

from careweave.audit.trail import Pseudonyms
from careweave.errors import CareweaveError
from careweave.events.wakeup import Wakeup
from careweave.graph.port import Query, Reads, Row
from careweave.identity.signing import Issued, OwnIssuer
from careweave.policy import Caller
from careweave.rpc.caller import SERVICE
from careweave.rpc.errors import abort, error_of, status_of
from careweave.rpc.parts import Answer

_SERVICE: Final = "careweave.within.FirstProcess"
_PART: Final = "careweave.within.Part"
_OPTIONS: Final = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),  # a whole taxonomy is one answer
    ("grpc.so_reuseport", 0),
)
_LOOK_SECONDS: Final = 60.0
_AGAIN_SECONDS: Final = 0.5

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


@dataclass(frozen=True, slots=True)
class Issuers:
    """The issuers of a server's own.

    within: issues tokens for calls within the server. all: whose tokens are good at all of its processes.
    withdrawn: notified when a key of these is no longer good.
    """

    within: OwnIssuer
    all: Sequence[OwnIssuer]
    withdrawn: Wakeup


@dataclass(frozen=True, slots=True)
class Shared:
    """What the first process lets its workers have. answers, renewals: see `careweave.rpc.parts.HasWorkers`."""

    graph: Reads
    issuers: Issuers
    pseudonyms: Pseudonyms
    answers: Mapping[str, Answer]
    renewals: Wakeup


def within_server(shared: Shared, address: str) -> grpc.aio.Server:
    """Return a server that tells workers what is `shared`, bound at the socket `address` and not started."""
    server = grpc.aio.server(options=_OPTIONS)
    asked: dict[str, Answer] = {
        "Read": partial(_read, shared.graph),
        "Keys": partial(_keys, shared.issuers.all),
        "Token": partial(_token, shared.issuers.within),
        "Pseudonyms": partial(_pseudonyms, shared.pseudonyms),
    }
    methods = {name: _answering(answer) for name, answer in asked.items()}
    methods |= {
        "Withdrawals": _telling(shared.issuers.withdrawn, at_once=True),
        "Renewals": _telling(shared.renewals, at_once=False),
    }
    part = {name: _answering(answer) for name, answer in shared.answers.items()}
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(_SERVICE, methods), grpc.method_handlers_generic_handler(_PART, part))
    )
    server.add_insecure_port(address)
    return server


def _answering(answer: Answer) -> "grpc.RpcMethodHandler[bytes, bytes]":
    async def call(body: bytes, context: Context) -> bytes:
        try:
            return await answer(body)
        except CareweaveError as error:
            await abort(context, status_of(error))

    return grpc.unary_unary_rpc_method_handler(call)


def _telling(news: Wakeup, *, at_once: bool) -> "grpc.RpcMethodHandler[bytes, bytes]":
    """Return a stream of a message whenever there has been `news`, and one before that if `at_once`."""

    async def tell(_: bytes, __: Context) -> AsyncIterator[bytes]:
        seen = news.count
        if at_once:
            yield b""
        while True:
            await news.wait(seen, _LOOK_SECONDS)
            if news.count > seen:
                seen = news.count
                yield b""

    return grpc.unary_stream_rpc_method_handler(tell)


async def _read(graph: Reads, body: bytes) -> bytes:
    query, parameters = cast("tuple[Query, dict[str, object]]", pickle.loads(body))  # noqa: S301  see above
    return pickle.dumps(await graph.run(query, **parameters))


async def _keys(issuers: Iterable[OwnIssuer], _: bytes) -> bytes:
    return json.dumps({issuer.url: issuer.key_set() for issuer in issuers}).encode()


async def _token(own: OwnIssuer, _: bytes) -> bytes:
    issued = own.issue(SERVICE)
    return json.dumps({"token": issued.token, "expires": issued.expires.isoformat()}).encode()


async def _pseudonyms(pseudonyms: Pseudonyms, body: bytes) -> bytes:
    return json.dumps(dict(await pseudonyms(json.loads(body)))).encode()


class FirstProcess:
    """The first process of the server, as a worker asks it.

    Every call raises what the first process raised, and Unavailable where it does not answer.
    """

    def __init__(self, address: str) -> None:
        """Connect to the socket `address` when first asked."""
        self._channel = grpc.aio.insecure_channel(address, _OPTIONS)

    async def __aenter__(self) -> Self:
        """Return it."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        await self._channel.close()

    async def read(self, query: Query, parameters: Mapping[str, object]) -> list[Row]:
        """Return the rows of `query`."""
        found = await self._asked(_SERVICE, "Read", pickle.dumps((query, dict(parameters))))
        return cast("list[Row]", pickle.loads(found))  # noqa: S301  see above

    async def keys(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the JWK set of each issuer of its own, by issuer."""
        return cast("Mapping[str, Mapping[str, Any]]", json.loads(await self._asked(_SERVICE, "Keys", b"")))

    async def token(self, caller: Caller) -> Issued:
        """Return a token for calls to the services of this server, as one of them.

        caller: is always a service.
        """
        del caller
        issued = json.loads(await self._asked(_SERVICE, "Token", b""))
        return Issued(issued["token"], datetime.fromisoformat(issued["expires"]))

    async def pseudonyms(self, names: Sequence[str]) -> Mapping[str, str]:
        """Return by which pseudonyms the audit trail knows people; see `careweave.audit.trail.Pseudonyms`."""
        asked = json.dumps(list(names)).encode()
        return cast("Mapping[str, str]", json.loads(await self._asked(_SERVICE, "Pseudonyms", asked)))

    async def ask(self, name: str, body: bytes) -> bytes:
        """Return what the part that this process works for answers."""
        return await self._asked(_PART, name, body)

    def withdrawals(self) -> AsyncIterator[None]:
        """Yield once, lest one was missed, and again whenever a key was withdrawn."""
        return self._told("Withdrawals")

    def renewals(self) -> AsyncIterator[None]:
        """Yield whenever what workers hold is to be made anew."""
        return self._told("Renewals")

    async def _told(self, name: str) -> AsyncIterator[None]:
        call: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = self._channel.unary_stream(f"/{_SERVICE}/{name}")
        try:
            async for _ in call(b""):
                yield None
        except grpc.aio.AioRpcError as failure:
            raise error_of(failure) from failure

    async def _asked(self, service: str, name: str, body: bytes) -> bytes:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(f"/{service}/{name}")
        try:
            return await cast("Awaitable[bytes]", call(body))
        except grpc.aio.AioRpcError as failure:
            raise error_of(failure) from failure


Act: TypeAlias = Callable[[], Awaitable[None]]
"""What is done when there is news."""


async def follow(news: Callable[[], AsyncIterator[None]], act: Act) -> None:
    """Do `act` at each of `news`, until cancelled; begin anew where it ends, since the first process may be busy."""
    while True:
        with suppress(CareweaveError):
            async for _ in news():
                await act()
        await asyncio.sleep(_AGAIN_SECONDS)
