"""Who calls: by the bearer token of a call, else by the certificate of its connection."""

from collections.abc import Iterable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from careweave.errors import Unauthenticated
from careweave.identity.claims import Identified, refused
from careweave.identity.tokens import Tokens
from careweave.policy import Caller, Role

if TYPE_CHECKING:
    from grpc.aio import ServicerContext

AUTHORIZATION: Final = "authorization"
"""The metadata that holds `Bearer TOKEN` (RFC 6750)."""
OPERATOR: Final = Caller(subject="", role=Role.OPERATOR)
"""Whoever runs this installation."""
SERVICE: Final = Caller(subject="", role=Role.SERVICE)
"""Another service of this installation."""

_SCHEME: Final = "bearer"
_NAMES: Final = "x509_subject_alternative_name"
_CURRENT: ContextVar[Caller] = ContextVar("careweave_caller")


def caller_of(context: "ServicerContext[Any, Any]") -> Caller:  # noqa: ARG001  a call runs in a context of its own
    """Return who makes the call that `context` belongs to, as `Callers.read` found.

    Raises:
        Unauthenticated: the call did not pass the guard.
    """
    known = _CURRENT.get(None)
    if known is None:
        raise _missing()
    return known


class Callers:
    """Finds out who calls.

    services: names in certificates (DNS or URI) whose holder is a service of this installation. Only where the server
    asks for a certificate, and has checked it, does a connection have one.
    """

    def __init__(self, tokens: Tokens, services: Iterable[str]) -> None:
        """Believe nothing but `tokens` and certificates with one of the names."""
        self._tokens = tokens
        self._services = frozenset(services)

    async def read(self, context: "ServicerContext[Any, Any]") -> Identified:
        """Return who calls, and let `caller_of` know for the rest of this call. A token goes before a certificate.

        Raises:
            Unauthenticated: there is neither, or it is not good; its reason says why.
            Unavailable: what a token is checked with cannot be had now.
        """
        token = _token_in(context.invocation_metadata() or ())
        found = await self._tokens.bearer(token) if token is not None else self._certified(context)
        _CURRENT.set(found.caller)
        return found

    def _certified(self, context: "ServicerContext[Any, Any]") -> Identified:
        names = context.auth_context().get(_NAMES)
        if not names:
            raise _missing()
        if self._services.isdisjoint(name.decode(errors="replace") for name in names):
            raise Unauthenticated(
                "The certificate names no service that CAREWEAVE_SERVICE_NAMES lists.",
                reason="CERTIFICATE_NAME_UNKNOWN",
            )
        return Identified(SERVICE)


def _token_in(metadata: Iterable[tuple[str, Any]]) -> str | None:
    given = [value for key, value in metadata if key == AUTHORIZATION]
    if not given:
        return None
    scheme, _, token = str(given[0]).partition(" ")
    if len(given) > 1 or scheme.lower() != _SCHEME or not token:
        raise refused("TOKEN_MALFORMED", f"Send one {AUTHORIZATION}: Bearer TOKEN.")
    return token


def _missing() -> Unauthenticated:
    return refused("TOKEN_MISSING", f"Say who calls, by {AUTHORIZATION}: Bearer TOKEN, with a token of your issuer.")
