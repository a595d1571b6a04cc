"""All offered opportunities as arrays, in order of name, for scoring at once.

Rebuilt when an opportunity or the day changes. Skills are kept by key, as postings: who asks for what a person
has is then found without looking at anybody else. Each opportunity has three segments: essential, optional and
taught skills.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from careweave.embedding.port import Vectors
from careweave_matching.affinity import Affinities
from careweave_matching.credentials import absent_standing, subject_of
from careweave_matching.eligibility import deadline_of, needed_through
from careweave_matching.entries import Integers, OpportunityEntry
from careweave_matching.geography import Geography
from careweave_matching.model import CredentialNeed
from careweave_matching.relatedness import Relatedness
from careweave_matching.scoring import MILLION
from careweave_matching.terms import OpportunityKind
from careweave_matching.weights import Weights

Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class NeedTable:
    """All credentials that any opportunity needs.

    distinct: the different needs. by_subject: (kind, title) → their numbers.
    flat: for each need of each opportunity the number in `distinct`; `owner`: its opportunity.
    needed, deadline: ordinals, see `eligibility.credential_result`.
    provided, distinct_provided: whether the employer provides it, for each in `flat` and in `distinct`.
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
    distinct_provided: Flags
    absent: Integers
    unrecorded: Integers
    first: Integers


@dataclass(frozen=True, slots=True)
class Postings:
    """Which opportunities ask for each key: those of key k from `starts[k]` to `starts[k + 1]`.

    segments: three times the opportunity's row, plus 0 essential, 1 optional, 2 taught. rows: the row.
    weights: in thousandths. bonuses: see `OpportunityEntry`; 0 in taught segments.
    """

    starts: Integers
    segments: Integers
    rows: Integers
    weights: Integers
    bonuses: Integers


@dataclass(frozen=True, slots=True)
class Table:
    """Offered opportunities; every array has one element or row for each, unless said otherwise.

    as_of: ordinal of the day it is for.
    keys: how many keys there are.
    full: (n, 3), weight times full credit of each segment, 1 where nothing is asked; asked: where something is.
    reliance: (n, 2), how far coverage of essential and optional skills is relied on, see `scoring.relied_on`.
    kinds: one bit, 1 << kind. levels: skill level of the occupation, 0 if not known.
    trains_to: see `OpportunityEntry`.
    """

    as_of: int
    entries: tuple[OpportunityEntry, ...]
    keys: int
    postings: Postings
    full: Numbers
    asked: Flags
    reliance: Numbers
    vectors: Vectors
    places: Integers
    anywhere: Flags
    kinds: Integers
    levels: Integers
    trains_to: Integers
    least_hours: Numbers
    most_hours: Numbers
    unsocial: Flags
    by_occupation: dict[str, Integers]
    jobs_by_occupation: dict[str, Integers]
    needs: NeedTable
    affinities: Affinities


def build_table(
    entries: Iterable[OpportunityEntry],
    keys: int,
    geography: Geography,
    *,
    relatedness: Relatedness,
    weights: Weights,
    as_of: date,
    width: int,
) -> Table:
    """Return the table of those `entries` that are offered on `as_of`.

    keys: how many keys there are. relatedness: what `OpportunityEntry.role` is a row of. width: length of a vector.
    """
    offered = sorted((e for e in entries if e.opportunity.is_offered(as_of)), key=lambda e: e.opportunity.name)
    by_occupation = _group((e.opportunity.occupation, row) for row, e in enumerate(offered))
    jobs = (
        (e.opportunity.occupation, row) for row, e in enumerate(offered) if e.opportunity.kind == OpportunityKind.JOB
    )
    full = np.array([_full(entry) for entry in offered], np.float64).reshape(-1, 3)
    return Table(
        as_of=as_of.toordinal(),
        entries=tuple(offered),
        keys=keys,
        postings=_postings(offered, keys),
        full=np.where(full == 0.0, 1.0, full),
        asked=full > 0.0,
        reliance=full[:, :2] / (full[:, :2] + weights.doubt * MILLION),
        vectors=np.stack([e.vector for e in offered]) if offered else np.zeros((0, width), np.float32),
        places=np.array([geography.index(e.opportunity.place) for e in offered], np.int64),
        anywhere=np.array([not e.opportunity.place for e in offered], np.bool_),
        kinds=np.array([1 << e.opportunity.kind for e in offered], np.int64),
        levels=np.array([e.skill_level for e in offered], np.int64),
        trains_to=np.array([e.trains_to for e in offered], np.int64),
        least_hours=np.array([e.hours.minimum for e in offered], np.float64),
        most_hours=np.array([e.hours.maximum for e in offered], np.float64),
        unsocial=np.array([e.hours.unsocial for e in offered], np.bool_),
        by_occupation=by_occupation,
        jobs_by_occupation=_group(jobs),
        needs=_need_table(offered, as_of),
        affinities=Affinities(relatedness, np.array([e.role for e in offered], np.int64)),
    )


def _full(entry: OpportunityEntry) -> tuple[int, int, int]:
    cut = entry.essential
    parts = (entry.weights[:cut], entry.weights[cut:], entry.taught_weights)
    essential, optional, taught = (int(part.sum()) * MILLION for part in parts)
    return essential, optional, taught


def _postings(offered: Sequence[OpportunityEntry], count: int) -> Postings:
    keys = _joined([part for entry in offered for part in (entry.keys, entry.taught_keys)])
    segments = _joined([_segments(row, entry) for row, entry in enumerate(offered)])
    weights = _joined([part for entry in offered for part in (entry.weights, entry.taught_weights)])
    bonuses = _joined([part for e in offered for part in (e.bonuses, np.zeros(len(e.taught), np.int64))])
    order = np.argsort(keys, kind="stable")
    starts = np.searchsorted(keys[order], np.arange(count + 1))
    return Postings(starts, segments[order], segments[order] // 3, weights[order], bonuses[order])


def _segments(row: int, entry: OpportunityEntry) -> Integers:
    sort = np.full(len(entry.keys) + len(entry.taught), 2, np.int64)
    sort[: len(entry.keys)] = 1
    sort[: entry.essential] = 0
    return 3 * row + sort


def _joined(parts: list[Integers]) -> Integers:
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


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
        distinct_provided=np.array([need.provided_by_employer for need in distinct], np.bool_),
        absent=_absent(distinct, recorded=True),
        unrecorded=_absent(distinct, recorded=False),
        first=np.array(first, np.int64),
    )


def _absent(needs: Sequence[CredentialNeed], *, recorded: bool) -> Integers:
    found = [absent_standing(need, profile_records_any=recorded) for need in needs]
    return np.array([[s.good_through, s.lead_days, s.cause] for s in found], np.int64).reshape(-1, 3).T
