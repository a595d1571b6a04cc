"""Encoded parts of matches that are the same for many people, each made when first needed.

A part is found by a whole number or a small tuple that says all it depends on, beside the table and the
frame. They live as long as the table they belong to.
"""

from collections.abc import Callable
from datetime import date
from typing import TypeVar

import numpy as np

from careweave_matching import reasons, wire
from careweave_matching.credentials import Cause
from careweave_matching.eligibility import Gate, described_credential, fix_day, hours_gate, open_gate, travel_gate
from careweave_matching.entries import Integers, OpportunityEntry
from careweave_matching.messages import gate_message, skill_message
from careweave_matching.model import Wishes
from careweave_matching.pair import Frame, skill_match
from careweave_matching.scoring import CREDIT_SHIFT, DIRECT_CLAIMED, DIRECT_EVIDENCED, MILLION, NOTHING, SOURCE_MASK
from careweave_matching.screening import CredentialResults
from careweave_matching.table import Table
from careweave_matching.terms import GateResult, SkillFit

_K = TypeVar("_K")
_PACKED_BITS = 2 * CREDIT_SHIFT
"""A packed credit is less than this power of two, since full credit is less than 2 ** CREDIT_SHIFT."""
_KEPT = 400_000
"""Parts of one sort kept at most; then all are forgotten and made again as needed."""
_DIRECT_FITS = {DIRECT_EVIDENCED: SkillFit.EVIDENCED, DIRECT_CLAIMED: SkillFit.CLAIMED}
ANYWHERE = -2
"""Stands for the minutes of a journey to an opportunity without a place."""


class Memo(dict[_K, bytes]):
    """A dictionary that makes what it lacks."""

    def __init__(self, make: Callable[[_K], bytes]) -> None:
        """Begin empty."""
        super().__init__()
        self._make = make

    def __missing__(self, key: _K) -> bytes:
        """Make the part for `key` and keep it."""
        if len(self) >= _KEPT:
            self.clear()
        made = self[key] = self._make(key)
        return made


class GateFragments:
    """Encoded gates. full: whether those that pass are there too."""

    def __init__(self, table: Table, as_of: date, *, full: bool) -> None:
        """Encode what depends on the opportunities alone."""
        self._table = table
        self._as_of = as_of
        self._full = full
        self.open = [self._encoded(open_gate(entry.opportunity, as_of)) for entry in table.entries]
        self.travel: Memo[tuple[int, int, int]] = Memo(self._travel)
        """By minutes, limit and mode."""
        self.hours_groups, self.hours_group_of = _grouped([entry.hours for entry in table.entries])
        self._hours: dict[tuple[object, ...], list[bytes]] = {}
        self.credential: Memo[int] = Memo(self._credential)
        """By what `credential_keys` returns."""
        self.first_need = [*table.needs.first.tolist(), len(table.needs.flat)]

    def hours(self, wishes: Wishes) -> list[bytes]:
        """Return the gate of hours for each group of equal hours."""
        key = (wishes.stated, wishes.minimum_hours, wishes.maximum_hours, wishes.unsocial_hours)
        found = self._hours.get(key)
        if found is None:
            gates = [hours_gate(hours, wishes) for hours in self.hours_groups]
            found = self._hours[key] = [self._encoded(gate) if gate else b"" for gate in gates]
        return found

    def credential_keys(self, found: CredentialResults) -> Integers:
        """Return the key of each gate: 10 bits for days to mend it, 3 for the cause, 3 for the result."""
        keys: Integers = found.numbers << 16 | found.results << 13 | found.causes << 10 | (found.leads + 1)
        return keys

    def _travel(self, key: tuple[int, int, int]) -> bytes:
        minutes, limit, mode = key
        wishes = Wishes(travel_mode=mode, maximum_minutes=limit)
        return self._encoded(travel_gate("" if minutes == ANYWHERE else "somewhere", minutes, wishes))

    def _credential(self, key: int) -> bytes:
        number, result, cause, lead = key >> 16, key >> 13 & 7, key >> 10 & 7, (key & 1023) - 1
        needs = self._table.needs
        need = needs.distinct[int(needs.flat[number])]
        opportunity = self._table.entries[int(needs.owner[number])].opportunity
        fix = fix_day(need, lead, opportunity, self._as_of)
        return self._encoded(described_credential(need, GateResult(result), Cause(cause), fix))

    def _encoded(self, gate: Gate) -> bytes:
        if gate.result == GateResult.PASS and not self._full:
            return b""
        return wire.message(12, gate_message(gate).SerializeToString())


