"""The protobuf wire format, written into an array of bytes; the plain form is `careweave_matching.wire`.

Every function takes where to write and returns where the next one begins. What does not fit is counted but not
written, so a caller finds by the end alone how much room is needed.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from careweave_matching.compiled.jit import inlined

Bytes = npt.NDArray[np.uint8]
_MORE = 0x80
_LOW_SEVEN = 0x7F


@intrinsic
def _move(_: Any, out: Any, to: Any, source: Any, start: Any, length: Any) -> Any:
    """Copy `length` bytes of `source` from `start` on to `out` from `to` on; the two may overlap."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target, origin = (
            builder.gep(context.make_array(signature.args[array])(context, builder, arguments[array]).data, [offset])
            for array, offset in ((0, arguments[1]), (2, arguments[3]))
        )
        cgutils.raw_memmove(builder, target, origin, arguments[4], 1)
        return context.get_dummy_value()

    return types.void(out, types.intp, source, types.intp, types.intp), generate


@inlined
def put_byte(out: Bytes, at: int, value: int) -> int:
    """Write one byte."""
    if at < len(out):
        out[at] = value
    return at + 1


@inlined
def put_varint(out: Bytes, at: int, value: int) -> int:
    """Write `value` in base 128, least first; a negative one as 64 bits in two's complement."""
    left = np.uint64(value)
    while left >= np.uint64(_MORE):
        at = put_byte(out, at, np.uint8(left & np.uint64(_LOW_SEVEN)) | _MORE)
        left >>= np.uint64(7)
    return put_byte(out, at, np.uint8(left))


@inlined
def varint_length(value: int) -> int:
    """Return how many bytes `put_varint` writes for `value`, which is not negative."""
    length = 1
    while value >= _MORE:
        value >>= 7
        length += 1
    return length


@inlined
def put_run(out: Bytes, at: int, source: Bytes, start: int, length: int) -> int:
    """Write `length` bytes of `source` from `start` on."""
    if at + length <= len(out):
        _move(out, at, source, start, length)
    return at + length


@inlined
def put_double(out: Bytes, at: int, tag: int, value: Bytes) -> int:
    """Write a double field unless it is at its default; `value` is its eight bytes, least first."""
    set_bits = 0
    for byte in value:
        set_bits |= byte
    return put_run(out, put_byte(out, at, tag), value, 0, 8) if set_bits else at


@inlined
def put_header(out: Bytes, start: int, end: int, tag: int) -> int:
    """Put tag and length before a body that was written at `start`, moving it by as much; returns its new end."""
    length = end - start
    moved = 1 + varint_length(length)
    if end + moved <= len(out):
        _move(out, start + moved, out, start, length)
        put_varint(out, put_byte(out, start, tag), length)
    return end + moved
