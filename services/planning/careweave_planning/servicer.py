"""The PlanningService over gRPC: requests to use-cases, results to replies, and nothing else."""

from collections.abc import AsyncIterator
from typing import Any, TypeAlias

import grpc
from google.protobuf.empty_pb2 import Empty

from careweave.rpc.caller import caller_of
from careweave.v1 import planning_pb2 as pb
from careweave.v1.common_pb2 import ExportPersonRequest, PersonSection
from careweave.v1.planning_pb2_grpc import PlanningServiceServicer
from careweave_planning import declarations, export
from careweave_planning.ports import Ports

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]


class PlanningServicer(PlanningServiceServicer):
    """Answers the RPCs of PlanningService."""

    def __init__(self, ports: Ports) -> None:
        """Answer from `ports`."""
        self._ports = ports

    async def UpdateEqualityDeclaration(
        self, request: pb.UpdateEqualityDeclarationRequest, context: Context
    ) -> pb.EqualityDeclaration:
        """Write a declaration."""
        return await declarations.update_declaration(self._ports, caller_of(context), request)

    async def GetEqualityDeclaration(
        self, request: pb.GetEqualityDeclarationRequest, context: Context
    ) -> pb.EqualityDeclaration:
        """Return a declaration."""
        return await declarations.get_declaration(self._ports, caller_of(context), request)

    async def WithdrawEqualityDeclaration(
        self, request: pb.WithdrawEqualityDeclarationRequest, context: Context
    ) -> Empty:
        """Remove a declaration."""
        await declarations.withdraw_declaration(self._ports, caller_of(context), request)
        return Empty()

    async def ExportPerson(self, request: ExportPersonRequest, context: Context) -> AsyncIterator[PersonSection]:
        """Return what is held about a person."""
        for section in await export.export_person(self._ports, caller_of(context), request):
            yield section
