"""Everyone as arrays, for ranking people for one opportunity; the definition is `scoring` and `eligibility`.

As in `bulk`, coverage is exact, and whatever could belong to the page by a rough likeness is weighed again exactly.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from careweave_matching.adjacency import dot_rows
from careweave_matching.compiled.crowd import earn_all, rough_likeness
from careweave_matching.compiled.ranking import Flags, Numbers
from careweave_matching.compiled.vectors import coded
from careweave_matching.credentials import UNKNOWN_CAUSES, Cause
from careweave_matching.eligibility import credential_standing, deadline_of, needed_through
from careweave_matching.entries import CODE_BITS, Integers, OpportunityEntry, PersonEntry
from careweave_matching.geography import Geography
from careweave_matching.model import Consent, CredentialNeed
from careweave_matching.reach import Reach
from careweave_matching.relatedness import Relatedness
from careweave_matching.scoring import CREDIT_SHIFT, MILLION
from careweave_matching.screening import hours_fit, hours_wished
from careweave_matching.terms import ConsentPurpose
from careweave_matching.travel import effective_mode, journey_minutes
from careweave_matching.weights import Weights

_ROUNDING: Final = 1e-9
_SINGLE: Final = 1e-4
"""More than products in single precision, of a unit vector and one of length 1, differ from the true ones by."""
_UNSURE: Final = np.array([cause in UNKNOWN_CAUSES for cause in Cause], np.bool_)
_K = TypeVar("_K")


class Crowd:
    """People in order of name, as arrays with an element or row for each.

    entries: by row. here: whether they still are as they were; who has changed since is elsewhere, see `Index.crowds`.
    """

    def __init__(self, people: Sequence[PersonEntry], width: int, as_of: date) -> None:
        """Gather `people` as of a day. width: length of a vector."""
        self.as_of = as_of.toordinal()
        self.entries = entries = tuple(sorted(people, key=lambda entry: entry.person.name))
        self.here = np.ones(len(entries), np.bool_)
        self._rows = {entry.person.name: row for row, entry in enumerate(entries)}
        self.vectors = np.stack([e.vector for e in entries]) if entries else np.zeros((0, width), np.float32)
        self.codes, self.steps, self.errors = coded(self.vectors)
        self.totals = np.array([entry.total for entry in entries], np.float64)
        self.roles = np.array([entry.role for entry in entries], np.int64)
        self.role_shares = np.array([entry.role_share for entry in entries], np.float64)
        self.limits = np.array([entry.person.wishes.maximum_minutes for entry in entries], np.int64)
        self.skills, self.begins, self.owners = _holders(entries)
        self.consents: Groups[tuple[Consent, ...]] = Groups([entry.person.consents for entry in entries])
        self.homes: Groups[tuple[str, int]] = Groups(
            [(e.person.place, int(e.person.wishes.travel_mode)) for e in entries]
        )
        self.hours = Groups([e.person.wishes for e in entries], hours_wished)
        self._standings: dict[CredentialNeed, Integers] = {}

    def leave(self, names: Iterable[str]) -> None:
        """Note that people have changed, or are gone."""
        for name in names:
            row = self._rows.get(name)
            if row is not None:
                self.here[row] = False

    def opened(self, organisation: str, purpose: ConsentPurpose, at: datetime) -> Flags:
        """Say of each whether a consent covers it; see `Person.consent_for`."""
        return self.consents.spread(
            lambda consents: any(each.covers(organisation, purpose, at) for each in consents), np.bool_
        )

    def eligible(self, entry: OpportunityEntry, geography: Geography) -> Flags:
        """Say of each whether no gate of `eligibility.gates` fails, of an opportunity that is open."""
        minutes = self.homes.spread(lambda home: _minutes(home, entry.opportunity.place, geography), np.int64)
        fit: Flags = (minutes <= self.limits) & self.hours.spread(
            lambda wished: hours_fit(entry.hours, wished), np.bool_
        )
        day = date.fromordinal(self.as_of)
        deadline = deadline_of(entry.opportunity, day)
        for need in entry.needs:
            if not need.provided_by_employer:
                through, lead, cause = self._standing(need)
                met = through >= needed_through(need, entry.opportunity, day).toordinal()
                fit &= met | _UNSURE[cause] | ((lead >= 0) & (self.as_of + lead <= deadline))
        return fit

    def _standing(self, need: CredentialNeed) -> Integers:
        """Return (3, n): `good_through`, `lead_days` and `cause` of everyone's standing; kept as long as the crowd."""
        known = self._standings.get(need)
        if known is None:
            day = date.fromordinal(self.as_of)
            found = (credential_standing(need, entry.person, day) for entry in self.entries)
            flat = np.fromiter(
                (part for each in found for part in (each.good_through, each.lead_days, each.cause)), np.int64
            )
            known = self._standings[need] = np.ascontiguousarray(flat.reshape(-1, 3).T)
        return known


