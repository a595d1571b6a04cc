"""Text → skills, each with where it stands and how sure we are; and the spans in which nothing was found.

Each sentence is compared with all skills as a whole and clause by clause: by a skill's preferred label, by the nearest
of its labels and of what vacancies say in their place (`wordings`), and by shared words; the segment that fits a skill
best decides, so a sentence may speak of several. Of skills that fit alike, those come first that occupations, of care
above all, ask for widely, and that vacancies are known to ask for. Labels that stand in the text word for word are
found as phrases. How the evidence is weighed and turned into a confidence, and on what that was measured, is in
docs/quality.md.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from careweave.abbreviations import in_full
from careweave.embedding.port import Vectors
from careweave.grams import Scores
from careweave.wording import telling_words
from careweave_skills.care import in_terms
from careweave_skills.lexical import PhraseBook
from careweave_skills.search import ConceptIndex
from careweave_skills.segments import Segment, Sentence, sentences
from careweave_skills.taxonomy import LinkMethod, Scheme
from careweave_skills.weighing import WEIGHTS, Evidence, Places, Weights
from careweave_skills.wordings import Wording, WordingIndex

Embed: TypeAlias = Callable[[Sequence[str]], Vectors]
Eligible: TypeAlias = npt.NDArray[np.bool_]

DEFAULT_CONFIDENCE: Final = 0.20
"""Least confidence of what is returned unless the caller says otherwise."""
CANDIDATES: Final = 60
"""Skills that each kind of evidence may put forward for a sentence."""
MOST_OF_A_SENTENCE: Final = 12


class Mention(IntEnum):
    """How a text speaks of a skill; the numbers are those of `SkillMention` in `protos/careweave/v1/skills.proto`."""

    NAMED = 1
    """A label of the skill stands in the text word for word."""
    DESCRIBED = 2
    """The text says in other words what the skill is."""
    IMPLIED = 3
    """The text names a certificate, product, job or circumstance from which the skill follows."""


@dataclass(frozen=True, slots=True)
class Found:
    """A skill that the text speaks of.

    name: its resource name. start, end: code points of the text; end is one past the last. confidence: 0 to 1.
    method: LABEL if a label stands in the text word for word, else EMBEDDING. wording: the words of vacancies by which
    the skill was recognised, where they are closer to the text than its labels; else empty.
    """

    name: str
    label: str
    start: int
    end: int
    confidence: float
    method: LinkMethod
    mention: Mention
    wording: str = ""


@dataclass(frozen=True, slots=True)
class Extraction:
    """found: by confidence, then by place, then by name. unmatched: clauses in which nothing was found, in order."""

    found: tuple[Found, ...]
    unmatched: tuple[Segment, ...]


class SkillExtractor:
    """Finds the skills of an index in texts. Nothing that it is given is kept."""

    def __init__(
        self, index: ConceptIndex, embed: Embed, wordings: Iterable[Wording] = (), weights: Weights = WEIGHTS
    ) -> None:
        """Use the labels and vectors of `index`; `embed` turns what people write into vectors and keeps nothing.

        wordings: of vacancies, for skills of `index`; their vectors come by `wordings.learn`.
        """
        self.index = index
        self.wordings = WordingIndex(wordings, index.concepts, index.vectors.shape[1])
        self._embed = embed
        self._weights = weights
        self._phrases = PhraseBook(index.concepts)

    def prepare(self) -> None:
        """Make at once what the first text would make."""
        self._phrases.prepare()
        self.wordings.prepare()

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
        read = [(text[part.whole.start : part.whole.end], *part.readings) for part in parts]
        vectors = self._embed([in_terms(in_full(words)) for each in read for words in each])
        found = []
        start = 0
        for part, words in zip(parts, read, strict=True):
            end = start + len(words)
            found.append(self._weigh(words, part, vectors[start:end], eligible))
            start = end
        return found

    def _weigh(self, read: Sequence[str], part: Sentence, vectors: Vectors, eligible: Eligible) -> Evidence:
        """Return the evidence for one sentence. read, vectors: of the sentence, then of its clauses."""
        index, wordings = self.index, self.wordings
        means = np.maximum(0, vectors @ index.vectors.T)
        plain = wordings.meaning(vectors)
        words = np.maximum(np.stack([self._words(each) for each in read]), wordings.words(read))
        phrases = {
            phrase.concept: Segment(part.whole.start + phrase.start, part.whole.start + phrase.end)
            for phrase in self._phrases.find(read[0])
            if eligible[phrase.concept]
        }
        put_forward = [_top(values * eligible) for values in (*means, plain.max(axis=0), words.max(axis=0))]
        places = np.unique(np.concatenate([*put_forward, np.array(sorted(phrases), dtype=np.intp)]))
        return Evidence(
            text=read[0],
            places=places,
            preferred=index.preferred_label(places, vectors),
            labels=index.nearest_label(places, vectors),
            plain=plain[:, places],
            words=words[:, places],
            care_breadths=index.care_breadths[places],
            breadths=index.breadths[places],
            worded=wordings.worded[places],
            phrases=phrases,
            vectors=vectors,
        )

    def _words(self, segment: str) -> Scores:
        """Return how well each concept fits a segment in words, its own or those of ESCO."""
        own = self.index.labels.scores(segment)[0]
        other = in_terms(segment)
        return own if other == segment else np.maximum(own, self.index.labels.scores(other)[0])

    def _found(self, sentence: Sentence, evidence: Evidence, minimum: float) -> list[Found]:
        scores, segments = evidence.score(self._weights)
        found = []
        for row in np.argsort(-scores, kind="stable")[:MOST_OF_A_SENTENCE].tolist():
            confidence = self._weights.confidence(float(scores[row]))
            if confidence < minimum:
                break
            found.append(self._speaking(sentence, evidence, row, int(segments[row]), confidence))
        return found

    def _speaking(self, sentence: Sentence, evidence: Evidence, row: int, segment: int, confidence: float) -> Found:
        """Return the candidate of `row`, which `segment` fits best, with how the sentence speaks of it.

        A certificate, product or job that is merely like what the text says implies nothing: most of its words must
        stand there.
        """
        place = int(evidence.places[row])
        concept = self.index.concepts[place]
        if phrase := evidence.phrases.get(place):
            return Found(
                concept.name, concept.label, phrase.start, phrase.end, confidence, LinkMethod.LABEL, Mention.NAMED
            )
        span = sentence.clauses[segment - 1] if segment else sentence.whole
        said = evidence.plain[segment, row] > evidence.labels[segment, row]
        wording = self.wordings.closest(place, evidence.vectors[segment]) if said else None
        return Found(
            concept.name,
            concept.label,
            span.start,
            span.end,
            confidence,
            LinkMethod.EMBEDDING,
            Mention.IMPLIED
            if wording and wording.implies and _stands(wording.text, evidence.text)
            else Mention.DESCRIBED,
            wording.text if wording else "",
        )


def _stands(wording: str, text: str) -> bool:
    """Tell whether more than half of the telling words of `wording` stand in `text`, in whatever order."""
    wanted, there = set(telling_words(wording)), set(telling_words(text))
    return 2 * len(wanted & there) > len(wanted)


def _top(values: Scores) -> Places:
    """Return the places of the CANDIDATES greatest values, those of 0 left out."""
    few = min(CANDIDATES, len(values))
    order = np.argpartition(-values, few - 1)[:few] if few else np.zeros(0, np.intp)
    found: Places = order[values[order] > 0]
    return found
