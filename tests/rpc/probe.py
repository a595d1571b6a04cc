"""A service part whose answers a test decides, on a real server: for what holds for every service."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc

from careweave.policy import Action, Caller, Resource, authorise
from careweave.rpc.caller import caller_of
from careweave.rpc.channels import Channels
from careweave.rpc.server import Running
from careweave.v1 import matching_pb2
from careweave.wiring import Adapters

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class Probe:
    """Serves three methods of MatchingService; the test says how FindOpportunities and a watch go on."""

    name = "careweave.v1.MatchingService"

    def __init__(self) -> None:
        """Start out not ready, answering with an empty list."""
        self.answer: Callable[[], matching_pb2.FindOpportunitiesResponse] = matching_pb2.FindOpportunitiesResponse
        self.is_ready = asyncio.Event()
        self.failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.callers: list[Caller] = []
        self.closed = False
        self.asks = True
        self.about = ""
        self.takes_seconds = 0.0
        self.request = matching_pb2.FindOpportunitiesRequest(person="people/anna")

    def register(self, server: grpc.aio.Server) -> None:
        """Add the three methods."""
        methods: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            "FindOpportunities": grpc.unary_unary_rpc_method_handler(
                self._find,
                matching_pb2.FindOpportunitiesRequest.FromString,
                matching_pb2.FindOpportunitiesResponse.SerializeToString,
            ),
            "CreateOpportunity": grpc.unary_unary_rpc_method_handler(
                self._create,
                matching_pb2.CreateOpportunityRequest.FromString,
                matching_pb2.Opportunity.SerializeToString,
            ),
            "WatchOpportunities": grpc.unary_stream_rpc_method_handler(
                self._watch,
                matching_pb2.WatchOpportunitiesRequest.FromString,
                matching_pb2.WatchOpportunitiesResponse.SerializeToString,
            ),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(self.name, methods),))

    async def run(self) -> None:
        """Go on until the test lets it fail."""
        await self.failure

    def ready(self) -> bool:
        """Tell what the test says."""
        return self.is_ready.is_set()

    async def close(self) -> None:
        """Remember it."""
        self.closed = True

    def _ask(self, context: Context) -> None:
        """Ask the policy what is granted to whoever calls here, unless the test says otherwise."""
        if self.asks and self.about:
            authorise(caller_of(context), Action.FIND_OPPORTUNITIES, Resource(person=self.about))
        elif self.asks:
            authorise(caller_of(context), Action.GET_OPPORTUNITY)

    async def _find(
        self, request: matching_pb2.FindOpportunitiesRequest, context: Context
    ) -> matching_pb2.FindOpportunitiesResponse:
        self.callers.append(caller_of(context))
        self._ask(context)
        await asyncio.sleep(self.takes_seconds)
        return self.answer()

    async def _create(
        self, request: matching_pb2.CreateOpportunityRequest, context: Context
    ) -> matching_pb2.Opportunity:
        self._ask(context)
        return request.opportunity

    async def _watch(
        self, request: matching_pb2.WatchOpportunitiesRequest, context: Context
    ) -> AsyncIterator[matching_pb2.WatchOpportunitiesResponse]:
        self._ask(context)
        yield matching_pb2.WatchOpportunitiesResponse()
        self.answer()
        await asyncio.Event().wait()


@dataclass
class Probed:
    """A server with the probe on it, and stubs that reach it."""

    probe: Probe
    running: Running
    services: Channels
    adapters: Adapters

    @property
    def address(self) -> str:
        """Where it answers."""
        return self.running.settings.listen
