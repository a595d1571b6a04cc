"""Asking the other shards, over gRPC, as a service of the installation."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

import grpc

from careweave.config import Settings
from careweave.errors import CareweaveError, Unavailable
from careweave.rpc.channels import Channels
from careweave.rpc.errors import error_of
from careweave.v1 import matching_pb2 as pb
from careweave.v1.matching_pb2_grpc import MatchingServiceStub
from careweave_matching.shards.plan import Plan, Shard

if TYPE_CHECKING:  # exists in the stubs alone
    from careweave.v1.matching_pb2_grpc import MatchingServiceAsyncStub

PATIENCE_SECONDS: Final = 30.0
"""How long another shard may take."""
SHARD_UNAVAILABLE: Final = "SHARD_UNAVAILABLE"
_SILENT: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})
_Reply = TypeVar("_Reply")


def failed(shard: Shard, failure: grpc.aio.AioRpcError) -> CareweaveError:
    """Return the error that `shard` meant, or that it does not answer."""
    meant = error_of(failure)
    if failure.code() not in _SILENT or meant.reason != failure.code().name:
        return meant  # it has said so itself
    return silent(shard)


def silent(shard: Shard) -> Unavailable:
    """Return the error that says that `shard` does not answer."""
    serves = ", ".join(shard.serves)
    return Unavailable(
        f"The shard {shard.name}, which serves {serves}, does not answer; try again in a moment.",
        reason=SHARD_UNAVAILABLE,
        metadata={"shard": shard.name, "serves": serves},
    )


class PeersOverGrpc:
    """The other shards of a plan."""

    def __init__(self, plan: Plan, own: int, settings: Settings) -> None:
        """Call all but the shard of number `own`, as a service of the installation that `settings` describe."""
        self._open = channels = Channels(settings, waiting=False)  # what is asked for a caller does not wait
        self._shards: list[tuple[Shard, MatchingServiceAsyncStub]] = [
            (shard, MatchingServiceStub(channels.channel(shard.address)))
            for number, shard in enumerate(plan.shards)
            if number != own
        ]

    async def opportunities(self, request: pb.FindShardOpportunitiesRequest) -> list[pb.FindOpportunitiesResponse]:
        """See `spanning.Peers`."""

        def ask(stub: "MatchingServiceAsyncStub") -> Awaitable[pb.FindOpportunitiesResponse]:
            return stub.FindShardOpportunities(request)

        return await self._all(ask)

    async def candidates(self, request: pb.FindShardCandidatesRequest) -> list[pb.FindCandidatesResponse]:
        """See `spanning.Peers`."""

        def ask(stub: "MatchingServiceAsyncStub") -> Awaitable[pb.FindCandidatesResponse]:
            return stub.FindShardCandidates(request)

        return await self._all(ask)

    async def close(self) -> None:
        """Disconnect."""
        await self._open.close()

    async def _all(self, ask: "Callable[[MatchingServiceAsyncStub], Awaitable[_Reply]]") -> list[_Reply]:
        async def one(shard: Shard, stub: "MatchingServiceAsyncStub") -> _Reply:
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    return await ask(stub)
            except TimeoutError as error:
                raise silent(shard) from error
            except grpc.aio.AioRpcError as failure:
                raise failed(shard, failure) from failure

        replies: Sequence[_Reply] = await asyncio.gather(*(one(shard, stub) for shard, stub in self._shards))
        return list(replies)
