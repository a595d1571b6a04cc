"""The skills service, put together."""

from typing import Final

import grpc

from careweave.rpc.channels import Channels
from careweave.rpc.paging import token_key
from careweave.v1.skills_pb2_grpc import add_SkillsServiceServicer_to_server
from careweave.wiring import Adapters
from careweave_skills.knowledge import Knowledge
from careweave_skills.servicer import SkillsServicer
from careweave_skills.taxonomy_import import Importer


class SkillsPart:
    """The skills service as a part of a server (`careweave.rpc.parts.ServicePart`)."""

    name: Final = "careweave.v1.SkillsService"

    def __init__(self, knowledge: Knowledge, servicer: SkillsServicer) -> None:
        """Serve `servicer`, and keep `knowledge` up to date."""
        self._knowledge = knowledge
        self._servicer = servicer

    def register(self, server: grpc.aio.Server) -> None:
        """Add the servicer to `server`."""
        add_SkillsServiceServicer_to_server(self._servicer, server)

    async def run(self) -> None:
        """Load the catalogue, then embed in the background until cancelled."""
        await self._knowledge.reload()
        await self._knowledge.keep_embedding()

    def ready(self) -> bool:
        """Tell whether the catalogue is loaded; vectors may still be coming."""
        return self._knowledge.loaded

    async def close(self) -> None:
        """Release nothing: the adapters are the caller's."""


async def build(adapters: Adapters, channels: Channels) -> SkillsPart:  # noqa: ARG001  this service calls no other
    """Return the skills service over `adapters`."""
    knowledge = Knowledge(adapters.graph, adapters.embedder)
    importer = Importer(knowledge, adapters.clock)
    return SkillsPart(knowledge, SkillsServicer(knowledge, importer, token_key(adapters.settings)))
