"""A process that answers FindOpportunities beside the matching service's own; see `careweave.rpc.workers`.

It holds an index of its own, which follows the event log as that of a replica does, and records its rankings itself.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import grpc

from careweave.rpc.channels import Channels
from careweave.rpc.parts import Ask
from careweave.rpc.worker import run
from careweave.wiring import Adapters
from careweave_matching.decisions import Decisions
from careweave_matching.following import ReadModel
from careweave_matching.pathways.plans import Careers
from careweave_matching.service import NAME, finding, limits_of, ports_over, servicer_over, worker_ports
from careweave_matching.servicer import MatchingServicer

METHODS: Final = frozenset({f"/{NAME}/FindOpportunities"})


class FindingPart:
    """FindOpportunities on a worker; see `careweave.rpc.parts.WorkerPart`."""

    name = NAME
    methods = METHODS

    def __init__(
        self,
        servicer: MatchingServicer,
        model: ReadModel,
        decisions: Decisions,
        closing: Sequence[Callable[[], Awaitable[None]]] = (),
    ) -> None:
        """Take what `build` made. closing: what is done at last."""
        self._closing = closing
        self._servicer = servicer
        self._model = model
        self._decisions = decisions

    def register(self, server: grpc.aio.Server) -> None:
        """Add FindOpportunities to `server`."""
        handlers = finding(self._servicer)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(NAME, handlers),))

    async def run(self) -> None:
        """Keep the index current and record rankings, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._decisions.run())
            tasks.create_task(self._model.run())

    def ready(self) -> bool:
        """Say whether there is an index that is no further behind the event log than the limit."""
        return self._model.current()

    async def renew(self) -> None:
        """Have the index built from nothing; the one there is serves meanwhile."""
        self._model.renew()

    async def close(self) -> None:
        """Record the rankings that still wait, and let go of what was opened."""
        await self._decisions.flush()
        for work in self._closing:
            await work()


async def build(adapters: Adapters, channels: Channels, ask: Ask) -> FindingPart:
    """Return the part on `adapters`, whose graph can only be read, calling other services through `channels`."""
    ports = worker_ports(ports_over(adapters, channels), ask)
    model = ReadModel(ports, limits=limits_of(adapters.settings))
    decisions = Decisions(adapters.events, adapters.new_id, adapters.clock)
    servicer, closing = servicer_over(adapters.settings, ports, model, decisions, Careers(ports.graph))
    return FindingPart(servicer, model, decisions, closing)


if __name__ == "__main__":
    run(build)
