"""What is looked for after an erasure, and looking for it in bytes."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from careweave.errors import InvalidArgument

_CHUNK: Final = 1 << 24
_LEAST: Final = 4
"""Letters below which a text stands everywhere."""
_PAIRS: Final = 3
"""Pairs of bytes, from the start of a needle, that are looked up."""
_PAIR_BYTES: Final = 2


@dataclass(frozen=True, slots=True)
class Needle:
    """A text to look for.

    person: `people/…` whom it is of.
    word: whether it is a name or another word of theirs, and not the random id.
    """

    text: str
    person: str
    word: bool


def needles_of(person: str, words: Iterable[str]) -> list[Needle]:
    """Return what to look for of `person`: the id, which is random, and `words` of theirs.

    Raises:
        InvalidArgument: a word is too short to tell anybody by.
    """
    found = [Needle(person.removeprefix("people/"), person, word=False)]
    for text in words:
        if len(text) < _LEAST:
            raise InvalidArgument(
                f"{text!r} is too short to look for: it stands everywhere. Give {_LEAST} letters or more.",
                reason="NEEDLE_TOO_SHORT",
            )
        found.append(Needle(text, person, word=True))
    return found


def read_needles(file: Path) -> list[Needle]:
    """Return the needles of a file of one person a line: `people/…`, then words, separated by tabs.

    Raises:
        InvalidArgument: a line begins otherwise, or a word is too short.
    """
    found: list[Needle] = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        person, *words = (part.strip() for part in line.split("\t"))
        if not person and not words:
            continue
        if not person.startswith("people/"):
            raise InvalidArgument(f"{file}, line {number}: begin it with people/…", reason="NEEDLES_INVALID")
        found += needles_of(person, filter(None, words))
    return found


class Search:
    """Finds needles in bytes, written as UTF-8 or as UTF-16 of either order, which stores written in Java may use.

    Thousands of needles and gigabytes are usual. So pairs of bytes are looked up in tables first: where the first three
    pairs are such as some needle has there, and nowhere else, bytes are compared.
    """

    def __init__(self, needles: Sequence[Needle]) -> None:
        """Take what to look for; each has four letters at least."""
        self._by_start: dict[bytes, list[tuple[bytes, Needle]]] = defaultdict(list)
        self._pairs = np.zeros((_PAIRS, 1 << 16), dtype=bool)
        self._longest = 0
        for needle in needles:
            for written in {needle.text.encode(encoding) for encoding in ("utf-8", "utf-16-le", "utf-16-be")}:
                self._by_start[written[:_LEAST]].append((written, needle))
                self._longest = max(self._longest, len(written))
                for place in range(_PAIRS):
                    pair = written[2 * place : 2 * place + 2]
                    self._pairs[place, int.from_bytes(pair) if len(pair) == _PAIR_BYTES else slice(None)] = True

    def in_bytes(self, content: bytes) -> Counter[Needle]:
        """Return how often each needle stands in `content`."""
        found: Counter[Needle] = Counter()
        content = content.rstrip(b"\0") + bytes(2 * _PAIRS)  # of files that were made longer than what is in them
        for start in self._candidates(content):
            for written, needle in self._by_start.get(content[start : start + _LEAST], ()):
                if content.startswith(written, start):
                    found[needle] += 1
        return found

    def _candidates(self, content: bytes) -> list[int]:
        """Return where the first pairs of bytes are such as some needle has; `content` ends with as many zeros."""
        octets = np.frombuffer(content, dtype=np.uint8)
        pairs = octets[:-1].astype(np.uint16) << 8 | octets[1:]
        places = len(pairs) - 2 * (_PAIRS - 1)
        here = self._pairs[0][pairs[:places]]
        for place in range(1, _PAIRS):
            here &= self._pairs[place][pairs[2 * place : 2 * place + places]]
        starts: list[int] = np.flatnonzero(here).tolist()
        return starts

    def in_file(self, file: Path) -> Counter[Needle]:
        """Return how often each needle stands in `file`; nothing if it is gone by now."""
        found: Counter[Needle] = Counter()
        for content, repeated in _chunks(file, self._longest - 1):
            found += self.in_bytes(content)
            found -= self.in_bytes(content[:repeated])
        return found


def files_in(places: Iterable[Path]) -> list[Path]:
    """Return all files at or under `places`, in order."""
    found: set[Path] = set()
    for place in places:
        found |= {each for each in place.rglob("*") if each.is_file()} if place.is_dir() else {place}
    return sorted(each for each in found if each.is_file())


def _chunks(file: Path, overlap: int) -> Iterator[tuple[bytes, int]]:
    """Yield parts of `file`, each beginning with the end of the one before, and how much of it was there already."""
    before = b""
    try:
        with file.open("rb") as opened:
            while part := opened.read(_CHUNK):
                yield before + part, len(before)
                before = (before + part)[-overlap:] if overlap else b""
    except FileNotFoundError:
        return
