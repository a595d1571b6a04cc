"""Plain ways to say how alike two occupations of ESCO are, which likeness is measured against."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from careweave_matching.likeness import OccupationText

from careweave.embedding.port import Embedder, Vectors
from careweave.grams import GramIndex, Scores
from careweave_cli.quality.lexical import Bm25
from careweave_cli.quality.packaged import embedding
from careweave_cli.show.progress import Report

FIVE_SIGNALS: Final = "plain sum of five signals"
_HALF: Final = np.float32(0.5)


class FromVectors:
    """Likeness by the cosine of one vector an occupation."""

    def __init__(self, names: Sequence[str], vectors: Vectors) -> None:
        """Take (len(names), width); rows need not have length 1."""
        self._rows = {name: row for row, name in enumerate(names)}
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        self._vectors = (vectors / np.maximum(lengths, np.finfo(np.float32).tiny)).astype(np.float32)

    def likeness(self, ones: Sequence[str], others: Sequence[str]) -> Vectors:
        """Return (len(ones), len(others)): the cosines."""
        found: Vectors = self._of(ones) @ self._of(others).T
        return found

    def _of(self, names: Sequence[str]) -> Vectors:
        found: Vectors = self._vectors[[self._rows[name] for name in names]]
        return found


class FromTexts:
    """Likeness by an index of texts, asked with the texts of some of them."""

    def __init__(self, names: Sequence[str], texts: Sequence[str], index: GramIndex | Bm25) -> None:
        """Take the text of each occupation, and an index of these texts."""
        self._rows = {name: row for row, name in enumerate(names)}
        self._texts, self._index = texts, index

    def likeness(self, ones: Sequence[str], others: Sequence[str]) -> Scores:
        """Return (len(ones), len(others))."""
        asked = self._index.matrix([self._texts[self._rows[name]] for name in ones])
        found: Scores = asked[:, [self._rows[name] for name in others]]
        return found


class Sum:
    """A sum of likenesses, each with its share."""

    def __init__(self, *parts: tuple[np.float32, FromVectors]) -> None:
        """Take (share, likeness) pairs."""
        self._parts = parts

    def likeness(self, ones: Sequence[str], others: Sequence[str]) -> Vectors:
        """Return (len(ones), len(others))."""
        found: Vectors = np.sum([share * part.likeness(ones, others) for share, part in self._parts], axis=0)
        return found


def baselines(
    occupations: Sequence[OccupationText], plain: Embedder, report: Report
) -> dict[str, FromVectors | FromTexts | Sum]:
    """Return method → likeness. plain: all-MiniLM-L6-v2, asked for labels, descriptions and labels of skills."""
    names = [each.name for each in occupations]
    embed = embedding(plain, report, "Embedding ESCO occupations by the plain model")
    essential = _skill_weights(occupations, "essential")
    labels = FromVectors(names, embed([each.label for each in occupations]))
    descriptions = FromVectors(names, embed([each.description for each in occupations]))
    exact = FromVectors(names, essential)
    means = FromVectors(names, essential @ embed(_skills(occupations, "essential")))
    optional = FromVectors(names, _skill_weights(occupations, "optional"))
    one = np.float32(1.0)
    written = [f"{each.label}. {each.description}" for each in occupations]
    return {
        FIVE_SIGNALS: Sum((one, exact), (_HALF, optional), (one, descriptions), (_HALF, labels), (one, means)),
        "IDF-weighted mean of plain skill vectors": means,
        "IDF cosine over essential skills": exact,
        "all-MiniLM-L6-v2, descriptions": descriptions,
        "all-MiniLM-L6-v2, labels": labels,
        "character TF-IDF": FromTexts(names, written, GramIndex(written)),
        "BM25": FromTexts(names, written, Bm25(written)),
    }


def _skills(occupations: Sequence[OccupationText], importance: str) -> list[str]:
    return list(dict.fromkeys(skill for each in occupations for skill in getattr(each, importance)))


def _skill_weights(occupations: Sequence[OccupationText], importance: str) -> Vectors:
    """Return (occupations, skills): ln(N / n) where an occupation needs a skill that n of N need, else 0."""
    columns = {skill: column for column, skill in enumerate(_skills(occupations, importance))}
    needed = np.zeros((len(occupations), len(columns)), np.float32)
    for row, each in enumerate(occupations):
        needed[row, [columns[skill] for skill in getattr(each, importance)]] = 1
    idf: Vectors = np.log(len(occupations) / needed.sum(axis=0, dtype=np.float64)).astype(np.float32)
    return needed * idf
