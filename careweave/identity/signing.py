"""An issuer within this process, whose keys never leave its memory.

Every server has one for calls among the services that share its process; a trial has one more, for everybody.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from joserfc import jwt
from joserfc.jwk import ECKey, Key

from careweave.identity.claims import ORGANISATION, ROLE, SUBJECT
from careweave.policy import Caller

LIFETIME: Final = timedelta(hours=1)
_ALGORITHM: Final = "ES256"
_TYPE: Final = "at+jwt"


@dataclass(frozen=True, slots=True)
class Issued:
    """A token, and when it ceases to be good."""

    token: str
    expires: datetime


class OwnIssuer:
    """Issues tokens for whoever it is asked for, and is `careweave.identity.keys.Keys` of them.

    url: as in the claim `iss`. No other issuer's token makes its bearer a service.
    """

    speaks_for_services = True

    def __init__(self, url: str, audience: str, clock: Callable[[], datetime], changed: Callable[[], None]) -> None:
        """Make the first key. changed: called when a key is withdrawn."""
        self.url = url
        self._audience = audience
        self._clock = clock
        self._changed = changed
        self._keys: dict[str, Key] = {}
        self._current = self.rotate(withdraw=False)

    def issue(self, caller: Caller) -> Issued:
        """Return a token that says its bearer is `caller`."""
        now = self._clock()
        expires = now + LIFETIME
        claims: dict[str, Any] = {
            "iss": self.url,
            "aud": self._audience,
            "iat": now.timestamp(),
            "exp": int(expires.timestamp()),
            "jti": secrets.token_urlsafe(16),
            ROLE: caller.role.value,
            **{name: text for name, text in ((SUBJECT, caller.subject), (ORGANISATION, caller.organisation)) if text},
        }
        header = {"alg": _ALGORITHM, "kid": self._current, "typ": _TYPE}
        return Issued(jwt.encode(header, claims, self._keys[self._current], algorithms=[_ALGORITHM]), expires)

    def rotate(self, *, withdraw: bool) -> str:
        """Sign with a new key from now on, and return its id; `withdraw` refuses what the others signed."""
        if withdraw:
            self._keys.clear()
            self._changed()
        self._current = secrets.token_urlsafe(8)
        self._keys[self._current] = ECKey.generate_key("P-256", {"kid": self._current, "use": "sig"})
        return self._current

    def key_set(self) -> Mapping[str, Any]:
        """Return the public keys as a JWK set (RFC 7517)."""
        return {"keys": [{**key.as_dict(private=False), "alg": _ALGORITHM} for key in self._keys.values()]}

    def key(self, kid: str | None) -> Key | None:
        """See `Keys.key`."""
        return self._keys.get(kid or "")

    async def refresh(self) -> None:
        """Do nothing: all keys are here."""
