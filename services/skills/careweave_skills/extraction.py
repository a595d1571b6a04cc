"""Text → skills, each with where it stands and how sure we are; and the spans in which nothing was found.

Each sentence is compared with all skills as a whole and clause by clause: by the mean vector of a skill's labels, by
its nearest single label, and by shared words. Labels that stand in the text word for word are found as phrases. How the
evidence is weighed and turned into a confidence, and on what that was measured, is in docs/quality.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from careweave.abbreviations import in_full
from careweave.embedding.port import Vectors
from careweave.grams import Scores
from careweave_skills.lexical import PhraseBook
from careweave_skills.search import ConceptIndex
from careweave_skills.segments import Segment, Sentence, sentences
from careweave_skills.taxonomy import LinkMethod, Scheme

Embed: TypeAlias = Callable[[Sequence[str]], Vectors]
Eligible: TypeAlias = npt.NDArray[np.bool_]
_Places: TypeAlias = npt.NDArray[np.intp]

DEFAULT_CONFIDENCE: Final = 0.25
"""Least confidence of what is returned unless the caller says otherwise."""
CANDIDATES: Final = 60
"""Skills that each kind of evidence may put forward for a sentence."""
MOST_OF_A_SENTENCE: Final = 12


@dataclass(frozen=True, slots=True)
class Found:
    """A skill that the text speaks of.

    name: its resource name. start, end: code points of the text; end is one past the last. confidence: 0 to 1.
    method: LABEL if a label stands in the text word for word, else EMBEDDING.
    """

    name: str
    label: str
    start: int
    end: int
    confidence: float
    method: LinkMethod


@dataclass(frozen=True, slots=True)
class Extraction:
    """found: by confidence, then by place, then by name. unmatched: clauses in which nothing was found, in order."""

    found: tuple[Found, ...]
    unmatched: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Weights:
    """What each kind of evidence counts; the score is their weighted mean, 0 to 1, plus `phrase` for a phrase.

    crowding: times the natural logarithm of a skill's rank among those that fit the same clause best, taken off: what
    names one thing ten times over makes room for what the next clause names.
    mean, nearest: cosine of the sentence with the mean of a skill's labels, and with its nearest label.
    clause_mean, clause_nearest: the greatest of the same for any clause. words: likeness in words.
    slope, middle: confidence = 1 / (1 + exp(-slope · (score - middle))).
    """

    mean: float = 1.0
    nearest: float = 1.0
    clause_mean: float = 0.5
    clause_nearest: float = 0.5
    words: float = 0.5
    phrase: float = 0.05
    crowding: float = 0.05
    slope: float = 11.0
    middle: float = 0.74


WEIGHTS: Final = Weights()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for each candidate of one sentence; arrays are aligned.

    places: of the skills in the index. segment: number of the clause that fits best, -1 for the sentence as a whole.
    phrases: where a label of the skill stands word for word, by place.
    """

    places: _Places
    mean: Scores
    nearest: Scores
    clause_mean: Scores
    clause_nearest: Scores
    words: Scores
    segment: _Places
    phrases: dict[int, Segment]

    def score(self, weights: Weights) -> Scores:
        """Return the score of each candidate."""
        kinds = np.stack([self.mean, self.nearest, self.clause_mean, self.clause_nearest, self.words])
        counts = np.array([
            weights.mean, weights.nearest, weights.clause_mean, weights.clause_nearest, weights.words,
        ], np.float32)  # fmt: skip
        found = np.fromiter((place in self.phrases for place in self.places.tolist()), np.float32, len(self.places))
        fit = counts @ kinds / counts.sum() + np.float32(weights.phrase) * found
        score: Scores = fit - np.float32(weights.crowding) * np.log(_ranks(fit, self.segment))
        return score


