"""Reading what an issuer publishes: over https, or plain HTTP from this machine; no redirects, and not much of it."""

import asyncio
import http.client
import ssl
from ipaddress import ip_address
from typing import Final
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector

from careweave.errors import Unavailable

SECONDS: Final = 5.0
LONGEST: Final = 256 * 1024
"""Bytes of the longest answer that is read."""
_OK: Final = 200


def is_loopback(host: str) -> bool:
    """Tell whether `host` is this machine: localhost, or an address that never leaves it."""
    try:
        return host == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Fetcher:
    """Fetches by GET; an https server must show a certificate that the system trusts.

    plain: whether plain HTTP from other machines is read, too: in a trial on a closed network.
    """

    def __init__(self, *, plain: bool = False) -> None:
        """Open nothing yet."""
        self._plain = plain
        # Neither a redirect, which could lead anywhere, nor a proxy nor another scheme is followed.
        self._opener = OpenerDirector()
        self._opener.add_handler(HTTPHandler())
        self._opener.add_handler(HTTPSHandler(context=ssl.create_default_context()))

    async def __call__(self, address: str) -> bytes:
        """Return what lies at `address`, read on a thread.

        Raises:
            Unavailable: it may not be read, or there is nothing.
        """
        parts = urlsplit(address)
        near = self._plain or is_loopback(parts.hostname or "")
        if parts.scheme != "https" and not (parts.scheme == "http" and near):
            raise Unavailable(f"{address or 'an empty address'} is not https", reason="ISSUER_NOT_HTTPS")
        return await asyncio.to_thread(self._read, address)

    def _read(self, address: str) -> bytes:
        try:
            answer = self._opener.open(address, timeout=SECONDS)
            if answer is None or answer.status != _OK:
                raise Unavailable(f"{address} answers {answer and answer.status}", reason="ISSUER_UNREACHABLE")
            with answer:
                body = answer.read(LONGEST + 1)
        except (URLError, OSError, http.client.HTTPException) as error:
            raise Unavailable(f"{address} does not answer", reason="ISSUER_UNREACHABLE") from error
        if len(body) > LONGEST:
            raise Unavailable(f"{address} answers more than {LONGEST} bytes", reason="ISSUER_UNREADABLE")
        return bytes(body)
