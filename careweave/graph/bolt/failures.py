"""The driver's errors in terms of `careweave.errors`.

Codes: https://neo4j.com/docs/status-codes/current/errors/all-errors/
"""

from dataclasses import dataclass
from typing import Final

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

FAILURES: Final = (
    exceptions.Neo4jError,
    exceptions.DriverError,
    OSError,
    # When a parameter cannot be sent.
    TypeError,
    ValueError,
    OverflowError,
)
"""What the driver raises."""


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What errors mean that are of one of `kinds`, and whose code or text holds one of `signs`, where there are any."""

    error: type[CareweaveError]
    reason: str
    says: str
    kinds: tuple[type[Exception], ...]
    signs: tuple[str, ...] = ()

    def fits(self, error: Exception) -> bool:
        """Return whether this is what `error` means."""
        described = f"{getattr(error, 'code', '')} {error}"
        return isinstance(error, self.kinds) and (not self.signs or any(sign in described for sign in self.signs))


_FROM_SERVER: Final = (exceptions.Neo4jError,)
_MEANINGS: Final = (
    _Meaning(
        Unavailable,
        "COMMIT_UNKNOWN",
        "the connection broke while the graph committed, so it is not known whether this was kept; ask again with "
        "the same request id, or read first",
        (exceptions.IncompleteCommit,),
    ),
    _Meaning(
        FailedPrecondition,
        "GRAPH_LOGIN_REFUSED",
        "the graph refuses the login; check CAREWEAVE_GRAPH_USER and CAREWEAVE_GRAPH_PASSWORD_FILE",
        (exceptions.AuthError,),
    ),
    _Meaning(
        FailedPrecondition,
        "GRAPH_LOGIN_REFUSED",
        "the graph refuses all logins of this user for some seconds, after several wrong ones; check "
        "CAREWEAVE_GRAPH_USER and CAREWEAVE_GRAPH_PASSWORD_FILE",
        _FROM_SERVER,
        ("AuthenticationRateLimit",),
    ),
    _Meaning(
        FailedPrecondition,
        "GRAPH_MISCONFIGURED",
        "the graph cannot be used as CAREWEAVE_GRAPH says",
        (exceptions.ConfigurationError,),
    ),
    _Meaning(
        Exhausted,
        "GRAPH_DISK_FULL",
        "the disk of the graph is full; nothing of this was kept",
        _FROM_SERVER,
        ("No space left", "Disk full", "disk space"),
    ),
    _Meaning(
        Conflict,
        "GRAPH_LOCKED",
        "another writer was in the way and nothing of this was kept; try again",
        _FROM_SERVER,
        ("DeadlockDetected", "LockClientStopped", "LockAcquisitionTimeout"),
    ),
    _Meaning(
        Exhausted,
        "GRAPH_MEMORY_FULL",
        "the graph's memory is used up; ask for less at a time",
        _FROM_SERVER,
        ("OutOfMemory", "TransactionMemoryLimit", "StackOverFlow"),
    ),
    _Meaning(
        Unavailable,
        "GRAPH_TIMEOUT",
        "the graph ended this, since it took too long",
        _FROM_SERVER,
        ("TransactionTimedOut", "Transaction.Terminated", "TransactionNotFound"),
    ),
    _Meaning(
        Unavailable,
        "GRAPH_READ_ONLY",
        "the graph takes no writes now",
        _FROM_SERVER,
        ("ForbiddenOnReadOnlyDatabase", "NotALeader", "WriteOnReadOnlyAccessDatabase"),
    ),
    _Meaning(
        InvalidArgument,
        "WRITE_OUTSIDE_UNIT",
        "writes belong in a unit of work",
        _FROM_SERVER,
        ("Statement.AccessMode",),
    ),
    _Meaning(AlreadyExists, "KEY_EXISTS", "there is a node with that key already", (exceptions.ConstraintError,)),
    _Meaning(
        InvalidArgument,
        "QUERY_REFUSED",
        "the graph refuses this",
        (exceptions.ClientError, TypeError, ValueError, OverflowError),
    ),
)
_ELSE: Final = _Meaning(Unavailable, "GRAPH_UNAVAILABLE", "the graph does not answer", (Exception,))
_TELLING: Final = frozenset({"GRAPH_MISCONFIGURED", "GRAPH_MEMORY_FULL", "QUERY_REFUSED", "GRAPH_UNAVAILABLE"})
"""Reasons whose message needs the driver's own words."""


def translate(error: Exception, doing: str) -> CareweaveError:
    """Return what `error`, raised by the driver while `doing`, means to a caller.

    doing: the name of a query or of a step, for the message.
    """
    meaning = next((each for each in _MEANINGS if each.fits(error)), _ELSE)
    words = f" ({' '.join(str(error).split())[:400]})" if meaning.reason in _TELLING else ""
    return meaning.error(f"{doing}: {meaning.says}{words}", meaning.reason)
