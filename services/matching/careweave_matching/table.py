"""All offered opportunities as arrays, for scoring and for writing pages.

Made for one day. What is published, changed or closed later in the day is taken in at once: it goes to the end, and
what it takes the place of is no longer offered. When there is no room left at the end, the table is made anew.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from careweave_matching.compiled.credits import Askings
from careweave_matching.compiled.kept import keep
from careweave_matching.compiled.ranking import NO_OCCUPATION, Integers, Stalls, Weighing
from careweave_matching.compiled.vectors import coded
from careweave_matching.eligibility import Hours, deadline_of, needed_through
from careweave_matching.entries import OpportunityEntry
from careweave_matching.geography import NOWHERE, Geography
from careweave_matching.model import Opportunity
from careweave_matching.needs import NeedBook
from careweave_matching.relatedness import Relatedness
from careweave_matching.scoring import MILLION
from careweave_matching.terms import OpportunityKind
from careweave_matching.weights import Weights

Columns: TypeAlias = dict[str, npt.NDArray[Any]]
_LISTS: Final[Mapping[str, tuple[str, ...]]] = {
    "need_starts": ("needs", "needed", "deadline", "provided"),
    "key_starts": ("keys", "bonuses", "skills"),
    "taught_starts": ("taught_keys", "taught"),
}
"""Columns with several elements for each opportunity, under the column that says where those of each begin."""
_GAP: Final = 1 << 32
"""Between the `order` of two neighbours, so that others can come between them."""
_LEAST_ROOM, _MOST_ROOM, _SHARE_OF_ROOM = 64, 4096, 4
"""Room at the end: a quarter of what is there, within these bounds."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What compiled code ranks a table by, see `compiled.kept`."""

    stalls: Stalls
    askings: Askings
    weighing: Weighing


