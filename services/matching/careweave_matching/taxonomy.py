"""The part of the taxonomy that matching holds in memory.

How telling skills are, what they carry over to, and what develops them.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from careweave_matching.adjacency import Strengths
from careweave_matching.relatedness import NONE, Relatedness

THOUSAND = 1000
"""Weight of one nat of information."""
UNSEEN_WEIGHT = 5 * THOUSAND
"""Weight of a skill that no occupation requires, so that nothing is known of how telling it is: ESCO's middle."""
LEAST_WEIGHT = THOUSAND // 2


@dataclass(frozen=True, slots=True)
class Closer:
    """Something that develops a skill. confidence: that it does, 0 to 1."""

    resource: str
    title: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Occupation:
    """What matching needs of an occupation.

    text: what its vector is made from. skill_level: see `skill_level`.
    """

    label: str
    text: str
    skill_level: int = 0


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """One version of the taxonomy; a skill is known by its place in the order of names.

    weights: how telling each skill is, in thousandths.
    strengths: how far skills carry over by links.
    closers: courses and standards that develop a skill, best first.
    relatedness: of occupations with one another.
    standard_levels: level of each apprenticeship standard, 2 to 7, by resource name.
    """

    version: str
    names: tuple[str, ...]
    labels: tuple[str, ...]
    weights: npt.NDArray[np.int64]
    strengths: Strengths = field(default_factory=dict)
    occupations: Mapping[str, Occupation] = field(default_factory=dict)
    closers: Mapping[int, tuple[Closer, ...]] = field(default_factory=dict)
    index: Mapping[str, int] = field(default_factory=dict)
    relatedness: Relatedness = NONE
    standard_levels: Mapping[str, int] = field(default_factory=dict)

    def level_of(self, occupation: str) -> int:
        """Return the skill level of an occupation, 1 to 4; 0 if it is not known."""
        known = self.occupations.get(occupation)
        return known.skill_level if known else 0

    def knows(self, skill: str) -> bool:
        """Say whether there is a skill of that name."""
        return skill in self.index


_SKILL_LEVELS = {"1": 3, "2": 4, "3": 3, "4": 2, "5": 2, "6": 2, "7": 2, "8": 2, "9": 1}
"""Major group of ISCO-08 → skill level, managers taken at the lower of their two (International Labour
Office, "International Standard Classification of Occupations: ISCO-08", volume 1, table 1)."""


def skill_level(isco_group: str) -> int:
    """Return the skill level of an ISCO-08 group, 1 to 4; 0 if there is none."""
    return _SKILL_LEVELS.get(isco_group[:1], 0)


def telling_weights(uses: Iterable[int], occupations: int) -> npt.NDArray[np.int64]:
    """Return inverse document frequencies in thousandths.

    uses: in how many occupations each skill is required. occupations: how many there are.
    Formula: ln((N + 1) / (n + 1)), at least a half (K. Sparck Jones, 1972, smoothed).
    """
    return np.array([_weight(count, occupations) for count in uses], dtype=np.int64)


def _weight(count: int, occupations: int) -> int:
    if not count:
        return UNSEEN_WEIGHT
    return max(LEAST_WEIGHT, round(THOUSAND * math.log((occupations + 1) / (count + 1))))


EMPTY = Taxonomy("", (), (), np.zeros(0, np.int64))
"""Before anything is imported."""
