"""A page of matches straight into the wire format, for the person's own list.

Equal, byte for byte, to what the protobuf runtime makes of `messages.match_message(pair.judge(…))`; a test
holds it so. What is the same for many people (titles, gates, skills with their credit, reasons) is encoded once
and kept as long as the table it belongs to.
"""

from collections.abc import Callable
from datetime import date
from struct import Struct
from typing import TypeVar

from careweave_matching import reasons, wire
from careweave_matching.bulk import Credits, Scored
from careweave_matching.credentials import Cause
from careweave_matching.eligibility import Gate, described_credential, fix_day, hours_gate, open_gate, travel_gate
from careweave_matching.entries import OpportunityEntry, PersonEntry
from careweave_matching.messages import gate_message, skill_message
from careweave_matching.model import Wishes
from careweave_matching.pair import Frame, skill_match
from careweave_matching.screening import Screened
from careweave_matching.table import Table
from careweave_matching.terms import GateResult
from careweave_matching.travel import effective_mode

_KeyType = TypeVar("_KeyType")
_EIGHT = Struct("<" + "Bd" * 8).pack
"""Eight doubles, each after its tag."""
_KEPT = 400_000
"""Fragments kept at most; then they are forgotten and made again as needed."""


class PageEncoder:
    """Encodes matches of one table in one view."""

    def __init__(self, table: Table, frame: Frame, organisation_title: Callable[[str], str], *, full: bool) -> None:
        """Encode what belongs to the opportunities alone.

        full: whether gates that pass and skills are included.
        """
        self._table = table
        self._frame = frame
        self._full = full
        self._as_of = date.fromordinal(table.as_of)
        self._ends = [wire.integer(5, entry.opportunity.version) for entry in table.entries]
        self._heads = [wire.text(1, entry.opportunity.name) for entry in table.entries]
        self._descriptions = [_description(entry, organisation_title) for entry in table.entries]
        self._open = [self._gate(open_gate(entry.opportunity, self._as_of)) for entry in table.entries]
        self._bases = [
            [key << 41 | (row >= e.essential) << 40 for row, key in enumerate(e.keys.tolist())] for e in table.entries
        ]
        self._hours_groups, self._hours_of = _grouped([entry.hours for entry in table.entries])
        self._first_need = [*table.needs.first.tolist(), len(table.needs.flat)]
        self._travel: dict[tuple[int, int, int], bytes] = {}
        self._hours: dict[tuple[object, ...], list[bytes]] = {}
        self._credentials: dict[int, bytes] = {}
        self._skills: dict[int, bytes] = {}
        self._reasons: dict[reasons.Key, bytes] = {}
        self._versions = (
            wire.text(1, frame.model) + wire.text(2, frame.taxonomy.version) + wire.text(3, frame.weights.version)
        )

    def page(self, person: PersonEntry, gained: Credits, screened: Screened, page: Scored) -> list[bytes]:
        """Return the body of a `Match` for each row of `page`, in order."""
        self._forget_if_full()
        rows = page.rows.tolist()
        name = wire.text(2, person.person.name)
        versions = self._versions + wire.integer(4, person.person.version)
        hours = self._hours_for(person.person.wishes)
        miles, minutes = screened.miles[page.rows].tolist(), screened.minutes[page.rows].tolist()
        columns = zip(rows, miles, minutes, *(getattr(page, field).tolist() for field in _COLUMNS), strict=True)
        found: list[bytes] = []
        for row, mile, minute, score, *parts in columns:
            entry = self._table.entries[row]
            packed = gained.packed[entry.keys].tolist()
            gates = self._open[row] + self._travel_gate(row, minute, person.person.wishes) + hours[self._hours_of[row]]
            skills = b"".join(map(self._skill, self._bases[row], packed)) if self._full else b""
            facts = self._facts(person, entry, gained, packed, minutes=minute, parts=parts)
            told = b"".join([self._reason(key) for key in reasons.choose(facts, self._frame.weights)])
            found.append(
                b"".join(
                    (
                        self._heads[row],
                        name,
                        wire.double(3, score),
                        self._descriptions[row],
                        wire.double(9, mile),
                        wire.integer(10, minute),
                        _components(parts),
                        gates,
                        self._credential_gates(row, screened),
                        skills,
                        told,
                        wire.message(15, versions + self._ends[row]),
                    )
                )
            )
        return found

    def _forget_if_full(self) -> None:
        for kept in (self._travel, self._hours, self._credentials, self._skills, self._reasons):
            if len(kept) > _KEPT:
                kept.clear()

    def _facts(
        self,
        person: PersonEntry,
        entry: OpportunityEntry,
        gained: Credits,
        packed: list[int],
        *,
        minutes: int,
        parts: list[float],
    ) -> reasons.Facts:
        fresh: list[int] = []
        if entry.taught:
            held = gained.direct[entry.taught_keys].tolist()
            fresh = [skill for skill, has in zip(entry.taught, held, strict=True) if not has]
        return reasons.Facts(
            packed,
            entry.skills,
            entry.essential,
            fresh,
            parts[0],
            parts[2],
            parts[4],
            entry.opportunity.occupation in person.aspired,
            parts[5],
            parts[6],
            minutes,
            effective_mode(person.person.wishes.travel_mode),
        )

    def _gate(self, gate: Gate) -> bytes:
        if gate.result == GateResult.PASS and not self._full:
            return b""
        return wire.message(12, gate_message(gate).SerializeToString())

    def _travel_gate(self, row: int, minutes: int, wishes: Wishes) -> bytes:
        place = self._table.entries[row].opportunity.place
        key = (minutes if place else -2, wishes.maximum_minutes, wishes.travel_mode)
        found = self._travel.get(key)
        if found is None:
            found = self._travel[key] = self._gate(travel_gate(place, minutes, wishes))
        return found

    def _hours_for(self, wishes: Wishes) -> list[bytes]:
        """Return the gate of hours for each group of equal hours."""
        key = (wishes.stated, wishes.minimum_hours, wishes.maximum_hours, wishes.unsocial_hours)
        found = self._hours.get(key)
        if found is None:
            gates = [hours_gate(hours, wishes) for hours in self._hours_groups]
            found = self._hours[key] = [self._gate(gate) if gate else b"" for gate in gates]
        return found

    def _credential_gates(self, row: int, screened: Screened) -> bytes:
        first, end = self._first_need[row], self._first_need[row + 1]
        if first == end:
            return b""
        facts = zip(screened.results[first:end].tolist(), screened.causes[first:end].tolist(), strict=True)
        leads = screened.leads[first:end].tolist()
        return b"".join(
            [
                self._credential(row, first + offset, result, cause, leads[offset])
                for offset, (result, cause) in enumerate(facts)
            ]
        )

    def _credential(self, row: int, number: int, result: int, cause: int, lead: int) -> bytes:
        key = ((number * 8 + result) * 8 + cause) * 1024 + lead + 1
        found = self._credentials.get(key)
        if found is None:
            need = self._table.needs.distinct[int(self._table.needs.flat[number])]
            fix = fix_day(need, lead, self._table.entries[row].opportunity, self._as_of)
            gate = described_credential(need, GateResult(result), Cause(cause), fix)
            found = self._credentials[key] = self._gate(gate)
        return found

    def _skill(self, base: int, packed: int) -> bytes:
        found = self._skills.get(base | packed)
        if found is None:
            skill = self._frame.reach.skill_of_key(base >> 41)
            match = skill_match(skill, packed, self._frame, essential=not base >> 40 & 1)
            found = self._skills[base | packed] = wire.message(13, skill_message(match).SerializeToString())
        return found

    def _reason(self, key: reasons.Key) -> bytes:
        found = self._reasons.get(key)
        if found is None:
            told = reasons.words(key, self._frame.taxonomy.labels.__getitem__, self._frame.best_closer)
            found = self._reasons[key] = wire.element(14, told)
        return found


