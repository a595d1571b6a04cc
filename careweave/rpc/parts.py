"""What a service gives the server that runs it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

import grpc

from careweave.audit.trail import Pseudonyms
from careweave.events.wakeup import Wakeup
from careweave.rpc.channels import Channels

if TYPE_CHECKING:
    from careweave.wiring import Adapters


class ServicePart(Protocol):
    """One service, built and ready to be put on a server."""

    @property
    def name(self) -> str:
        """Full gRPC name, for example `careweave.v1.SkillsService`; what its health is asked under."""
        ...

    def register(self, server: grpc.aio.Server) -> None:
        """Add the servicer to `server`, which has not started yet."""
        ...

    async def run(self) -> None:
        """Do what goes on beside calls (following, embedding, relaying) until cancelled.

        Starts when the server answers, so other services can be called. Returning early is fine;
        raising stops the server.
        """
        ...

    def ready(self) -> bool:
        """Tell whether calls can be answered in full; asked again and again, and health follows."""
        ...

    async def close(self) -> None:
        """Release what the part itself holds, after the last call and after `run` has ended."""
        ...


@runtime_checkable
class KeepsPseudonyms(Protocol):
    """A part that keeps by which pseudonyms the audit trail knows people."""

    @property
    def pseudonyms(self) -> Pseudonyms:
        """Return them without a call."""
        ...


Answer: TypeAlias = Callable[[bytes], Awaitable[bytes]]
"""What a part says to its own workers, from bytes to bytes."""
Ask: TypeAlias = Callable[[str, bytes], Awaitable[bytes]]
"""How a worker asks the part that it works for: the name of an answer, and what is asked."""


@runtime_checkable
class HasWorkers(Protocol):
    """A part of which further processes of the server answer some calls; see `careweave.rpc.workers`."""

    @property
    def worker(self) -> str:
        """Name of the module that such a process runs; it calls `careweave.rpc.worker.run`."""
        ...

    @property
    def answers(self) -> Mapping[str, Answer]:
        """What workers may ask of this part, by name."""
        ...

    @property
    def renewals(self) -> Wakeup:
        """Notified when workers shall make anew what they hold."""
        ...


class WorkerPart(ServicePart, Protocol):
    """What a worker answers by itself: a part of which it has no more than that."""

    @property
    def methods(self) -> frozenset[str]:
        """Paths of the calls that it answers, for example `/careweave.v1.MatchingService/FindOpportunities`."""
        ...

    async def renew(self) -> None:
        """Have what is held made anew, and return at once: what there is serves meanwhile."""
        ...


BuildWorker: TypeAlias = "Callable[[Adapters, Channels, Ask], Awaitable[WorkerPart]]"
"""How the part of a worker is put together, over a graph that can only be read."""


@runtime_checkable
class PassesOn(Protocol):
    """A part that passes the calls of its service on to other servers, which authorise and record them."""

    @property
    def passes_on(self) -> bool:
        """True."""
        ...


Build: TypeAlias = "Callable[[Adapters, Channels], Awaitable[ServicePart]]"
"""How a service is put together: `careweave_<name>.service.build`."""
