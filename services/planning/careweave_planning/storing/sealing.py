"""What the database gets to see: names as keyed digests, contents encrypted, all of one length.

From the one secret, HKDF-SHA256 (RFC 5869) derives two keys and a value by which the secret is known again. A row's
key is HMAC-SHA256 of the person's name under the first; its content is sealed by AES-256-GCM under the second, with a
random nonce for each write and the row's key as associated data, so that a content fits its own row alone. Random
nonces of 96 bits are safe for 2^32 writes under one key (NIST SP 800-38D, 8.3).
"""

import hmac
from collections.abc import Callable
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from careweave.errors import DataLoss

KEY_LENGTH: Final = 32
NONCE_LENGTH: Final = 12
PADDED_LENGTH: Final = 256
"""Bytes to which each content is padded: the longest name and every answer take less. Else the length would tell how
many questions were answered."""
_LENGTH_BYTES: Final = 2


class Seal:
    """Makes and opens what is kept under one secret."""

    def __init__(self, secret: bytes, new_bytes: Callable[[int], bytes]) -> None:
        """Derive the keys of `secret`. new_bytes: returns so many random bytes."""
        self._row_key = _derived(secret, b"careweave equality rows 1")
        self._content = AESGCM(_derived(secret, b"careweave equality contents 1"))
        self._new_bytes = new_bytes
        self.check = _derived(secret, b"careweave equality check 1")
        """Tells whether the secret is the one that a store was made with; leads back to neither key."""

    def row_of(self, person: str) -> bytes:
        """Return the key of the row of `person`."""
        return hmac.digest(self._row_key, person.encode(), "sha256")

    def seal(self, row: bytes, content: bytes) -> bytes:
        """Return `content` sealed for the row `row`."""
        nonce = self._new_bytes(NONCE_LENGTH)
        return nonce + self._content.encrypt(nonce, _padded(content), row)

    def open(self, row: bytes, sealed: bytes) -> bytes:
        """Return the content that was sealed for the row `row`.

        Raises:
            DataLoss: it was not, or has been changed since.
        """
        try:
            padded = self._content.decrypt(sealed[:NONCE_LENGTH], sealed[NONCE_LENGTH:], row)
        except (InvalidTag, ValueError) as error:
            raise DataLoss(
                "An equality declaration cannot be opened: it was changed outside of this service. Restore the "
                "database from a copy, or withdraw the declaration.",
                reason="EQUALITY_DAMAGED",
            ) from error
        return padded[_LENGTH_BYTES:][: int.from_bytes(padded[:_LENGTH_BYTES])]


def _padded(content: bytes) -> bytes:
    padded = len(content).to_bytes(_LENGTH_BYTES) + content
    if len(padded) > PADDED_LENGTH:
        message = f"a declaration takes {len(content)} bytes, more than fit into {PADDED_LENGTH}"
        raise AssertionError(message)  # the field rules allow for none that does
    return padded.ljust(PADDED_LENGTH, b"\0")


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_LENGTH, salt=None, info=purpose).derive(secret)