class SkillExtractor:
    """Finds the skills of an index in texts. Nothing that it is given is kept."""

    def __init__(self, index: ConceptIndex, embed: Embed, weights: Weights = WEIGHTS) -> None:
        """Use the labels and vectors of `index`; `embed` turns what people write into vectors and keeps nothing."""
        self.index = index
        self._embed = embed
        self._weights = weights
        self._phrases = PhraseBook(index.concepts)

    def prepare(self) -> None:
        """Make at once what the first text would make."""
        self._phrases.prepare()

    def extract(
        self, text: str, scheme: Scheme = Scheme.ESCO, minimum_confidence: float = DEFAULT_CONFIDENCE
    ) -> Extraction:
        """Return the skills of `scheme` that `text` speaks of, each once, where it is surest.

        minimum_confidence: 0 to 1. Skills whose labels have no vector yet are found by words alone.
        """
        parts = sentences(text)
        best: dict[str, Found] = {}
        unmatched: list[Segment] = []
        for sentence, evidence in zip(parts, self.evidence(text, parts, scheme), strict=True):
            found = self._found(sentence, evidence, minimum_confidence)
            for each in found:
                if each.name not in best or each.confidence > best[each.name].confidence:
                    best[each.name] = each
            unmatched += [
                span
                for span in sentence.clauses or (sentence.whole,)
                if not any(each.start < span.end and span.start < each.end for each in found)
            ]
        order = sorted(best.values(), key=lambda each: (-each.confidence, each.start, each.name))
        return Extraction(tuple(order), tuple(unmatched))

    def evidence(self, text: str, parts: Sequence[Sentence], scheme: Scheme) -> list[Evidence]:
        """Return what speaks for which skills in each of `parts`, the sentences of `text`."""
        eligible = self.index.of_scheme(scheme)
        spans = [span for part in parts for span in (part.whole, *part.clauses)]
        vectors = self._embed([in_full(text[span.start : span.end]) for span in spans])
        found = []
        start = 0
        for part in parts:
            end = start + 1 + len(part.clauses)
            found.append(self._weigh(text[part.whole.start : part.whole.end], part, vectors[start:end], eligible))
            start = end
        return found

    def _weigh(self, written: str, part: Sentence, vectors: Vectors, eligible: Eligible) -> Evidence:
        """Return the evidence for one sentence. vectors: of the sentence, then of its clauses."""
        index = self.index
        means = np.maximum(0, vectors @ index.vectors.T)
        words, _ = index.labels.scores(written)
        phrases = {
            phrase.concept: Segment(part.whole.start + phrase.start, part.whole.start + phrase.end)
            for phrase in self._phrases.find(written)
            if eligible[phrase.concept]
        }
        clause_means = means[1:].max(axis=0) if len(means) > 1 else means[0]
        put_forward = [_top(values * eligible) for values in (means[0], clause_means, words)]
        places = np.unique(np.concatenate([*put_forward, np.array(sorted(phrases), dtype=np.intp)]))
        nearest = index.nearest_label(places, vectors)
        fit = nearest + means[:, places]
        clauses = slice(1, None) if len(vectors) > 1 else slice(0, 1)
        return Evidence(
            places=places,
            mean=means[0, places],
            nearest=nearest[0],
            clause_mean=clause_means[places],
            clause_nearest=nearest[clauses].max(axis=0),
            words=words[places],
            segment=np.argmax(fit, axis=0) - 1,
            phrases=phrases,
        )

    def _found(self, sentence: Sentence, evidence: Evidence, minimum: float) -> list[Found]:
        scores = evidence.score(self._weights)
        found = []
        for row in np.argsort(-scores, kind="stable")[:MOST_OF_A_SENTENCE].tolist():
            confidence = self._confidence(float(scores[row]))
            if confidence < minimum:
                break
            place = int(evidence.places[row])
            clause = int(evidence.segment[row])
            span = evidence.phrases.get(place) or (sentence.whole if clause < 0 else sentence.clauses[clause])
            method = LinkMethod.LABEL if place in evidence.phrases else LinkMethod.EMBEDDING
            concept = self.index.concepts[place]
            found.append(Found(concept.name, concept.label, span.start, span.end, confidence, method))
        return found

    def _confidence(self, score: float) -> float:
        return 1 / (1 + exp(-self._weights.slope * (score - self._weights.middle)))


def _ranks(fit: Scores, segments: _Places) -> Scores:
    """Return the rank, from 1, of each fit among those of its segment; ties in order of place."""
    order = np.lexsort((-fit, segments))
    grouped = segments[order]
    firsts = np.searchsorted(grouped, grouped, side="left")
    ranks = np.empty(len(fit), np.float32)
    ranks[order] = np.arange(1, len(fit) + 1) - firsts
    return ranks


def _top(values: Scores) -> _Places:
    """Return the places of the CANDIDATES greatest values, those of 0 left out."""
    few = min(CANDIDATES, len(values))
    order = np.argpartition(-values, few - 1)[:few] if few else np.zeros(0, np.intp)
    found: _Places = order[values[order] > 0]
    return found
