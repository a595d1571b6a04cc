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


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a text, in code points; `end` is one past the last."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence or a bullet, and its clauses if it has several, in order.

    readings: how each clause reads by itself, with the words that it shares with its neighbours.
    """

    whole: Segment
    clauses: tuple[Segment, ...]
    readings: tuple[str, ...]


def sentences(text: str) -> list[Sentence]:
    """Return the sentences of `text` that hold a letter or digit, trimmed of spaces, bullets and full stops."""
    return [_sentence(text, whole) for whole in _split(text, Segment(0, len(text)), _SENTENCE_END)]


def _sentence(text: str, whole: Segment) -> Sentence:
    parts = list(_split(text, whole, _CLAUSE_END))
    worded = [text[part.start : part.end].split() for part in parts]
    read = [(part, reading) for place, part in enumerate(parts) if (reading := _reading(worded, place))]
    if len(read) < 2:  # noqa: PLR2004  one clause is the sentence itself
        return Sentence(whole, (), ())
    return Sentence(whole, tuple(part for part, _ in read), tuple(reading for _, reading in read))


def _reading(worded: list[list[str]], place: int) -> str:
    """Return clause `place` as it reads by itself; empty if it is a word that nothing completes.

    A single word takes what stands before the last word of the clause that begins its list ("help with washing" and
    "dressing"), or, where it begins the list, what follows the first word of the clause that ends it ("plan" and
    "review care").
    """
    words = worded[place]
    if len(words) > 1:
        return " ".join(words)
    before = next((each for each in reversed(worded[:place]) if len(each) > 1), None)
    if before:
        return " ".join([*before[:-1], *words])
    after = next((each for each in worded[place + 1 :] if len(each) > 1), None)
    return " ".join([*words, *after[1:]]) if after else ""


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
