"""Encoded parts of matches by number or by key, in one array of bytes that compiled code reads.

A key is a whole number below 2 ** 63 that says all a part depends on. Compiled code looks keys up; for those it
lacks, the caller makes the parts, adds them and runs the code again.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from careweave_matching.compiled.jit import compiled, inlined
from careweave_matching.compiled.kept import keep, keepable
from careweave_matching.compiled.writing import Bytes

Integers = npt.NDArray[np.int64]

_Sort = TypeVar("_Sort", bound=np.generic)

ABSENT = -1
"""Number of a part that is not there; also marks an empty slot."""
_GOLDEN = np.uint64(0x9E37_79B9_7F4A_7C15)
"""2 ** 64 over the golden ratio: spreads keys over slots (D. E. Knuth, The Art of Computer Programming, 6.4)."""
_FIRST_SLOTS = 1 << 10
_FIRST_BYTES = 1 << 16


@keepable
class Pages(NamedTuple):
    """A book's content. body: all parts one after the other; part p is `lengths[p]` bytes from `starts[p]` on.

    slots, numbers: an open hash table from key to number of part; its size is a power of two.
    """

    body: Bytes
    starts: Integers
    lengths: Integers
    slots: Integers
    numbers: Integers


@inlined
def slot_of(key: int, slots: Integers) -> int:
    """Return the slot that holds `key`, or the empty one that it would go to."""
    mask = len(slots) - 1
    mixed = np.uint64(key) * _GOLDEN
    slot = np.int64(mixed >> np.uint64(32)) & mask
    while slots[slot] not in (ABSENT, key):
        slot = (slot + 1) & mask
    return slot


@inlined
def number_of(key: int, pages: Pages) -> int:
    """Return the number of the part under `key`; ABSENT if there is none."""
    return pages.numbers[slot_of(key, pages.slots)]


@compiled
def _enter(keys: Integers, numbers: Integers, slots: Integers, into: Integers) -> None:
    for place in range(len(keys)):
        if keys[place] != ABSENT:
            slot = slot_of(keys[place], slots)
            slots[slot] = keys[place]
            into[slot] = numbers[place]


@compiled
def _forget(keys: Integers, slots: Integers, numbers: Integers) -> None:
    for key in keys:
        numbers[slot_of(key, slots)] = ABSENT


class Book:
    """Parts that were added so far."""

    def __init__(self) -> None:
        """Begin empty."""
        self._count = 0
        self._used = 0
        self._keys = 0
        self._kept: tuple[Pages, Pages] | None = None
        self.pages = Pages(
            np.zeros(_FIRST_BYTES, np.uint8),
            np.zeros(_FIRST_SLOTS, np.int64),
            np.zeros(_FIRST_SLOTS, np.int64),
            np.full(_FIRST_SLOTS, ABSENT, np.int64),
            np.full(_FIRST_SLOTS, ABSENT, np.int64),
        )

    def kept(self) -> Pages:
        """Return `pages` for compiled code, made again when an array was replaced."""
        if self._kept is None or self._kept[0] is not self.pages:
            self._kept = self.pages, keep(self.pages)
        return self._kept[1]

    def __len__(self) -> int:
        """Return how many parts there are."""
        return self._count

    def add(self, parts: Sequence[bytes]) -> Integers:
        """Add `parts` and return their numbers."""
        body = np.frombuffer(b"".join(parts), np.uint8)
        lengths = np.array([len(part) for part in parts], np.int64)
        numbers = np.arange(self._count, self._count + len(parts))
        self._make_room(len(body), len(parts))
        self.pages.body[self._used : self._used + len(body)] = body
        self.pages.lengths[numbers] = lengths
        self.pages.starts[numbers] = self._used + lengths.cumsum() - lengths
        self._count += len(parts)
        self._used += len(body)
        return numbers

    def add_under(self, keys: Sequence[int], parts: Sequence[bytes]) -> None:
        """Add `parts` under `keys`, under which there must be nothing, and which differ."""
        numbers = self.add(parts)
        self._keys += len(keys)
        if 2 * self._keys > len(self.pages.slots):
            self._spread()
        _enter(np.array(keys, np.int64), numbers, self.pages.slots, self.pages.numbers)

    def forget(self, keys: Sequence[int]) -> None:
        """Let nothing be found under `keys`, as far as something is; it may be added anew."""
        _forget(np.array(keys, np.int64), self.pages.slots, self.pages.numbers)

    def _make_room(self, size: int, parts: int) -> None:
        pages = self.pages
        if self._used + size <= len(pages.body) and self._count + parts <= len(pages.starts):
            return
        self.pages = pages._replace(
            body=longer(pages.body, self._used + size),
            starts=longer(pages.starts, self._count + parts),
            lengths=longer(pages.lengths, self._count + parts),
        )

    def _spread(self) -> None:
        old = self.pages
        size = 1 << (4 * self._keys).bit_length()
        slots, numbers = np.full(size, ABSENT, np.int64), np.full(size, ABSENT, np.int64)
        _enter(old.slots, old.numbers, slots, numbers)
        self.pages = old._replace(slots=slots, numbers=numbers)


def longer(array: npt.NDArray[_Sort], needed: int) -> npt.NDArray[_Sort]:
    """Return `array`, or a copy of at least twice its length if fewer than `needed` elements fit."""
    if needed <= len(array):
        return array
    longer = np.zeros(max(needed, 2 * len(array)), array.dtype)
    longer[: len(array)] = array
    return longer
