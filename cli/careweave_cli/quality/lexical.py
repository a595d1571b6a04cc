"""What words and letters alone say: the baselines that need no model."""

from collections import Counter
from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from careweave.grams import Scores
from careweave.wording import fold, telling_words

_Numbers: TypeAlias = npt.NDArray[np.float64]
_Counts: TypeAlias = npt.NDArray[np.int64]
_Codes: TypeAlias = npt.NDArray[np.uint32]
_SATURATION: Final = 1.2
_LENGTH: Final = 0.75


class Bm25:
    """Okapi BM25 over the words of fixed texts, read from an inverted file.

    S. Robertson and H. Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009, with k1 = 1.2 and
    b = 0.75, and ln(1 + (N - n + 0.5) / (n + 0.5)) for a word of n of N texts, which is never negative. A word that
    stands in the question several times counts as often.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        """Index `texts`, in order."""
        self.size = len(texts)
        counted = [Counter(telling_words(text)) for text in texts]
        lengths = np.array([sum(words.values()) for words in counted], dtype=np.float64)
        relative = lengths / max(1.0, float(lengths.mean())) if self.size else lengths
        held: dict[str, list[tuple[int, int]]] = {}
        for place, words in enumerate(counted):
            for word, times in words.items():
                held.setdefault(word, []).append((place, times))
        self._held = {word: self._weighed(np.array(found), relative) for word, found in held.items()}

    def _weighed(self, found: _Counts, relative: _Numbers) -> tuple[_Counts, Scores]:
        places, times = found[:, 0], found[:, 1]
        idf = np.log(1 + (self.size - len(places) + 0.5) / (len(places) + 0.5))
        damped = times + _SATURATION * (1 - _LENGTH + _LENGTH * relative[places])
        return places, (idf * times * (_SATURATION + 1) / damped).astype(np.float32)

    def scores(self, question: str) -> Scores:
        """Return (size,): the score of each text, 0 where no word is shared."""
        found = np.zeros(self.size, np.float32)
        for word in telling_words(question):
            if word in self._held:
                places, weights = self._held[word]
                found[places] += weights
        return found

    def matrix(self, questions: Sequence[str]) -> Scores:
        """Return (len(questions), size)."""
        rows = [self.scores(question) for question in questions]
        return np.stack(rows) if rows else np.zeros((0, self.size), np.float32)


def edit_likeness(question: str, texts: Sequence[str]) -> Scores:
    """Return (len(texts),): 1 less the edit distance over the longer length, 0 to 1, whatever the case.

    The distance is V. I. Levenshtein's (1966); all texts are walked through at once, a row of the table at a time.
    """
    asked = _codes(fold(question))
    folded = [fold(text) for text in texts]
    lengths = np.array([len(text) for text in folded], dtype=np.intp)
    width = int(lengths.max(initial=0))
    letters = np.stack([np.pad(_codes(text), (0, width - len(text))) for text in folded])
    steps = np.arange(width + 1, dtype=np.int32)
    row = np.tile(steps, (len(folded), 1))
    for number, letter in enumerate(asked, 1):
        best = np.minimum(row[:, 1:] + 1, row[:, :-1] + (letters != letter))
        best = np.concatenate([np.full((len(folded), 1), number, np.int32), best], axis=1)
        row = np.minimum.accumulate(best - steps, axis=1) + steps  # a letter put in costs one, from wherever it is best
    distances = row[np.arange(len(folded)), lengths]
    found: Scores = (1 - distances / np.maximum(1, np.maximum(lengths, len(asked)))).astype(np.float32)
    return found


def _codes(text: str) -> _Codes:
    return np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
