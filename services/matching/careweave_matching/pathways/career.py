"""The map of careers: occupations with what they ask for, programmes that lead to them, and what carries over.

It is made from what the graph holds and from the packaged facts, once for each version of the taxonomy, and holds
nothing about anybody.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import sparse

from careweave.care import CARE_GROUPS, CARING_GROUPS
from careweave_matching.pathways import rules
from careweave_matching.pathways.facts import Condition, Facts, ProgrammeFact, Register, Rung, Source, Way
from careweave_matching.pathways.reading import CareerRows, OccupationRow, StandardRow
from careweave_matching.taxonomy import Taxonomy

Matrix: TypeAlias = Any
"""A sparse matrix (`scipy.sparse.csr_array`), of which no types are published."""

CURRENT_REFERENCE: Final = "standards/ST"
"""How standards that can be started today are named; the others are those of 2021."""
LEAST_CONFIDENCE: Final = 0.75
"""Confidence of a link from which on a standard is taken to prepare for an occupation."""
FARTHEST_LEVEL: Final = 2
"""A standard whose level is further from the occupation's than this is taken to prepare for something else."""


@dataclass(frozen=True, slots=True)
class Work:
    """An occupation.

    level: of qualification, usual for it in England, 1 to 8. essential, optional: indices of skills, in order.
    register: that the law asks for. field: see `Facts.fields`, empty for care of adults at large.
    rows: those of it, or of the same work, in the table of relatedness.
    """

    name: str
    label: str
    level: int
    essential: tuple[int, ...]
    optional: tuple[int, ...]
    register: Register | None
    conditions: tuple[Condition, ...]
    isco: str
    in_care: bool
    in_home_care: bool
    caring: bool
    field: str
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Programme:
    """Something that leads to occupations, or to a level alone.

    outcomes: names of occupations; none of a qualification. register: see `ProgrammeFact`.
    near: whether it asks for work close by. shortened: whether it is the shorter form, for `entry_register`.
    """

    name: str
    title: str
    way: Way
    level: int
    months: int
    hours: int
    outcomes: tuple[str, ...]
    register: str
    entry_level: int
    entry_register: str
    near: bool
    shortened: bool
    basis: str
    source: Source


@dataclass(frozen=True, eq=False)
class CareerMap:
    """Careers under one version of the taxonomy.

    works: by name, in order of name. rungs: by names of both ends. same: occupations that are the same work.
    carries: (skills, skills), one where having the first gives credit for the second.
    """

    taxonomy: Taxonomy
    works: Mapping[str, Work]
    programmes: tuple[Programme, ...]
    rungs: Mapping[tuple[str, str], Rung]
    same: frozenset[tuple[str, str]]
    registers: Mapping[str, Register]
    carries: Matrix

    @cached_property
    def rows(self) -> Mapping[str, int]:
        """The row of each occupation in `needs` and `gives`."""
        return {name: row for row, name in enumerate(self.works)}

    @cached_property
    def needs(self) -> Matrix:
        """(occupations, skills): one where the skill is essential."""
        return indicator([work.essential for work in self.works.values()], len(self.taxonomy.names))

    @cached_property
    def gives(self) -> Matrix:
        """(occupations, skills): one where who does the work has the skill, or one that carries over to it."""
        return self.reached(self.needs)

    @cached_property
    def telling(self) -> npt.NDArray[np.float64]:
        """(skills,): how telling each is."""
        return self.taxonomy.weights.astype(np.float64)

    @cached_property
    def between(self) -> tuple[str, ...]:
        """Names of the occupations that a way may go through: those of health and social care.

        A role category that is no next rung for anybody is another name for work that is there already.
        """
        rungs = {end for _, end in self.rungs}
        twins = {one for one, _ in self.same}
        return tuple(
            name
            for name, work in self.works.items()
            if work.in_care and (name in rungs or name not in twins or work.isco)
        )

    def reached(self, held: Matrix) -> Matrix:
        """Return (m, skills): one where a row of `held` (m, skills) has the skill or one that carries over to it."""
        found = held + held @ self.carries
        found.data[:] = 1.0
        return found