_COLUMNS = (
    "score",
    "essential",
    "optional",
    "semantic",
    "suitability",
    "aspiration",
    "stretch",
    "proximity",
    "preference",
)


def _components(parts: list[float]) -> bytes:
    if 0.0 in parts:
        return wire.message(11, b"".join([wire.double(field, part) for field, part in enumerate(parts, 1)]))
    a, b, c, d, e, f, g, h = parts
    return b"\x5a\x48" + _EIGHT(0x09, a, 0x11, b, 0x19, c, 0x21, d, 0x29, e, 0x31, f, 0x39, g, 0x41, h)


def _description(entry: OpportunityEntry, organisation_title: Callable[[str], str]) -> bytes:
    opportunity = entry.opportunity
    return b"".join(
        (
            wire.text(4, opportunity.title),
            wire.integer(5, opportunity.kind),
            wire.text(6, opportunity.organisation),
            wire.text(7, organisation_title(opportunity.organisation)),
            wire.text(8, opportunity.place),
        )
    )


def _grouped(values: list[_KeyType]) -> tuple[list[_KeyType], list[int]]:
    """Return the different values and, for each of `values`, its number among them."""
    numbers: dict[_KeyType, int] = {}
    which = [numbers.setdefault(value, len(numbers)) for value in values]
    return list(numbers), which