class Table:
    """Offered opportunities.

    entries: by row; of what is not offered any more, too.
    columns: arrays by name, with room for more rows than there are. Those of `Stalls` and of `Askings`, and
        skills, taught: indices of the required and taught skills; versions: of the opportunities; opens: ordinal of the
        closing date, 0 for none; fixes: days until what the employer provides is there;
        needs: of each credential needed its number in the need book; needed, deadline: ordinals, see
        `eligibility.credential_result`; provided: whether the employer provides it.
    hours: the groups of equal hours. occupations: numbers of those that any of them is of.
    as_of: ordinal of the day it is for. changes: how often something was taken in or out since it was made.
    """

    def __init__(
        self,
        offered: Iterable[OpportunityEntry],
        geography: Geography,
        *,
        needs: NeedBook,
        relatedness: Relatedness,
        weights: Weights,
        as_of: date,
        width: int,
    ) -> None:
        """Take in what is `offered` on `as_of`. relatedness: what `OpportunityEntry.role` is a row of."""
        self.needs = needs
        self.relatedness = relatedness
        self.as_of = as_of.toordinal()
        self.changes = 0
        self.occupations: dict[str, int] = {}
        self.hours: list[Hours] = []
        self._hours: dict[Hours, int] = {}
        self._geography = geography
        self._weights = weights
        self._day = as_of
        self._width = width
        by_name = sorted(offered, key=lambda entry: entry.opportunity.name)
        self._names = [entry.opportunity.name for entry in by_name]
        self._orders = {name: number * _GAP for number, name in enumerate(self._names)}
        places = [self._place(entry) for entry in by_name]
        self.entries: list[OpportunityEntry] = [
            by_name[row] for row in np.argsort(np.array(places, np.int64), kind="stable").tolist()
        ]
        self._rows = {entry.opportunity.name: row for row, entry in enumerate(self.entries)}
        self._made_with = len(self.entries)
        self.room = len(self.entries) + _room(len(self.entries))
        self.columns = self._with_room(self._columns(self.entries))
        self.columns["place_starts"] = np.searchsorted(np.sort(places), np.arange(len(geography) + 2))
        weighing = Weighing(*(getattr(weights, name) for name in Weighing._fields))
        self.kept = Kept(keep(self.group(Stalls)), keep(self.group(Askings)), keep(weighing))

    def group(self, sort: Any, **others: npt.NDArray[Any]) -> Any:
        """Return a group of the named tuple `sort` with the columns of its fields' names; `others` go before them."""
        return sort(*(others[name] if name in others else self.columns[name] for name in sort._fields))

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.entries)

    def row(self, name: str) -> int | None:
        """Return the row of an opportunity; None if it is not offered."""
        return self._rows.get(name)

    def offered(self) -> list[OpportunityEntry]:
        """Return what is offered now, in no order."""
        return [self.entries[row] for row in self._rows.values()]

    def numbers_of(self, occupations: Iterable[str]) -> Integers:
        """Return the numbers of those `occupations` that any opportunity is of."""
        return np.array([self.occupations[name] for name in occupations if name in self.occupations], np.int64)

    def drop(self, name: str) -> OpportunityEntry | None:
        """Offer the opportunity no longer, if it was; returns its entry."""
        row = self._rows.pop(name, None)
        if row is None:
            return None
        self.columns["kinds"][row] = 0
        self.changes += 1
        return self.entries[row]

    def add(self, entry: OpportunityEntry) -> bool:
        """Offer `entry`, of a name that is not offered now; returns False where there is no room: make a new table."""
        fresh = self._columns([entry]) if self.count < self.room and self._find_order(entry) else {}
        if not fresh or not self._fits(fresh):
            return False
        row = self.count
        for name, column in fresh.items():
            if name not in _LISTS and not any(name in lists for lists in _LISTS.values()):
                self.columns[name][row] = column[0]
        for starts, lists in _LISTS.items():
            used = int(self.columns[starts][row])
            self.columns[starts][row + 1] = used + fresh[starts][1]
            for name in lists:
                self.columns[name][used : used + len(fresh[name])] = fresh[name]
        self.entries.append(entry)
        self._rows[entry.opportunity.name] = row
        self.changes += 1
        return True

    @property
    def filled(self) -> float:
        """How much of the room at the end is taken, 0 to 1: of that which is scarcest."""
        rows, count = self.room - self._made_with, self.count - self._made_with
        shares = [count / rows]
        for starts, lists in _LISTS.items():
            first = int(self.columns[starts][self._made_with])
            taken = int(self.columns[starts][self.count]) - first
            shares += [taken / max(1, len(self.columns[name]) - first) for name in lists]
        return max(shares)

    def _fits(self, fresh: Columns) -> bool:
        """Say whether the lists of `fresh` have room."""
        ends = {starts: int(self.columns[starts][self.count] + fresh[starts][1]) for starts in _LISTS}
        return all(ends[starts] <= len(self.columns[name]) for starts, lists in _LISTS.items() for name in lists)

    def _find_order(self, entry: OpportunityEntry) -> bool:
        """Find a place in the order of names; returns False where there is none between its neighbours."""
        name, names = entry.opportunity.name, self._names
        if name in self._orders:
            return True
        at = bisect_left(names, name)
        after = self._orders[names[at]] if at < len(names) else self._orders[names[-1]] + 2 * _GAP if names else _GAP
        before = self._orders[names[at - 1]] if at else after - 2 * _GAP
        if after - before < 2:  # noqa: PLR2004  nothing lies between two neighbours
            return False
        self._orders[name] = (before + after) // 2
        insort(names, name)
        return True

    def _with_room(self, columns: Columns) -> Columns:
        """Return `columns` with room for more rows, and as much more in their lists as these take on average."""
        listed = {name for lists in _LISTS.values() for name in lists}
        roomy: Columns = {}
        for name, column in columns.items():
            if name in listed:
                least = _LEAST_ROOM * (self.room - self.count)
                length = max(2 * len(column) if self.count < _MOST_ROOM else 0, len(column) + least)
            else:
                length = self.room + (name in _LISTS)
            roomy[name] = np.zeros((length, *column.shape[1:]), column.dtype)
            roomy[name][: len(column)] = column
        return roomy

    def _place(self, entry: OpportunityEntry) -> int:
        number = self._geography.index(entry.opportunity.place)
        return len(self._geography) if number == NOWHERE else number

    def _columns(self, entries: Sequence[OpportunityEntry]) -> Columns:
        """Return the columns of `entries`, without room."""
        full = np.array([_full(entry) for entry in entries], np.float64).reshape(-1, 3)
        opportunities = [entry.opportunity for entry in entries]
        vectors = np.stack([e.vector for e in entries]) if entries else np.zeros((0, self._width), np.float32)
        codes, steps, errors = coded(vectors)
        return {
            "places": np.array([self._place(entry) for entry in entries], np.int64),
            "hours": np.array([self._hours_group(entry.hours) for entry in entries], np.int64),
            "order": np.array([self._orders[each.name] for each in opportunities], np.int64),
            "full": np.where(full == 0.0, 1.0, full),
            "asked": full > 0.0,
            "reliance": full[:, :2] / (full[:, :2] + self._weights.doubt * MILLION),
            "vectors": vectors,
            "codes": codes,
            "steps": steps,
            "errors": errors,
            "anywhere": np.array([not each.place for each in opportunities], np.bool_),
            "kinds": np.array([1 << each.kind for each in opportunities], np.int64),
            "levels": np.array([entry.skill_level for entry in entries], np.int64),
            "trains_to": np.array([entry.trains_to for entry in entries], np.int64),
            "roles": np.array([entry.role for entry in entries], np.int64),
            "occupations": np.array([self._occupation(each.occupation) for each in opportunities], np.int64),
            "jobs": np.array([each.kind == OpportunityKind.JOB for each in opportunities], np.bool_),
            "opens": np.array(
                [each.closing_date.toordinal() if each.closing_date else 0 for each in opportunities], np.int64
            ),
            "fixes": np.array([_days_until_start(each, self._day) for each in opportunities], np.int64),
            "versions": np.array([each.version for each in opportunities], np.int64),
            "essentials": np.array([entry.essential for entry in entries], np.int64),
            "key_starts": _starts([len(entry.keys) for entry in entries]),
            "keys": _joined([entry.keys for entry in entries], np.int32),
            "bonuses": _joined([entry.bonuses for entry in entries], np.int32),
            "skills": _flat([entry.skills for entry in entries], np.int32),
            "taught_starts": _starts([len(entry.taught) for entry in entries]),
            "taught_keys": _joined([entry.taught_keys for entry in entries], np.int32),
            "taught": _flat([entry.taught for entry in entries], np.int32),
            **self._needs_of(entries),
        }

    def _needs_of(self, entries: Sequence[OpportunityEntry]) -> Columns:
        needs = [(need, entry.opportunity) for entry in entries for need in entry.needs]
        return {
            "need_starts": _starts([len(entry.needs) for entry in entries]),
            "needs": np.array([self.needs.number(need) for need, _ in needs], np.int64),
            "needed": np.array([needed_through(need, each, self._day).toordinal() for need, each in needs], np.int64),
            "deadline": np.array([deadline_of(each, self._day) for _, each in needs], np.int64),
            "provided": np.array([need.provided_by_employer for need, _ in needs], np.bool_),
        }

    def _hours_group(self, hours: Hours) -> int:
        group = self._hours.get(hours)
        if group is None:
            group = self._hours[hours] = len(self.hours)
            self.hours.append(hours)
        return group

    def _occupation(self, name: str) -> int:
        return self.occupations.setdefault(name, len(self.occupations)) if name else NO_OCCUPATION


