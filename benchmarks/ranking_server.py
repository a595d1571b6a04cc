"""One side of the benchmark of FindOpportunities, as a process of its own.

    python -m benchmarks.ranking_server matching FOLDER --people 50000 --opportunities 400
    python -m benchmarks.ranking_server unguarded FOLDER --people 50000 --opportunities 400
    python -m benchmarks.ranking_server empty FOLDER

`--processes N` has the first and the last answer in so many processes at one address.

`matching` serves the matching service as it ships (the server, its interceptor, the ranking, decisions and audit trail
to a SQLite log in FOLDER, pseudonyms from the graph there), its index filled with generated people and opportunities;
the token of each person lies in FOLDER. `unguarded` is the same without the interceptor: nobody asks who calls, nothing
goes into the audit trail, no request is checked. `empty` answers with replies that the first one gave, in turn, from a
bare grpc.aio handler that reads nothing. Each prints its address on a line once it is ready, and stops at the end of
its standard input.
"""

import argparse
import asyncio
import itertools
import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import grpc
from careweave_matching.building import rehearse
from careweave_matching.decisions import Decisions
from careweave_matching.following import ReadModel
from careweave_matching.index import Index
from careweave_matching.ports import EVENT_SOURCE
from careweave_matching.service import NAME, MatchingPart, ports_over
from careweave_matching.servicer import MatchingServicer
from careweave_matching.weights import CURRENT
from careweave_profiles.ports import Ports as ProfilesPorts
from careweave_profiles.pseudonyms import pseudonyms

from benchmarks.generated import TODAY, extent_for, opportunities, people, read_setting
from careweave.audit.trail import Pseudonyms
from careweave.config import read_settings
from careweave.embedding.port import Embedder
from careweave.events.outbox import Relay
from careweave.identity.signing import OwnIssuer
from careweave.policy import Caller, Role
from careweave.rpc import caller
from careweave.rpc.channels import Channels
from careweave.rpc.guard import Continue
from careweave.rpc.paging import token_key
from careweave.rpc.server import running
from careweave.wiring import Adapters, open_adapters

TOKENS = "tokens.txt"
"""A token of each person, by number, one a line."""
PEOPLE_AT_ONCE = 5000
REPLIES = "replies.bin"
LENGTHS = "lengths.json"
"""Where the recorded replies lie in FOLDER, one after the other, and their lengths."""
SEED = 20270104
SIZE = "Size"
"""What workers ask their first process for."""
_BATCH = 1000
_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Size:
    """How many people and opportunities are generated."""

    people: int
    opportunities: int

    async def told(self, _: bytes) -> bytes:
        """Return it for workers, which generate the same."""
        return json.dumps(asdict(self)).encode()


class GeneratedPart(MatchingPart):
    """The matching service over an index that is filled already: nothing to follow or relay."""

    worker = "benchmarks.ranking_worker"

    def __init__(
        self,
        servicer: MatchingServicer,
        model: ReadModel,
        decisions: Decisions,
        relay: Relay,
        pseudonyms: Pseudonyms,
        *,
        size: Size,
    ) -> None:
        """Take what `build` made. pseudonyms: as the profiles service in the same process would find them."""
        super().__init__(servicer, model, decisions, relay, answers={SIZE: size.told})
        self._recording = decisions
        self.pseudonyms = pseudonyms

    async def run(self) -> None:
        """Record decisions until cancelled."""
        await self._recording.run()


async def filled_index(embedder: Embedder, people_count: int, opportunity_count: int) -> Index:
    """Return an index of generated people and opportunities."""
    setting = read_setting(SEED, extent_for(opportunity_count))
    index = Index(setting.taxonomy, setting.surroundings, embedder, CURRENT)
    offered = opportunities(setting, opportunity_count, SEED + 1)
    for start in range(0, len(offered), _BATCH):
        await index.put_opportunities(offered[start : start + _BATCH])
    generated = people(setting, people_count, SEED + 2)
    while batch := list(itertools.islice(generated, _BATCH)):
        await index.put_people(batch, TODAY)
    return index


async def rehearsed_index(embedder: Embedder, size: Size) -> Index:
    """Return the same with a ranking rehearsed, as the service does before it says that it is ready."""
    index = await filled_index(embedder, size.people, size.opportunities)
    await asyncio.to_thread(rehearse, index, TODAY)
    return index


def write_tokens(file: Path, issuer: OwnIssuer, people_count: int) -> None:
    """Write the token of each generated person, which no call has shown yet."""
    with file.open("w", encoding="ascii") as written:
        for number in range(people_count):
            written.write(issuer.issue(Caller(f"people/g{number:07d}", Role.PERSON)).token + "\n")


def midday() -> datetime:
    """Return the time of day now on the day that everything is generated for."""
    return datetime.combine(TODAY, datetime.now(UTC).timetz())


