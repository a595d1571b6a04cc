"""A page of matches in the wire format; the plain form is `messages.match_message(pair.judge(…))`.

The numbers of fields are those of `Match` and `SkillMatch` in `matching.proto`.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from careweave_matching.compiled.book import ABSENT, Pages, number_of
from careweave_matching.compiled.choosing import SORT_AT, Facts, Shares, choose
from careweave_matching.compiled.jit import compiled, inlined
from careweave_matching.compiled.kept import keepable
from careweave_matching.compiled.lending import lent
from careweave_matching.compiled.telling import put_carried, put_held
from careweave_matching.compiled.writing import Bytes, put_byte, put_double, put_header, put_run, put_varint
from careweave_matching.credentials import UNKNOWN_CAUSE_BITS
from careweave_matching.reasons import CARRIES_OVER, HAS
from careweave_matching.scoring import CREDIT_SHIFT, DIRECT_CLAIMED, DIRECT_EVIDENCED, MILLION, NOTHING, SOURCE_MASK
from careweave_matching.terms import GateResult, SkillFit

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]

TRAVEL, CREDENTIAL, MISSING, REASON, OPEN, OWN = range(6)
"""Sorts of part that are found by key; those of OWN, an opportunity's alone, by its row."""
SORT_SHIFT = 60
"""Where the sort stands in a key."""
ANYWHERE = -2
"""Stands for the minutes of a journey to an opportunity without a place."""
LIMIT_SHIFT, MINUTES_SHIFT = 4, 24
"""Where limit and minutes (plus 2) of a journey stand in its key; the mode comes first."""
FIX_BITS, CAUSE_BITS, RESULT_BITS = 24, 4, 3
"""Room in the key of a gate for days until it is fixed, for what is amiss, and for the result; the need comes first."""
ESSENTIAL, OPTIONAL, SEMANTIC, SUITABILITY, ASPIRATION, STRETCH, PROXIMITY, PREFERENCE, SCORE = range(9)
"""Columns of the parts of a score; all but the last are the fields of `Components`, in order."""

_PASS, _FAIL, _UNKNOWN, _FIXABLE = (int(each) for each in GateResult)
_EVIDENCED, _CLAIMED, _TRANSFERABLE = int(SkillFit.EVIDENCED), int(SkillFit.CLAIMED), int(SkillFit.TRANSFERABLE)
_MATCHES = 0x0A
_SCORE, _MILES, _MINUTES, _COMPONENTS, _SKILL, _REASON, _VERSIONS = 0x19, 0x49, 0x50, 0x5A, 0x6A, 0x72, 0x7A
_IMPORTANCE, _FIT, _CREDIT = 0x18, 0x20, 0x29
_HAS, _CARRIES_OVER = HAS, CARRIES_OVER
_ITEMS, _ITEM_VERSION, _ITEM_SCORE, _ITEM_SUITABILITY = 0x42, 0x10, 0x19, 0x21
_OWN_VERSION = 0x28
_NAME, _LABEL, _FROM_NAME, _FROM_LABEL = 0x0A, 0x12, 0x32, 0x3A


@keepable
class Offers(NamedTuple):
    """The opportunities of a table; see `table.Table` for its columns, which most fields are.

    heads, descriptions: numbers of the parts that are its own: its name; what it is; ABSENT until they are needed.
    phrases: numbers of the parts that are `reasons.PHRASES`.
    """

    key_starts: Integers
    keys: Integers
    skills: Integers
    essentials: Integers
    taught_starts: Integers
    taught_keys: Integers
    taught: Integers
    need_starts: Integers
    needs: Integers
    needed: Integers
    deadline: Integers
    provided: Flags
    anywhere: Flags
    kinds: Integers
    places: Integers
    hours: Integers
    occupations: Integers
    versions: Integers
    opens: Integers
    fixes: Integers
    heads: Integers
    descriptions: Integers
    phrases: Integers


@keepable
class Names(NamedTuple):
    """Names and labels of all skills, one after the other: name s from `starts[2 s]`, its label from the next start."""

    body: Bytes
    starts: Integers


