"""Calls that a worker passes on, over real servers: a front that passes on, and what is behind it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest

from careweave.rpc.channels import LONGEST_MESSAGE
from careweave.rpc.passing import Passing
from careweave.rpc.peers import PASSED_FROM, peer_of

MEBIBYTE = 1024 * 1024
OPTIONS = (
    ("grpc.max_send_message_length", LONGEST_MESSAGE),
    ("grpc.max_receive_message_length", LONGEST_MESSAGE),
    ("grpc.so_reuseport", 0),
)


@dataclass
class Behind:
    """What answers behind the front, and what it has seen."""

    metadata: list[tuple[str, Any]] = field(default_factory=list)
    peers: list[str] = field(default_factory=list)
    seconds_left: list[float | None] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def handlers(self) -> "dict[str, grpc.RpcMethodHandler[bytes, bytes]]":
        """Return a method of each kind."""
        return {
            "Echo": grpc.unary_unary_rpc_method_handler(self._echo),
            "Fail": grpc.unary_unary_rpc_method_handler(self._fail),
            "Count": grpc.unary_stream_rpc_method_handler(self._count),
            "Double": grpc.stream_stream_rpc_method_handler(self._double),
            "Wait": grpc.unary_unary_rpc_method_handler(self._wait),
        }

    async def _echo(self, body: bytes, context: Any) -> bytes:
        self.metadata = list(context.invocation_metadata())
        self.peers.append(peer_of(context))
        self.seconds_left.append(context.time_remaining())
        context.set_trailing_metadata((("said", "afterwards"), ("packed-bin", b"\x00\xff")))
        return body

    async def _fail(self, _: bytes, context: Any) -> bytes:
        trailing = (("grpc-status-details-bin", b"\x08\x09"), ("why", "because"))
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "Not now: ü.", trailing)
        raise AssertionError

    async def _count(self, body: bytes, context: Any) -> AsyncIterator[bytes]:
        for number in range(int(body)):
            yield str(number).encode()
        await context.abort(grpc.StatusCode.DATA_LOSS, "after some")

    async def _double(self, bodies: AsyncIterator[bytes], _: Any) -> AsyncIterator[bytes]:
        async for body in bodies:
            yield body + body

    async def _wait(self, _: bytes, __: Any) -> bytes:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.set()
        raise AssertionError


class Answering(grpc.aio.ServerInterceptor):
    """Stands for the guard of a worker and what that answers: one word, so that it shows who answered."""

    def __init__(self) -> None:
        """Begin unable."""
        self.able = False

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        """Return what answers with the word."""

        async def answer(_: bytes, __: Any) -> bytes:
            return b"in front"

        return grpc.unary_unary_rpc_method_handler(answer)


@dataclass(frozen=True)
class Passed:
    """A channel to the front, and to what is behind it over TCP. answering: what the front answers itself."""

    behind: Behind
    answering: Answering
    front: grpc.aio.Channel
    direct: grpc.aio.Channel

    def call(self, method: str, body: bytes, **options: Any) -> Any:
        """Call a method by one message for one message."""
        begin: Any = self.front.unary_unary(f"/test.Behind/{method}")
        return begin(body, **options)


@pytest.fixture
async def passed(tmp_path: Path) -> AsyncIterator[Passed]:
    behind = Behind()
    second = grpc.aio.server(options=OPTIONS)
    second.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Behind", behind.handlers()),))
    second.add_insecure_port(f"unix:{tmp_path / 'calls'}")
    port = second.add_insecure_port("127.0.0.1:0")
    await second.start()
    answering: Any = Answering()
    methods = frozenset({"/test.Behind/Echo"})
    passing = Passing(answering, f"unix:{tmp_path / 'calls'}", methods, lambda: bool(answering.able))
    first = grpc.aio.server(interceptors=[passing], options=OPTIONS)
    front = first.add_insecure_port("127.0.0.1:0")
    await first.start()
    async with (
        grpc.aio.insecure_channel(f"127.0.0.1:{front}", OPTIONS) as channel,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}", OPTIONS) as direct,
    ):
        yield Passed(behind, answering, channel, direct)
    await first.stop(None)
    await passing.close()
    await second.stop(None)


async def test_metadata_goes_through_both_ways_and_none_is_added_but_where_it_came_from(passed: Passed) -> None:
    sent = (("authorization", "Bearer x"), ("one-bin", b"\x00\x01"), ("twice", "a"), ("twice", "b"))
    call = passed.call("Echo", b"body", metadata=sent)
    assert await call == b"body"
    seen = [pair for pair in passed.behind.metadata if pair[0] not in ("user-agent", PASSED_FROM)]
    assert sorted(seen) == sorted(sent)
    assert dict(await call.trailing_metadata()) == {"said": "afterwards", "packed-bin": b"\x00\xff"}


async def test_where_a_call_comes_from_is_known_behind_and_cannot_be_claimed(passed: Passed) -> None:
    """The first process grants more to callers on its machine, and must not take a worker for one."""
    claim = ((PASSED_FROM, "ipv4:127.0.0.1:1"),)
    await passed.call("Echo", b"", metadata=claim)
    direct: Any = passed.direct.unary_unary("/test.Behind/Echo")
    await direct(b"", metadata=claim)
    through, straight = passed.behind.peers
    for peer in (through, straight):
        assert peer.startswith("ipv4:127.0.0.1:")
        assert peer != claim[0][1]


async def test_a_deadline_goes_through_and_its_absence_too(passed: Passed) -> None:
    await passed.call("Echo", b"")
    await passed.call("Echo", b"", timeout=50)
    none, some = passed.behind.seconds_left
    assert none is None
    assert some is not None
    assert 0 < some < 60, "gRPC rounds what is left up"
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await passed.call("Wait", b"", timeout=0.2)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    async with asyncio.timeout(20):
        await passed.behind.ended.wait()


async def test_a_status_comes_back_with_words_and_details(passed: Passed) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await passed.call("Fail", b"")
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert caught.value.details() == "Not now: ü."
    trailing = dict(caught.value.trailing_metadata() or ())
    assert trailing == {"grpc-status-details-bin": b"\x08\x09", "why": "because"}


async def test_what_is_nowhere_is_unimplemented(passed: Passed) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await passed.call("None", b"")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_stream_of_answers_comes_whole_and_ends_as_it_ended(passed: Passed) -> None:
    begin: Any = passed.front.unary_stream("/test.Behind/Count")
    call = begin(b"500")
    assert [await call.read() for _ in range(500)] == [str(number).encode() for number in range(500)]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call.read()
    assert caught.value.code() is grpc.StatusCode.DATA_LOSS


async def test_messages_go_both_ways_one_by_one(passed: Passed) -> None:
    begin: Any = passed.front.stream_stream("/test.Behind/Double")
    call = begin()
    async with asyncio.timeout(20):
        for body in (b"a", b"", b"b" * MEBIBYTE):
            await call.write(body)
            assert await call.read() == body + body
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF
    assert await call.code() is grpc.StatusCode.OK


async def test_a_message_of_nearly_the_longest_goes_through(passed: Passed) -> None:
    body = b"x" * (LONGEST_MESSAGE - 1024)
    assert await passed.call("Echo", body) == body


async def test_who_goes_away_is_gone_behind_too(passed: Passed) -> None:
    call = passed.call("Wait", b"")
    async with asyncio.timeout(20):
        await passed.behind.begun.wait()
        call.cancel()
        await passed.behind.ended.wait()


async def test_its_own_methods_are_answered_in_front_while_it_is_able_and_no_others(passed: Passed) -> None:
    assert await passed.call("Echo", b"behind") == b"behind"
    passed.answering.able = True
    assert await passed.call("Echo", b"behind") == b"in front"
    begin: Any = passed.front.stream_stream("/test.Behind/Double")
    call = begin()
    await call.write(b"a")
    assert await call.read() == b"aa"
    call.cancel()
    passed.answering.able = False
    assert await passed.call("Echo", b"behind") == b"behind"
