"""Where a server listens, and that nobody else does.

A server of one process binds its addresses for itself alone. Where several processes answer at one address
(`careweave.rpc.workers`) they share it by SO_REUSEPORT: the kernel gives each connection to one of them. That option
would let a second server in, too, which answered in turn from an index of its own. So each address is first bound
without it, and let go again: that fails if anybody listens there.
"""

import errno
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import grpc

from careweave.config import Settings
from careweave.errors import Unavailable
from careweave.rpc.channels import LONGEST_MESSAGE
from careweave.rpc.serving import secured
from careweave.rpc.tls import server_credentials

CONNECTION_AGE_SECONDS: Final = 300.0
"""After this a client is asked to connect anew, and looks up the address again: so it finds replicas that were added
since. Calls under way, streams too, end where they began."""


@dataclass(frozen=True, slots=True)
class Bound:
    """Where a server listens.

    settings: for those who call from elsewhere. within: for the services that share the process, which call each other
    in plain text, over loopback or a socket of this process's own.
    """

    settings: Settings
    within: Settings


def make_server(interceptor: grpc.aio.ServerInterceptor, *, shared: bool) -> grpc.aio.Server:
    """Return a server whose calls all pass `interceptor`. shared: whether other processes listen where it does."""
    return grpc.aio.server(
        interceptors=[interceptor],
        options=(
            ("grpc.so_reuseport", int(shared)),
            ("grpc.max_receive_message_length", LONGEST_MESSAGE),
            ("grpc.max_send_message_length", LONGEST_MESSAGE),
            ("grpc.max_connection_age_ms", int(CONNECTION_AGE_SECONDS * 1000)),
        ),
    )


def bind(server: grpc.aio.Server, settings: Settings, calls: str) -> Bound:
    """Bind what `settings` name; where a port is 0, any free one.

    calls: address of a Unix socket where calls of this process and its workers come in; empty if it has no workers.

    Raises:
        Unavailable: an address cannot be bound, or somebody listens there.
    """
    taken = partial(port, alone=bool(calls))
    if calls:
        server.add_insecure_port(calls)
    if not secured(settings):
        bound = replace(settings, listen=taken(settings.listen, server.add_insecure_port))
        return Bound(bound, replace(bound, listen=calls) if calls else bound)
    listen = taken(settings.listen, partial(_add_secure, server, server_credentials(settings, mutual=False)))
    if settings.service_listen:
        taken(settings.service_listen, partial(_add_secure, server, server_credentials(settings, mutual=True)))
    within = calls or port("127.0.0.1:0", server.add_insecure_port)
    return Bound(replace(settings, listen=listen), replace(settings, listen=within))


def bind_shared(server: grpc.aio.Server, settings: Settings) -> None:
    """Bind `settings.listen`, where another process of the same server listens already.

    Raises:
        Unavailable: that cannot be.
    """
    if secured(settings):
        port(settings.listen, partial(_add_secure, server, server_credentials(settings, mutual=False)))
    else:
        port(settings.listen, server.add_insecure_port)


def port(listen: str, add: Callable[[str], int], *, alone: bool = False) -> str:
    """Return the address that `add` bound, with the port that was chosen where `listen` says 0.

    alone: whether to make sure first that nobody listens there, since `add` would not mind.

    Raises:
        Unavailable: it cannot be bound.
    """
    try:
        chosen = add(_free(listen) if alone else listen)
    except (RuntimeError, OSError) as error:
        raise Unavailable(
            f"Cannot listen on {listen}: it is in use, or not an address of this machine. "
            "Stop what listens there, or choose another address with CAREWEAVE_LISTEN.",
            reason="ADDRESS_NOT_BOUND",
            metadata={"address": listen},
        ) from error
    return f"{listen.rpartition(':')[0]}:{chosen}"


def _free(listen: str) -> str:
    """Return `listen`, a port chosen where it says 0, once it is sure that nobody listens there.

    Raises:
        OSError: somebody does.
    """
    host, _, number = listen.rpartition(":")
    for family, kind, _, _, address in socket.getaddrinfo(host.strip("[]"), int(number), type=socket.SOCK_STREAM):
        try:
            with socket.socket(family, kind) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that have ended may linger
                probe.bind((address[0], int(number), *address[2:]))
                number = str(probe.getsockname()[1])
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise
            # No address of this machine, as localhost's by IPv6 may be: gRPC says so if it has none.
    return f"{host}:{number}"


def _add_secure(server: grpc.aio.Server, credentials: grpc.ServerCredentials, listen: str) -> int:
    return server.add_secure_port(listen, credentials)
