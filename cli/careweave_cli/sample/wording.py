"""Putting role descriptions together from sentences, so that no two read alike.

Two texts are alike as far as they share five-word sequences ("shingles"): the share is taken of the
shorter text, the stricter way round.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from random import Random
from string import Formatter
from typing import Any, Final

from careweave_cli.sample.chance import happens
from careweave_cli.sample.records import book

SHINGLE_WORDS: Final = 5
MOST_SHARED: Final = 0.5
"""Share of five-word sequences beyond which two texts are not clearly different."""

_PLAIN: Final = (
    (r"^be able to ", ""),
    (r"\bharmed social service users\b", "people who have been harmed"),
    (r"\bvulnerable social service users\b", "vulnerable adults"),
    (r"\bsocial service users with physical disabilities\b", "people with physical disabilities"),
    (r"\bsocial service users with specific communication needs\b", "people with specific communication needs"),
    (r"\bsocial service users'", "people's"),
    (r"\bsocial service users\b", "people who draw on care"),
    (r"\bhealthcare users'", "patients'"),
    (r"\bhealthcare user's\b", "patient's"),
    (r"\bhealthcare users\b", "patients"),
    (r"\bhealthcare user\b", "patient"),
    (r"\bservice users'", "people's"),
    (r"\bservice users\b", "the people we support"),
    (r"\bin social service\b", "in social care"),
    (r"\bin social services\b", "in social care"),
    (r"\bsocial services\b", "social care"),
    (r"\belderly people\b", "older people"),
    (r"\bto elderly\b", "to older people"),
)
"""What a taxonomy says, and what a vacancy would say for it."""


def plain(label: str) -> str:
    """Return a skill's label in the words of a vacancy."""
    text = " ".join(label.split())
    for pattern, words in _PLAIN:
        text = re.sub(pattern, words, text)
    return text


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    """Return the five-word sequences of `text`, whatever its case and punctuation."""
    words = re.findall(r"[a-z0-9£'’]+", text.lower())
    return frozenset(zip(*(words[start:] for start in range(SHINGLE_WORDS)), strict=False))


def shared(one: frozenset[tuple[str, ...]], other: frozenset[tuple[str, ...]]) -> float:
    """Return which share of the shorter text's five-word sequences the other has too."""
    return len(one & other) / max(1, min(len(one), len(other)))


class Texts:
    """Texts that were written, by their five-word sequences, so that a new one is compared with all at once."""

    def __init__(self) -> None:
        """Begin with none."""
        self._with: dict[tuple[str, ...], list[int]] = {}
        self._lengths: list[int] = []

    def add(self, text: frozenset[tuple[str, ...]]) -> None:
        """Count `text` among the texts from now on."""
        for shingle in text:
            self._with.setdefault(shingle, []).append(len(self._lengths))
        self._lengths.append(len(text))

    def most_shared(self, text: frozenset[tuple[str, ...]]) -> float:
        """Return the largest share, as in `shared`, between `text` and any that was added; 0 if there are none."""
        both = Counter(number for shingle in text for number in self._with.get(shingle, ()))
        return max((count / min(len(text), self._lengths[number]) for number, count in both.items()), default=0.0)


class Composer:
    """Picks sentences and fills their slots.

    slots: texts by slot. queues: for slots that are used up, as d1, d2 (from `d`), the texts to take.
    """

    def __init__(self, chance: Random, slots: Mapping[str, str], queues: Mapping[str, Sequence[str]]) -> None:
        self._chance = chance
        self._slots = {name: text for name, text in slots.items() if text}
        self._slots |= {f"{name}_start": _capitalised(text) for name, text in self._slots.items()}
        self._queues = {name: list(texts) for name, texts in queues.items()}
        self._used: set[str] = set()

    def put(self, slot: str, text: str) -> None:
        """Fill `slot` with `text` from now on."""
        self._slots |= {slot: text, f"{slot}_start": _capitalised(text)}

    def say(self, family: str, kind: str) -> list[str]:
        """Return one sentence of `[family] kind` in phrases.toml that can be filled and was not used; or none."""
        sentences = book("phrases")[family].get(kind, ())
        choices = [one for one in sentences if one not in self._used and self._can_fill(one)]
        if not choices:
            return []
        template = self._chance.choice(choices)
        self._used.add(template)
        return [self.fill(template)]

    def maybe(self, share: float, family: str, kind: str) -> list[str]:
        """Return a sentence as `say` does in `share` of all cases, else none."""
        return self.say(family, kind) if happens(self._chance, share) else []

    def fill(self, template: str) -> str:
        """Return `template` with its slots filled; those of queues are used up."""
        taken = {name: self._queues[name[0]].pop(0) for name in _slot_names(template) if name not in self._slots}
        return template.format(**self._slots, **taken)

    def _can_fill(self, template: str) -> bool:
        wanted = [name for name in _slot_names(template) if name not in self._slots]
        return all(
            name[0] in self._queues and len(self._queues[name[0]]) >= sum(one[0] == name[0] for one in wanted)
            for name in wanted
        )


def paragraphs(chance: Random, *groups: Sequence[str]) -> str:
    """Return the sentences of `groups` as text; neighbouring groups may share a paragraph."""
    text = ""
    for sentences in groups:
        if not sentences:
            continue
        gap = "" if not text else "\n\n" if happens(chance, 0.55) else " "
        text += gap + " ".join(sentences)
    return text


@cache
def _slot_names(template: str) -> tuple[str, ...]:
    pieces: Iterable[tuple[str, Any, Any, Any]] = Formatter().parse(template)
    return tuple(name for _, name, _, _ in pieces if name)


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]
