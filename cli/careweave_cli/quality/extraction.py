"""Skill extraction: for each sentence, the skills found in it in order of confidence."""

import hashlib
from pathlib import Path
from typing import Final

import numpy as np
from careweave_skills.extraction import SkillExtractor
from careweave_skills.lexical import Concept
from careweave_skills.search import ConceptIndex
from careweave_skills.sources.esco import Esco
from careweave_skills.taxonomy import Scheme

from careweave.embedding.port import Embedder
from careweave.grams import Scores
from careweave.wording import fold
from careweave_cli.quality.comparison import OURS, Comparison, Rows
from careweave_cli.quality.lexical import Bm25
from careweave_cli.quality.measures import r_precision_at_5, reciprocal_rank
from careweave_cli.quality.packaged import embedding, packaged_esco, skill_concepts
from careweave_cli.quality.tables import named_rows, refuse
from careweave_cli.show.progress import Report

_RANKED: Final = 100
"""Skills of a plain ranking that are looked at; the first five decide."""


def compare_extraction(path: Path, embedder: Embedder, plain: Embedder, report: Report) -> Comparison:
    """Return `rp@5` and `mrr` of skill extraction on a judged set, beside plain methods.

    path: a CSV file with the columns `sentence` and `label`, one row for each ESCO skill, by its preferred label, of a
    sentence. Labels that the packaged ESCO does not have do not count, nor do sentences left without any. plain:
    all-MiniLM-L6-v2 as it comes. Slices: the halves of `is_for_fitting`.

    Raises:
        InvalidArgument: the file is missing or is not of this form.
    """
    esco = packaged_esco()
    judged = read_judged(path, esco)
    extractor = packaged_extractor(esco, embedder, report)
    concepts = extractor.index.concepts
    labels = [concept.label for concept in concepts]
    sentences = list(judged)
    words = np.stack([extractor.index.labels.scores(sentence)[0] for sentence in sentences])
    methods = {
        "model alone": _cosines(embedder, sentences, labels, report),
        "all-MiniLM-L6-v2, whole sentences": _cosines(plain, sentences, labels, report),
        "words of labels (TF-IDF)": words,
        "BM25": Bm25([" ".join((each.label, *each.alternative_labels)) for each in concepts]).matrix(sentences),
        "random": np.random.default_rng(0).random(words.shape, np.float32),
    }
    if embedder.model == plain.model:
        del methods["model alone"]
    rows = {OURS: extracted_rows(judged, extractor, report)}
    rows |= {name: _rows(judged, concepts, scores) for name, scores in methods.items()}
    fitted = [is_for_fitting(sentence) for sentence in sentences]
    slices = {"fitted": fitted, "held back": [not each for each in fitted]}
    return Comparison(f"extraction, {path.stem}", "rp@5", rows, clusters=range(len(sentences)), slices=slices)


def is_for_fitting(sentence: str) -> bool:
    """Tell whether a sentence is for choosing weights and fitting confidence, or for testing: see docs/quality.md."""
    return hashlib.sha256(sentence.encode()).digest()[-1] % 2 == 0


def extracted_rows(judged: dict[str, set[str]], extractor: SkillExtractor, report: Report) -> Rows:
    """Return `rp@5` and `mrr` of each sentence by `extractor`."""
    found = []
    for done, (sentence, skills) in enumerate(judged.items(), 1):
        extracted = extractor.extract(sentence, Scheme.ESCO, minimum_confidence=0.0).found
        found.append(measures([each.name in skills for each in extracted], len(skills)))
        report("Extracting skills", done, len(judged))
    return found


def measures(relevance: list[bool], relevant: int) -> dict[str, float]:
    """Return the measures of one ranked list. relevant: how many skills the sentence has, found or not."""
    return {"rp@5": r_precision_at_5(relevance, relevant), "mrr": reciprocal_rank(relevance)}


def _rows(judged: dict[str, set[str]], concepts: tuple[Concept, ...], scores: Scores) -> Rows:
    """Return the measures by (sentences, concepts) `scores`; a skill that scores nothing is not ranked."""
    found = []
    for skills, row in zip(judged.values(), scores, strict=True):
        ranked = [place for place in np.argsort(-row, kind="stable")[:_RANKED].tolist() if row[place] > 0]
        found.append(measures([concepts[place].name in skills for place in ranked], len(skills)))
    return found


def _cosines(embedder: Embedder, sentences: list[str], labels: list[str], report: Report) -> Scores:
    vectors = embedding(embedder, report, "Embedding labels and sentences")([*sentences, *labels])
    found: Scores = vectors[: len(sentences)] @ vectors[len(sentences) :].T
    return found


def packaged_extractor(esco: Esco, embedder: Embedder, report: Report) -> SkillExtractor:
    """Return an extractor of ESCO skills that knows every label's vector."""
    index = ConceptIndex(skill_concepts(esco), embedder.dimension)
    wanted = index.wanted()
    index.learn(wanted, embedding(embedder, report, "Embedding ESCO skills")(wanted))
    return SkillExtractor(index, embedder.embed_transient)


def read_judged(path: Path, esco: Esco) -> dict[str, set[str]]:
    """Return sentence → names of its skills, in the file's order.

    Raises:
        InvalidArgument: the file is missing, is not of the form that `compare_extraction` says, or has no known label.
    """
    names = {_key(skill.label): skill.name for skill in esco.skills}
    judged: dict[str, set[str]] = {}
    for _, (sentence, label) in named_rows(path, ("sentence", "label"), ","):
        if sentence.strip() and (name := names.get(_key(label))):
            judged.setdefault(sentence, set()).add(name)
    return judged or refuse(f"{path} has no sentence with the preferred label of an ESCO skill")


def _key(label: str) -> str:
    return " ".join(fold(label).split())
