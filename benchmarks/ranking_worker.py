"""A worker of `benchmarks.ranking_server matching --processes N`: the one that ships, over an index of its own.

It generates the same people and opportunities as its first process.
"""

import json

from careweave_matching.decisions import Decisions
from careweave_matching.following import ReadModel
from careweave_matching.service import ports_over, worker_ports
from careweave_matching.servicer import MatchingServicer
from careweave_matching.worker import FindingPart

from benchmarks.ranking_server import SIZE, Size, midday, rehearsed_index
from careweave.rpc.channels import Channels
from careweave.rpc.paging import token_key
from careweave.rpc.parts import Ask
from careweave.rpc.worker import run
from careweave.wiring import Adapters


class GeneratedFinding(FindingPart):
    """FindOpportunities over an index that is filled already: nothing to follow."""

    def __init__(self, servicer: MatchingServicer, model: ReadModel, decisions: Decisions) -> None:
        """Take what `build` made."""
        super().__init__(servicer, model, decisions)
        self._recording = decisions

    async def run(self) -> None:
        """Record decisions until cancelled."""
        await self._recording.run()


async def build(adapters: Adapters, channels: Channels, ask: Ask) -> GeneratedFinding:
    """Return the part, its index filled."""
    size = Size(**json.loads(await ask(SIZE, b"")))
    ports = worker_ports(ports_over(adapters, channels), ask)
    model = ReadModel(ports)
    model.adopt(await rehearsed_index(adapters.embedder, size))
    decisions = Decisions(adapters.events, adapters.new_id, adapters.clock)
    servicer = MatchingServicer(ports, model, decisions, token_key(adapters.settings))
    return GeneratedFinding(servicer, model, decisions)


if __name__ == "__main__":
    run(build, midday)
