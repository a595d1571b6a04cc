"""What links are made from, as the graph holds it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from careweave.embedding.port import Vectors
from careweave_skills.taxonomy import Importance, LinkMethod

Embed: TypeAlias = Callable[[Sequence[str]], Vectors]
"""Texts to unit vectors."""

CARE_GROUPS = ("22", "32", "53", "263", "341", "1341", "1342", "1343", "1344")
"""ISCO-08 groups of health and social care, by their first digits."""


@dataclass(frozen=True, slots=True)
class EscoSkill:
    """A skill of ESCO; `wide` if it is cross-sector or transversal."""

    name: str
    label: str
    wide: bool


@dataclass(frozen=True, slots=True)
class EscoOccupation:
    """An occupation of ESCO; `requires` maps names of skills to importance."""

    name: str
    label: str
    alternative_labels: tuple[str, ...]
    isco_group: str
    requires: Mapping[str, Importance]

    @property
    def in_care(self) -> bool:
        """Whether it belongs to health and social care."""
        return self.isco_group.startswith(CARE_GROUPS)


@dataclass(frozen=True, slots=True)
class Wording:
    """A skill of another taxonomy: its name and its text."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Training:
    """A standard. level: RQF, 2 to 7. duties: its knowledge, skills and behaviours."""

    name: str
    title: str
    level: int
    job_titles: tuple[str, ...]
    duties: tuple[Wording, ...]


@dataclass(frozen=True, slots=True)
class ShortCourse:
    """A course; `skills` are those of the care pathway that it develops."""

    name: str
    title: str
    skills: tuple[Wording, ...]


@dataclass(frozen=True, slots=True)
class RoleCategory:
    """A role category of the care pathway."""

    name: str
    label: str


@dataclass(frozen=True, slots=True)
class Taxonomies:
    """Everything that links are made from."""

    skills: tuple[EscoSkill, ...]
    occupations: tuple[EscoOccupation, ...]
    pathway_skills: tuple[Wording, ...]
    roles: tuple[RoleCategory, ...]
    courses: tuple[ShortCourse, ...]
    standards: tuple[Training, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """A link that was made. confidence: that it is right, 0 to 1."""

    source: str
    target: str
    method: LinkMethod
    confidence: float
