"""Search and extraction on alternative labels of ESCO skills that are held out of the index.

Two sets are made from a fixed seed: single labels, to be searched for, as they are and with two letters swapped; and
sentences in the wording of vacancies that hold one, two or three such labels. A third one, the first sentences of skill
descriptions, needs nothing held out, since descriptions are not indexed.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Final

import numpy as np
from careweave_skills.extraction import SkillExtractor
from careweave_skills.lexical import Concept
from careweave_skills.search import ConceptIndex
from careweave_skills.taxonomy import Scheme
from careweave_skills.wordings import packaged_wordings

from careweave.embedding.port import Embedder, Vectors
from careweave.grams import Scores
from careweave_cli.quality.measures import means, r_precision_at_5, reciprocal_rank
from careweave_cli.quality.packaged import embedding, packaged_esco, skill_concepts
from careweave_cli.show.progress import Report

SEED: Final = 7
SENTENCES: Final = 600
DESCRIPTIONS: Final = 500
_LEAST_LABELS: Final = 4
"""Alternative labels that a skill must have before one is held out."""
_WORDINGS: Final = (
    (
        "You will {0}.",
        "Experience of working to {0} is essential.",
        "The successful candidate is able to {0} in a busy setting.",
        "We are looking for someone who can {0}.",
        "Ability to {0} and a caring attitude.",
    ),
    ("You will {0} and {1}.", "Duties: {0}; {1}.", "The role asks you to {0} as well as to {1} under supervision."),
    ("You will {0}, {1} and {2}.", "Main duties: {0}; {1}; {2}.", "Able to {0}. Able to {1}. Able to {2}."),
)


@dataclass(frozen=True, slots=True)
class HeldOut:
    """concepts: skills without the labels held out. labels: (label, its skill). sentences: (text, its skills)."""

    concepts: tuple[Concept, ...]
    labels: tuple[tuple[str, str], ...]
    sentences: tuple[tuple[str, frozenset[str]], ...]


def hold_out(concepts: Iterable[Concept], random: Random) -> HeldOut:
    """Return made sentences and the labels in them; each skill loses at most one label."""
    by_name = {concept.name: concept for concept in concepts}
    rich = [concept.name for concept in by_name.values() if len(concept.alternative_labels) >= _LEAST_LABELS]
    drawn = iter(random.sample(rich, 2 * SENTENCES))
    labels: list[tuple[str, str]] = []
    made: list[tuple[str, frozenset[str]]] = []
    for number in range(SENTENCES):
        wordings = _WORDINGS[number % len(_WORDINGS)]
        names = [next(drawn) for _ in range(number % len(_WORDINGS) + 1)]
        chosen = [random.choice(by_name[name].alternative_labels) for name in names]
        for name, label in zip(names, chosen, strict=True):
            rest = tuple(other for other in by_name[name].alternative_labels if other != label)
            by_name[name] = replace(by_name[name], alternative_labels=rest)
            labels.append((label, name))
        made.append((random.choice(wordings).format(*chosen), frozenset(names)))
    return HeldOut(tuple(by_name.values()), tuple(labels), tuple(made))


def run_held_out(embedder: Embedder, report: Report) -> dict[str, dict[str, dict[str, float]]]:
    """Return set → method → figures; `mrr` for search, `rp@5` and `mrr` for extraction."""
    random = Random(SEED)
    esco = packaged_esco()
    held = hold_out(skill_concepts(esco), random)
    described = [
        (re.split(r"(?<=\.)\s", skill.description)[0], frozenset({skill.name}))
        for skill in random.sample([skill for skill in esco.skills if skill.description], DESCRIPTIONS)
    ]
    index = ConceptIndex(held.concepts, embedder.dimension)
    index.learn(wanted := index.wanted(), embedding(embedder, report, "Embedding ESCO skills")(wanted))
    preferred = embedding(embedder, report, "Embedding labels")([concept.label for concept in index.concepts])
    return {
        "search, labels held out": _searched(index, preferred, held.labels, embedder),
        "search, with a slip": _searched(
            index, preferred, [(_slipped(label, random), name) for label, name in held.labels], embedder
        ),
        "extraction, made sentences": _extracted(index, preferred, held.sentences, embedder),
        "extraction, descriptions": _extracted(index, preferred, described, embedder),
    }


def _slipped(label: str, random: Random) -> str:
    """Return `label` with two neighbouring letters swapped."""
    at = random.randrange(1, max(2, len(label) - 1))
    return label[:at] + label[at + 1 : at + 2] + label[at : at + 1] + label[at + 2 :]


def _searched(
    index: ConceptIndex, preferred: Vectors, questions: Iterable[tuple[str, str]], embedder: Embedder
) -> dict[str, dict[str, float]]:
    asked = list(questions)
    places = {concept.name: place for place, concept in enumerate(index.concepts)}
    methods: Mapping[str, Callable[[str, Vectors], Scores]] = {
        "words": lambda label, _: index.labels.scores(label)[0],
        "meaning, preferred label": lambda _, vector: preferred @ vector,
        "meaning, mean of labels": lambda _, vector: index.meaning(vector),
        "both, as shipped": index.scores,
    }
    rows: dict[str, list[dict[str, float]]] = {method: [] for method in methods}
    for (label, name), vector in zip(asked, embedder.embed([label for label, _ in asked]), strict=True):
        for method, scores_of in methods.items():
            scores = scores_of(label, vector)
            rows[method].append({"mrr": 1 / (1 + int((scores > scores[places[name]]).sum()))})
    return {method: means(each) for method, each in rows.items()}


def _extracted(
    index: ConceptIndex, preferred: Vectors, judged: Iterable[tuple[str, frozenset[str]]], embedder: Embedder
) -> dict[str, dict[str, float]]:
    extractor = SkillExtractor(index, embedder.embed, packaged_wordings())
    wordings = extractor.wordings.wanted()
    extractor.wordings.learn(wordings, embedder.embed(wordings))
    names = [concept.name for concept in index.concepts]
    sentences = list(judged)
    plain, shipped = [], []
    for (text, skills), vector in zip(sentences, embedder.embed([text for text, _ in sentences]), strict=True):
        ranked = [names[place] in skills for place in np.argsort(-(preferred @ vector), kind="stable")[:100]]
        plain.append(_measures(ranked, len(skills)))
        found = extractor.extract(text, Scheme.ESCO, minimum_confidence=0.0).found
        shipped.append(_measures([each.name in skills for each in found], len(skills)))
    return {"model alone, whole sentence": means(plain), "as shipped": means(shipped)}


def _measures(relevance: list[bool], relevant: int) -> dict[str, float]:
    return {"rp@5": r_precision_at_5(relevance, relevant), "mrr": reciprocal_rank(relevance)}