def indicator(rows: Iterable[Iterable[int]], width: int) -> Matrix:
    """Return a sparse matrix with ones at the columns that each row names."""
    columns = [sorted(set(row)) for row in rows]
    indptr = np.concatenate(([0], np.cumsum([len(row) for row in columns]))).astype(np.int64)
    indices = np.array([column for row in columns for column in row], np.int64)
    return sparse.csr_array((np.ones(len(indices)), indices, indptr), shape=(len(columns), width))


def build_map(taxonomy: Taxonomy, rows: CareerRows, facts: Facts) -> CareerMap:
    """Return the map. What the facts name and the taxonomy does not hold is left out."""
    names = {row.label: row.name for row in rows.occupations} | {
        row.name.removeprefix("occupations/"): row.name for row in rows.occupations
    }
    same = frozenset(pair for one, other in rows.same for pair in ((one, other), (other, one)))
    works = _works(taxonomy, rows, facts, names)
    carries = indicator(_carried(taxonomy), len(taxonomy.names))
    return CareerMap(
        taxonomy,
        works,
        _programmes(works, rows, facts, names),
        {
            (names[start], names[end]): rung
            for rung in facts.rungs
            for start in rung.starts
            for end in rung.ends
            if start in names and end in names
        },
        same,
        {register.name: register for register in facts.registers},
        carries,
    )


def _carried(taxonomy: Taxonomy) -> list[list[int]]:
    """Return, for each skill held, the skills that it gives credit for."""
    found: list[list[int]] = [[] for _ in taxonomy.names]
    for required, held in taxonomy.strengths.items():
        for skill in held:
            found[skill].append(required)
    return found


def _works(taxonomy: Taxonomy, rows: CareerRows, facts: Facts, names: Mapping[str, str]) -> dict[str, Work]:
    by_name = {row.name: row for row in rows.occupations}
    twins: dict[str, list[str]] = defaultdict(list)
    for one, other in rows.same:
        twins[one].append(other)
    registers = {
        names[each]: register for register in facts.registers for each in register.occupations if each in names
    }
    levels = {names[each]: level for each, level in facts.levels.items() if each in names}
    conditions: dict[str, list[Condition]] = defaultdict(list)
    for condition in facts.conditions:
        for each in condition.occupations:
            conditions[names.get(each, "")].append(condition)
    home_care = {names[each] for each in facts.home_care if each in names}
    fields = {names[each]: field for each, field in facts.fields.items() if each in names}
    related, index = taxonomy.relatedness, taxonomy.index
    found: dict[str, Work] = {}
    for row in rows.occupations:
        others = [by_name[name] for name in twins[row.name] if name in by_name]
        essential, optional = _required(row, others)
        own = [related.row(each.name) for each in (row, *others)]
        found[row.name] = Work(
            name=row.name,
            label=row.label,
            level=levels.get(row.name, rules.level_of_isco(row.isco_group)),
            essential=tuple(sorted(index[skill] for skill in essential if skill in index)),
            optional=tuple(sorted(index[skill] for skill in optional if skill in index)),
            register=registers.get(row.name),
            conditions=tuple(conditions[row.name]),
            isco=row.isco_group,
            in_care=row.isco_group in CARE_GROUPS or not row.isco_group,
            in_home_care=row.name in home_care,
            caring=row.isco_group in CARING_GROUPS or not row.isco_group,
            field=fields.get(row.name, ""),
            rows=tuple(each for each in own if each != related.nobody),
        )
    return found


def _required(row: OccupationRow, twins: list[OccupationRow]) -> tuple[set[str], set[str]]:
    """Return what is essential and optional; of a role that lists nothing, what all of the same work have in common."""
    if row.essential or row.optional or not twins:
        return set(row.essential), set(row.optional)
    return (
        set.intersection(*(set(twin.essential) for twin in twins)),
        set.intersection(*(set(twin.optional) for twin in twins)),
    )


