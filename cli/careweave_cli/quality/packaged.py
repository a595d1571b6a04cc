"""ESCO as it is packaged, in the forms that likeness and extraction take, and embedding with progress shown."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final

import numpy as np
from careweave_matching.likeness import Embed, OccupationSpace, OccupationText
from careweave_matching.metric import read_metric
from careweave_skills.lexical import Concept
from careweave_skills.sources.care_pathway import read_care_pathway
from careweave_skills.sources.esco import Esco, read_esco
from careweave_skills.taxonomy import Importance, Scheme

from careweave import datasets
from careweave.care import CARE_GROUPS
from careweave.config import Settings
from careweave.embedding.port import Embedder, Vectors
from careweave.wiring import open_embedder
from careweave_cli.show.progress import Report

PLAIN: Final = "sentence-transformers:all-MiniLM-L6-v2"
"""The model that baselines use, whatever Careweave itself is set to."""
_AT_ONCE: Final = 1024


def open_plain_embedder(settings: Settings) -> Embedder:
    """Return all-MiniLM-L6-v2 as it comes, which baselines embed by, behind the same cache."""
    return open_embedder(replace(settings, embedder=PLAIN))


@lru_cache(maxsize=1)
def packaged_esco() -> Esco:
    """Return the packaged ESCO, read once."""
    return read_esco(datasets.folder("esco-v1.1.1"))


def occupation_texts(esco: Esco) -> list[OccupationText]:
    """Return what the likeness of each occupation rests on."""
    labels = {skill.name: skill.label for skill in esco.skills}
    needed: dict[tuple[str, Importance], list[str]] = {}
    for requirement in esco.requirements:
        needed.setdefault((requirement.occupation, requirement.importance), []).append(labels[requirement.skill])
    return [
        OccupationText(
            name=occupation.name,
            label=occupation.label,
            alternative_labels=occupation.alternative_labels,
            description=occupation.description,
            isco_group=occupation.isco_group,
            essential=tuple(needed.get((occupation.name, Importance.ESSENTIAL), ())),
            optional=tuple(needed.get((occupation.name, Importance.OPTIONAL), ())),
        )
        for occupation in esco.occupations
    ]


def occupation_space(embedder: Embedder, report: Report) -> OccupationSpace:
    """Return the occupations of the packaged ESCO as the matcher places them."""
    embed = embedding(embedder, report, "Embedding ESCO occupations")
    return OccupationSpace(occupation_texts(packaged_esco()), embed, metric=read_metric(embedder.model))


def title_space(embedder: Embedder, report: Report) -> OccupationSpace:
    """Return the same without what was learned, for titles: that is of related work, not of like work."""
    return OccupationSpace(occupation_texts(packaged_esco()), embedding(embedder, report, "Embedding ESCO occupations"))


def skill_concepts(esco: Esco) -> list[Concept]:
    """Return the skills as search and extraction take them."""
    care = {occupation.name for occupation in esco.occupations if occupation.isco_group in CARE_GROUPS}
    asked = {(each.occupation, each.skill) for each in esco.requirements}
    every = Counter(skill for _, skill in asked)
    of_care = Counter(skill for occupation, skill in asked if occupation in care)
    return [
        Concept(
            skill.name,
            skill.label,
            skill.alternative_labels,
            care_occupations=of_care[skill.name],
            occupations=every[skill.name],
        )
        for skill in esco.skills
    ]


def packaged_skills() -> list[Concept]:
    """Return the skills of ESCO and of the Care Workforce Pathway as search and extraction take them."""
    pathway = read_care_pathway(datasets.folder("uk-care")).skills
    of_care = [
        Concept(skill.name, skill.label, scheme=Scheme.CARE_WORKFORCE_PATHWAY, care_occupations=1, occupations=1)
        for skill in pathway
    ]
    return [*skill_concepts(packaged_esco()), *of_care]


class Remembering:
    """An embedder that keeps in memory what it embedded, so that sets that share texts read each once."""

    def __init__(self, inner: Embedder) -> None:
        """Begin with nothing."""
        self.model, self.dimension = inner.model, inner.dimension
        self._inner = inner
        self._known: dict[str, Vectors] = {}

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return an array (len(texts), dimension) of unit vectors."""
        missing = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known.update(zip(missing, self._inner.embed(missing), strict=True))
        return np.stack([self._known[text] for text in texts]) if texts else self._inner.embed(texts)

    def embed_transient(self, texts: Sequence[str]) -> Vectors:
        """Return the same; judged sentences are no secret of anybody."""
        return self.embed(texts)


def embedding(embedder: Embedder, report: Report, activity: str) -> Embed:
    """Return what embeds different texts once each, and reports `activity` after each thousand."""

    def embed(texts: Sequence[str]) -> Vectors:
        rows = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        distinct = list(rows)
        vectors = np.zeros((len(distinct), embedder.dimension), np.float32)
        for start in range(0, len(distinct), _AT_ONCE):
            part = distinct[start : start + _AT_ONCE]
            vectors[start : start + len(part)] = embedder.embed(part)
            report(f"{activity} ({len(distinct):,} texts)", start + len(part), len(distinct))
        whole: Vectors = vectors[[rows[text] for text in texts]]
        return whole

    return embed