class Asker(NamedTuple):
    """The person who asks.

    name, versions: encoded, the latter without what belongs to an opportunity.
    packed, direct: by key, see `credits.gather`. standings; miles, minutes: see `Screened`.
    hours: numbers of the parts that say how each group of hours fits.
    aspired: numbers of the occupations that the person aims at.
    kinds_named, kind_floor: see `PersonEntry`. most_…: see `Weights.makeup`.
    limit: of a journey, minutes. stated_mode, mode: how they say they travel, and how they are taken to.
    """

    name: Bytes
    versions: Bytes
    packed: Integers
    direct: Flags
    standings: Integers
    miles: Numbers
    minutes: Integers
    hours: Integers
    aspired: Integers
    kinds_named: int
    most_aspiration: float
    most_stretch: float
    most_proximity: float
    kind_floor: float
    limit: int
    stated_mode: int
    mode: int
    as_of: int


@keepable
class Sheet(NamedTuple):
    """Where a page is written. lacking: keys of parts that are not there yet.

    lacks: how many were lacking, (1,), also where `lacking` had no room for them.
    double, octets: one number, and the same as bytes.
    """

    out: Bytes
    lacking: Integers
    lacks: Integers
    double: Numbers
    octets: Bytes


@inlined
def _put_part(sheet: Sheet, at: int, pages: Pages, part: int) -> int:
    return put_run(sheet.out, at, pages.body, pages.starts[part], pages.lengths[part])


@inlined
def _lack(sheet: Sheet, key: int) -> None:
    count = sheet.lacks[0]
    if count < len(sheet.lacking):
        sheet.lacking[count] = key
    sheet.lacks[0] = count + 1


@inlined
def _put_keyed(sheet: Sheet, at: int, pages: Pages, key: int) -> int:
    part = number_of(key, pages)
    if part == ABSENT:
        _lack(sheet, key)
        return at
    return _put_part(sheet, at, pages, part)


@inlined
def _put_number(sheet: Sheet, at: int, tag: int, value: float) -> int:
    sheet.double[0] = value
    return put_double(sheet.out, at, tag, sheet.octets)


@inlined
def _put_gates(sheet: Sheet, at: int, row: int, offers: Offers, asker: Asker, pages: Pages) -> int:
    at = _put_keyed(sheet, at, pages, (np.int64(OPEN) << SORT_SHIFT) | offers.opens[row])
    minutes = ANYWHERE if offers.anywhere[row] else asker.minutes[offers.places[row]]
    key = (np.int64(TRAVEL) << SORT_SHIFT) | ((minutes + 2) << MINUTES_SHIFT)
    at = _put_keyed(sheet, at, pages, key | (asker.limit << LIMIT_SHIFT) | asker.stated_mode)
    at = _put_part(sheet, at, pages, asker.hours[offers.hours[row]])
    for number in range(offers.need_starts[row], offers.need_starts[row + 1]):
        at = _put_keyed(sheet, at, pages, _credential_key(row, number, offers, asker))
    return at


@inlined
def _credential_key(row: int, number: int, offers: Offers, asker: Asker) -> int:
    """Return the key of one gate; the plain form is `eligibility.credential_result`."""
    need = offers.needs[number]
    good_through, lead, cause = asker.standings[0, need], asker.standings[1, need], asker.standings[2, need]
    result = _FIXABLE if lead >= 0 and asker.as_of + lead <= offers.deadline[number] else _FAIL
    if UNKNOWN_CAUSE_BITS >> cause & 1:
        result = _UNKNOWN
    if offers.provided[number]:
        result = _FIXABLE
    if good_through >= offers.needed[number]:
        result = _PASS
    fix = 0
    if result == _FIXABLE:
        fix = offers.fixes[row] if offers.provided[number] else max(lead, 0)
    key = (np.int64(CREDENTIAL) << SORT_SHIFT) | (np.int64(need) << (FIX_BITS + CAUSE_BITS + RESULT_BITS))
    return key | (result << (FIX_BITS + CAUSE_BITS)) | (cause << FIX_BITS) | fix


@inlined
def _put_name(sheet: Sheet, at: int, tag: int, number: int, names: Names) -> int:
    start, length = names.starts[number], names.starts[number + 1] - names.starts[number]
    if length:
        at = put_varint(sheet.out, put_byte(sheet.out, at, tag), length)
        at = put_run(sheet.out, at, names.body, start, length)
    return at


