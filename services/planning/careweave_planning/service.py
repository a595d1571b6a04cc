"""How the planning service is put together; the one place where its parts meet."""

import secrets

import grpc

from careweave.rpc.channels import Channels
from careweave.v1.planning_pb2 import DESCRIPTOR
from careweave.v1.planning_pb2_grpc import add_PlanningServiceServicer_to_server
from careweave.wiring import Adapters
from careweave_planning.erasures import Erasures
from careweave_planning.opening import open_store
from careweave_planning.ports import DeclarationStore, Ports
from careweave_planning.servicer import PlanningServicer


class PlanningPart:
    """The planning service on a server; see `careweave.rpc.parts.ServicePart`."""

    name = DESCRIPTOR.services_by_name["PlanningService"].full_name

    def __init__(self, servicer: PlanningServicer, erasures: Erasures, store: DeclarationStore) -> None:
        self._servicer = servicer
        self._erasures = erasures
        self._store = store

    def register(self, server: grpc.aio.Server) -> None:
        """Add the servicer to `server`."""
        add_PlanningServiceServicer_to_server(self._servicer, server)

    async def run(self) -> None:
        """Forget people who were erased, until cancelled."""
        await self._erasures.run()

    def ready(self) -> bool:
        """Return True: the store is open, and there is nothing to prepare."""
        return True

    async def close(self) -> None:
        """Close the store, which belongs to this part alone: the adapters that services share know nothing of it."""
        await self._store.close()


async def build(adapters: Adapters, channels: Channels) -> PlanningPart:
    """Return the service, with its own store open and nobody to call."""
    del channels
    store = await open_store(adapters.settings, secrets.token_bytes)
    return PlanningPart(PlanningServicer(Ports(store, adapters.clock)), Erasures(store, adapters.events), store)
