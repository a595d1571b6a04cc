"""Skill extraction: for each sentence, the skills found in it in order of confidence."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from careweave_skills.extraction import SkillExtractor
from careweave_skills.lexical import Concept
from careweave_skills.search import ConceptIndex
from careweave_skills.taxonomy import Scheme
from careweave_skills.wordings import Wording, packaged_wordings

from careweave.embedding.port import Embedder
from careweave.grams import Scores
from careweave.wording import fold
from careweave_cli.quality.comparison import OURS, Comparison, Rows
from careweave_cli.quality.lexical import Bm25
from careweave_cli.quality.measures import r_precision_at_5, reciprocal_rank
from careweave_cli.quality.packaged import embedding, packaged_skills
from careweave_cli.quality.tables import named_rows, refuse
from careweave_cli.show.progress import Report

_RANKED: Final = 100
"""Skills of a plain ranking that are looked at; the first five decide."""


@dataclass(frozen=True, slots=True)
class JudgedSentences:
    """A judged set. scheme: of the skills that are marked. skills: sentence → their names, in the file's order."""

    scheme: Scheme
    skills: dict[str, set[str]]


def compare_extraction(path: Path, embedder: Embedder, plain: Embedder, report: Report) -> Comparison:
    """Return `rp@5` and `mrr` of skill extraction on a judged set, beside plain methods.

    path: a CSV file with the columns `sentence` and `label`, one row for each skill of a sentence, by the preferred
    label that ESCO has for it, or the wording of the Care Workforce Pathway. Labels that the packaged taxonomy does not
    have do not count, nor do sentences left without any. plain: all-MiniLM-L6-v2 as it comes. Slices: the halves of
    `is_for_fitting`.

    Raises:
        InvalidArgument: the file is missing or is not of this form.
    """
    concepts = packaged_skills()
    judged = read_judged(path, concepts)
    extractor = packaged_extractor(concepts, embedder, report)
    index = extractor.index
    offered = index.of_scheme(judged.scheme)
    labels = [concept.label for concept in index.concepts]
    sentences = list(judged.skills)
    words = np.stack([index.labels.scores(sentence)[0] for sentence in sentences])
    methods = {
        "model alone": _cosines(embedder, sentences, labels, report),
        "all-MiniLM-L6-v2, whole sentences": _cosines(plain, sentences, labels, report),
        "words of labels (TF-IDF)": words,
        "BM25": Bm25([" ".join((each.label, *each.alternative_labels)) for each in index.concepts]).matrix(sentences),
        "random": np.random.default_rng(0).random(words.shape, np.float32),
    }
    if embedder.model == plain.model:
        del methods["model alone"]
    rows = {OURS: extracted_rows(judged, extractor, report)}
    rows |= {name: _rows(judged, index.concepts, scores * offered) for name, scores in methods.items()}
    fitted = [is_for_fitting(sentence) for sentence in sentences]
    slices = {"fitted": fitted, "held back": [not each for each in fitted]}
    return Comparison(f"extraction, {path.stem}", "rp@5", rows, clusters=range(len(sentences)), slices=slices)


def is_for_fitting(sentence: str) -> bool:
    """Tell whether a sentence is for choosing weights and fitting confidence, or for testing: see docs/quality.md."""
    return hashlib.sha256(sentence.encode()).digest()[-1] % 2 == 0


def extracted_rows(judged: JudgedSentences, extractor: SkillExtractor, report: Report) -> Rows:
    """Return `rp@5` and `mrr` of each sentence by `extractor`."""
    found = []
    for done, (sentence, skills) in enumerate(judged.skills.items(), 1):
        extracted = extractor.extract(sentence, judged.scheme, minimum_confidence=0.0).found
        found.append(measures([each.name in skills for each in extracted], len(skills)))
        report("Extracting skills", done, len(judged.skills))
    return found


def measures(relevance: list[bool], relevant: int) -> dict[str, float]:
    """Return the measures of one ranked list. relevant: how many skills the sentence has, found or not."""
    return {"rp@5": r_precision_at_5(relevance, relevant), "mrr": reciprocal_rank(relevance)}


def _rows(judged: JudgedSentences, concepts: tuple[Concept, ...], scores: Scores) -> Rows:
    """Return the measures by (sentences, concepts) `scores`; a skill that scores nothing is not ranked."""
    found = []
    for skills, row in zip(judged.skills.values(), scores, strict=True):
        ranked = [place for place in np.argsort(-row, kind="stable")[:_RANKED].tolist() if row[place] > 0]
        found.append(measures([concepts[place].name in skills for place in ranked], len(skills)))
    return found


def _cosines(embedder: Embedder, sentences: list[str], labels: list[str], report: Report) -> Scores:
    vectors = embedding(embedder, report, "Embedding labels and sentences")([*sentences, *labels])
    found: Scores = vectors[: len(sentences)] @ vectors[len(sentences) :].T
    return found


def packaged_extractor(
    concepts: Sequence[Concept], embedder: Embedder, report: Report, wordings: Iterable[Wording] | None = None
) -> SkillExtractor:
    """Return an extractor of the skills `concepts` that knows every label's vector.

    wordings: of vacancies; the packaged ones if not given.
    """
    index = ConceptIndex(concepts, embedder.dimension)
    extractor = SkillExtractor(index, embedder.embed_transient, packaged_wordings() if wordings is None else wordings)
    wanted = [*index.wanted(), *extractor.wordings.wanted()]
    vectors = embedding(embedder, report, "Embedding skills")(wanted)
    index.learn(wanted, vectors)
    extractor.wordings.learn(wanted, vectors)
    return extractor


def read_judged(path: Path, concepts: Sequence[Concept]) -> JudgedSentences:
    """Return the judged set in `path`. concepts: those whose labels count; of the scheme that the file names most.

    Raises:
        InvalidArgument: the file is missing, is not of the form that `compare_extraction` says, or has no known label.
    """
    by_label: dict[str, list[Concept]] = {}
    for concept in concepts:
        by_label.setdefault(_key(concept.label), []).append(concept)
    marked = [
        (sentence, concept)
        for _, (sentence, label) in named_rows(path, ("sentence", "label"), ",")
        for concept in by_label.get(_key(label), ())
        if sentence.strip()
    ]
    if not marked:
        refuse(f"{path} has no sentence with the preferred label of an ESCO skill")
    scheme = Counter(concept.scheme for _, concept in marked).most_common(1)[0][0]
    judged: dict[str, set[str]] = {}
    for sentence, concept in marked:
        if concept.scheme == scheme:
            judged.setdefault(sentence, set()).add(concept.name)
    return JudgedSentences(scheme, judged)


def _key(label: str) -> str:
    return " ".join(fold(label).split())
