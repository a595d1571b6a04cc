"""Where somebody stands at a point of a way: what they hold by then, and how it stands to an occupation."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from careweave_matching import scoring
from careweave_matching.credentials import FOREVER
from careweave_matching.entries import PersonEntry, decode
from careweave_matching.pathways.career import CareerMap, Work
from careweave_matching.scoring import CREDIT_SHIFT, NOTHING
from careweave_matching.taxonomy import Taxonomy
from careweave_matching.terms import CredentialKind, Trust
from careweave_matching.weights import Weights

MOST_WITHOUT_ASSESSMENT = 2
"""Level that finished learning gives at most until someone assesses (Benner's advanced beginner)."""


@dataclass(frozen=True)
class Standing:
    """What somebody brings to a search.

    occupation: the present one, or the last; empty if there was none. current: whether it is the present one.
    held: index of a skill → level (0 unknown) and trust. level: of their highest qualification, 0 if not recorded.
    registers, lapsed: names of registers they are on, and were on.
    """

    occupation: str
    current: bool
    held: Mapping[int, tuple[int, Trust]]
    level: int
    registers: frozenset[str]
    lapsed: frozenset[str]


def standing_of(person: PersonEntry, career: CareerMap, as_of: date) -> Standing:
    """Return where `person` stands on a day.

    Who is on a register is known by the credential alone: titles of work are no evidence of it.
    """
    work = person.person.work
    known = {name.casefold(): name for name in career.registers}
    valid: set[str] = set()
    lapsed: set[str] = set()
    for credential in person.person.credentials.values():
        name = known.get(credential.title.casefold())
        if credential.kind == CredentialKind.REGISTRATION and name:
            expires = credential.expire_date.toordinal() if credential.expire_date else FOREVER
            (valid if expires >= as_of.toordinal() else lapsed).add(name)
    levels = [career.works[each].level for each in career.works if _needs(career.works[each], valid | lapsed)]
    return Standing(
        occupation=work.occupation if work else "",
        current=bool(work and work.current),
        held={skill: (level, trust) for skill, level, trust in map(decode, person.codes)},
        level=max([person.level_attained, *levels]),
        registers=frozenset(valid),
        lapsed=frozenset(lapsed - valid),
    )


def _needs(work: Work, registers: set[str]) -> bool:
    return work.register is not None and work.register.name in registers


def learnt(held: Mapping[int, tuple[int, Trust]], work: Work, level: int) -> dict[int, tuple[int, Trust]]:
    """Return `held` with the essential skills of `work`, as inferred from it, at `level` (0 unknown)."""
    return dict.fromkeys(work.essential, (level, Trust.INFERRED)) | dict(held)


def credits_for(
    skills: Iterable[int], held: Mapping[int, tuple[int, Trust]], taxonomy: Taxonomy, weights: Weights
) -> list[int]:
    """Return the packed credit for each of `skills`, at any level, by what is held and by links of the taxonomy alone.

    Likeness in meaning, which ranking looks at too, is left out: here hundreds of skills are asked for that nobody's
    profile names.
    """
    return [_credit(skill, held, taxonomy, weights) for skill in skills]


def _credit(skill: int, held: Mapping[int, tuple[int, Trust]], taxonomy: Taxonomy, weights: Weights) -> int:
    best = NOTHING
    if skill in held:
        level, trust = held[skill]
        best = scoring.packed_direct(level, trust, 0, weights)
    for other, strength in taxonomy.strengths.get(skill, {}).items():
        if other in held:
            level, trust = held[other]
            packed = scoring.packed_transfer(other, strength, level, trust, asked=0, weights=weights)
            best = max(best, packed)
    return best


@dataclass(frozen=True, slots=True)
class Fit:
    """What of an occupation is there, by links of the taxonomy alone, as the network of ways counts it.

    covered: share of what is essential, weighted by how telling it is, 0 to 1. missing: indices of essential skills
    without any credit, the most telling first.
    """

    covered: float
    missing: tuple[int, ...]


def fit_of(work: Work, held: Mapping[int, tuple[int, Trust]], taxonomy: Taxonomy, weights: Weights) -> Fit:
    """Return the fit of what is held to `work`; `suits` judges how well the person would suit it."""
    essential = credits_for(work.essential, held, taxonomy, weights)
    telling = taxonomy.weights
    wanted = _coverage(work.essential, essential, telling)
    missing = [skill for skill, packed in zip(work.essential, essential, strict=True) if packed == NOTHING]
    missing.sort(key=lambda skill: (-int(telling[skill]), taxonomy.names[skill]))
    return Fit(wanted.share or 0.0, tuple(missing))


def _coverage(skills: Sequence[int], packed: Sequence[int], telling: npt.NDArray[np.int64]) -> scoring.Coverage:
    return scoring.coverage(
        [(int(telling[skill]), one >> CREDIT_SHIFT) for skill, one in zip(skills, packed, strict=True)]
    )
