"""A page of matches straight into the wire format, for the person's own list.

Equal, byte for byte, to what the protobuf runtime makes of `messages.match_message(pair.judge(…))`; a test
holds it so.
"""

from collections.abc import Callable
from datetime import date
from struct import Struct

import numpy as np

from careweave_matching import reasons, wire
from careweave_matching.bulk import Credits, Scored
from careweave_matching.entries import Integers, OpportunityEntry, PersonEntry
from careweave_matching.fragments import ANYWHERE, GateFragments, ReasonFragments, SkillFragments
from careweave_matching.pair import Frame
from careweave_matching.screening import Screened, Screener
from careweave_matching.table import Table
from careweave_matching.travel import effective_mode

_EIGHT = Struct("<" + "Bd" * 8).pack
"""Components that are all set: eight doubles, each after its tag."""
_SEVEN = Struct("<" + "Bd" * 7).pack
"""The same where no aspiration is stated."""


class PageEncoder:
    """Encodes matches of one table in one view.

    full: whether skills, and gates that pass, are included.
    """

    def __init__(
        self,
        table: Table,
        screener: Screener,
        frame: Frame,
        organisation_title: Callable[[str], str],
        *,
        full: bool,
    ) -> None:
        """Encode what belongs to the opportunities alone."""
        self._table = table
        self._screener = screener
        self._weights = frame.weights
        self._full = full
        self._gates = GateFragments(table, date.fromordinal(table.as_of), full=full)
        self._skills = SkillFragments(table, frame)
        self._reasons = ReasonFragments(frame)
        self._heads = [wire.text(1, entry.opportunity.name) for entry in table.entries]
        self._descriptions = [_description(entry, organisation_title) for entry in table.entries]
        self._ends = [wire.integer(5, entry.opportunity.version) for entry in table.entries]
        self._versions = (
            wire.text(1, frame.model) + wire.text(2, frame.taxonomy.version) + wire.text(3, frame.weights.version)
        )

    def page(self, person: PersonEntry, gained: Credits, screened: Screened, page: Scored) -> list[bytes]:
        """Return the elements of `FindOpportunitiesResponse.matches` for each row of `page`, in pieces to be joined."""
        rows = page.rows.tolist()
        if not rows:
            return []
        entries = [self._table.entries[row] for row in rows]
        packed = gained.packed[np.concatenate([entry.keys for entry in entries])]
        minutes = screened.minutes[page.rows].tolist()
        ends = self._version_parts(person, rows)
        matches = zip(
            rows,
            page.score.tolist(),
            screened.miles[page.rows].tolist(),
            minutes,
            zip(*[getattr(page, field).tolist() for field in _COLUMNS], strict=True),
            self._all_gates(person, rows, minutes, screened),
            self._all_skills(rows, packed),
            self._all_reasons(person, entries, gained, page, minutes, packed=packed.tolist()),
            strict=True,
        )
        name = wire.text(2, person.person.name)
        pieces: list[bytes] = []
        for row, score, mile, minute, parts, gates, skills, told in matches:
            match = [
                self._heads[row],
                name,
                wire.double(3, score),
                self._descriptions[row],
                wire.double(9, mile),
                wire.integer(10, minute),
                _components(parts),
                *gates,
                *skills,
                *told,
                ends[self._ends[row]],
            ]
            pieces.append(b"\x0a" + wire.varint(sum(map(len, match))))
            pieces += match
        return pieces

    def _version_parts(self, person: PersonEntry, rows: list[int]) -> dict[bytes, bytes]:
        """Return the encoded versions by what belongs to the opportunity in them."""
        versions = self._versions + wire.integer(4, person.person.version)
        return {end: wire.message(15, versions + end) for end in {self._ends[row] for row in rows}}

    def _all_skills(self, rows: list[int], packed: Integers) -> list[list[bytes]]:
        if not self._full:
            return [[]] * len(rows)
        bases = [self._skills.bases[row] for row in rows]
        keys = (np.concatenate(bases) | packed).tolist()
        encoded, earned = self._skills.skill, packed.tolist()
        found: list[list[bytes]] = []
        start = 0
        for row, base in zip(rows, bases, strict=True):
            end = start + len(base)
            matches = zip(self._skills.missing(row), earned[start:end], keys[start:end], strict=True)
            found.append([encoded[key] if credit else missing for missing, credit, key in matches])
            start = end
        return found

    def _all_gates(
        self, person: PersonEntry, rows: list[int], minutes: list[int], screened: Screened
    ) -> list[tuple[bytes, ...]]:
        wishes, gates, table = person.person.wishes, self._gates, self._table
        hours = gates.hours(wishes)
        keys = gates.credential_keys(self._screener.credentials(screened.standings, rows)).tolist()
        encoded = list(map(gates.credential.__getitem__, keys))
        found: list[tuple[bytes, ...]] = []
        start = 0
        for row, taken in zip(rows, minutes, strict=True):
            end = start + gates.first_need[row + 1] - gates.first_need[row]
            reckoned = taken if table.entries[row].opportunity.place else ANYWHERE
            found.append(
                (
                    gates.open[row],
                    gates.travel[reckoned, wishes.maximum_minutes, wishes.travel_mode],
                    hours[gates.hours_group_of[row]],
                    *encoded[start:end],
                )
            )
            start = end
        return found

    def _all_reasons(
        self,
        person: PersonEntry,
        entries: list[OpportunityEntry],
        gained: Credits,
        page: Scored,
        minutes: list[int],
        *,
        packed: list[int],
    ) -> list[list[bytes]]:
        taught = gained.direct[np.concatenate([entry.taught_keys for entry in entries])].tolist()
        mode = effective_mode(person.person.wishes.travel_mode)
        encoded = self._reasons.reason
        columns = (page.essential, page.semantic, page.aspiration, page.stretch, page.proximity)
        parts = zip(*[column.tolist() for column in columns], strict=True)
        found: list[list[bytes]] = []
        start = first = 0
        for entry, taken, (essential, semantic, aspiration, stretch, near) in zip(entries, minutes, parts, strict=True):
            end, last = start + len(entry.skills), first + len(entry.taught)
            fresh = entry.taught
            if fresh:
                fresh = tuple([s for s, held in zip(fresh, taught[first:last], strict=True) if not held])
            facts = reasons.Facts(
                packed[start:end],
                entry.skills,
                entry.essential,
                fresh,
                essential,
                semantic,
                aspiration,
                entry.opportunity.occupation in person.aspired,
                stretch,
                near,
                taken,
                mode,
            )
            found.append([encoded[key] for key in reasons.choose(facts, self._weights)])
            start, first = end, last
        return found


_COLUMNS = (
    "essential",
    "optional",
    "semantic",
    "suitability",
    "aspiration",
    "stretch",
    "proximity",
    "preference",
)


def _components(parts: tuple[float, ...]) -> bytes:
    a, b, c, d, e, f, g, h = parts
    if a and b and c and d and f and g and h:
        if e:
            return b"\x5a\x48" + _EIGHT(0x09, a, 0x11, b, 0x19, c, 0x21, d, 0x29, e, 0x31, f, 0x39, g, 0x41, h)
        return b"\x5a\x3f" + _SEVEN(0x09, a, 0x11, b, 0x19, c, 0x21, d, 0x31, f, 0x39, g, 0x41, h)
    return wire.message(11, b"".join([wire.double(field, part) for field, part in enumerate(parts, 1)]))


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