async def serve_matching(folder: Path, size: Size, processes: int, *, guarded: bool) -> None:
    """Serve until standard input ends."""
    settings = replace(
        read_settings(os.environ),
        graph=f"ladybug:{folder / 'graph'}",
        events=f"sqlite:{folder / 'events.db'}",
        listen="127.0.0.1:0",
        trial="yes",
        processes=processes,
    )
    async with open_adapters(settings, midday) as adapters:
        began = time.perf_counter()
        index = await rehearsed_index(adapters.embedder, size)
        await put_people(adapters, size.people)
        print(json.dumps({"people": len(index), "filled_seconds": round(time.perf_counter() - began, 1)}), flush=True)

        async def build(adapters: Adapters, channels: Channels) -> GeneratedPart:
            ports = ports_over(adapters, channels)
            model = ReadModel(ports)
            model.adopt(index)
            decisions = Decisions(adapters.events, adapters.new_id, adapters.clock)
            relay = Relay(adapters.graph, adapters.events, EVENT_SOURCE, adapters.clock, adapters.new_id)
            servicer = MatchingServicer(ports, model, decisions, token_key(adapters.settings))
            people_ports = ProfilesPorts(adapters.graph, adapters.clock, adapters.new_id)
            found = partial(pseudonyms, people_ports)
            return GeneratedPart(servicer, model, decisions, relay, found, size=size)

        if not guarded:
            await serve_unguarded(await build(adapters, Channels(settings)))
            return
        async with running(settings, [build], adapters) as started:
            await started.until_ready()
            write_tokens(folder / TOKENS, started.own, size.people)
            while started.processes < processes:  # noqa: ASYNC110  the workers' state
                await asyncio.sleep(_LOOK_SECONDS)
            print(started.settings.listen, flush=True)
            await asyncio.to_thread(sys.stdin.read)


async def put_people(adapters: Adapters, count: int) -> None:
    """Put the generated people into the graph, with the pseudonyms that they have since their creation was recorded."""
    people_ports = ProfilesPorts(adapters.graph, adapters.clock, adapters.new_id)
    for start in range(0, count, PEOPLE_AT_ONCE):
        names = [f"people/g{number:07d}" for number in range(start, min(count, start + PEOPLE_AT_ONCE))]
        async with adapters.graph.unit_of_work() as unit:
            await unit.merge_nodes("Person", [{"name": name, "version": 1} for name in names])
        await pseudonyms(people_ports, names)


class Unguarded(grpc.aio.ServerInterceptor):
    """Lets everybody in as the operator, without a question."""

    async def intercept_service(
        self, continuation: Continue, handler_call_details: grpc.HandlerCallDetails
    ) -> "grpc.RpcMethodHandler[Any, Any] | None":
        """Return the handler as it is, for an operator."""
        caller._CURRENT.set(caller.OPERATOR)  # noqa: SLF001  what the guard does
        return await continuation(handler_call_details)


async def serve_unguarded(part: GeneratedPart) -> None:
    """Serve `part` until standard input ends."""
    server = grpc.aio.server(interceptors=[Unguarded()])
    part.register(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    beside = asyncio.create_task(part.run())
    print(f"127.0.0.1:{port}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(None)
    beside.cancel()
    await part.close()


async def serve_empty(folder: Path, listen: str) -> None:
    """Serve recorded replies at `listen`, which other processes may share, until standard input ends."""
    body = (folder / REPLIES).read_bytes()
    ends = list(itertools.accumulate(json.loads((folder / LENGTHS).read_text())))
    replies = itertools.cycle([body[start:end] for start, end in itertools.pairwise([0, *ends])])

    async def answer(_: bytes, __: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        return next(replies)

    server = grpc.aio.server(options=(("grpc.so_reuseport", 1),))
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(answer)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(NAME, {"FindOpportunities": handler}),))
    port = server.add_insecure_port(listen)
    await server.start()
    print(f"127.0.0.1:{port}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(None)


def serve_empty_by_several(folder: Path, processes: int) -> None:
    """Serve recorded replies by so many processes at one address until standard input ends."""
    command = [sys.executable, "-m", "benchmarks.ranking_server", "empty", str(folder), "--listen"]
    with ExitStack() as until_done:
        address = "127.0.0.1:0"
        for _ in range(processes):
            process = until_done.enter_context(
                subprocess.Popen([*command, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            if process.stdin is None or process.stdout is None:
                raise AssertionError
            until_done.callback(process.stdin.close)
            address = process.stdout.readline().strip()
        print(address, flush=True)
        sys.stdin.read()


def main() -> None:
    """Run the side that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("side", choices=["matching", "unguarded", "empty"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--people", type=int, default=50_000)
    parser.add_argument("--opportunities", type=int, default=400)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--listen", default="127.0.0.1:0", help="where one empty process listens")
    given = parser.parse_args()
    size = Size(given.people, given.opportunities)
    if given.side == "empty" and given.processes > 1:
        serve_empty_by_several(given.folder, given.processes)
    elif given.side == "empty":
        asyncio.run(serve_empty(given.folder, given.listen))
    else:
        asyncio.run(serve_matching(given.folder, size, given.processes, guarded=given.side == "matching"))


if __name__ == "__main__":
    main()
