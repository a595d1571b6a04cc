"""The keys of an OIDC issuer: found by discovery, kept, and read again when one appears that is not known.

Sources: OpenID Connect Discovery 1.0, section 4; RFC 7517 (JWK).
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol, TypeAlias

from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key

from careweave.errors import Unavailable

_LOG: Final = logging.getLogger(__name__)

DISCOVERY: Final = "/.well-known/openid-configuration"
ASK_AGAIN_SECONDS: Final = 10.0
"""Least time between two requests for the keys of one issuer, whatever tokens come."""
STALE_SECONDS: Final = 300.0
"""Age from which keys are read again while the known ones are used, so that a withdrawn one is refused."""

Fetch: TypeAlias = Callable[[str], Awaitable[bytes]]
"""Returns what lies at an address. Raises Unavailable if nothing can be had."""


class Keys(Protocol):
    """The keys of one issuer.

    url: as in the claim `iss`.
    speaks_for_services: whether a token of it may have the role service.
    """

    url: str
    speaks_for_services: bool

    def key(self, kid: str | None) -> Key | None:
        """Return the key of that id, or the only one there is if the token names none; None if it is not known."""
        ...

    async def refresh(self) -> None:
        """Read the keys again, unless that was done a moment ago.

        Raises:
            Unavailable: they were never had, and cannot be.
        """
        ...


class IssuerKeys:
    """The keys of an issuer that is reached over HTTP; see `Keys`.

    seconds: returns a time that only goes on.
    changed: called when a key is no longer there, or another one.
    """

    speaks_for_services = False

    def __init__(self, url: str, fetch: Fetch, seconds: Callable[[], float], changed: Callable[[], None]) -> None:
        """Begin without any key; the first token has them fetched."""
        self.url = url
        self._fetch = fetch
        self._seconds = seconds
        self._changed = changed
        self._keys: Mapping[str, Key] = {}
        self._asked_at = -ASK_AGAIN_SECONDS
        self._asking: asyncio.Task[None] | None = None

    def key(self, kid: str | None) -> Key | None:
        """See `Keys.key`."""
        if self._keys and self._seconds() - self._asked_at > STALE_SECONDS:
            self._ask()
        if kid is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(kid)

    async def refresh(self) -> None:
        """See `Keys.refresh`."""
        if self._asking is not None or self._seconds() - self._asked_at >= ASK_AGAIN_SECONDS:
            await asyncio.shield(self._ask())
        if not self._keys:
            raise Unavailable(
                "The keys of the token's issuer cannot be had now, so the token cannot be checked; try again.",
                reason="ISSUER_UNREACHABLE",
            )

    def _ask(self) -> "asyncio.Task[None]":
        if self._asking is None:
            self._asked_at = self._seconds()
            self._asking = asyncio.create_task(self._read())
        return self._asking

    async def _read(self) -> None:
        try:
            configuration = _object(await self._fetch(self.url.rstrip("/") + DISCOVERY))
            if configuration.get("issuer") != self.url:
                raise Unavailable("its configuration names another issuer", reason="ISSUER_MISNAMED")  # noqa: TRY301
            keys = usable(_object(await self._fetch(str(configuration.get("jwks_uri", "")))))
        except Unavailable as error:
            _LOG.warning(
                "keys of an issuer cannot be read; the known ones are kept",
                extra={"issuer": self.url, "reason": error.reason, "why": error.message, "known": len(self._keys)},
            )
        else:
            known, self._keys = _thumbprints(self._keys), keys
            if known - _thumbprints(keys):
                self._changed()
        finally:
            self._asking = None


def usable(key_set: Mapping[str, Any]) -> Mapping[str, Key]:
    """Return the keys of a JWK set that verify signatures, by id; symmetric ones and those for encryption are left out.

    Raises:
        Unavailable: it is not a JWK set, or none of its keys can be used.
    """
    listed = key_set.get("keys")
    found: dict[str, Key] = {}
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, dict) and each.get("use", "sig") == "sig" and each.get("kty") in ("RSA", "EC", "OKP"):
            try:
                found[str(each.get("kid", ""))] = JWKRegistry.import_key(each)
            except (JoseError, ValueError):
                _LOG.warning("a key of an issuer cannot be used", extra={"kid": each.get("kid")})
    if not found:
        raise Unavailable("there is no key to verify signatures with", reason="ISSUER_KEYS_UNUSABLE")
    return found


def _thumbprints(keys: Mapping[str, Key]) -> set[tuple[str, str]]:
    return {(kid, key.thumbprint()) for kid, key in keys.items()}


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except ValueError as error:
        raise Unavailable("what it answers is not JSON", reason="ISSUER_UNREADABLE") from error
    return found if isinstance(found, dict) else {}
