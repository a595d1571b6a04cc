"""The little of the protobuf wire format that the hot path writes itself.

Fields are written in order of number and left out at their default, as the protobuf runtime does, so that the
bytes are the same. https://protobuf.dev/programming-guides/encoding/
"""

import struct
from collections.abc import Iterator

VARINT, FIXED64, LENGTH = 0, 1, 2
"""Wire types."""
_DOUBLE = struct.Struct("<d").pack
_LOW_SEVEN, _MORE = 0x7F, 0x80
_SMALL = [bytes([value]) for value in range(_MORE)]


def varint(value: int) -> bytes:
    """Return `value` in base 128, least first; a negative one as 64 bits in two's complement."""
    if 0 <= value < len(_SMALL):
        return _SMALL[value]
    value &= 0xFFFF_FFFF_FFFF_FFFF
    written = bytearray()
    while value > _LOW_SEVEN:
        written.append(value & _LOW_SEVEN | _MORE)
        value >>= 7
    written.append(value)
    return bytes(written)


def tag(field: int, wire_type: int) -> bytes:
    """Return the tag of a field."""
    return varint(field << 3 | wire_type)


def integer(field: int, value: int) -> bytes:
    """Return an int32, int64, bool or enum field of a number below 32."""
    return _VARINT_TAGS[field] + varint(value) if value else b""


def double(field: int, value: float) -> bytes:
    """Return a double field of a number below 32; negative zero is not the default."""
    packed = _DOUBLE(value)
    return _DOUBLE_TAGS[field] + packed if packed != _ZERO else b""


def message(field: int, body: bytes) -> bytes:
    """Return a message field of a number below 32, or one element of a repeated one, even if `body` is empty."""
    return _LENGTH_TAGS[field] + varint(len(body)) + body


def element(field: int, text: str) -> bytes:
    """Return one element of a repeated string field."""
    return message(field, text.encode())


def text(field: int, value: str) -> bytes:
    """Return a string field."""
    return element(field, value) if value else b""


def elements(body: bytes) -> Iterator[bytes]:
    """Yield the elements of one repeated message field of a number below 16, of which `body` consists."""
    at = 0
    while at < len(body):
        length, shift, at = 0, 0, at + 1
        while body[at] & _MORE:
            length |= (body[at] & _LOW_SEVEN) << shift
            shift, at = shift + 7, at + 1
        length |= body[at] << shift
        yield body[at + 1 : at + 1 + length]
        at += 1 + length


_ZERO = _DOUBLE(0.0)
_VARINT_TAGS, _DOUBLE_TAGS, _LENGTH_TAGS = (
    [tag(field, wire_type) for field in range(32)] for wire_type in (VARINT, FIXED64, LENGTH)
)
