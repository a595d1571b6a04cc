"""Encoded parts of matches that are the same for many people, made when first needed.

A part is found by a key, a whole number that says all it depends on, beside the table and the frame, or is an
opportunity's own. They live as long as the table they belong to, unless there are too many; those
that name what closes a gap, until that changes.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta

import numpy as np

from careweave_matching import reasons, wire, wording
from careweave_matching.compiled import page
from careweave_matching.compiled.book import ABSENT, Book
from careweave_matching.compiled.choosing import COUNT_BITS, SKILL_BITS, reason_key
from careweave_matching.credentials import Cause
from careweave_matching.eligibility import Gate, described_credential, hours_gate, travel_gate
from careweave_matching.entries import Integers, OpportunityEntry
from careweave_matching.messages import gate_message, skill_message
from careweave_matching.model import Wishes
from careweave_matching.pair import Frame, skill_match
from careweave_matching.scoring import NOTHING
from careweave_matching.screening import hours_wished
from careweave_matching.table import Table
from careweave_matching.terms import GateKind, GateResult

_KEPT = 400_000
"""Parts kept at most; then all are forgotten and made again as needed."""


class Fragments:
    """The parts of one table in one view. full: whether gates that pass are there too."""

    def __init__(
        self, table: Table, frame: Frame, described: Callable[[OpportunityEntry], bytes], *, full: bool
    ) -> None:
        """Begin with phrases alone. described: encodes what an opportunity is."""
        self._table = table
        self._frame = frame
        self._described = described
        self._as_of = date.fromordinal(table.as_of)
        self._full = full
        self._make = {
            page.TRAVEL: self._travel,
            page.CREDENTIAL: self._credential,
            page.MISSING: self._missing,
            page.REASON: self._reason,
            page.OPEN: self._open,
        }
        self.book = Book()
        self._hours: dict[tuple[object, ...], Integers] = {}
        self.phrases = self.book.add([phrase.encode() for phrase in reasons.PHRASES])
        self.heads = np.full(table.room, ABSENT, np.int64)
        self.descriptions = np.full(table.room, ABSENT, np.int64)

    def hours(self, wishes: Wishes) -> Integers:
        """Return, for each group of equal hours, the number of the gate that says how they fit."""
        groups = self._table.hours
        key = (*hours_wished(wishes), len(groups))
        found = self._hours.get(key)
        if found is None:
            gates = [hours_gate(hours, wishes) for hours in groups]
            found = self._hours[key] = self.book.add([self._gate(gate) if gate else b"" for gate in gates])
        return found

    def supply(self, keys: Sequence[int]) -> None:
        """Make the parts under `keys`, which may repeat."""
        fresh = [key for key in dict.fromkeys(keys) if key >> page.SORT_SHIFT != page.OWN]
        self.book.add_under(fresh, [self._make[key >> page.SORT_SHIFT](_fact(key)) for key in fresh])
        for row in {_fact(key) for key in keys if key >> page.SORT_SHIFT == page.OWN}:
            entry = self._table.entries[row]
            own = [wire.text(1, entry.opportunity.name), self._described(entry)]
            self.heads[row], self.descriptions[row] = self.book.add(own)

    def forget_closers(self, skills: Iterable[int]) -> None:
        """Make anew what names that which closes a lack of any of `skills`, when it is needed again."""
        reach = self._frame.reach
        lacks = [reason_key(reasons.LACKS, 0, 0, skill + 1, 0, essential=False) for skill in skills]
        missing = [key << 1 | optional for skill in skills for key in reach.keys_of(skill) for optional in (0, 1)]
        self.book.forget(
            [page.MISSING << page.SORT_SHIFT | fact for fact in missing]
            + [page.REASON << page.SORT_SHIFT | fact for fact in lacks]
        )

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
        fix = self._as_of + timedelta(days=_low(fact, page.FIX_BITS))
        cause = _low(fact >> page.FIX_BITS, page.CAUSE_BITS)
        result = _low(fact >> page.FIX_BITS + page.CAUSE_BITS, page.RESULT_BITS)
        need = self._table.needs.distinct[fact >> page.FIX_BITS + page.CAUSE_BITS + page.RESULT_BITS]
        return self._gate(described_credential(need, GateResult(result), Cause(cause), fix))

    def _open(self, fact: int) -> bytes:
        closes = date.fromordinal(fact) if fact else None
        return self._gate(Gate(GateKind.OPEN, GateResult.PASS, wording.still_open(closes)))

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
