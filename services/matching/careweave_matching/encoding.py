"""A page of matches straight into the wire format, for the person's own list.

Equal, byte for byte, to what the protobuf runtime makes of `messages.match_message(pair.judge(…))`; a test
holds it so.
"""

from collections.abc import Callable, Collection
from functools import partial

import numpy as np

from careweave_matching import wire
from careweave_matching.bulk import Best, Ranked
from careweave_matching.compiled.choosing import Shares
from careweave_matching.compiled.kept import keep
from careweave_matching.compiled.page import Names, Offers, Sheet, write_items, write_page
from careweave_matching.compiled.writing import Bytes
from careweave_matching.entries import Integers, OpportunityEntry, PersonEntry
from careweave_matching.fragments import Fragments
from careweave_matching.pair import Frame
from careweave_matching.table import Table
from careweave_matching.taxonomy import Taxonomy
from careweave_matching.travel import effective_mode

_FIRST_BYTES = 1 << 18
_MOST_LACKING = 1 << 12


def _new_sheet(size: int) -> Sheet:
    """Return an empty sheet of `size` bytes."""
    double = np.zeros(1)
    lacking = np.zeros(_MOST_LACKING, np.int64)
    return Sheet(np.zeros(size, np.uint8), lacking, np.zeros(1, np.int64), double, double.view(np.uint8))


class PageEncoder:
    """Encodes matches of one table in one view.

    full: whether skills, and gates that pass, are included.
    """

    def __init__(
        self,
        table: Table,
        frame: Frame,
        names: Names,
        organisation_title: Callable[[str], str],
        *,
        full: bool,
    ) -> None:
        """Begin without parts."""
        self._table = table
        self._frame = frame
        self._names = names
        self._organisation_title = organisation_title
        self._full = full
        self._take(_new_sheet(_FIRST_BYTES))
        self._shares = keep(Shares(*(getattr(frame.weights, name) for name in Shares._fields)))
        self._versions = (
            wire.text(1, frame.model) + wire.text(2, frame.taxonomy.version) + wire.text(3, frame.weights.version)
        )
        self.forget()

    def _take(self, sheet: Sheet) -> None:
        self._sheet, self._kept_sheet = sheet, keep(sheet)

    def forget(self) -> None:
        """Forget all parts; they are made again as they are needed."""
        described = partial(_description, organisation_title=self._organisation_title)
        parts = self._fragments = Fragments(self._table, self._frame, described, full=self._full)
        own = {"heads": parts.heads, "descriptions": parts.descriptions, "phrases": parts.phrases}
        self._offers = keep(self._table.group(Offers, **own))

    def forget_closers(self, skills: Collection[int]) -> None:
        """Tell anew what closes a lack of any of `skills`."""
        self._fragments.forget_closers(skills)

    def page(self, person: PersonEntry, ranked: Ranked) -> bytes:
        """Return the elements of `FindOpportunitiesResponse.matches` for each row of `ranked.best`, in order."""
        if self._fragments.crowded:
            self.forget()
        return self._complete(partial(self._write, person, ranked))

    def items(self, best: Best) -> bytes:
        """Return the elements of `RankingMade.items` for each row of `best`, in order."""
        return self._complete(partial(self._write_items, best))

    def _complete(self, write: Callable[[], int]) -> bytes:
        """Return what `write` writes once no part is lacking and the sheet holds it all."""
        while True:
            length = write()
            lacking = int(self._sheet.lacks[0])
            if lacking:
                self._fragments.supply(self._sheet.lacking[: min(lacking, _MOST_LACKING)].tolist())
            elif self._fits(length):
                return self._sheet.out[:length].tobytes()

    def _write_items(self, best: Best) -> int:
        return write_items(self._kept_sheet, best.rows, best.parts, self._offers, self._fragments.book.kept())

    def _fits(self, length: int) -> bool:
        """Say whether the sheet held so much; if not, take a larger one."""
        if length <= len(self._sheet.out):
            return True
        self._take(_new_sheet(2 * length))
        return False

    def _write(self, person: PersonEntry, ranked: Ranked) -> int:
        wishes, screened = person.person.wishes, ranked.screened
        hours = self._fragments.hours(wishes)  # first, since it may add parts to the book
        return write_page(
            self._kept_sheet,
            ranked.best.rows,
            ranked.best.parts,
            self._offers,
            self._names,
            self._fragments.book.kept(),
            self._shares,
            self._full,
            _octets(wire.text(2, person.person.name)),
            _octets(self._versions + wire.integer(4, person.person.version)),
            ranked.packed,
            ranked.direct,
            screened.standings,
            screened.miles,
            screened.minutes,
            hours,
            ranked.aspired,
            person.kinds_named,
            *self._frame.weights.makeup(person.points),
            person.kind_floor,
            wishes.maximum_minutes,
            int(wishes.travel_mode),
            int(effective_mode(wishes.travel_mode)),
            self._table.as_of,
        )


def names_of(taxonomy: Taxonomy) -> Names:
    """Return the names and labels of all skills as compiled code reads them."""
    texts = [text.encode() for pair in zip(taxonomy.names, taxonomy.labels, strict=True) for text in pair]
    return keep(Names(_octets(b"".join(texts)), _starts([len(text) for text in texts])))


def _octets(body: bytes) -> Bytes:
    """Return `body` as an array that may be written to: numba takes a slow way with others, at every call."""
    return np.frombuffer(bytearray(body), np.uint8)


def _starts(counts: list[int]) -> Integers:
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64)


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
