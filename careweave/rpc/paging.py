"""Page sizes and page tokens (AIP-158).

A token says where the next page starts. It is signed together with the request it continues, so a
token that was altered, or sent with other filters, is refused; the page size may change between
pages. Nothing is kept on the server.
"""

import base64
import binascii
import hmac
import os
import secrets
from contextlib import suppress
from hashlib import blake2b
from typing import Final, TypeVar

from google.protobuf.message import Message

from careweave.config import Settings
from careweave.errors import FieldViolation, InvalidArgument

TOKEN_FIELD: Final = "page_token"  # noqa: S105  the name of a field
SIZE_FIELD: Final = "page_size"
_SIGNATURE_BYTES: Final = 16
_KEY_BYTES: Final = 32
_LONGEST_KEY: Final = blake2b.MAX_KEY_SIZE
_KEY_FILE: Final = "page_token.key"

_Request = TypeVar("_Request", bound=Message)


def page(request: Message, size_field: str, default: int, maximum: int) -> int:
    """Return how many items to give: `default` for 0, at most `maximum`.

    Raises:
        InvalidArgument: a negative size.
    """
    asked = int(getattr(request, size_field))
    if asked < 0:
        violation = FieldViolation(size_field, "must be greater than or equal to 0", "int32.gte")
        raise InvalidArgument(f"{size_field} must not be negative.", "PAGE_SIZE_INVALID", violations=[violation])
    return min(asked or default, maximum)


def encode_token(key: bytes, request: Message, position: str) -> str:
    """Return the token with which `request` goes on from `position`, any text of the service's choice."""
    place = position.encode()
    return base64.urlsafe_b64encode(_signature(key, request, place) + place).rstrip(b"=").decode()


def decode_token(key: bytes, request: Message) -> str:
    """Return the position in the page token of `request`; empty for the first page.

    Raises:
        InvalidArgument: the token is not ours, was altered, or belongs to another request.
    """
    token = str(getattr(request, TOKEN_FIELD))
    if not token:
        return ""
    try:
        signed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        signature, place = signed[:_SIGNATURE_BYTES], signed[_SIGNATURE_BYTES:]
        if hmac.compare_digest(signature, _signature(key, request, place)):
            return place.decode()
    except (binascii.Error, ValueError):
        pass
    raise InvalidArgument(
        "page_token does not belong to this request; start again without one.",
        reason="PAGE_TOKEN_INVALID",
        violations=[FieldViolation(TOKEN_FIELD, "must be the next_page_token of an earlier reply to the same request")],
    )


def token_key(settings: Settings) -> bytes:
    """Return the key that signs page tokens: from the settings, else one kept in the cache folder.

    A new key makes tokens that are on their way invalid; their holders start again.
    """
    if settings.page_token_key:
        return settings.page_token_key.encode()
    file = settings.cache / _KEY_FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        return file.read_bytes()
    fresh = file.with_name(f"{_KEY_FILE}.{secrets.token_hex(4)}")
    fresh.touch(mode=0o600, exist_ok=False)
    fresh.write_bytes(secrets.token_bytes(_KEY_BYTES))
    with suppress(FileExistsError):
        os.link(fresh, file)  # whole or not at all; the first of two processes wins
    fresh.unlink()
    return file.read_bytes()


def _signature(key: bytes, request: _Request, place: bytes) -> bytes:
    bound = type(request)()
    bound.CopyFrom(request)
    for field in (TOKEN_FIELD, SIZE_FIELD):
        bound.ClearField(field)
    text = b"\0".join((request.DESCRIPTOR.full_name.encode(), bound.SerializeToString(deterministic=True), place))
    # With a key, BLAKE2 signs by itself (RFC 7693). HMAC by OpenSSL would give the interpreter's lock away each time.
    short = key if len(key) <= _LONGEST_KEY else blake2b(key).digest()
    return blake2b(text, key=short, digest_size=_SIGNATURE_BYTES).digest()
