"""What speaks for a skill in a sentence, and how it is weighed into a score and a confidence."""

from dataclasses import dataclass
from math import exp
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from careweave.embedding.port import Vectors
from careweave.grams import Scores
from careweave_skills.segments import Segment

Places: TypeAlias = npt.NDArray[np.intp]
"""Places of skills in an index, or of segments in a sentence."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What each kind of evidence counts. The score is about 0 to 1.

    preferred, nearest, words: shares of the fit of one segment (the sentence, or one of its clauses) to a skill: cosine
    with its preferred label, cosine with the nearest of its labels and wordings, and likeness in words. They add up
    to 1.
    care, asked, worded: added to the fit of a skill that all of health and social care, and that all occupations ask
    for, see `care.breadth`, and that vacancies have wordings for.
    whole: share of the sentence's fit in the score; the rest is that of the segment that fits best.
    slope, middle: confidence = 1 / (1 + exp(-slope · (score - middle))).
    """

    preferred: float = 0.404
    nearest: float = 0.468
    words: float = 0.128
    care: float = 0.058
    asked: float = 0.046
    worded: float = 0.067
    whole: float = 0.70
    slope: float = 17.6
    middle: float = 0.715

    def confidence(self, score: float) -> float:
        """Return the confidence, 0 to 1, that `score` stands for."""
        return 1 / (1 + exp(-self.slope * (score - self.middle)))


WEIGHTS: Final = Weights()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for each candidate of one sentence; the last axis of the arrays is aligned.

    text: the sentence. places: of the skills in the index. preferred, labels, plain, words: (segments, candidates), the
    sentence as a whole first, then its clauses; `labels` is the cosine with the nearest label, `plain` with the nearest
    wording of vacancies. care_breadths, breadths: (candidates,), see `care.breadth`. worded: (candidates,), 1 where
    vacancies have wordings. phrases: where a label of the skill stands word for word, by place. vectors: (segments,
    dimension).
    """

    text: str
    places: Places
    preferred: Scores
    labels: Scores
    plain: Scores
    words: Scores
    care_breadths: Scores
    breadths: Scores
    worded: Scores
    phrases: dict[int, Segment]
    vectors: Vectors

    def fits(self, weights: Weights) -> Scores:
        """Return (segments, candidates): how well each segment fits each candidate."""
        fits: Scores = np.float32(weights.preferred) * self.preferred
        fits += np.float32(weights.nearest) * np.maximum(self.labels, self.plain)
        fits += np.float32(weights.words) * self.words
        fits += np.float32(weights.care) * self.care_breadths + np.float32(weights.asked) * self.breadths
        fits += np.float32(weights.worded) * self.worded
        return fits

    def score(self, weights: Weights) -> tuple[Scores, Places]:
        """Return the score of each candidate, and the segment that fits it best: 0 for the sentence as a whole."""
        fits = self.fits(weights)
        whole = np.float32(weights.whole)
        score: Scores = whole * fits[0] + (1 - whole) * fits.max(axis=0)
        return score, np.argmax(fits, axis=0)
