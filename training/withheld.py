"""What the embedder is not shown, so that it can be measured: one rule for each kind of text.

The judged sets of `data/eval` are read here for one purpose: their sentences are struck out of the training texts.
"""

import csv
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from typing import Final

from careweave_cli.quality.held_out import DESCRIPTIONS, SEED, hold_out
from careweave_cli.quality.packaged import skill_concepts
from careweave_skills.sources.esco import Esco
from careweave_skills.sources.standards import ApprenticeshipStandard

from careweave import datasets


@dataclass(frozen=True, slots=True)
class Withheld:
    """What is kept for measuring.

    labels: (alternative label, its skill), as `careweave bench quality held-out` draws them.
    sentences: (made sentence of such labels, their skills); descriptions: (first sentence, its skill).
    texts: all texts that no pair may hold, in lower case.
    skills: those whose descriptions are withheld.
    """

    labels: tuple[tuple[str, str], ...]
    sentences: tuple[tuple[str, frozenset[str]], ...]
    descriptions: tuple[tuple[str, frozenset[str]], ...]
    texts: frozenset[str]
    skills: frozenset[str]


def withhold(esco: Esco) -> Withheld:
    """Return what is kept for measuring: the draw of `bench quality held-out`, and the sentences of `data/eval`."""
    random = Random(SEED)
    held = hold_out(skill_concepts(esco), random)
    described = random.sample([skill for skill in esco.skills if skill.description], DESCRIPTIONS)
    return Withheld(
        labels=held.labels,
        sentences=held.sentences,
        descriptions=tuple((first_sentence(each.description), frozenset({each.name})) for each in described),
        texts=frozenset(_folded(label for label, _ in held.labels)) | _judged_sentences(),
        skills=frozenset(skill.name for skill in described),
    )


def is_withheld(standard: ApprenticeshipStandard) -> bool:
    """Return whether the titles of a standard are for measuring: the last byte of its title's SHA-256 is odd.

    The title is taken in lower case without what stands in brackets, so that two editions stay together.
    """
    bare = re.sub(r"\W+", " ", re.sub(r"\([^)]*\)", " ", standard.title.lower())).strip()
    return hashlib.sha256(f"careweave:{bare}".encode()).digest()[-1] % 2 == 1


def first_sentence(text: str) -> str:
    """Return the first sentence of a description."""
    return re.split(r"(?<=\.)\s", text)[0]


_SETS: Final = ("care.csv", "vacancies.csv", "general.csv", "adverts.csv")


def _judged_sentences() -> frozenset[str]:
    found: set[str] = set()
    for name in _SETS:
        with (datasets.folder("eval/skill-extraction") / name).open(encoding="utf-8", newline="") as opened:
            found.update(_folded(row["sentence"] for row in csv.DictReader(opened)))
    return frozenset(found)


def _folded(texts: Iterable[str]) -> set[str]:
    return {text.strip().lower() for text in texts}