class Groups(Generic[_K]):
    """Equal facts of many people, so that each different one is looked at once."""

    def __init__(self, facts: Sequence[Any], key: Callable[[Any], _K] | None = None) -> None:
        """Number the different `facts`, or what `key` makes of them."""
        numbers: dict[_K, int] = {}
        keyed = facts if key is None else map(key, facts)
        self._of = np.array([numbers.setdefault(each, len(numbers)) for each in keyed], np.int64)
        self._different = list(numbers)

    def spread(self, judged: Callable[[_K], Any], sort: type[np.generic]) -> npt.NDArray[Any]:
        """Return what `judged` makes of each one's fact."""
        return np.array([judged(each) for each in self._different], sort)[self._of]


def _minutes(home: tuple[str, int], place: str, geography: Geography) -> int:
    miles = geography.miles(home[0], place)
    return journey_minutes(miles, effective_mode(home[1])) if miles >= 0 else -1


def _holders(entries: Sequence[PersonEntry]) -> tuple[Integers, Integers, Integers]:
    """Return the codes of skills that anybody has, where the rows of those who have each begin, and the rows."""
    codes = np.array([code for entry in entries for code in entry.codes], np.int64)
    owners = np.repeat(np.arange(len(entries)), [len(entry.codes) for entry in entries])
    order = np.argsort(codes, kind="stable")
    skills, begins = np.unique(codes[order], return_index=True)
    return skills, np.append(begins, len(codes)).astype(np.int64), owners[order]


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
    wanted = min(wanted, len(allowed))
    if not wanted:
        return np.zeros(0, np.int64), np.zeros(0)
    coverages = _at(_coverages(crowd, opportunity, reach), allowed)
    totals = crowd.totals[allowed]
    related, shares = relatedness.of(opportunity.role)[crowd.roles[allowed]], crowd.role_shares[allowed]

    def suitability(positions: Integers, likeness: Numbers) -> Numbers:
        here = _at(coverages, positions)
        alike = _alike(likeness + here.bonuses, totals[positions], weights)
        return _suitability(here, _with_roles(alike, related[positions], shares[positions]), weights)

    likeness, off = rough_likeness(crowd.codes, crowd.steps, crowd.errors, opportunity.vector)
    rough = suitability(np.arange(len(allowed)), likeness[allowed])
    slack = _slack(off[allowed], totals, weights)
    least = np.partition(rough - slack, len(rough) - wanted)[len(rough) - wanted]
    near = np.flatnonzero(rough + slack >= least)
    exact = suitability(near, dot_rows(crowd.vectors[allowed[near]], opportunity.vector))
    order = np.lexsort((near, -exact))[:wanted]
    return allowed[near[order]], exact[order]


def _slack(off: Numbers, totals: Numbers, weights: Weights) -> Numbers:
    """Return the most by which suitability changes where likeness changes by `off`: never more than similarity does."""
    known = totals != 0.0
    mean = np.divide(off + _SINGLE * totals, totals, out=np.zeros(len(totals)), where=known)
    slack: Numbers = mean / (weights.semantic_ceiling - weights.semantic_floor) + _ROUNDING
    return slack


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


def _coverages(crowd: Crowd, opportunity: OpportunityEntry, reach: Reach) -> _Coverages:
    """Return the coverage by everyone in `crowd`."""
    column_of = {key: column for column, key in enumerate(opportunity.keys.tolist())}
    sources = np.array(sorted(reach.sources(opportunity.skills)), np.int64)
    held = np.flatnonzero(np.isin(crowd.skills >> CODE_BITS, sources))
    first, columns, earned, direct = [0], [], [], []
    for code in crowd.skills[held].tolist():
        reached = reach.of(code)
        for place, (key, packed) in enumerate(zip(reached.keys.tolist(), reached.packed.tolist(), strict=True)):
            if key in column_of:
                columns.append(column_of[key])
                earned.append(packed >> CREDIT_SHIFT)
                direct.append(place < reached.direct)
        first.append(len(columns))
    needed, useful, lifted = earn_all(
        crowd.owners,
        crowd.begins[held],
        crowd.begins[held + 1],
        np.array(first, np.int64),
        np.array(columns, np.int64),
        np.array(earned, np.int32),
        np.array(direct, np.bool_),
        len(crowd.entries),
        len(opportunity.keys),
        opportunity.weights,
        opportunity.bonuses,
        opportunity.essential,
    )
    cut = opportunity.essential
    essential, optional = (int(part.sum()) * MILLION for part in (opportunity.weights[:cut], opportunity.weights[cut:]))
    return _Coverages(
        essential=needed / float(max(1, essential)),
        optional=useful / float(max(1, optional)),
        bonuses=lifted / MILLION,
        full_essential=float(essential),
        full_optional=float(optional),
    )


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
