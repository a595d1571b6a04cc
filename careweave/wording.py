"""How texts are cut into words before they are compared: the same for labels, titles and questions."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_WORD: Final = re.compile(r"[^\W_]+(?:[+#]+)?")
_TOKEN: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)*(?:[+#]+)?")
_JOINED: Final = re.compile(r"(?<=\w)['’](?=\w)")
_LIKE_US: Final = re.compile(r"(?<=[a-z]{3})z(?=e|ing|ation)")

# fmt: off
FILLERS: Final = frozenset({
    "a", "an", "and", "are", "as", "at", "be", "been", "being", "by", "can", "for", "from", "has", "have", "having",
    "in", "into", "is", "it", "its", "of", "on", "or", "own", "that", "the", "their", "them", "this", "those", "to",
    "was", "we", "which", "will", "with", "you", "your",
})
# fmt: on
"""Words that say nothing of what a text is about."""

_ENDINGS: Final = (("sses", "ss"), ("ies", "y"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"))
_NO_PLURAL: Final = ("ss", "us", "is")
_SHORTEST_PLURAL: Final = 4
_STEMS_KEPT: Final = 1 << 16
"""Words whose stems are remembered: 200,000 labels have a tenth as many different ones."""


def fold(text: str) -> str:
    """Return `text` in compatibility form (NFKC), without case, accents and apostrophes inside words."""
    if text.isascii():  # nearly all labels are, and there are 100,000
        return _JOINED.sub("", text.casefold())
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    unaccented = "".join(mark for mark in plain if not unicodedata.combining(mark))
    return _JOINED.sub("", unaccented)


def words(text: str) -> list[str]:
    """Return the words of `text` in order, folded, singular and in British spelling ("organizes" → "organise")."""
    return [stem(word) for word in _WORD.findall(fold(text))]


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a text, as `words` gives it, with where it stands in the text itself, in code points."""

    word: str
    start: int
    end: int


def tokens_of(text: str) -> list[Token]:
    """Return the words of `text` with their places."""
    return [Token(stem(fold(found.group())), found.start(), found.end()) for found in _TOKEN.finditer(text)]


def telling_words(text: str) -> list[str]:
    """Return `words` without fillers; all of them if nothing else is left."""
    found = words(text)
    return [word for word in found if word not in FILLERS] or found


@lru_cache(_STEMS_KEPT)
def stem(word: str) -> str:
    """Return a folded word in the singular and in British spelling (after D. Harman's S stemmer, 1991)."""
    word = _LIKE_US.sub("s", word)
    if len(word) < _SHORTEST_PLURAL or word.endswith(_NO_PLURAL) or not word.endswith("s"):
        return word
    for ending, singular in _ENDINGS:
        if word.endswith(ending):
            return word[: -len(ending)] + singular
    return word[:-1]


def distinct_wordings(label: str, alternatives: Iterable[str]) -> tuple[str, ...]:
    """Return those of `alternatives` that are more than a reshuffle of `label` or of one before them.

    Two wordings are alike if they hold the same words but for fillers and order: "staff of a kitchen" adds nothing
    to "kitchen staff" in meaning. Of ESCO's 115,000 alternative labels 92,000 stay, which saves embedding the rest.
    """
    seen = {_bag(label)}
    kept = []
    for wording in alternatives:
        if (bag := _bag(wording)) not in seen:
            seen.add(bag)
            kept.append(wording)
    return tuple(kept)


def _bag(text: str) -> frozenset[str]:
    return frozenset(telling_words(text))


def grams(word: str, sizes: Sequence[int]) -> list[str]:
    """Return the character n-grams of `word` between spaces, for each of `sizes`; repeated ones repeat.

    A word shorter than a size gives itself, padded, once.
    """
    padded = f" {word} "
    found = []
    for size in sizes:
        found += [padded[at : at + size] for at in range(max(1, len(padded) - size + 1))]
    return found
