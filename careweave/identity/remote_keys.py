"""The public keys of issuers that are in another process of the same server, which tells when one is withdrawn."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

from joserfc.jwk import Key

from careweave.identity.keys import usable

KeySets: TypeAlias = Callable[[], Awaitable[Mapping[str, Mapping[str, Any]]]]
"""Returns the JWK set of each issuer, by issuer. Raises Unavailable if the process that has them is gone."""
_NONE: Final[Mapping[str, Key]] = {}


class RemoteKeys:
    """The keys of one such issuer; see `careweave.identity.keys.Keys`."""

    speaks_for_services = True

    def __init__(self, url: str, refresh: Callable[[], Awaitable[None]]) -> None:
        """Begin without any. refresh: has `take` called with those that there are."""
        self.url = url
        self._refresh = refresh
        self._keys = _NONE

    def take(self, key_set: Mapping[str, Any]) -> None:
        """Know these keys, and no others."""
        self._keys = usable(key_set)

    def key(self, kid: str | None) -> Key | None:
        """See `Keys.key`."""
        return self._keys.get(kid or "")

    async def refresh(self) -> None:
        """See `Keys.refresh`."""
        await self._refresh()


class RemoteIssuers:
    """All issuers of the other process.

    key_sets: asks it. changed: called when keys were read anew, of which some may be gone.
    """

    def __init__(self, key_sets: KeySets, changed: Callable[[], None]) -> None:
        """Begin without any."""
        self._key_sets = key_sets
        self._changed = changed
        self._by_url: dict[str, RemoteKeys] = {}

    async def read(self) -> list[RemoteKeys]:
        """Read their keys, and return the issuers.

        Raises:
            Unavailable: the other process is gone.
        """
        await self._take()
        return list(self._by_url.values())

    async def renew(self) -> None:
        """Read their keys anew since some were withdrawn, and have every token verified anew.

        Raises:
            Unavailable: the other process is gone.
        """
        await self._take()
        self._changed()

    async def _take(self) -> None:
        for url, key_set in (await self._key_sets()).items():
            self._by_url.setdefault(url, RemoteKeys(url, self._take)).take(key_set)
