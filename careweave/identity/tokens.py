"""From a bearer token to who calls: verified once, and remembered until it expires.

The signature is checked by joserfc with a key of the issuer that the token names, among those that are allowed, and
never with anything that the token brings along (`jwk`, `jku`, `x5u`). RFC 8725 says what else goes wrong.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import Key
from joserfc.jws import CompactSignature, JWSRegistry

from careweave.errors import Unauthenticated
from careweave.identity.claims import Identified, identified, refused
from careweave.identity.keys import Keys
from careweave.identity.revocations import Revocations
from careweave.policy import Role

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
"""Of signatures; Ed25519 is the name that RFC 9864 gives to what is mostly still called EdDSA. Never `none`, nor HS…:
whoever verifies such a token could also have made it."""
LONGEST_TOKEN: Final = 6144
"""Characters. gRPC refuses metadata of more than 8 KiB or so by itself, now and then and without saying why."""
REMEMBERED: Final = 100_000
"""Tokens whose bearers are remembered; the oldest is forgotten first."""

_TYPES: Final = ("at+jwt", "application/at+jwt", "jwt")
_REGISTRY: Final = JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)


class Tokens:
    """Verifies tokens of the issuers in `keys`, meant for `audience`, that are not revoked."""

    def __init__(
        self, keys: Iterable[Keys], audience: str, revocations: Revocations, clock: Callable[[], datetime]
    ) -> None:
        """Begin without remembering any; forget all whenever something is revoked."""
        self._issuers = {each.url: each for each in keys}
        self._audience = audience
        self._revocations = revocations
        self._clock = clock
        self._remembered: dict[bytes, Identified] = {}
        revocations.on_change(self.forget)

    def add(self, keys: Keys) -> None:
        """Allow another issuer."""
        self._issuers[keys.url] = keys

    def forget(self) -> None:
        """Verify every token anew that comes from now on."""
        self._remembered.clear()

    async def bearer(self, token: str) -> Identified:
        """Return who bears `token`.

        Raises:
            Unauthenticated: the token is not good; its reason says why.
            Unavailable: the issuer's keys, or what was revoked, cannot be read now.
        """
        digest = hashlib.sha256(token.encode()).digest()
        known = self._remembered.get(digest)
        now = self._clock().timestamp()
        if known is not None and now < known.until:
            return known
        found = await self._verified(token, now)
        if len(self._remembered) >= REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[digest] = found
        return found

    async def _verified(self, token: str, now: float) -> Identified:
        signed = _extracted(token)
        claims = _claims(signed)
        named = claims.get("iss")
        issuer = self._issuers.get(named) if isinstance(named, str) else None
        if issuer is None:
            raise refused("TOKEN_ISSUER_UNKNOWN", "The token is of an issuer that is not in CAREWEAVE_ISSUERS.")
        key = issuer.key(signed.protected.get("kid"))
        if key is None:
            await issuer.refresh()
            key = issuer.key(signed.protected.get("kid"))
        _check_signature(signed, key)
        found = identified(claims, self._audience, now, service_allowed=issuer.speaks_for_services)
        if found.caller.role is not Role.SERVICE:  # those are of this process, which needs them to start
            await self._revocations.until_known()
        if self._revocations.cover(found):
            raise revoked()
        return found


def revoked() -> Unauthenticated:
    """Return the refusal of a token that was revoked."""
    return refused("TOKEN_REVOKED", "The token was revoked; sign in anew.")


def _extracted(token: str) -> CompactSignature:
    try:
        if len(token) > LONGEST_TOKEN:
            raise ValueError  # noqa: TRY301
        signed = jws.extract_compact(token.encode("ascii"), registry=_REGISTRY)
    except (JoseError, ValueError) as error:
        raise refused("TOKEN_MALFORMED", "What follows Bearer is not a signed token (JWS, compact form).") from error
    header = signed.protected
    if header.get("alg") not in ALGORITHMS:
        raise refused("TOKEN_ALGORITHM", f"The token must be signed by one of {', '.join(ALGORITHMS)}.")
    if "crit" in header or "b64" in header or not isinstance(header.get("kid"), str | None):
        raise refused("TOKEN_MALFORMED", "The token's header asks for what is not understood here.")
    if str(header.get("typ", "jwt")).lower() not in _TYPES:
        raise refused("TOKEN_TYPE", "The token is not an access token; send the one with typ at+jwt or JWT.")
    return signed


def _claims(signed: CompactSignature) -> dict[str, Any]:
    try:
        claims = json.loads(signed.payload)
    except ValueError as error:
        raise refused("TOKEN_MALFORMED", "The token's claims cannot be read as JSON.") from error
    if not isinstance(claims, dict):
        raise refused("TOKEN_MALFORMED", "The token's claims are not a JSON object.")
    return claims


def _check_signature(signed: CompactSignature, key: Key | None) -> None:
    try:
        good = key is not None and jws.validate_compact(signed, key, registry=_REGISTRY)
    except (JoseError, ValueError) as error:
        raise refused("TOKEN_SIGNATURE", "The token's signature is not of a kind that its key makes.") from error
    if not good:
        raise refused("TOKEN_SIGNATURE", "The token is not signed by a key that its issuer has now; get a new one.")
