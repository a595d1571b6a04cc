"""From where a call comes, also where another process of the server has passed it on."""

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from grpc.aio import ServicerContext

PASSED_FROM: Final = "careweave-passed-from"
"""The metadata in which a process that passes a call on says from where it came."""
_OWN: Final = "unix:"
"""How the peer begins of who calls over a socket in a folder that this server's user alone may enter."""


def peer_of(context: "ServicerContext[Any, Any]") -> str:
    """Return from where the call comes that `context` belongs to, as gRPC writes it, for example ipv4:10.1.2.3:4711.

    What a call says of it itself counts only over the server's own socket, where its own processes alone call.
    """
    peer = str(context.peer())
    if not peer.startswith(_OWN):
        return peer
    said = [value for key, value in context.invocation_metadata() or () if key == PASSED_FROM]
    return str(said[0]) if said else peer