@inlined
def _put_earned(sheet: Sheet, start: int, skill: int, packed: int, names: Names, optional: bool) -> int:
    source, credit = packed & SOURCE_MASK, (packed >> CREDIT_SHIFT) / MILLION
    at = _put_name(sheet, start, _NAME, 2 * skill, names)
    at = _put_name(sheet, at, _LABEL, 2 * skill + 1, names)
    at = put_byte(sheet.out, put_byte(sheet.out, at, _IMPORTANCE), 2 if optional else 1)
    fit = _EVIDENCED if source == DIRECT_EVIDENCED else _CLAIMED if source == DIRECT_CLAIMED else _TRANSFERABLE
    at = put_byte(sheet.out, put_byte(sheet.out, at, _FIT), fit)
    at = _put_number(sheet, at, _CREDIT, credit)
    if fit == _TRANSFERABLE:
        at = _put_name(sheet, at, _FROM_NAME, 2 * (source - 1), names)
        at = _put_name(sheet, at, _FROM_LABEL, 2 * (source - 1) + 1, names)
    return put_header(sheet.out, start, at, _SKILL)


@inlined
def _put_skills(sheet: Sheet, at: int, row: int, offers: Offers, asker: Asker, names: Names, pages: Pages) -> int:
    start = offers.key_starts[row]
    for place in range(start, offers.key_starts[row + 1]):
        key, optional = offers.keys[place], place - start >= offers.essentials[row]
        packed = asker.packed[key]
        if packed == NOTHING:
            lacked = (np.int64(MISSING) << SORT_SHIFT) | (key << 1) | (1 if optional else 0)
            at = _put_keyed(sheet, at, pages, lacked)
        else:
            at = _put_earned(sheet, at, offers.skills[place], packed, names, optional)
    return at


@inlined
def _put_reasons(
    sheet: Sheet,
    at: int,
    row: int,
    offers: Offers,
    asker: Asker,
    parts: Numbers,
    shares: Shares,
    names: Names,
    pages: Pages,
) -> int:
    start, end = offers.key_starts[row], offers.key_starts[row + 1]
    packed = np.empty(end - start, np.int64)
    for place in range(start, end):
        packed[place - start] = asker.packed[offers.keys[place]]
    new, first_new = 0, -1
    for place in range(offers.taught_starts[row], offers.taught_starts[row + 1]):
        if not asker.direct[offers.taught_keys[place]]:
            first_new = offers.taught[place] if new == 0 else first_new
            new += 1
    named = False
    for occupation in asker.aspired:
        named |= offers.occupations[row] == occupation
    by_kind = -1.0
    if offers.kinds[row] & asker.kinds_named:
        by_kind = asker.kind_floor * min(1.0, parts[SUITABILITY] / shares.kind_fits)
    facts = Facts(
        offers.essentials[row], parts[ESSENTIAL], parts[SEMANTIC], asker.most_aspiration, asker.most_stretch,
        asker.most_proximity, parts[ASPIRATION], by_kind, named, parts[STRETCH], parts[PROXIMITY],
        asker.minutes[offers.places[row]], asker.mode, new, first_new,
    )  # fmt: skip
    keys = np.empty(4, np.int64)
    for place in range(choose(packed, offers.skills[start:end], facts, shares, keys)):
        at = _put_reason(sheet, at, keys[place], offers, names, pages)
    return at


@inlined
def _put_reason(sheet: Sheet, start: int, key: int, offers: Offers, names: Names, pages: Pages) -> int:
    sort = key >> SORT_AT
    if sort == _HAS:
        at = put_held(sheet.out, start, key, offers.phrases, pages, names.body, names.starts)
    elif sort == _CARRIES_OVER:
        at = put_carried(sheet.out, start, key, offers.phrases, pages, names.body, names.starts)
    else:
        return _put_keyed(sheet, start, pages, (np.int64(REASON) << SORT_SHIFT) | key)
    return put_header(sheet.out, start, at, _REASON)


@inlined
def _put_components(sheet: Sheet, start: int, parts: Numbers) -> int:
    at = start
    for field in range(SCORE):
        at = _put_number(sheet, at, ((field + 1) << 3) | 1, parts[field])
    return put_header(sheet.out, start, at, _COMPONENTS)


