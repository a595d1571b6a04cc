"""When a step is viable, how long it takes and how much learning it is: every rule in one place, with its source.

Levels are those of the Regulated Qualifications Framework, 1 to 8 (Ofqual, "What qualification levels mean").
What no law and no published figure settles is a rule of this project, and says so wherever it is shown.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from careweave_matching.pathways.facts import Source

Flags: TypeAlias = npt.NDArray[np.bool_]
Numbers: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]

OWN: Final = Source("A rule of Careweave's own: services/matching/README.md, “Pathways”", own=True)
ISCO: Final = Source(
    "International Labour Office, ISCO-08 (2012), volume 1, skill levels; the size of a step is Careweave's own rule",
    "https://www.ilo.org/publications/international-standard-classification-occupations-2008-isco-08",
)
SHORTEST_APPRENTICESHIP: Final = Source(
    "Apprenticeships (Miscellaneous Provisions) (England) (Amendment) Regulations 2025 (SI 2025/599): eight months at "
    "least, from 1 August 2025",
    "https://www.legislation.gov.uk/uksi/2025/599",
    date(2026, 11, 28),
)
FUNDING_FROM_LEVEL_7: Final = Source(
    "Department for Education, announcement of 27 May 2025, as reported by FE Week: from January 2026",
    "https://feweek.co.uk/level-7-apprenticeship-funding-to-be-axed-from-january-2026",
    date(2026, 11, 28),
)
ENTRY_TO_APPRENTICESHIPS: Final = Source(
    "UCAS, Entry requirements for apprenticeships in England",
    "https://www.ucas.com/entry-requirements-apprenticeships-england",
    date(2026, 11, 28),
)
MASTERS: Final = 7
"""Level of apprenticeships that `FUNDING_FROM_LEVEL_7` is about."""
APPROVED: Final = frozenset({"", "ApprovedForDelivery"})
"""States, as Skills England words them, of standards that can be begun; the others are paused or not ready. Standards
without one are taken to be."""

NEAR: Final = 0.40
"""Relatedness of two occupations from which on one is a move from the other."""
COVERED: Final = 0.50
"""Coverage of essential skills from which on it is a move, however the occupations are related."""
ENTRY_LEVEL: Final = 2
"""Work of this level or below is open to beginners: it is learnt in its first months."""
HIGHER: Final = 4
"""Level from which on an apprenticeship that the packaged table lists asks for work close by, up to a degree's."""
DEGREE: Final = 6
SAME_FIELD: Final = 0.80
"""Relatedness from which on an apprenticeship for one occupation is done in the other without leaving it."""
NEAR_ENOUGH_TO_TRAIN: Final = 0.30
"""Relatedness that an apprenticeship of level 5 asks for, of work with people who are cared for."""
TOWARDS: Final = 0.15
"""How much nearer to the aim work must be, in relatedness, to be a step on the way if it is of no higher level."""
SAME_SORT: Final = 0.90
"""Relatedness from which on work of the same level is the same work at another employer, and no step."""
ASTRAY: Final = 0.05
"""How much farther from the aim a step may lead."""
SHORTEST_PRACTICAL_PERIOD: Final = 8
"""Months, see `SHORTEST_APPRENTICESHIP`."""

RECRUITING: Final = 3
"""Months to apply, to be checked and to be inducted: the Care Certificate alone is meant to take twelve weeks."""
GAPS_A_MONTH: Final = 4
MOST_FOR_GAPS: Final = 12
MOST_FOR_GAPS_AT_ENTRY: Final = 6
"""The same for work that is open to beginners."""
PRACTICE_BEFORE_RISING: Final = 12
"""Months in the work below before a move to work of a higher level."""
HOURS_A_GAP: Final = 10
"""Hours of learning for a skill that no course is known for: one credit (Ofqual, total qualification time)."""
OFF_THE_JOB: Final = 6
"""Hours a week that an apprentice learns (Department for Education, off-the-job training, before August 2025; since
then each standard sets its own, which is not in the packaged table)."""
WEEKS_A_MONTH: Final = 52 / 12


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition of a step that is met. words: what is so, in one sentence."""

    words: str
    source: Source


def level_of_isco(isco_group: str) -> int:
    """Return the level of qualification that goes with an ISCO-08 group; 2 where there is none.

    Skill level 1 and 2 read as level 2, 3 as 4, managers as 5 and 4 as 6 (ISCO-08, volume 1, mapping to ISCED).
    """
    return {"1": 5, "2": 6, "3": 4, "9": 1}.get(isco_group[:1], 2)


def months_to_move(gaps: Numbers, levels: Integers, *, rises: Flags, rungs: Integers) -> Numbers:
    """Return the months that moves take; all arrays are alike in shape.

    gaps: essential skills still missing. levels: of the work moved to. rises: whether that is above the present work's.
    rungs: months of practice that the Care Workforce Pathway goes with; 0 where it is none of its rungs.
    """
    most = np.where(levels <= ENTRY_LEVEL, MOST_FOR_GAPS_AT_ENTRY, MOST_FOR_GAPS)
    learning = np.minimum(most, np.ceil(gaps / GAPS_A_MONTH))
    practised = rises & (levels > ENTRY_LEVEL)
    practice = np.where(rungs > 0, rungs, np.where(practised, PRACTICE_BEFORE_RISING, 0))
    found: Numbers = RECRUITING + np.maximum(learning, practice)
    return found


def hours_of_apprenticeship(months: int) -> int:
    """Return the hours of learning off the job."""
    return round(months * WEEKS_A_MONTH * OFF_THE_JOB)


def may_rise(to: Integers, current: Integers, attained: int) -> Flags:
    """Say whether work of the levels `to` can be moved to without a programme.

    At most one level above the present work or the qualification, whichever is higher; to a degree's level and beyond
    only with a qualification, or work, of that level. What is open to beginners is open to all.
    """
    most = np.maximum(current, attained)
    found: Flags = (to <= np.maximum(most + 1, ENTRY_LEVEL)) & ((to < DEGREE) | (to <= most))
    return found


def is_near(related: Numbers, covered: Numbers, rungs: Integers, levels: Integers) -> Flags:
    """Say where the work has enough in common for a move, is the next rung, or is open to beginners."""
    found: Flags = (related >= NEAR) | (covered >= COVERED) | (rungs > 0) | (levels <= ENTRY_LEVEL)
    return found
