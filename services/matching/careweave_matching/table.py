"""All offered opportunities as arrays, in order of name, for scoring at once.

Rebuilt when an opportunity or the day changes. Skills are kept by key, as postings: who asks for what a person
has is then found without looking at anybody else. Each opportunity has three segments: essential, optional and
taught skills.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from careweave_matching.compiled.credits import Askings
from careweave_matching.compiled.kept import keep
from careweave_matching.compiled.ranking import NO_OCCUPATION, Flags, Integers, Numbers, Stalls, Weighing
from careweave_matching.credentials import absent_standing, subject_of
from careweave_matching.eligibility import deadline_of, needed_through
from careweave_matching.entries import OpportunityEntry
from careweave_matching.geography import Geography
from careweave_matching.model import CredentialNeed
from careweave_matching.relatedness import Relatedness
from careweave_matching.scoring import MILLION
from careweave_matching.terms import OpportunityKind
from careweave_matching.weights import Weights

_GENERATIONS: Final = itertools.count(1)


@dataclass(frozen=True, slots=True)
class NeedTable:
    """All credentials that any opportunity needs.

    generation: differs between any two tables of one process.
    distinct: the different needs. by_subject: (kind, title) → their numbers.
    flat: for each need of each opportunity the number in `distinct`; `owner`: its opportunity.
    needed, deadline: ordinals, see `eligibility.credential_result`.
    provided: whether the employer provides it.
    absent, unrecorded: (3, number in `distinct`): `good_through`, `lead_days` and `cause` of the standing of
        somebody who holds none of them, and of somebody whose profile holds no credential at all.
    first: where the needs of each opportunity begin in `flat`.
    """

    generation: int
    distinct: tuple[CredentialNeed, ...]
    by_subject: dict[tuple[int, str], list[int]]
    flat: Integers
    owner: Integers
    needed: Integers
    deadline: Integers
    provided: Flags
    absent: Integers
    unrecorded: Integers
    first: Integers


@dataclass(frozen=True, slots=True)
class Kept:
    """What compiled code ranks a table by, see `compiled.kept`.

    askings: who asks for each key; segments are three times the row, plus 0 essential, 1 optional, 2 taught.
    """

    stalls: Stalls
    askings: Askings
    weighing: Weighing


@dataclass(frozen=True, slots=True)
class Table:
    """Offered opportunities; every array has one element or row for each, unless said otherwise.

    as_of: ordinal of the day it is for.
    stalls: what they are scored by. full is weight times full credit of each segment, 1 where nothing is asked;
        reliance how far coverage of essential and optional skills is relied on, see `scoring.relied_on`.
    kept: the same and more, for compiled code.
    occupations: numbers of those that any of them is of.
    relatedness: of occupations.
    """

    as_of: int
    entries: tuple[OpportunityEntry, ...]
    stalls: Stalls
    kept: Kept
    occupations: Mapping[str, int]
    places: Integers
    least_hours: Numbers
    most_hours: Numbers
    unsocial: Flags
    needs: NeedTable
    relatedness: Relatedness

    def numbers_of(self, occupations: Iterable[str]) -> Integers:
        """Return the numbers of those `occupations` that any opportunity is of."""
        return np.array([self.occupations[name] for name in occupations if name in self.occupations], np.int64)


def offered_on(entries: Iterable[OpportunityEntry], as_of: date) -> tuple[OpportunityEntry, ...]:
    """Return those of `entries` that are offered on `as_of`, in order of name."""
    return tuple(
        sorted((e for e in entries if e.opportunity.is_offered(as_of)), key=lambda entry: entry.opportunity.name)
    )


def build_table(
    offered: tuple[OpportunityEntry, ...],
    keys: int,
    geography: Geography,
    *,
    relatedness: Relatedness,
    weights: Weights,
    as_of: date,
    width: int,
) -> Table:
    """Return the table of what is `offered` on `as_of`, see `offered_on`.

    keys: how many keys there are. relatedness: what `OpportunityEntry.role` is a row of. width: length of a vector.
    """
    occupations: dict[str, int] = {}
    for entry in offered:
        if entry.opportunity.occupation:
            occupations.setdefault(entry.opportunity.occupation, len(occupations))
    needs = _need_table(offered, as_of)
    stalls = _stalls(offered, needs, occupations, weights, width)
    weighing = Weighing(*(getattr(weights, name) for name in Weighing._fields))
    return Table(
        as_of=as_of.toordinal(),
        entries=offered,
        stalls=stalls,
        kept=Kept(keep(stalls), keep(_askings(offered, keys)), keep(weighing)),
        occupations=occupations,
        places=np.array([geography.index(e.opportunity.place) for e in offered], np.int64),
        least_hours=np.array([e.hours.minimum for e in offered], np.float64),
        most_hours=np.array([e.hours.maximum for e in offered], np.float64),
        unsocial=np.array([e.hours.unsocial for e in offered], np.bool_),
        needs=needs,
        relatedness=relatedness,
    )


def _stalls(
    offered: Sequence[OpportunityEntry], needs: NeedTable, occupations: Mapping[str, int], weights: Weights, width: int
) -> Stalls:
    full = np.array([_full(entry) for entry in offered], np.float64).reshape(-1, 3)
    return Stalls(
        full=np.where(full == 0.0, 1.0, full),
        asked=full > 0.0,
        reliance=full[:, :2] / (full[:, :2] + weights.doubt * MILLION),
        vectors=np.stack([e.vector for e in offered]) if offered else np.zeros((0, width), np.float32),
        anywhere=np.array([not e.opportunity.place for e in offered], np.bool_),
        kinds=np.array([1 << e.opportunity.kind for e in offered], np.int64),
        levels=np.array([e.skill_level for e in offered], np.int64),
        trains_to=np.array([e.trains_to for e in offered], np.int64),
        roles=np.array([e.role for e in offered], np.int64),
        occupations=np.array([occupations.get(e.opportunity.occupation, NO_OCCUPATION) for e in offered], np.int64),
        jobs=np.array([e.opportunity.kind == OpportunityKind.JOB for e in offered], np.bool_),
        need_starts=np.append(needs.first, len(needs.flat)),
        needs=needs.flat,
        needed=needs.needed,
        deadline=needs.deadline,
        provided=needs.provided,
    )


def _full(entry: OpportunityEntry) -> tuple[int, int, int]:
    cut = entry.essential
    parts = (entry.weights[:cut], entry.weights[cut:], entry.taught_weights)
    essential, optional, taught = (int(part.sum()) * MILLION for part in parts)
    return essential, optional, taught


def _askings(offered: Sequence[OpportunityEntry], count: int) -> Askings:
    keys = _joined([part for entry in offered for part in (entry.keys, entry.taught_keys)])
    segments = _joined([_segments(row, entry) for row, entry in enumerate(offered)])
    weights = _joined([part for entry in offered for part in (entry.weights, entry.taught_weights)])
    bonuses = _joined([part for e in offered for part in (e.bonuses, np.zeros(len(e.taught), np.int64))])
    order = np.argsort(keys, kind="stable")
    starts = np.searchsorted(keys[order], np.arange(count + 1))
    return Askings(starts, segments[order], segments[order] // 3, weights[order], bonuses[order])


def _segments(row: int, entry: OpportunityEntry) -> Integers:
    sort = np.full(len(entry.keys) + len(entry.taught), 2, np.int64)
    sort[: len(entry.keys)] = 1
    sort[: entry.essential] = 0
    return 3 * row + sort


def _joined(parts: list[Integers]) -> Integers:
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _need_table(offered: Sequence[OpportunityEntry], as_of: date) -> NeedTable:
    numbers: dict[CredentialNeed, int] = {}
    flat: list[int] = []
    owner: list[int] = []
    needed: list[int] = []
    deadline: list[int] = []
    first: list[int] = []
    for row, entry in enumerate(offered):
        first.append(len(flat))
        for need in entry.needs:
            flat.append(numbers.setdefault(need, len(numbers)))
            owner.append(row)
            needed.append(needed_through(need, entry.opportunity, as_of).toordinal())
            deadline.append(deadline_of(entry.opportunity, as_of))
    distinct = tuple(numbers)
    by_subject: dict[tuple[int, str], list[int]] = {}
    for number, need in enumerate(distinct):
        by_subject.setdefault(subject_of(need.kind, need.title), []).append(number)
    return NeedTable(
        generation=next(_GENERATIONS),
        distinct=distinct,
        by_subject=by_subject,
        flat=np.array(flat, np.int64),
        owner=np.array(owner, np.int64),
        needed=np.array(needed, np.int64),
        deadline=np.array(deadline, np.int64),
        provided=np.array([distinct[number].provided_by_employer for number in flat], np.bool_),
        absent=_absent(distinct, recorded=True),
        unrecorded=_absent(distinct, recorded=False),
        first=np.array(first, np.int64),
    )


def _absent(needs: Sequence[CredentialNeed], *, recorded: bool) -> Integers:
    found = [absent_standing(need, profile_records_any=recorded) for need in needs]
    return np.array([[s.good_through, s.lead_days, s.cause] for s in found], np.int64).reshape(-1, 3).T