@inlined
def _put_versions(sheet: Sheet, start: int, row: int, offers: Offers, asker: Asker) -> int:
    at = put_run(sheet.out, start, asker.versions, 0, len(asker.versions))
    if offers.versions[row]:
        at = put_varint(sheet.out, put_byte(sheet.out, at, _OWN_VERSION), offers.versions[row])
    return put_header(sheet.out, start, at, _VERSIONS)


@compiled
def write_page(
    sheet: Sheet,
    rows: Integers,
    parts: Numbers,
    offers: Offers,
    names: Names,
    pages: Pages,
    shares: Shares,
    full: bool,
    name: Bytes,
    versions: Bytes,
    packed: Integers,
    direct: Flags,
    standings: Integers,
    miles: Numbers,
    minutes: Integers,
    hours: Integers,
    aspired: Integers,
    kinds_named: int,
    most_aspiration: float,
    most_stretch: float,
    most_proximity: float,
    kind_floor: float,
    limit: int,
    stated_mode: int,
    mode: int,
    as_of: int,
) -> int:
    """Write the matches of `rows` and return the length; more than the sheet holds if they do not fit.

    parts: (m, 9), see `SCORE`. full: whether required skills are written. The rest is the `Asker`.
    The page is right only if afterwards nothing is lacking.
    """
    asker = lent(Asker(
        name, versions, packed, direct, standings, miles, minutes, hours, aspired, kinds_named, most_aspiration,
        most_stretch, most_proximity, kind_floor, limit, stated_mode, mode, as_of,
    ))  # fmt: skip
    sheet, rows, parts, offers = lent(sheet), lent(rows), lent(parts), lent(offers)
    names, pages, shares = lent(names), lent(pages), lent(shares)
    at = 0
    sheet.lacks[0] = 0
    for place in range(len(rows)):
        row, start = rows[place], at
        if offers.heads[row] == ABSENT:
            _lack(sheet, (np.int64(OWN) << SORT_SHIFT) | row)
            continue
        at = _put_part(sheet, at, pages, offers.heads[row])
        at = put_run(sheet.out, at, asker.name, 0, len(asker.name))
        at = _put_number(sheet, at, _SCORE, parts[place, SCORE])
        at = _put_part(sheet, at, pages, offers.descriptions[row])
        at = _put_number(sheet, at, _MILES, asker.miles[offers.places[row]])
        minutes = asker.minutes[offers.places[row]]
        if minutes:
            at = put_varint(sheet.out, put_byte(sheet.out, at, _MINUTES), minutes)
        at = _put_components(sheet, at, parts[place])
        at = _put_gates(sheet, at, row, offers, asker, pages)
        if full:
            at = _put_skills(sheet, at, row, offers, asker, names, pages)
        at = _put_reasons(sheet, at, row, offers, asker, parts[place], shares, names, pages)
        at = _put_versions(sheet, at, row, offers, asker)
        at = put_header(sheet.out, start, at, _MATCHES)
    return at


@compiled
def write_items(sheet: Sheet, rows: Integers, parts: Numbers, offers: Offers, pages: Pages) -> int:
    """Write the same rows as the items of a recorded ranking, and return the length as `write_page` does.

    The numbers of fields are those of `RankingMade` and `RankedItem` in `events.proto`.
    """
    sheet, rows, parts, offers, pages = lent(sheet), lent(rows), lent(parts), lent(offers), lent(pages)
    at = 0
    sheet.lacks[0] = 0
    for place in range(len(rows)):
        row, start = rows[place], at
        if offers.heads[row] == ABSENT:
            _lack(sheet, (np.int64(OWN) << SORT_SHIFT) | row)
            continue
        at = _put_part(sheet, at, pages, offers.heads[row])
        if offers.versions[row]:
            at = put_varint(sheet.out, put_byte(sheet.out, at, _ITEM_VERSION), offers.versions[row])
        at = _put_number(sheet, at, _ITEM_SCORE, parts[place, SCORE])
        at = _put_number(sheet, at, _ITEM_SUITABILITY, parts[place, SUITABILITY])
        at = put_header(sheet.out, start, at, _ITEMS)
    return at
