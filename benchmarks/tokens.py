"""What it costs to know a caller by their token: the first time, and from then on.

    python -m benchmarks.tokens [--json] [--tokens 2000]

Tokens of one issuer, each of another person, verified by `careweave.identity.tokens` as the server's interceptor does:
`cold` is the first call with a token (its signature is checked), `warm` each further one (it is remembered).
"""

import argparse
import asyncio
import json
import secrets
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime

from joserfc import jwt
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from rich.console import Console
from rich.table import Table

from careweave.config import Settings
from careweave.identity.revocations import Revocations
from careweave.identity.tokens import Tokens
from careweave.wiring import open_events

_URL = "https://login.example.org"
_KEYS: dict[str, Callable[[], Key]] = {
    "RS256": lambda: RSAKey.generate_key(2048, {"kid": "k"}),
    "ES256": lambda: ECKey.generate_key("P-256", {"kid": "k"}),
    "Ed25519": lambda: OKPKey.generate_key("Ed25519", {"kid": "k"}),
}


class OneKey:
    """The keys of an issuer that has one, which is known; see `careweave.identity.keys.Keys`."""

    speaks_for_services = False

    def __init__(self, key: Key) -> None:
        """Know `key`."""
        self.url = _URL
        self._key = key

    def key(self, kid: str | None) -> Key | None:
        """Return it."""
        return self._key if kid == "k" else None

    async def refresh(self) -> None:
        """Do nothing."""


def person_tokens(algorithm: str, key: Key, count: int) -> list[str]:
    """Return a token of each of `count` people."""
    now = int(time.time())
    common = {"iss": _URL, "aud": "careweave", "iat": now, "exp": now + 3600, "careweave_role": "person"}
    return [
        jwt.encode(
            {"alg": algorithm, "kid": "k", "typ": "at+jwt"},
            {**common, "jti": secrets.token_urlsafe(16), "careweave_subject": f"people/g{number:07d}"},
            key,
            algorithms=[algorithm],
        )
        for number in range(count)
    ]


async def measure(algorithm: str, count: int) -> dict[str, float]:
    """Return the medians, microseconds, of the first and of the second call with each token."""
    key = _KEYS[algorithm]()
    revocations = Revocations()
    verified = Tokens([OneKey(key)], "careweave", revocations, lambda: datetime.now(UTC))
    await _read(revocations)
    tokens = person_tokens(algorithm, key, count)
    return {"cold": await _median(verified, tokens), "warm": await _median(verified, tokens)}


async def _read(revocations: Revocations) -> None:
    """Have `revocations` read an empty log."""
    with tempfile.TemporaryDirectory() as place:
        log = await open_events(Settings(events=f"sqlite:{place}/events.db"))
        following = asyncio.create_task(revocations.follow(log))
        await revocations.until_known()
        following.cancel()
        await log.close()


async def _median(verified: Tokens, tokens: list[str]) -> float:
    taken = []
    for token in tokens:
        began = time.perf_counter()
        await verified.bearer(token)
        taken.append((time.perf_counter() - began) * 1e6)
    return statistics.median(taken)


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--tokens", type=int, default=2000)
    given = parser.parse_args()
    found = {algorithm: asyncio.run(measure(algorithm, given.tokens)) for algorithm in _KEYS}
    if given.json:
        print(json.dumps(found))
        return
    table = Table("signed by", "cold µs", "warm µs")
    for algorithm, each in found.items():
        table.add_row(algorithm, f"{each['cold']:.1f}", f"{each['warm']:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
