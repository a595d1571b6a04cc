"""What a portal or HR developer imports: connect, call, and catch the errors of the domain.

    async with connect("127.0.0.1:50051", person("people/4f0m2k7q9x1c8v5b6n3z")) as services:
        with calling():
            reply = await services.matching.FindOpportunities(
                matching_pb2.FindOpportunitiesRequest(person="people/4f0m2k7q9x1c8v5b6n3z", page_size=5)
            )

The stubs are grpc.aio's; messages are in `careweave.v1`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import grpc

from careweave.config import DEFAULT_LISTEN, Settings
from careweave.policy import Caller, Role
from careweave.rpc.caller import OPERATOR
from careweave.rpc.channels import Channels
from careweave.rpc.errors import error_of

__all__ = ["OPERATOR", "Caller", "Channels", "Role", "calling", "connect", "person"]


def connect(address: str = DEFAULT_LISTEN, caller: Caller = OPERATOR) -> Channels:
    """Return stubs of all services at `address` (`host:port`), for an `async with` block.

    Every call says that it comes from `caller`. A call fails at once if nothing answers.
    """
    return Channels(Settings(listen=address), caller, waiting=False)


def person(name: str) -> Caller:
    """Return the caller who is the person of that name (`people/…`)."""
    return Caller(subject=name, role=Role.PERSON)


@contextmanager
def calling() -> Iterator[None]:
    """Turn a failed call in the block into an error of `careweave.errors`.

    Raises:
        CareweaveError: the error that the server meant, with its reason and field violations.
    """
    try:
        yield
    except grpc.aio.AioRpcError as failure:
        raise error_of(failure) from failure
