"""One answer per request id (AIP-155): the same request of the same caller within a day is answered alike."""

from typing import TypeVar

from google.protobuf.message import Message

from careweave.graph import requests
from careweave.graph.port import UnitOfWork
from careweave.policy import Caller
from careweave_profiles.ports import Ports

_R = TypeVar("_R", bound=Message)


class Once:
    """A request within its unit of work, and the answer it may have had before.

    request_id: as the request has it; empty means that the request is done each time it comes.
    """

    def __init__(self, ports: Ports, unit: UnitOfWork, caller: Caller, request_id: str, request: Message) -> None:
        # The caller as a digest: a record must not outlive the caller's erasure with their name in it.
        who = requests.digest_of(f"{caller.role} {caller.subject} {caller.organisation}".encode())
        content = requests.digest_of(request.SerializeToString(deterministic=True))
        self._request = requests.Request(f"{request.DESCRIPTOR.full_name} {who}", request_id, content)
        self._unit, self._now = unit, ports.clock()

    async def answer(self, reply: type[_R]) -> _R | None:
        """Return the answer of type `reply` that the request had before, None if it is new.

        Raises:
            InvalidArgument: the id came with another request before.
        """
        if not self._request.request_id:
            return None
        response = await requests.recall(self._unit, self._request, self._now)
        return None if response is None else reply.FromString(response)

    async def remember(self, reply: _R, resource: str) -> _R:
        """Keep `reply`, which shows `resource`, as the answer, and return it."""
        if self._request.request_id:
            response = reply.SerializeToString(deterministic=True)
            await requests.remember(self._unit, self._request, response, resource, self._now)
        return reply
