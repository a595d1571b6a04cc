"""What a verified token says of its bearer, and whether it says it to us and now.

Sources: RFC 7519 (claims), RFC 8725 (best practices), RFC 9068 (access tokens). Unlike RFC 9068, `typ` may be `JWT` or
absent, and `sub` and `jti` may be missing: Keycloak and Entra ID issue access tokens like that.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc.errors import ClaimError, ExpiredTokenError
from joserfc.jwt import JWTClaimsRegistry

from careweave.errors import Unauthenticated
from careweave.policy import Caller, Role

ROLE: Final = "careweave_role"
SUBJECT: Final = "careweave_subject"
ORGANISATION: Final = "careweave_organisation"

SKEW_SECONDS: Final = 60
"""By how much the clocks of an issuer and of ours may differ."""
LONGEST_LIFETIME_SECONDS: Final = 24 * 3600
"""From `iat` to `exp`. A token that is good for longer is refused: revocations are remembered for as long."""

_ROLES: Final = {role.value: role for role in Role}
_AGAIN: Final = "get a new one from your issuer"


@dataclass(frozen=True, slots=True)
class Identified:
    """Who calls, and until when that is known.

    issued_at, until: seconds since 1970; a certificate's holder is known without end.
    digests: by which a revocation finds the token: of its `jti`, `sub` and subject.
    """

    caller: Caller
    issued_at: float = 0.0
    until: float = math.inf
    digests: frozenset[str] = frozenset()


def digest_of(kind: str, text: str) -> str:
    """Return the digest under which a revocation of `text` (a `jti`, or a `subject`) is kept.

    Both are random enough, `jti` by RFC 7519 and names of people by 100 bits, that trying does not undo it.
    """
    return hashlib.sha256(f"{kind}\0{text}".encode()).hexdigest()


def identified(claims: Mapping[str, Any], audience: str, now: float, *, service_allowed: bool) -> Identified:
    """Return who the bearer is.

    now: seconds since 1970. service_allowed: whether this issuer may speak for services.

    Raises:
        Unauthenticated: the token is not for us, not for now, or names nobody.
    """
    _check(claims, audience, int(now))
    issued_at, until = float(claims["iat"]), float(claims["exp"])
    if until - issued_at > LONGEST_LIFETIME_SECONDS:
        hours = LONGEST_LIFETIME_SECONDS // 3600
        raise refused("TOKEN_LIFETIME", f"The token is good for longer than {hours} hours; have the issuer shorten it.")
    caller = _caller(claims)
    if caller.role is Role.SERVICE and not service_allowed:
        raise refused("TOKEN_ROLE", "No token makes its bearer a service; services show their certificate.")
    return Identified(caller, issued_at, until + SKEW_SECONDS, _digests(claims, caller))


def refused(reason: str, message: str) -> Unauthenticated:
    """Return the refusal of a token; neither the token nor anything in it is told."""
    return Unauthenticated(message, reason=reason)


def _check(claims: Mapping[str, Any], audience: str, now: int) -> None:
    registry = JWTClaimsRegistry(
        now=now,
        leeway=SKEW_SECONDS,
        aud={"essential": True, "value": audience},
        exp={"essential": True},
        iat={"essential": True},
    )
    try:
        registry.validate(dict(claims))
    except ExpiredTokenError as error:
        raise refused("TOKEN_EXPIRED", f"The token has expired; {_AGAIN}.") from error
    except ClaimError as error:
        raise _refused_claim(error.claim, audience) from error


def _refused_claim(claim: str, audience: str) -> Unauthenticated:
    if claim == "aud":
        return refused("TOKEN_AUDIENCE", f"The token is not meant for {audience}; ask your issuer for that audience.")
    if claim in ("nbf", "iat"):
        return refused("TOKEN_NOT_YET_VALID", f"The token is not valid yet, or has no {claim}; compare the clocks.")
    return refused("TOKEN_CLAIMS", f"The token's claim {claim} is missing or cannot be used; {_AGAIN}.")


def _caller(claims: Mapping[str, Any]) -> Caller:
    role = _ROLES.get(_text(claims, ROLE))
    if role is None:
        raise refused("TOKEN_ROLE", f"The token's claim {ROLE} must be one of {', '.join(_ROLES)}.")
    caller = Caller(_text(claims, SUBJECT), role, _text(claims, ORGANISATION))
    if role is Role.PERSON and not caller.subject.startswith("people/"):
        raise refused("TOKEN_SUBJECT", f"In the role person, the token's claim {SUBJECT} must be people/….")
    return caller


def _text(claims: Mapping[str, Any], name: str) -> str:
    text = claims.get(name, "")
    if not isinstance(text, str):
        raise refused("TOKEN_CLAIMS", f"The token's claim {name} must be one text, not a list; mend how it is mapped.")
    return text


def _digests(claims: Mapping[str, Any], caller: Caller) -> frozenset[str]:
    subjects = {digest_of("subject", text) for text in (caller.subject, _text(claims, "sub")) if text}
    token = _text(claims, "jti")
    return frozenset(subjects | {digest_of("jti", token)} if token else subjects)