class SkillFragments:
    """Encoded skill matches, by `bases` of the opportunity with packed credits added."""

    def __init__(self, table: Table, frame: Frame) -> None:
        """Prepare the keys of all opportunities."""
        self._frame = frame
        self.bases = [_skill_bases(entry) for entry in table.entries]
        self.skill: Memo[int] = Memo(self._skill)
        self._names: Memo[int] = Memo(self._name)
        self._origins: Memo[int] = Memo(self._origin)
        self._missing: list[list[bytes]] = [[] for _ in table.entries]

    def missing(self, row: int) -> list[bytes]:
        """Return the matches of the opportunity's skills for somebody who has none of them, in order.

        Most skills of most matches are missing; a list that lies together in memory saves looking each up.
        """
        found = self._missing[row]
        if not found:
            found = self._missing[row] = [self._skill(key) for key in self.bases[row].tolist()]
        return found

    def _skill(self, key: int) -> bytes:
        number, optional = key >> _PACKED_BITS + 1, key >> _PACKED_BITS & 1
        skill, packed = self._frame.reach.skill_of_key(number), key & (1 << _PACKED_BITS) - 1
        if packed == NOTHING:
            match = skill_match(skill, packed, self._frame, essential=not optional)
            return wire.message(13, skill_message(match).SerializeToString())
        # By hand: every person brings credits that nobody had before.
        source, credit = packed & SOURCE_MASK, (packed >> CREDIT_SHIFT) / MILLION
        fit = _DIRECT_FITS.get(source, SkillFit.TRANSFERABLE)
        origin = b"" if source in _DIRECT_FITS else self._origins[source - 1]
        parts = (
            self._names[skill],
            wire.integer(3, 1 + optional),
            wire.integer(4, fit),
            wire.double(5, credit),
            origin,
        )
        return wire.message(13, b"".join(parts))

    def _name(self, skill: int) -> bytes:
        taxonomy = self._frame.taxonomy
        return wire.text(1, taxonomy.names[skill]) + wire.text(2, taxonomy.labels[skill])

    def _origin(self, skill: int) -> bytes:
        taxonomy = self._frame.taxonomy
        return wire.text(6, taxonomy.names[skill]) + wire.text(7, taxonomy.labels[skill])


def _skill_bases(entry: OpportunityEntry) -> Integers:
    optional = np.arange(len(entry.keys)) >= entry.essential
    return entry.keys << _PACKED_BITS + 1 | optional.astype(np.int64) << _PACKED_BITS


class ReasonFragments:
    """Encoded reasons by their key."""

    def __init__(self, frame: Frame) -> None:
        """Begin without any."""
        self._frame = frame
        self.reason: Memo[reasons.Key] = Memo(self._reason)

    def _reason(self, key: reasons.Key) -> bytes:
        return wire.element(14, reasons.words(key, self._frame.taxonomy.labels.__getitem__, self._frame.best_closer))


_T = TypeVar("_T")


def _grouped(values: list[_T]) -> tuple[list[_T], list[int]]:
    """Return the different values and, for each of `values`, its number among them."""
    numbers: dict[_T, int] = {}
    which = [numbers.setdefault(value, len(numbers)) for value in values]
    return list(numbers), which
