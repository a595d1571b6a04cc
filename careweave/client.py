"""What a portal or HR developer imports: connect, call, and catch the errors of the domain.

    async with connect("careweave.example.org:50051", token=token, ca_file="ca.pem") as services:
        with calling():
            reply = await services.matching.FindOpportunities(
                matching_pb2.FindOpportunitiesRequest(person="people/4f0m2k7q9x1c8v5b6n3z", page_size=5)
            )

In a trial no token is needed: `connect("127.0.0.1:50051", person("people/4f0m2k7q9x1c8v5b6n3z"))` gets one for whoever
is named. The stubs are grpc.aio's; messages are in `careweave.v1`.
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


def connect(
    address: str = DEFAULT_LISTEN,
    caller: Caller = OPERATOR,
    *,
    token: str = "",
    token_file: str = "",
    ca_file: str = "",
) -> Channels:
    """Return stubs of all services at `address` (`host:port`), for an `async with` block.

    caller: for whom a token is asked for, in a trial; a token that is given says by itself who calls.
    token: of your issuer. token_file: where one lies, read again when it changes.
    ca_file: PEM of those who sign the server's certificate; without it the connection is plain text.

    A call fails at once if nothing answers. A stream ends with UNAUTHENTICATED (`TOKEN_EXPIRED`) when the token expires
    that it was opened with: open it again.

    Raises:
        InvalidArgument: a token would be sent in plain text to another machine.
        FailedPrecondition: the file of TLS cannot be used.
    """
    settings = Settings(listen=address, token_file=token_file, tls_ca_file=ca_file)
    return Channels(settings, caller, waiting=False, token=token)


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