def _programmes(
    works: Mapping[str, Work], rows: CareerRows, facts: Facts, names: Mapping[str, str]
) -> tuple[Programme, ...]:
    same = [pair for one, other in rows.same for pair in ((one, other), (other, one))]
    standards = {row.name: row for row in rows.standards if row.status in rules.APPROVED}
    known = {fact.name for fact in facts.programmes}
    found: list[Programme] = []
    for fact in facts.programmes:
        outcomes = tuple(names[each] for each in fact.occupations if each in names)
        standard = standards.get(fact.name)
        if fact.way is Way.LEFT_OUT:
            continue
        if (outcomes or fact.way is Way.QUALIFICATION) and (standard or fact.way is not Way.APPRENTICESHIP):
            found += _forms_of(fact, outcomes, standard)
    for standard in standards.values():
        if standard.name.startswith(CURRENT_REFERENCE) and standard.name not in known:
            found += _unregulated(standard, works, same)
    return tuple(sorted((one for one in found if one.months), key=lambda one: (one.name, one.shortened)))


def _forms_of(fact: ProgrammeFact, outcomes: tuple[str, ...], standard: StandardRow | None) -> list[Programme]:
    """Return the programme and, if there is one, its shorter form."""
    level = fact.level or (standard.level if standard else 0)
    months = fact.months or (standard.months if standard else 0)
    whole = Programme(
        name=fact.name,
        title=fact.title or (standard.title if standard else ""),
        way=fact.way,
        level=level,
        months=months,
        hours=fact.hours or rules.hours_of_apprenticeship(months),
        outcomes=outcomes,
        register=fact.register,
        entry_level=fact.entry_level,
        entry_register=fact.entry_register,
        near=fact.way is Way.APPRENTICESHIP and rules.HIGHER <= level < rules.DEGREE,
        shortened=False,
        basis=fact.basis,
        source=fact.source,
    )
    if not fact.shorter_for:
        return [whole]
    shorter = Programme(
        whole.name, whole.title, whole.way, level, fact.shorter_months,
        rules.hours_of_apprenticeship(fact.shorter_months), outcomes, fact.register, 0, fact.shorter_for,
        near=False, shortened=True, basis=fact.basis, source=fact.source,
    )  # fmt: skip
    return [whole, shorter]


def roles_of(occupations: Iterable[str], same: Iterable[tuple[str, str]]) -> list[str]:
    """Return what is the same work as any of `occupations`, in order of name."""
    named = set(occupations)
    return sorted({other for one, other in same if one in named} - named)


def _unregulated(standard: StandardRow, works: Mapping[str, Work], same: Iterable[tuple[str, str]]) -> list[Programme]:
    """Return the programme of a standard for work without a register, to which the listed programmes alone lead."""
    outcomes = tuple(
        name
        for name, confidence in standard.prepares_for
        if confidence >= LEAST_CONFIDENCE
        and name in works
        and works[name].register is None
        and abs(works[name].level - standard.level) <= FARTHEST_LEVEL
    )
    if not outcomes or not any(works[name].in_care for name in outcomes):
        return []
    outcomes += tuple(
        role for role in roles_of(outcomes, same) if works[role].level <= standard.level and not works[role].isco
    )
    return [
        Programme(
            name=standard.name,
            title=standard.title,
            way=Way.APPRENTICESHIP,
            level=standard.level,
            months=standard.months,
            hours=rules.hours_of_apprenticeship(standard.months),
            outcomes=outcomes,
            register="",
            entry_level=_entry_level(standard.level),
            entry_register="",
            near=standard.level == rules.DEGREE - 1,
            shortened=False,
            basis="The standard’s typical length.",
            source=replace(
                rules.ENTRY_TO_APPRENTICESHIPS,
                text=f"{rules.ENTRY_TO_APPRENTICESHIPS.text}; Skills England, apprenticeship standard "
                f"{standard.name.removeprefix('standards/')}",
            ),
        )
    ]


def _entry_level(level: int) -> int:
    """Return the level that an apprenticeship of `level` asks for: from 5 on a level 3, beyond a degree a degree."""
    if level > rules.DEGREE:
        return rules.DEGREE
    return 3 if level >= rules.DEGREE - 1 else 0
