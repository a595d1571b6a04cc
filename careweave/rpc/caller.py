"""Who calls, from the metadata of a call, and the metadata that says so.

Until tokens exist a caller is believed: hence servers listen on the loopback address alone unless
told otherwise (`careweave.config`).
"""

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from careweave.errors import InvalidArgument, Unauthenticated
from careweave.policy import Caller, Role

if TYPE_CHECKING:
    from grpc.aio import ServicerContext

SUBJECT: Final = "x-careweave-subject"
ROLE: Final = "x-careweave-role"
ORGANISATION: Final = "x-careweave-organisation"

OPERATOR: Final = Caller(subject="", role=Role.OPERATOR)
"""Whoever calls from the same machine without saying who they are."""
SERVICE: Final = Caller(subject="", role=Role.SERVICE)
"""Another service of this installation."""

_ROLES: Final = {role.value: role for role in Role}
_CURRENT: ContextVar[Caller] = ContextVar("careweave_caller")


def caller_of(context: "ServicerContext[Any, Any]") -> Caller:
    """Return who makes the call that `context` belongs to.

    Raises:
        InvalidArgument: the metadata names a role that does not exist, or subject and role disagree.
        Unauthenticated: the call comes from another machine and does not say from whom.
    """
    known = _CURRENT.get(None)
    return known if known is not None else read_caller(context)


def read_caller(context: "ServicerContext[Any, Any]") -> Caller:
    """Read the caller from the metadata, and let `caller_of` know for the rest of this call.

    Raises:
        as `caller_of`.
    """
    caller = _from_metadata(context)
    _CURRENT.set(caller)
    return caller


def metadata_of(caller: Caller) -> tuple[tuple[str, str], ...]:
    """Return the metadata with which a client says that it is `caller`."""
    named = ((SUBJECT, caller.subject), (ROLE, caller.role.value), (ORGANISATION, caller.organisation))
    return tuple((key, text) for key, text in named if text)


def _from_metadata(context: "ServicerContext[Any, Any]") -> Caller:
    given: dict[str, str] = {}
    for key, text in context.invocation_metadata() or ():
        if key in (SUBJECT, ROLE, ORGANISATION):
            given[key] = str(text)
    if not given:
        return _unnamed(context.peer())
    if ROLE not in given:
        raise InvalidArgument(f"Say in which role you call, in {ROLE}.", reason="ROLE_MISSING")
    role = _ROLES.get(given[ROLE])
    if role is None:
        raise InvalidArgument(
            f"{ROLE} must be one of {', '.join(_ROLES)}.", reason="ROLE_UNKNOWN", metadata={"role": given[ROLE]}
        )
    if role is Role.PERSON and not given.get(SUBJECT, "").startswith("people/"):
        raise InvalidArgument(f"In the role person, {SUBJECT} must be people/….", reason="SUBJECT_MISSING")
    return Caller(given.get(SUBJECT, ""), role, given.get(ORGANISATION, ""))


def _unnamed(peer: str) -> Caller:
    if peer.startswith(("ipv4:127.", "ipv6:[::1]", "ipv6:%5B::1%5D", "unix:")):
        return OPERATOR
    raise Unauthenticated(
        f"Calls from another machine must say who calls, in {SUBJECT}, {ROLE} and {ORGANISATION}.",
        reason="CALLER_UNNAMED",
    )
