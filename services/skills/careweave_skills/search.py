"""Finding concepts by words and by meaning together, from what is held in memory."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from careweave.embedding.port import Vectors
from careweave.grams import Scores
from careweave.wording import distinct_wordings
from careweave_skills.care import MOST_OF_ALL, MOST_OF_CARE, breadth
from careweave_skills.lexical import Concept, LabelIndex
from careweave_skills.taxonomy import Scheme

WORDS_SHARE: Final = np.float32(0.4)
"""How much likeness in words counts beside likeness in meaning; chosen on labels held out, see docs/quality.md."""
_OWNERS_AT_ONCE: Final = 1000
_TINY: Final = np.finfo(np.float32).tiny
_LEAST_WORDS: Final = 0.5
"""Likeness in words from which the label that matched is worth showing."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A concept found.

    score: 0 to 1, comparable within one answer. matched_label: the label that shares most words; empty if found by
    meaning alone.
    """

    name: str
    score: float
    matched_label: str


class ConceptIndex:
    """Concepts, the words of their labels, and the vectors of as many labels as are known by now.

    A concept's vector is the mean of those of its labels that are known; the more, the better it is found. Safe to
    ask from one thread while another one teaches it.
    """

    def __init__(self, concepts: Iterable[Concept], dimension: int) -> None:
        """Index `concepts` by words; vectors of `dimension` come by `learn`. They are held in order of name."""
        self.concepts = tuple(sorted(concepts, key=lambda concept: concept.name))
        self.labels = LabelIndex(self.concepts)
        self.care_breadths = _breadths((concept.care_occupations for concept in self.concepts), MOST_OF_CARE)
        self.breadths = _breadths((concept.occupations for concept in self.concepts), MOST_OF_ALL)
        self._schemes = np.array([concept.scheme for concept in self.concepts], dtype=np.int8)
        wordings = [
            (concept.label, *distinct_wordings(concept.label, concept.alternative_labels)) for concept in self.concepts
        ]
        counts = np.fromiter((len(each) for each in wordings), np.int64, len(wordings))
        self._ends = np.cumsum(counts)
        self._starts = self._ends - counts
        self._owners = np.repeat(np.arange(len(wordings)), counts)
        self._wordings = [wording for each in wordings for wording in each]
        self._rows: dict[str, list[int]] = {}
        for row, wording in enumerate(self._wordings):
            self._rows.setdefault(wording, []).append(row)
        self._label_vectors = np.zeros((len(self._wordings), dimension), np.float16)
        self._known = np.zeros(len(self._wordings), np.bool_)
        self.vectors = np.zeros((len(self.concepts), dimension), np.float32)

    def wanted(self) -> list[str]:
        """Return the labels whose vectors are not known yet, preferred labels first, each once."""
        preferred = [self._wordings[row] for row in self._starts if not self._known[row]]
        others = [self._wordings[row] for row in np.flatnonzero(~self._known)]
        return list(dict.fromkeys([*preferred, *others]))

    def learn(self, labels: Sequence[str], vectors: Vectors) -> None:
        """Take the unit vectors, (len(labels), dimension), of `labels`; labels of no concept are passed over."""
        pairs = [(row, place) for place, label in enumerate(labels) for row in self._rows.get(label, ())]
        if not pairs:
            return
        targets = np.array([row for row, _ in pairs])
        self._label_vectors[targets] = vectors[[place for _, place in pairs]]
        self._known[targets] = True
        owners = np.unique(self._owners[targets])
        for part in np.array_split(owners, 1 + len(owners) // _OWNERS_AT_ONCE):
            rows_of, firsts = self._rows_of(part)
            sums = np.add.reduceat(self._label_vectors[rows_of].astype(np.float32), firsts, axis=0)
            self.vectors[part] = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), _TINY)

    def _rows_of(self, places: npt.NDArray[np.intp]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Return the rows of the labels of the concepts at `places`, and where those of each begin."""
        counts = self._ends[places] - self._starts[places]
        firsts = np.cumsum(counts) - counts
        return np.arange(int(counts.sum())) + np.repeat(self._starts[places] - firsts, counts), firsts

    @property
    def coverage(self) -> float:
        """Share of preferred labels whose vector is known, 0 to 1; 1 if there are no concepts."""
        return float(self._known[self._starts].mean()) if len(self._starts) else 1.0

    def search(
        self, query: str, vector: Vectors | None, limit: int, scheme: Scheme = Scheme.UNSPECIFIED, offset: int = 0
    ) -> list[Hit]:
        """Return the concepts of `scheme` (UNSPECIFIED: of any) that fit `query` best, ties in order of name.

        vector: unit vector (dimension,) of `in_full(query)`; None searches by words alone. A concept whose vector is
        not known yet is judged by words alone, on the same scale.
        """
        words, by_label = self.labels.scores(query)
        scores = self._fused(words, vector)
        places = np.flatnonzero((scores > 0) & self.of_scheme(scheme))
        order = places[np.argsort(-scores[places], kind="stable")][offset : offset + limit]
        return [
            Hit(
                self.concepts[place].name,
                min(1.0, float(scores[place])),
                self.labels.matched(place, by_label) if words[place] >= _LEAST_WORDS else "",
            )
            for place in order.tolist()
        ]

    def meaning(self, vector: Vectors) -> Scores:
        """Return for each concept the cosine, 0 to 1, of `vector` and its own; NaN where that is not known yet."""
        cosines: Scores = np.maximum(0, self.vectors @ vector)
        cosines[~self._known[self._starts]] = np.nan
        return cosines

    def nearest_label(self, places: npt.NDArray[np.intp], vectors: Vectors) -> Scores:
        """Return (len(vectors), len(places)): the greatest cosine, 0 to 1, of each vector and any label of a concept.

        places: of concepts in `concepts`. Labels whose vector is not known count 0.
        """
        if not len(places):
            return np.zeros((len(vectors), 0), np.float32)
        rows, firsts = self._rows_of(places)
        cosines = vectors @ self._label_vectors[rows].astype(np.float32).T
        found: Scores = np.maximum(0, np.maximum.reduceat(cosines, firsts, axis=1))
        return found

    def preferred_label(self, places: npt.NDArray[np.intp], vectors: Vectors) -> Scores:
        """Return (len(vectors), len(places)): the cosine, 0 to 1, of each vector and a concept's preferred label."""
        labels = self._label_vectors[self._starts[places]].astype(np.float32)
        found: Scores = np.maximum(0, vectors @ labels.T)
        return found

    def of_scheme(self, scheme: Scheme) -> npt.NDArray[np.bool_]:
        """Tell for each of `concepts` whether it is of `scheme`; UNSPECIFIED is every scheme."""
        found: npt.NDArray[np.bool_] = (self._schemes == scheme) | (scheme == Scheme.UNSPECIFIED)
        return found

    def scores(self, query: str, vector: Vectors | None) -> Scores:
        """Return how well each concept fits, 0 to 1; arguments as in `search`."""
        return self._fused(self.labels.scores(query)[0], vector)

    def _fused(self, words: Scores, vector: Vectors | None) -> Scores:
        if vector is None:
            return words
        meaning = self.meaning(vector)
        fused = WORDS_SHARE * words + (1 - WORDS_SHARE) * meaning
        return np.where(np.isnan(meaning), words, fused).astype(np.float32)


def _breadths(counts: Iterable[int], most: int) -> Scores:
    return np.array([breadth(count, most) for count in counts], dtype=np.float32)
