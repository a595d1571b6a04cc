"""How vacancies say what ESCO calls otherwise: packaged wordings of skills, and an index of them.

`data/vacancy-wordings` says who wrote them and how they were chosen. They are read by extraction alone: search, links
and the taxonomy itself know nothing of them.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

import numpy as np

from careweave import datasets
from careweave.embedding.port import Vectors
from careweave.grams import GramIndex, Scores
from careweave_skills.lexical import Concept
from careweave_skills.taxonomy import Scheme

FOLDER: Final = "vacancy-wordings"
_IMPLIES: Final = "implies"


@dataclass(frozen=True, slots=True)
class Wording:
    """Words of vacancies for the ESCO skill `label`.

    implies: whether the skill only follows from the words, which name a certificate, a product, a job or a circumstance
    ("full driving licence": drive vehicles).
    """

    label: str
    text: str
    implies: bool


@lru_cache(maxsize=1)
def packaged_wordings() -> tuple[Wording, ...]:
    """Return the packaged wordings, in the file's order."""
    with (datasets.folder(FOLDER) / "wordings.csv").open(encoding="utf-8", newline="") as opened:
        return tuple(Wording(row["label"], row["wording"], row["says"] == _IMPLIES) for row in csv.DictReader(opened))


class WordingIndex:
    """Wordings of the skills that an index holds, with as many vectors as are known by now.

    Safe to ask from one thread while another one teaches it.
    """

    def __init__(self, wordings: Iterable[Wording], concepts: Sequence[Concept], dimension: int) -> None:
        """Take the wordings of the ESCO skills among `concepts`, which are known by their place in order."""
        places = {each.label: place for place, each in enumerate(concepts) if each.scheme == Scheme.ESCO}
        kept = sorted(
            ((places[each.label], each) for each in wordings if each.label in places),
            key=lambda pair: (pair[0], pair[1].text),
        )
        self._wordings = tuple(wording for _, wording in kept)
        self._owners = np.array([place for place, _ in kept], np.intp)
        self._starts = np.flatnonzero(np.diff(self._owners, prepend=-1))
        self.worded = np.zeros(len(concepts), np.float32)
        """(concepts,): 1 for skills that vacancies have wordings for, else 0."""
        self.worded[self._owners] = 1
        self._rows: dict[str, list[int]] = {}
        for row, wording in enumerate(self._wordings):
            self._rows.setdefault(wording.text, []).append(row)
        self._vectors = np.zeros((len(kept), dimension), np.float32)
        self._known = np.zeros(len(kept), np.bool_)

    def wanted(self) -> list[str]:
        """Return the texts whose vectors are not known yet, each once."""
        return [text for text, rows in self._rows.items() if not self._known[rows[0]]]

    def learn(self, texts: Sequence[str], vectors: Vectors) -> None:
        """Take the unit vectors, (len(texts), dimension), of `texts`; those of no wording are passed over."""
        for place, text in enumerate(texts):
            for row in self._rows.get(text, ()):
                self._vectors[row] = vectors[place]
                self._known[row] = True

    @cached_property
    def _grams(self) -> GramIndex:
        return GramIndex([each.text for each in self._wordings])

    def prepare(self) -> None:
        """Make at once what the first text would make."""
        _ = self._grams

    def meaning(self, vectors: Vectors) -> Scores:
        """Return (len(vectors), concepts): the greatest cosine, 0 to 1, of each vector and a wording of the concept."""
        return self._best(np.maximum(0, vectors @ self._vectors.T))

    def words(self, texts: Sequence[str]) -> Scores:
        """Return (len(texts), concepts): the greatest likeness in words, 0 to 1, of each text and a wording."""
        return self._best(np.stack([self._grams.scores(text) for text in texts]))

    def closest(self, place: int, vector: Vectors) -> Wording | None:
        """Return the wording of the concept at `place` whose cosine with `vector` is greatest; None if it has none."""
        rows = np.flatnonzero(self._owners == place)
        return self._wordings[int(rows[np.argmax(self._vectors[rows] @ vector)])] if len(rows) else None

    def _best(self, scores: Scores) -> Scores:
        best = np.zeros((len(scores), len(self.worded)), np.float32)
        if len(self._starts):
            best[:, self._owners[self._starts]] = np.maximum.reduceat(scores, self._starts, axis=1)
        return best
