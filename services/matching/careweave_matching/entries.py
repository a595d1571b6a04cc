"""Opportunities and people as the index holds them: numbers ready for scoring."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from careweave.embedding.port import Vectors
from careweave_matching.adjacency import dot_rows
from careweave_matching.aim_finder import Aims
from careweave_matching.aims import gives_what_is_asked, kinds_named
from careweave_matching.attainment import level_attained, level_trained_to
from careweave_matching.credentials import FOREVER
from careweave_matching.eligibility import Hours, hours_of, needs_of
from careweave_matching.model import CredentialNeed, HeldSkill, Opportunity, Person
from careweave_matching.scoring import MILLION
from careweave_matching.taxonomy import THOUSAND, Taxonomy
from careweave_matching.terms import Trust
from careweave_matching.weights import Weights

Integers = npt.NDArray[np.int64]

TRUST_BITS, LEVEL_BITS = 2, 3
CODE_BITS = TRUST_BITS + LEVEL_BITS
CODES_PER_SKILL = 1 << CODE_BITS


def code_of(skill: int, level: int, trust: Trust) -> int:
    """Return one number for a skill held: index, level and trust."""
    return skill << CODE_BITS | level << TRUST_BITS | trust


def decode(code: int) -> tuple[int, int, Trust]:
    """Return index, level and trust of `code`."""
    return code >> CODE_BITS, code >> TRUST_BITS & (1 << LEVEL_BITS) - 1, Trust(code & (1 << TRUST_BITS) - 1)


class KeyBook:
    """Numbers (skill, level asked) pairs from 0 in order of first use."""

    def __init__(self) -> None:
        """Begin empty."""
        self._keys: dict[tuple[int, int], int] = {}
        self.skills: list[int] = []
        self.levels: list[int] = []

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.skills)

    def number(self, skill: int, level: int) -> int:
        """Return the number of a pair, a new one at first use."""
        pair = (skill, level)
        key = self._keys.get(pair)
        if key is None:
            key = self._keys[pair] = len(self.skills)
            self.skills.append(skill)
            self.levels.append(level)
        return key


@dataclass(frozen=True, slots=True)
class OpportunityEntry:
    """An opportunity in the index.

    vector: unit vector of description and skills.
    skills: indices of required skills, essential first, then by weight, then by name.
    keys, weights, bonuses: for each of them: number in the key book; weight in thousandths; what lifts it to
        likeness 1 in semantic similarity, in millionths.
    essential: how many of them are essential.
    taught, taught_keys, taught_weights: the same for the skills it teaches.
    """

    opportunity: Opportunity
    vector: Vectors
    skills: tuple[int, ...]
    keys: Integers
    weights: Integers
    bonuses: Integers
    essential: int
    taught: tuple[int, ...]
    taught_keys: Integers
    taught_weights: Integers
    needs: tuple[CredentialNeed, ...]
    hours: Hours
    skill_level: int
    """Of its occupation, 1 to 4; 0 if not known."""
    role: int
    """Row of its occupation in `Taxonomy.relatedness`."""
    trains_to: int
    """Level of qualification that an apprenticeship leads to, 1 to 8; 0 if not known or of another kind."""


def enter_opportunity(
    opportunity: Opportunity, vector: Vectors, skill_vectors: Vectors, taxonomy: Taxonomy, keys: KeyBook
) -> OpportunityEntry:
    """Return the entry of `opportunity`. Skills that the taxonomy does not know any more are left out.

    vector: unit vector (d,). skill_vectors: unit vectors of all skills by index, (n, d).
    """
    known = [need for need in opportunity.requirements if taxonomy.knows(need.skill)]
    known.sort(key=lambda need: (not need.essential, -int(taxonomy.weights[taxonomy.index[need.skill]]), need.skill))
    skills = tuple(taxonomy.index[need.skill] for need in known)
    taught = tuple(sorted(taxonomy.index[name] for name in set(opportunity.develops) if taxonomy.knows(name)))
    weights = taxonomy.weights[list(skills)] if skills else np.zeros(0, np.int64)
    cosines = dot_rows(skill_vectors[list(skills)], vector) if skills else np.zeros(0)
    return OpportunityEntry(
        opportunity=opportunity,
        vector=vector,
        skills=skills,
        keys=_numbers([keys.number(taxonomy.index[need.skill], need.level) for need in known]),
        weights=weights,
        bonuses=np.rint(weights * (1.0 - cosines) * (MILLION // THOUSAND)).astype(np.int64),
        essential=sum(need.essential for need in known),
        taught=taught,
        taught_keys=_numbers([keys.number(skill, 0) for skill in taught]),
        taught_weights=taxonomy.weights[list(taught)] if taught else np.zeros(0, np.int64),
        needs=needs_of(opportunity),
        hours=hours_of(opportunity),
        skill_level=taxonomy.level_of(opportunity.occupation),
        role=taxonomy.relatedness.row(opportunity.occupation),
        trains_to=level_trained_to(opportunity, taxonomy.standard_levels),
    )


def _numbers(values: list[int]) -> Integers:
    return np.array(values, dtype=np.int64)


@dataclass(slots=True)
class PersonEntry:
    """A person in the index, as of one day.

    good_through: ordinal of the last day on which the same skills count.
    codes: `code_of` each skill that counts, in order.
    vector: sum over skills and role of weight times unit vector. total: sum of these weights.
    aspirations: unit vectors (m, d) of what the person aims at; None if nothing is stated.
    """

    person: Person
    good_from: int
    good_through: int
    codes: tuple[int, ...]
    vector: Vectors
    total: float
    aspirations: Vectors | None
    aspired: frozenset[str]
    skill_level: int
    """Of the occupation the person has, or had last; 0 if not known."""
    role: int
    """Row of that occupation in `Taxonomy.relatedness`."""
    role_share: float
    """How much relatedness with that occupation counts in semantic similarity."""
    aims: Aims
    """Occupations aimed at: those in `aspired`, outright, and those found in what is written."""
    kinds_named: int
    """Kinds of opportunity that the aspiration names, 1 << kind each."""
    points: float
    """How far the aspiration points, 0 to 1; see `Weights.pointing`. 0 where none is stated."""
    kind_floor: float
    """What aspiration is at least for what fits of the kinds named; see `Weights.floor_of_kind`."""
    level_attained: int
    """Of the highest qualification, 1 to 8; 0 if not known."""
    standings: tuple[tuple[int, int], Integers] | None = None
    """What `NeedBook.standings` answered last, on which day, and of how many needs."""
    granted: tuple[int, Integers] | None = None
    """What `Reach.rows_of` answered last, and the generation of grants that it is for."""

    @property
    def occupation(self) -> str:
        """The occupation the person works in now; empty if none."""
        work = self.person.work
        return work.occupation if work is not None and work.current else ""


def enter_person(  # noqa: PLR0913  what a person is made from
    person: Person,
    role: Vectors | None,
    aspirations: Vectors | None,
    *,
    aims: Aims = (),
    skill_vectors: Vectors,
    taxonomy: Taxonomy,
    weights: Weights,
    as_of: date,
) -> PersonEntry:
    """Return the entry of `person` as of a day.

    role: unit vector of the current or last role; None if there was none.
    aims: occupations found in what the person writes.
    """
    counted = sorted(
        code_of(taxonomy.index[held.skill], held.level, held.trust)
        for held in person.skills
        if held.counts_on(as_of) and taxonomy.knows(held.skill)
    )
    indices = [code >> CODE_BITS for code in counted]
    telling = taxonomy.weights[indices] / THOUSAND if indices else np.zeros(0)
    vector = np.zeros(skill_vectors.shape[1], np.float32)
    for index, weight in zip(indices, telling.astype(np.float32), strict=True):
        vector += weight * skill_vectors[index]
    total = float(telling.sum())
    if role is not None and person.work is not None:
        share = weights.role_weight if person.work.current else weights.past_role_weight
        vector += np.float32(share) * role
        total += share
    related = taxonomy.relatedness
    outright = {related.row(name) for name in person.wishes.aspired_occupations}
    aims = _meant(aims, person.wishes.aspiration, taxonomy, weights)
    kinds = kinds_named(person.wishes.aspiration)
    clearest = 1.0 if person.wishes.aspired_occupations else max((clear for _, clear in aims), default=0.0)
    direction = weights.direction(clearest)
    points = weights.pointing(direction, kind=bool(kinds)) if aspirations is not None else 0.0
    return PersonEntry(
        person=person,
        good_from=as_of.toordinal(),
        good_through=_unchanged_through(person.skills, as_of),
        codes=tuple(counted),
        vector=vector,
        total=total,
        aspirations=aspirations,
        aspired=frozenset(person.wishes.aspired_occupations),
        skill_level=taxonomy.level_of(person.work.occupation) if person.work else 0,
        role=related.row(person.work.occupation if person.work else ""),
        role_share=weights.related_role if person.work and person.work.current else weights.related_past_role,
        aims=tuple(sorted({**dict(aims), **dict.fromkeys(outright - {related.nobody}, 1.0)}.items())),
        kinds_named=kinds,
        points=points,
        kind_floor=weights.floor_of_kind(direction),
        level_attained=level_attained(person.credentials.values()),
    )


def _meant(aims: Aims, aspiration: str, taxonomy: Taxonomy, weights: Weights) -> Aims:
    """Return `aims` with those less clear that the person would rather meet than be."""

    def clearness(row: int, clear: float) -> float:
        known = taxonomy.occupations.get(taxonomy.relatedness.names[row])
        gives = known is not None and gives_what_is_asked(known.label, aspiration)
        return weights.giver * clear if gives and clear < 1.0 else clear

    return tuple((row, clearness(row, clear)) for row, clear in aims)


def _unchanged_through(skills: tuple[HeldSkill, ...], as_of: date) -> int:
    """Return the ordinal of the last day on which the same skills count as on `as_of`."""
    last = FOREVER
    for held in skills:
        if held.first_day is not None and held.first_day > as_of:
            last = min(last, held.first_day.toordinal() - 1)
        elif held.last_day is not None and held.last_day >= as_of:
            last = min(last, held.last_day.toordinal())
    return last
