"""All offered opportunities as arrays, in order of name, for scoring at once.

Rebuilt when an opportunity or the day changes. Skills lie in one flat array, three segments for each
opportunity (essential, optional, taught), each closed by a row that asks for nothing, so that no segment is
empty.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from careweave.embedding.port import Vectors
from careweave_matching.credentials import absent_standing, subject_of
from careweave_matching.eligibility import deadline_of, needed_through
from careweave_matching.entries import Integers, OpportunityEntry
from careweave_matching.geography import Geography
from careweave_matching.model import CredentialNeed
from careweave_matching.scoring import MILLION
from careweave_matching.terms import OpportunityKind

Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class NeedTable:
    """All credentials that any opportunity needs.

    distinct: the different needs. by_subject: (kind, title) → their numbers.
    flat: for each need of each opportunity the number in `distinct`; `owner`: its opportunity.
    needed, deadline: ordinals, see `eligibility.credential_result`.
    absent, unrecorded: (3, number in `distinct`): `good_through`, `lead_days` and `cause` of the standing of
        somebody who holds none of them, and of somebody whose profile holds no credential at all.
    first: where the needs of each opportunity begin in `flat`.
    """

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
class Table:
    """Offered opportunities; every array has one element or row for each, unless said otherwise.

    as_of: ordinal of the day it is for.
    dummy: the key that asks for nothing, one past the last.
    flat_keys, flat_weights, flat_bonuses: rows of skills. segments: where the 3n segments begin.
    full: 3n, weight times full credit of each segment; 0 where nothing is asked.
    kinds: one bit, 1 << kind. levels: skill level of the occupation, 0 if not known.
    """

    as_of: int
    entries: tuple[OpportunityEntry, ...]
    index: dict[str, int]
    dummy: int
    flat_keys: Integers
    flat_weights: Integers
    flat_bonuses: Integers
    segments: Integers
    full: Numbers
    vectors: Vectors
    places: Integers
    anywhere: Flags
    kinds: Integers
    levels: Integers
    paid: Flags
    least_hours: Numbers
    most_hours: Numbers
    unsocial: Flags
    by_occupation: dict[str, Integers]
    jobs_by_occupation: dict[str, Integers]
    needs: NeedTable


def build_table(entries: Iterable[OpportunityEntry], keys: int, geography: Geography, as_of: date, width: int) -> Table:
    """Return the table of those `entries` that are offered on `as_of`.

    keys: how many keys there are. width: length of a vector.
    """
    offered = sorted((e for e in entries if e.opportunity.is_offered(as_of)), key=lambda e: e.opportunity.name)
    flat_keys, flat_weights, flat_bonuses, segments = _flatten(offered, keys)
    by_occupation = _group((e.opportunity.occupation, row) for row, e in enumerate(offered))
    jobs = (
        (e.opportunity.occupation, row) for row, e in enumerate(offered) if e.opportunity.kind == OpportunityKind.JOB
    )
    return Table(
        as_of=as_of.toordinal(),
        entries=tuple(offered),
        index={entry.opportunity.name: row for row, entry in enumerate(offered)},
        dummy=keys,
        flat_keys=flat_keys,
        flat_weights=flat_weights,
        flat_bonuses=flat_bonuses,
        segments=segments,
        full=_full(flat_weights, segments),
        vectors=np.stack([e.vector for e in offered]) if offered else np.zeros((0, width), np.float32),
        places=np.array([geography.index(e.opportunity.place) for e in offered], np.int64),
        anywhere=np.array([not e.opportunity.place for e in offered], np.bool_),
        kinds=np.array([1 << e.opportunity.kind for e in offered], np.int64),
        levels=np.array([e.skill_level for e in offered], np.int64),
        paid=np.array([e.hours.paid for e in offered], np.bool_),
        least_hours=np.array([e.hours.minimum for e in offered], np.float64),
        most_hours=np.array([e.hours.maximum for e in offered], np.float64),
        unsocial=np.array([e.hours.unsocial for e in offered], np.bool_),
        by_occupation=by_occupation,
        jobs_by_occupation=_group(jobs),
        needs=_need_table(offered, as_of),
    )


def _flatten(offered: Sequence[OpportunityEntry], dummy: int) -> tuple[Integers, Integers, Integers, Integers]:
    keys: list[Integers] = []
    weights: list[Integers] = []
    bonuses: list[Integers] = []
    nothing = np.zeros(1, np.int64)
    closing = np.array([dummy], np.int64)
    for entry in offered:
        cut = entry.essential
        keys += [entry.keys[:cut], closing, entry.keys[cut:], closing, entry.taught_keys, closing]
        weights += [entry.weights[:cut], nothing, entry.weights[cut:], nothing, entry.taught_weights, nothing]
        unlifted = np.zeros(len(entry.taught), np.int64)
        bonuses += [entry.bonuses[:cut], nothing, entry.bonuses[cut:], nothing, unlifted, nothing]
    lengths = [len(a) + len(b) for a, b in zip(keys[::2], keys[1::2], strict=True)]
    segments = np.concatenate(([0], np.cumsum(lengths)[:-1])).astype(np.int64) if lengths else np.zeros(0, np.int64)
    return _joined(keys), _joined(weights), _joined(bonuses), segments


def _joined(parts: list[Integers]) -> Integers:
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _full(weights: Integers, segments: Integers) -> Numbers:
    if not len(segments):
        return np.zeros(0)
    return (np.add.reduceat(weights, segments) * MILLION).astype(np.float64)


def _group(pairs: Iterable[tuple[str, int]]) -> dict[str, Integers]:
    rows: dict[str, list[int]] = {}
    for name, row in pairs:
        if name:
            rows.setdefault(name, []).append(row)
    return {name: np.array(found, np.int64) for name, found in rows.items()}


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
