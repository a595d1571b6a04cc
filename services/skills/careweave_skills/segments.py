"""Where sentences and clauses begin and end in role descriptions, bullets included."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_SENTENCE_END: Final = re.compile(r"(?:[.!?]+[\"'”’)]*(?=\s)(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\betc\.))|[;•·▪●]|[\r\n]+")
_CLAUSE_END: Final = re.compile(
    r"[,:()/–—]+(?=\s|\w|$)|(?<=\s)(?:and|or|as well as|including|such as|while|by)(?=\s)|\s-\s", re.IGNORECASE
)
_TRIM: Final = " \t\u00a0\u200b-–—*.,:;•·▪●()\"'“”"
_LEAST_WORDS: Final = 2


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a text, in code points; `end` is one past the last."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence or a bullet, and its clauses if it has several: each at least two words, in order."""

    whole: Segment
    clauses: tuple[Segment, ...]


def sentences(text: str) -> list[Sentence]:
    """Return the sentences of `text` that hold a letter or digit, trimmed of spaces, bullets and full stops."""
    return [
        Sentence(whole, tuple(_clauses(text, whole))) for whole in _split(text, Segment(0, len(text)), _SENTENCE_END)
    ]


def _clauses(text: str, sentence: Segment) -> list[Segment]:
    parts = [
        part for part in _split(text, sentence, _CLAUSE_END) if len(text[part.start : part.end].split()) >= _LEAST_WORDS
    ]
    return parts if len(parts) > 1 else []


def _split(text: str, within: Segment, separator: re.Pattern[str]) -> Iterator[Segment]:
    start = within.start
    for found in separator.finditer(text, within.start, within.end):
        yield from _trimmed(text, start, found.start())
        start = found.end()
    yield from _trimmed(text, start, within.end)


def _trimmed(text: str, start: int, end: int) -> Iterator[Segment]:
    while start < end and (text[start] in _TRIM or text[start].isspace()):
        start += 1
    while end > start and (text[end - 1] in _TRIM or text[end - 1].isspace()):
        end -= 1
    if any(mark.isalnum() for mark in text[start:end]):
        yield Segment(start, end)
