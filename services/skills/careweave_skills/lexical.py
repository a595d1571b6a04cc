"""Concepts by the words of their labels: an index for questions, and a book of phrases to find in running text."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from careweave.abbreviations import in_full
from careweave.grams import GramIndex, Scores
from careweave.wording import FILLERS, tokens_of, words
from careweave_skills.taxonomy import Scheme

_ALTERNATIVE: Final = np.float32(0.98)
"""What a match by an alternative label is worth beside one by the preferred label."""
_SHORTEST_SINGLE: Final = 4
"""Characters that a label of one word needs to be looked for in running text."""
_LONGEST_PHRASE: Final = 10
"""Words of a phrase, fillers apart."""
_IN_BRACKETS: Final = re.compile(r"\s*\([^)]*\)")


@dataclass(frozen=True, slots=True)
class Concept:
    """A skill or an occupation, as search needs it.

    name: its resource name. care_occupations, occupations: how many of health and social care, and how many at all,
    require a skill.
    """

    name: str
    label: str
    alternative_labels: tuple[str, ...] = ()
    scheme: Scheme = Scheme.ESCO
    care_occupations: int = 0
    occupations: int = 0


@dataclass(frozen=True, slots=True)
class Phrase:
    """A label found in a text.

    concept: its place in order. start, end: in code points.
    """

    concept: int
    start: int
    end: int


class LabelIndex:
    """All labels of all concepts, to be asked which concepts share words with a question.

    100,000 labels take about 25 MB beside the labels themselves; a question takes one or two milliseconds.
    """

    def __init__(self, concepts: Sequence[Concept]) -> None:
        """Index the labels of `concepts`, in order."""
        self._labels = [label for concept in concepts for label in (concept.label, *concept.alternative_labels)]
        counts = np.fromiter((1 + len(concept.alternative_labels) for concept in concepts), np.int64, len(concepts))
        self._ends = np.cumsum(counts)
        self._starts = self._ends - counts
        self._preferred = np.full(len(self._labels), _ALTERNATIVE)
        self._preferred[self._starts] = 1

    @cached_property
    def _grams(self) -> GramIndex:
        """The inverted file, made when first needed: it takes seconds, in which a start would have to wait."""
        return GramIndex(self._labels)

    def prepare(self) -> None:
        """Make at once what the first question would make."""
        _ = self._grams

    def scores(self, query: str) -> tuple[Scores, Scores]:
        """Return how well the best label of each concept, and each label, fits `query`, both 0 to 1.

        Abbreviations of health and social care count as what they stand for, too.
        """
        if not self._labels:
            return np.zeros(0, np.float32), np.zeros(0, np.float32)
        labels = self._grams.scores(query)
        if (fuller := in_full(query)) != query:
            labels = np.maximum(labels, self._grams.scores(fuller))
        labels *= self._preferred
        return np.maximum.reduceat(labels, self._starts), labels

    def matched(self, concept: int, labels: Scores) -> str:
        """Return the label of `concept` that fits best by the second array of `scores`."""
        start = int(self._starts[concept])
        best = int(np.argmax(labels[start : int(self._ends[concept])]))
        return self._labels[start + best]


class PhraseBook:
    """Labels to be found in running text, whatever the number and the fillers between their words."""

    def __init__(self, concepts: Sequence[Concept]) -> None:
        """Take `concepts`, which are known by their place in order."""
        self._given = concepts

    @cached_property
    def _concepts(self) -> dict[tuple[str, ...], list[int]]:
        """The places of the concepts of each phrase, made when first needed: it takes a second or two."""
        found: dict[tuple[str, ...], list[int]] = {}
        for place, concept in enumerate(self._given):
            for key in {key for label in (concept.label, *concept.alternative_labels) for key in _phrases(label)}:
                found.setdefault(key, []).append(place)
        return found

    def prepare(self) -> None:
        """Make at once what the first text would make."""
        _ = self._concepts

    def find(self, text: str) -> list[Phrase]:
        """Return the phrases of `text` that are labels, in order; of phrases within each other the longest.

        A label of several concepts gives a phrase for each, in order of place.
        """
        tokens = [token for token in tokens_of(text) if token.word not in FILLERS]
        found: list[Phrase] = []
        start = 0
        while start < len(tokens):
            end = min(len(tokens), start + _LONGEST_PHRASE)
            while end > start and (key := tuple(token.word for token in tokens[start:end])) not in self._concepts:
                end -= 1
            if end > start:
                first, last = tokens[start].start, tokens[end - 1].end
                found += [Phrase(concept, first, last) for concept in self._concepts[key]]
            start = max(end, start + 1)
        return found


def _phrases(label: str) -> Iterator[tuple[str, ...]]:
    """Yield what to look for: the label, and without what stands in brackets: "Python (computer programming)"."""
    for wording in dict.fromkeys((label, _IN_BRACKETS.sub("", label))):
        key = tuple(word for word in words(wording) if word not in FILLERS)
        if len(key) > 1 or (key and len(key[0]) >= _SHORTEST_SINGLE):
            yield key
