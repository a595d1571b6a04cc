"""ESCO as it is packaged, in the forms that likeness and extraction take, and embedding with progress shown."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np
from careweave_matching.likeness import Embed, OccupationText
from careweave_skills.care import CARE_GROUPS
from careweave_skills.lexical import Concept
from careweave_skills.sources.esco import Esco, read_esco
from careweave_skills.taxonomy import Importance

from careweave import datasets
from careweave.embedding.port import Embedder, Vectors
from careweave_cli.show.progress import Report

_AT_ONCE: Final = 1024


def packaged_esco() -> Esco:
    """Return the packaged ESCO."""
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


def skill_concepts(esco: Esco) -> list[Concept]:
    """Return the skills as search and extraction take them."""
    care = {occupation.name for occupation in esco.occupations if occupation.isco_group in CARE_GROUPS}
    asked = {(each.occupation, each.skill) for each in esco.requirements if each.occupation in care}
    counts = Counter(skill for _, skill in asked)
    return [
        Concept(skill.name, skill.label, skill.alternative_labels, care_occupations=counts[skill.name])
        for skill in esco.skills
    ]


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
