"""A client of the benchmark of FindOpportunities, as a process of its own.

    python -m benchmarks.ranking_client ADDRESS TOKENS --calls-at-once 8 --seconds 5 --first 0 --people 50000

Asks for one generated person after the other, each by the token that the file TOKENS has of them, with so many calls
under way all the time, and prints the latencies in microseconds as a JSON list. Replies are counted, not decoded, on
either side alike. `--connections N` takes turns over so many connections, so that several processes at one address have
their share.
"""

import argparse
import asyncio
import itertools
import json
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import grpc
from careweave_matching.service import NAME

from careweave.rpc.caller import AUTHORIZATION
from careweave.v1.matching_pb2 import FindOpportunitiesRequest, MatchView

_PATH = f"/{NAME}/FindOpportunities"
_APART = (("grpc.use_local_subchannel_pool", 1),)
"""Else channels to one address share a connection."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, serialised, and the metadata that says who asks."""

    body: bytes
    metadata: tuple[tuple[str, str], ...]


def requests(tokens: Path, first: int, people: int, view: str) -> Iterator[Asked]:
    """Yield requests for people in turn, beginning with number `first`, without end."""
    chosen = MatchView.Value(f"MATCH_VIEW_{view.upper()}")
    lines = tokens.read_text(encoding="ascii").splitlines()
    for number in itertools.chain(range(first, people), itertools.cycle(range(people))):
        body = FindOpportunitiesRequest(person=f"people/g{number:07d}", view=chosen).SerializeToString()
        yield Asked(body, ((AUTHORIZATION, f"Bearer {lines[number]}"),))


async def ask(address: str, asked: Iterator[Asked], at_once: int, seconds: float, connections: int = 1) -> list[float]:
    """Return the latency of every call, microseconds."""
    latencies: list[float] = []
    async with AsyncExitStack() as until_done:
        channels = [
            await until_done.enter_async_context(grpc.aio.insecure_channel(address, _APART)) for _ in range(connections)
        ]
        in_turn: Iterator[grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]] = itertools.cycle(
            [channel.unary_unary(_PATH) for channel in channels]
        )
        await asyncio.gather(*(channel.channel_ready() for channel in channels))
        end = time.perf_counter() + seconds

        async def one_after_the_other() -> None:
            while (began := time.perf_counter()) < end:
                each = next(asked)
                await next(in_turn)(each.body, metadata=each.metadata)
                latencies.append((time.perf_counter() - began) * 1e6)

        await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
    return latencies


async def record(address: str, asked: Iterator[Asked], count: int, folder: Path) -> None:
    """Write `count` replies to `folder`, for the empty handler to give."""
    async with grpc.aio.insecure_channel(address) as channel:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(_PATH)
        replies = [await call(each.body, metadata=each.metadata) for each in itertools.islice(asked, count)]
    (folder / "replies.bin").write_bytes(b"".join(replies))
    (folder / "lengths.json").write_text(json.dumps([len(reply) for reply in replies]))


def main() -> None:
    """Ask as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address")
    parser.add_argument("tokens", type=Path)
    parser.add_argument("--calls-at-once", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--people", type=int, default=50_000)
    parser.add_argument("--view", choices=["full", "basic"], default="full")
    parser.add_argument("--connections", type=int, default=1)
    given = parser.parse_args()
    asked = requests(given.tokens, given.first, given.people, given.view)
    asking = ask(given.address, asked, given.calls_at_once, given.seconds, given.connections)
    print(json.dumps(asyncio.run(asking)))


if __name__ == "__main__":
    main()
