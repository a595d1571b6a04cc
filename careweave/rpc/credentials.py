"""Where a client gets the tokens from that it sends: one source for each address that it calls."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from careweave.errors import FailedPrecondition
from careweave.identity.signing import LIFETIME, Issued, OwnIssuer
from careweave.policy import Caller

EARLIER: Final = LIFETIME / 4
"""How long before it expires a token is renewed."""

Ask: TypeAlias = Callable[[Caller], Awaitable[Issued]]
"""Gets a token for a caller, from a trial or from another process of the same server."""


class TokenSource(Protocol):
    """Tokens for calls to one address."""

    async def current(self) -> str:
        """Return the token to send now; empty if the connection's certificate says who calls.

        Raises:
            FailedPrecondition: there is none.
            AioRpcError: the trial that was asked for one gives none.
        """
        ...

    def refused(self, token: str) -> bool:
        """Take note that the server refused `token`, and tell whether there may be another one."""
        ...


class Nothing:
    """No token: the connection's certificate says who calls."""

    async def current(self) -> str:
        """Return nothing."""
        return ""

    def refused(self, token: str) -> bool:  # noqa: ARG002
        """Tell that there is no other."""
        return False


class Given:
    """One token, as it was given."""

    def __init__(self, token: str) -> None:
        """Send `token`."""
        self._token = token

    async def current(self) -> str:
        """Return it."""
        return self._token

    def refused(self, token: str) -> bool:  # noqa: ARG002
        """Tell that there is no other."""
        return False


class FromFile:
    """What is in a file, read again whenever that changes: whoever gets tokens for this machine writes it."""

    def __init__(self, file: Path) -> None:
        """Read `file` at the first call."""
        self._file = file
        self._read_at = 0
        self._token = ""

    async def current(self) -> str:
        """Return the token that is in the file now."""
        try:
            changed_at = self._file.stat().st_mtime_ns
            if changed_at != self._read_at:
                self._token = self._file.read_text(encoding="ascii").strip()
                self._read_at = changed_at
        except (OSError, UnicodeDecodeError) as error:
            raise FailedPrecondition(
                f"{self._file} holds no token that can be read; write one there, or name another file with "
                "CAREWEAVE_TOKEN_FILE.",
                reason="TOKEN_FILE_UNREADABLE",
            ) from error
        return self._token

    def refused(self, token: str) -> bool:
        """Tell whether the file holds another one by now."""
        with suppress(OSError, UnicodeDecodeError):
            return self._file.read_text(encoding="ascii").strip() != token
        return False


class Renewed:
    """Tokens for `caller`, each kept until shortly before it expires, or until it is refused.

    ask: gets one: from this process's own issuer, or from a trial.
    """

    def __init__(self, caller: Caller, ask: Ask) -> None:
        """Ask when the first call is made."""
        self._caller = caller
        self._ask = ask
        self._issued: Issued | None = None
        self._asking = asyncio.Lock()

    async def current(self) -> str:
        """Return one that is good for a while."""
        issued = self._issued
        if issued is None or datetime.now(UTC) > issued.expires - EARLIER:
            async with self._asking:
                if self._issued is issued:
                    self._issued = await self._ask(self._caller)
                issued = self._issued
        return issued.token if issued else ""

    def refused(self, token: str) -> bool:
        """Ask for another one at the next call."""
        if self._issued is not None and self._issued.token == token:
            self._issued = None
        return True


def signed_by(issuer: OwnIssuer | Ask) -> Ask:
    """Return how to get tokens of an issuer within this process, or in another one of the same server."""
    if not isinstance(issuer, OwnIssuer):
        return issuer

    async def ask(caller: Caller) -> Issued:
        return issuer.issue(caller)

    return ask
