"""Names of feed records: digests under a secret of the installation, from which no external id can be found."""

import hashlib
import hmac
from collections.abc import Callable
from typing import Final

from careweave.graph.port import Query, UnitOfWork

_NAME: Final = "feeds"
_KEEP: Final = Query(
    "keep_feed_secret",
    "MERGE (s:FeedSecret {name: $name}) ON CREATE SET s.secret = $secret RETURN s.secret AS secret",
)
_SECRET_PARTS: Final = 3
_DIGEST_BYTES: Final = 16


class RecordKeys:
    """Makes the names.

    An external id is often a number of a few digits, which anybody could try. The secret lies in the
    graph, is made when first needed, and is never replaced: with another one no record is found again.
    """

    def __init__(self, new_id: Callable[[], str]) -> None:
        """Make the secret, if there is none, of what `new_id` returns."""
        self._new_id = new_id
        self._secret = b""

    async def prepare(self, unit: UnitOfWork) -> None:
        """Read the secret, or make it; at the first call only."""
        if not self._secret:
            fresh = "".join(self._new_id() for _ in range(_SECRET_PARTS))
            rows = await unit.run(_KEEP, name=_NAME, secret=fresh)
            self._secret = str(rows[0]["secret"]).encode()

    def forget(self) -> None:
        """Read the secret anew at the next `prepare`, since the unit that may have made it did not commit."""
        self._secret = b""

    def name(self, source_system: str, external_id: str) -> str:
        """Return the name of a record; `prepare` must have been called."""
        text = f"{source_system}\0{external_id}".encode()
        return f"feedRecords/{hmac.digest(self._secret, text, hashlib.sha256)[:_DIGEST_BYTES].hex()}"
