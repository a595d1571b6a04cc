"""How the profiles service is put together; the one place where its parts meet."""

from collections.abc import Awaitable, Callable

import grpc

from careweave.events.outbox import Relay
from careweave.rpc.channels import Channels
from careweave.rpc.paging import token_key
from careweave.v1.profiles_pb2 import DESCRIPTOR
from careweave.v1.profiles_pb2_grpc import add_ProfilesServiceServicer_to_server
from careweave.wiring import Adapters
from careweave_profiles.ports import EVENT_SOURCE, Ports
from careweave_profiles.servicer import ProfilesServicer


class ProfilesPart:
    """The profiles service on a server; see `careweave.rpc.parts.ServicePart`."""

    name = DESCRIPTOR.services_by_name["ProfilesService"].full_name

    def __init__(self, servicer: ProfilesServicer, relay: Callable[[], Awaitable[None]]) -> None:
        self._servicer = servicer
        self._relay = relay

    def register(self, server: grpc.aio.Server) -> None:
        """Add the servicer to `server`."""
        add_ProfilesServiceServicer_to_server(self._servicer, server)

    async def run(self) -> None:
        """Publish the events of changed profiles until cancelled."""
        await self._relay()

    def ready(self) -> bool:
        """Return True: the graph is open, and there is nothing to prepare."""
        return True

    async def close(self) -> None:
        """Release nothing: the adapters belong to whoever opened them."""


async def build(adapters: Adapters, channels: Channels) -> ProfilesPart:  # noqa: ARG001  it calls no other service
    """Return the service on `adapters`."""
    ports = Ports(adapters.graph, adapters.clock, adapters.new_id)
    relay = Relay(adapters.graph, adapters.events, EVENT_SOURCE, adapters.clock, adapters.new_id)
    return ProfilesPart(ProfilesServicer(ports, token_key(adapters.settings)), relay.run)
