"""What can go wrong, in terms of the domain; the standard library only.

Adapters turn driver errors into these, use-cases raise them where the fact is known, and
`careweave.rpc.errors` alone turns them into `google.rpc.Status`. Every message says what is wrong
and what to do next; none holds anything about a person beyond a resource name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One field that breaks a rule.

    field: path in the request, for example ``person.skills[0].proficiency``.
    description: what is wrong and what would be right.
    rule: id of the declared rule, for example ``string.pattern``; empty if the domain found it.
    """

    field: str
    description: str
    rule: str = ""


@dataclass(slots=True)
class CareweaveError(Exception):
    """Base of all errors.

    message: one sentence for the caller.
    reason: UPPER_SNAKE_CASE constant for programs (`google.rpc.ErrorInfo.reason`).
    metadata: further facts for programs (`google.rpc.ErrorInfo.metadata`).
    """

    message: str
    reason: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Let `str(error)` and tracebacks show the message."""
        Exception.__init__(self, self.message)

    def __str__(self) -> str:
        """Return the message."""
        return self.message


@dataclass(slots=True)
class InvalidArgument(CareweaveError):
    """The request is wrong whatever the state of the system; the caller must change it."""

    violations: Sequence[FieldViolation] = ()


class NotFound(CareweaveError):
    """There is no such resource."""


class AlreadyExists(CareweaveError):
    """There is a resource of that name already."""


class Conflict(CareweaveError):
    """The resource has changed since the caller read it; read again and retry."""


class FailedPrecondition(CareweaveError):
    """The state of the system does not allow it now."""


class Forbidden(CareweaveError):
    """The caller may not do this; says nothing on whether the resource exists."""


class Unauthenticated(CareweaveError):
    """The caller is not known."""


class Unavailable(CareweaveError):
    """A store, log or model does not answer now; trying again later may work."""


class Exhausted(CareweaveError):
    """A limit is reached: disk, size, rate or queue."""


@dataclass(slots=True)
class RateLimited(CareweaveError):
    """One caller asks for too much in too short a time; trying again after `seconds` works."""

    seconds: float = 1.0


class TimedOut(CareweaveError):
    """It took longer than the caller or the server allows; it may have been done."""


class DataLoss(CareweaveError):
    """Stored content cannot be read back as it was written."""
