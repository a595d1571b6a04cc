"""The driver's errors in terms of `careweave.errors`.

Codes: https://neo4j.com/docs/status-codes/current/errors/all-errors/
"""

from neo4j import exceptions

from careweave.errors import (
    AlreadyExists,
    CareweaveError,
    Conflict,
    Exhausted,
    FailedPrecondition,
    InvalidArgument,
    Unavailable,
)

FAILURES = (exceptions.Neo4jError, exceptions.DriverError, OSError, TypeError, ValueError, OverflowError)
"""What the driver raises; the last three when a parameter cannot be sent."""

_LOST_A_LOCK = ("DeadlockDetected", "LockClientStopped", "LockAcquisitionTimeout", "Outdated")
_TOO_LATE = ("TransactionTimedOut", "TransactionTerminated", "Terminated", "TransactionNotFound")
_OUT_OF_MEMORY = ("MemoryPoolOutOfMemoryError", "OutOfMemoryError", "TransactionMemoryLimit", "StackOverFlowError")
_NO_WRITES = ("ReadOnly", "NotALeader", "DatabaseUnavailable", "WriteOnReadOnlyAccessDatabase", "DatabaseNotFound")
_OUT_OF_SPACE = ("No space left", "Disk full", "not enough space")


def translate(error: Exception, doing: str) -> CareweaveError:
    """Return what `error`, raised by the driver while `doing`, means to a caller.

    doing: the name of a query or of a step, for the message.
    """
    if isinstance(error, CareweaveError):
        return error
    text = " ".join(str(error).split())[:400]
    if isinstance(error, exceptions.IncompleteCommit):
        return Unavailable(
            f"{doing}: the connection broke while the graph committed, so it is not known whether this was kept. "
            "Ask again with the same request id, or read first.",
            reason="COMMIT_UNKNOWN",
        )
    if isinstance(error, exceptions.AuthError):
        return FailedPrecondition(
            f"{doing}: the graph refuses the login; check CAREWEAVE_GRAPH_USER and CAREWEAVE_GRAPH_PASSWORD_FILE",
            reason="GRAPH_LOGIN_REFUSED",
        )
    if isinstance(error, exceptions.ConfigurationError):
        return FailedPrecondition(
            f"{doing}: the graph cannot be used as CAREWEAVE_GRAPH says. ({text})", reason="GRAPH_MISCONFIGURED"
        )
    if isinstance(error, exceptions.Neo4jError):
        return _from_server(error, doing, text)
    if isinstance(error, TypeError | ValueError | OverflowError):
        return InvalidArgument(f"{doing}: the graph refuses this. ({text})", reason="QUERY_REFUSED")
    return Unavailable(f"{doing}: the graph does not answer. ({text})", reason="GRAPH_UNAVAILABLE")


def _from_server(error: exceptions.Neo4jError, doing: str, text: str) -> CareweaveError:
    code = error.code or ""
    if code.endswith(_LOST_A_LOCK):
        return Conflict(
            f"{doing}: another writer was in the way and nothing of this was kept; try again", reason="GRAPH_LOCKED"
        )
    if any(sign in text for sign in _OUT_OF_SPACE):
        return Exhausted(f"{doing}: the disk of the graph is full; nothing of this was kept", reason="GRAPH_DISK_FULL")
    if code.endswith(_OUT_OF_MEMORY):
        return Exhausted(
            f"{doing}: the graph's memory is used up; ask for less at a time. ({text})", reason="GRAPH_MEMORY_FULL"
        )
    if "Timed" in code or code.endswith(_TOO_LATE):
        return Unavailable(f"{doing}: the graph ended this, since it took too long. ({text})", reason="GRAPH_TIMEOUT")
    if any(sign in code for sign in _NO_WRITES):
        return Unavailable(f"{doing}: the graph takes no writes now. ({text})", reason="GRAPH_UNAVAILABLE")
    if isinstance(error, exceptions.ConstraintError):
        return AlreadyExists(f"{doing}: there is a node with that key already", reason="KEY_EXISTS")
    if code.endswith("AccessMode"):
        return InvalidArgument(f"{doing}: writes belong in a unit of work", reason="WRITE_OUTSIDE_UNIT")
    if isinstance(error, exceptions.ClientError):
        return InvalidArgument(f"{doing}: the graph refuses this. ({text})", reason="QUERY_REFUSED")
    return Unavailable(f"{doing}: the graph does not answer. ({text})", reason="GRAPH_UNAVAILABLE")
