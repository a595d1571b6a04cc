"""The two reasons that differ most from person to person, put together from phrases and labels; see `reasons.words`."""

import numpy as np
import numpy.typing as npt

from careweave_matching.compiled.book import Pages
from careweave_matching.compiled.choosing import COUNT_BITS, SKILL_BITS
from careweave_matching.compiled.jit import compiled, inlined
from careweave_matching.compiled.writing import Bytes, put_byte, put_run

Integers = npt.NDArray[np.int64]

(
    _HAS,
    _ALL,
    _OF,
    _ESSENTIAL_SKILLS,
    _USEFUL_SKILLS,
    _AMONG,
    _AND,
    _END,
    _ONE_ESSENTIAL,
    _ONE_USEFUL,
    _CARRIES_OVER,
    _CLOSE_TO,
) = range(12)
"""Places in `reasons.PHRASES`."""
_SKILLS, _COUNTS = (1 << SKILL_BITS) - 1, (1 << COUNT_BITS) - 1
_ZERO = 48
_TEN = 10


@inlined
def _put_phrase(out: Bytes, at: int, phrase: int, phrases: Integers, pages: Pages) -> int:
    part = phrases[phrase]
    return put_run(out, at, pages.body, pages.starts[part], pages.lengths[part])


@inlined
def _put_label(out: Bytes, at: int, skill: int, body: Bytes, starts: Integers) -> int:
    number = 2 * skill + 1
    return put_run(out, at, body, starts[number], starts[number + 1] - starts[number])


@compiled
def _put_count(out: Bytes, at: int, count: int) -> int:
    if count >= _TEN:
        at = _put_count(out, at, count // _TEN)
    return put_byte(out, at, _ZERO + count % _TEN)


@inlined
def put_carried(out: Bytes, at: int, key: int, phrases: Integers, pages: Pages, body: Bytes, starts: Integers) -> int:
    """Write what carries over to what. body, starts: see `page.Names`."""
    origin, required = (key >> (1 + SKILL_BITS)) & _SKILLS, (key >> 1) & _SKILLS
    at = _put_label(out, _put_phrase(out, at, _CARRIES_OVER, phrases, pages), origin - 1, body, starts)
    at = _put_label(out, _put_phrase(out, at, _CLOSE_TO, phrases, pages), required - 1, body, starts)
    return _put_phrase(out, at, _END, phrases, pages)


@inlined
def put_held(out: Bytes, at: int, key: int, phrases: Integers, pages: Pages, body: Bytes, starts: Integers) -> int:
    """Write which of the skills that are asked for the person has. body, starts: see `page.Names`."""
    essential = key & 1
    second, first = ((key >> 1) & _SKILLS) - 1, ((key >> (1 + SKILL_BITS)) & _SKILLS) - 1
    asked = (key >> (1 + 2 * SKILL_BITS)) & _COUNTS
    held = (key >> (1 + 2 * SKILL_BITS + COUNT_BITS)) & _COUNTS
    if asked == 1:
        at = _put_phrase(out, at, _ONE_ESSENTIAL if essential else _ONE_USEFUL, phrases, pages)
    else:
        at = _put_phrase(out, at, _HAS, phrases, pages)
        if held == asked:
            at = _put_phrase(out, at, _ALL, phrases, pages)
        else:
            at = _put_phrase(out, _put_count(out, at, held), _OF, phrases, pages)
        at = _put_count(out, at, asked)
        at = _put_phrase(out, at, _ESSENTIAL_SKILLS if essential else _USEFUL_SKILLS, phrases, pages)
        if held > (2 if second >= 0 else 1):
            at = _put_phrase(out, at, _AMONG, phrases, pages)
    at = _put_label(out, at, first, body, starts)
    if second >= 0:
        at = _put_label(out, _put_phrase(out, at, _AND, phrases, pages), second, body, starts)
    return _put_phrase(out, at, _END, phrases, pages)
