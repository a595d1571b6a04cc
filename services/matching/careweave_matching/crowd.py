"""Everyone as arrays, for ranking people for one opportunity; the definition is `scoring`.

As in `bulk`, coverage is exact, and whatever could belong to the page is reckoned again row by row.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from careweave.embedding.port import Vectors
from careweave_matching.adjacency import dot_rows
from careweave_matching.compiled.ranking import Numbers
from careweave_matching.entries import CODE_BITS, CODES_PER_SKILL, Integers, OpportunityEntry, PersonEntry
from careweave_matching.reach import Reach
from careweave_matching.relatedness import Relatedness
from careweave_matching.scoring import CREDIT_SHIFT, MILLION
from careweave_matching.weights import Weights

SLACK = 1e-4
"""More than a score from the matrix product can differ from the exact one."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """People in order of name. codes, owners: skills held, flat, with the row of the person who holds each."""

    as_of: int
    entries: tuple[PersonEntry, ...]
    codes: Integers
    owners: Integers
    vectors: Vectors
    totals: Numbers
    roles: Integers
    role_shares: Numbers


def build_crowd(people: Sequence[PersonEntry], width: int, as_of: date) -> Crowd:
    """Return `people` as arrays. width: length of a vector."""
    entries = tuple(sorted(people, key=lambda entry: entry.person.name))
    codes = [code for entry in entries for code in entry.codes]
    return Crowd(
        as_of=as_of.toordinal(),
        entries=entries,
        codes=np.array(codes, np.int64),
        owners=np.repeat(np.arange(len(entries)), [len(entry.codes) for entry in entries]),
        vectors=np.stack([e.vector for e in entries]) if entries else np.zeros((0, width), np.float32),
        totals=np.array([entry.total for entry in entries], np.float64),
        roles=np.array([entry.role for entry in entries], np.int64),
        role_shares=np.array([entry.role_share for entry in entries], np.float64),
    )


def rank_people(
    crowd: Crowd,
    allowed: Integers,
    opportunity: OpportunityEntry,
    *,
    reach: Reach,
    relatedness: Relatedness,
    weights: Weights,
    wanted: int,
) -> tuple[Integers, Numbers]:
    """Return the `wanted` best of the rows `allowed` (ascending) and their suitability, best first, ties by row.

    Fewer if fewer are allowed.
    """
    coverages = _coverages(crowd, allowed, opportunity, reach)
    totals = crowd.totals[allowed]
    related, shares = relatedness.of(opportunity.role)[crowd.roles[allowed]], crowd.role_shares[allowed]

    def suitability(positions: Integers, likeness: Numbers) -> Numbers:
        here = _at(coverages, positions)
        alike = _alike(likeness + here.bonuses, totals[positions], weights)
        return _suitability(here, _with_roles(alike, related[positions], shares[positions]), weights)

    everyone = np.arange(len(allowed))
    rough = suitability(everyone, (crowd.vectors[allowed] @ opportunity.vector).astype(np.float64))
    wanted = min(wanted, len(allowed))
    if not wanted:
        return np.zeros(0, np.int64), np.zeros(0)
    least = -np.partition(-rough, wanted - 1)[wanted - 1]
    near = np.flatnonzero(rough >= least - SLACK)
    exact = suitability(near, dot_rows(crowd.vectors[allowed[near]], opportunity.vector))
    order = np.lexsort((near, -exact))[:wanted]
    return allowed[near[order]], exact[order]


@dataclass(frozen=True, slots=True)
class _Coverages:
    """Coverage of one opportunity by each of some people.

    full_essential, full_optional: weight times full credit of what is asked.
    """

    essential: Numbers
    optional: Numbers
    bonuses: Numbers
    full_essential: float
    full_optional: float


def _at(coverages: _Coverages, positions: Integers) -> _Coverages:
    return replace(
        coverages,
        essential=coverages.essential[positions],
        optional=coverages.optional[positions],
        bonuses=coverages.bonuses[positions],
    )


def _coverages(crowd: Crowd, allowed: Integers, opportunity: OpportunityEntry, reach: Reach) -> _Coverages:
    """Return the coverage by the rows `allowed`."""
    count, keys = len(allowed), len(opportunity.keys)
    position = np.full(len(crowd.entries), -1, np.int64)
    position[allowed] = np.arange(count)
    packed = np.zeros((count, keys), np.int64)
    held = np.zeros((count, keys), np.bool_)
    wanted_skills = np.array(sorted(reach.sources(opportunity.skills)), np.int64)
    mine = np.isin(crowd.codes >> CODE_BITS, wanted_skills) & (position[crowd.owners] >= 0)
    codes, owners = crowd.codes[mine], position[crowd.owners[mine]]
    column_of = {key: column for column, key in enumerate(opportunity.keys.tolist())}
    order = np.argsort(codes, kind="stable")
    distinct, starts = np.unique(codes[order], return_index=True)
    for code, rows in zip(distinct.tolist(), _runs(owners[order], starts), strict=True):
        reached = reach.of(code)
        for key, value in zip(reached.keys.tolist(), reached.packed.tolist(), strict=True):
            column = column_of.get(key)
            if column is not None:
                packed[rows, column] = np.maximum(packed[rows, column], value)
        skill = code // CODES_PER_SKILL
        for column, required in enumerate(opportunity.skills):
            if required == skill:
                held[rows, column] = True
    earned = (packed >> CREDIT_SHIFT) * opportunity.weights
    cut = opportunity.essential
    essential, optional = opportunity.weights[:cut], opportunity.weights[cut:]
    return _Coverages(
        essential=_share(earned[:, :cut], essential),
        optional=_share(earned[:, cut:], optional),
        bonuses=(held * opportunity.bonuses).sum(axis=1) / MILLION,
        full_essential=float(essential.sum() * MILLION),
        full_optional=float(optional.sum() * MILLION),
    )


def _runs(values: Integers, starts: Integers) -> list[Integers]:
    return np.split(values, starts[1:]) if len(starts) else []


def _share(earned: Integers, weights: Integers) -> Numbers:
    share: Numbers = earned.sum(axis=1) / float(max(1, weights.sum() * MILLION))
    return share


def _alike(likeness: Numbers, totals: Numbers, weights: Weights) -> Numbers:
    known = totals != 0.0
    mean = np.divide(likeness, totals, out=np.zeros(len(totals)), where=known)
    floor, ceiling = weights.semantic_floor, weights.semantic_ceiling
    return np.where(known, np.minimum(1.0, np.maximum(0.0, (mean - floor) / (ceiling - floor))), 0.0)


def _with_roles(semantic: Numbers, related: Numbers, share: Numbers) -> Numbers:
    """Return `scoring.with_role` for each element."""
    return np.where(related < 0.0, semantic, semantic + share * (related - semantic))


def _suitability(coverages: _Coverages, semantic: Numbers, weights: Weights) -> Numbers:
    covered = _relied_on(coverages.essential, coverages.full_essential, semantic, weights)
    further = _relied_on(coverages.optional, coverages.full_optional, covered, weights)
    suits: Numbers = weights.essential * covered + weights.optional * further + weights.semantic * semantic
    return suits


def _relied_on(share: Numbers, full: float, instead: Numbers, weights: Weights) -> Numbers:
    reliance = full / (full + weights.doubt * MILLION)
    return reliance * share + (1.0 - reliance) * instead