def offered_on(entries: Iterable[OpportunityEntry], as_of: date) -> list[OpportunityEntry]:
    """Return those of `entries` that are offered on `as_of`."""
    return [entry for entry in entries if entry.opportunity.is_offered(as_of)]


def _room(count: int) -> int:
    return min(_MOST_ROOM, max(_LEAST_ROOM, count // _SHARE_OF_ROOM))


def _full(entry: OpportunityEntry) -> tuple[int, int, int]:
    cut = entry.essential
    parts = (entry.weights[:cut], entry.weights[cut:], entry.taught_weights)
    essential, optional, taught = (int(part.sum()) * MILLION for part in parts)
    return essential, optional, taught


def _days_until_start(opportunity: Opportunity, as_of: date) -> int:
    """Return the days until what the employer provides is there, see `eligibility.fix_day`."""
    return max(0, (opportunity.start_date - as_of).days) if opportunity.start_date else 0


def _starts(counts: list[int]) -> Integers:
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64)


def _joined(parts: list[Integers], sort: type[np.signedinteger[Any]]) -> npt.NDArray[Any]:
    return np.concatenate([np.zeros(0, np.int64), *parts]).astype(sort)


def _flat(parts: list[tuple[int, ...]], sort: type[np.signedinteger[Any]]) -> npt.NDArray[Any]:
    return np.array([each for part in parts for each in part], sort)
