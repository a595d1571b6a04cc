"""Encoded parts of matches that are the same for many people, made when first needed.

A part is found by a key, a whole number that says all it depends on, beside the table and the frame. They live as
long as the table they belong to.
"""

from collections.abc import Sequence
from datetime import date
from typing import TypeVar

from careweave_matching import reasons, wire
from careweave_matching.compiled import page
from careweave_matching.compiled.book import Book
from careweave_matching.compiled.choosing import COUNT_BITS, SKILL_BITS
from careweave_matching.credentials import Cause
from careweave_matching.eligibility import Gate, described_credential, fix_day, hours_gate, open_gate, travel_gate
from careweave_matching.entries import Integers
from careweave_matching.messages import gate_message, skill_message
from careweave_matching.model import Wishes
from careweave_matching.pair import Frame, skill_match
from careweave_matching.scoring import NOTHING
from careweave_matching.table import Table
from careweave_matching.terms import GateResult

_KEPT = 400_000
"""Parts kept at most; then all are forgotten and made again as needed."""
_T = TypeVar("_T")


class Fragments:
    """The parts of one table in one view. full: whether gates that pass are there too."""

    def __init__(self, table: Table, frame: Frame, *, full: bool) -> None:
        """Encode what belongs to the opportunities alone."""
        self._table = table
        self._frame = frame
        self._as_of = date.fromordinal(table.as_of)
        self._full = full
        self._hours_groups, self.hours_group_of = _grouped([entry.hours for entry in table.entries])
        self._make = {
            page.TRAVEL: self._travel,
            page.CREDENTIAL: self._credential,
            page.MISSING: self._missing,
            page.REASON: self._reason,
        }
        self._begin()

    def _begin(self) -> None:
        entries = self._table.entries
        self.book = Book()
        self._hours: dict[tuple[object, ...], Integers] = {}
        self.heads = self.book.add([wire.text(1, entry.opportunity.name) for entry in entries])
        self.opens = self.book.add([self._gate(open_gate(entry.opportunity, self._as_of)) for entry in entries])
        self.phrases = self.book.add([phrase.encode() for phrase in reasons.PHRASES])
        self.ends = self.book.add([wire.integer(5, entry.opportunity.version) for entry in entries])

    def hours(self, wishes: Wishes) -> Integers:
        """Return, for each group of equal hours, the number of the gate that says how they fit."""
        key = (wishes.stated, wishes.minimum_hours, wishes.maximum_hours, wishes.unsocial_hours)
        found = self._hours.get(key)
        if found is None:
            gates = [hours_gate(hours, wishes) for hours in self._hours_groups]
            found = self._hours[key] = self.book.add([self._gate(gate) if gate else b"" for gate in gates])
        return found

    def supply(self, keys: Sequence[int]) -> None:
        """Make the parts under `keys`, which may repeat."""
        fresh = list(dict.fromkeys(keys))
        self.book.add_under(fresh, [self._make[key >> page.SORT_SHIFT](_fact(key)) for key in fresh])

    @property
    def crowded(self) -> bool:
        """Whether so many parts are kept that they had better be forgotten."""
        return len(self.book) > _KEPT

    def _travel(self, fact: int) -> bytes:
        mode, limit = _low(fact, page.LIMIT_SHIFT), _low(fact, page.MINUTES_SHIFT) >> page.LIMIT_SHIFT
        minutes = (fact >> page.MINUTES_SHIFT) - 2
        wishes = Wishes(travel_mode=mode, maximum_minutes=limit)
        return self._gate(travel_gate("" if minutes == page.ANYWHERE else "somewhere", minutes, wishes))

    def _credential(self, fact: int) -> bytes:
        lead = _low(fact, page.LEAD_BITS) - 1
        cause = _low(fact >> page.LEAD_BITS, page.CAUSE_BITS)
        result = _low(fact >> page.LEAD_BITS + page.CAUSE_BITS, page.RESULT_BITS)
        number = fact >> page.LEAD_BITS + page.CAUSE_BITS + page.RESULT_BITS
        needs = self._table.needs
        need = needs.distinct[int(needs.flat[number])]
        opportunity = self._table.entries[int(needs.owner[number])].opportunity
        fix = fix_day(need, lead, opportunity, self._as_of)
        return self._gate(described_credential(need, GateResult(result), Cause(cause), fix))

    def _missing(self, fact: int) -> bytes:
        skill = self._frame.reach.skill_of_key(fact >> 1)
        match = skill_match(skill, NOTHING, self._frame, essential=not fact & 1)
        return wire.message(13, skill_message(match).SerializeToString())

    def _reason(self, fact: int) -> bytes:
        return wire.element(
            14, reasons.words(reason_of(fact), self._frame.taxonomy.labels.__getitem__, self._frame.best_closer)
        )

    def _gate(self, gate: Gate) -> bytes:
        if gate.result == GateResult.PASS and not self._full:
            return b""
        return wire.message(12, gate_message(gate).SerializeToString())


def reason_of(fact: int) -> reasons.Key:
    """Return the reason that `choosing.reason_key` made one number of, unless it is one that `telling` writes."""
    fact >>= 1 + SKILL_BITS
    three, fact = _low(fact, SKILL_BITS), fact >> SKILL_BITS
    two, fact = _low(fact, COUNT_BITS), fact >> COUNT_BITS
    one, sort = _low(fact, COUNT_BITS), fact >> COUNT_BITS
    if sort == reasons.TEACHES:
        return sort, one, three - 1
    if sort == reasons.LACKS:
        return sort, three - 1
    if sort == reasons.JOURNEY:
        return sort, three, two
    return (sort,)


def _fact(key: int) -> int:
    return _low(key, page.SORT_SHIFT)


def _low(value: int, bits: int) -> int:
    return value & (1 << bits) - 1


def _grouped(values: list[_T]) -> tuple[list[_T], list[int]]:
    """Return the different values and, for each of `values`, its number among them."""
    numbers: dict[_T, int] = {}
    which = [numbers.setdefault(value, len(numbers)) for value in values]
    return list(numbers), which
