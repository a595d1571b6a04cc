"""Titles and labels made comparable: what they are about, and at what rank."""

import re
from typing import Final

from careweave.wording import telling_words

_BRACKETS: Final = re.compile(r"\s*\([^)]*\)")
_QUALIFICATION: Final = re.compile(r"[\s-]+(?:integrated[\s-]+)?(?:degree|integrated|20\d\d)$", re.IGNORECASE)
_OPENING: Final = re.compile(
    r"^(?:award|certificate|diploma|principles|practices?|understanding|awareness|introduction|working|level|module|"
    r"\d+|how|the|and|of|in|to|for|with|first step)\b[\s:,]*",
    re.IGNORECASE,
)
_RANKS: Final = (
    frozenset({"assistant", "associate", "aide", "support", "helper", "attendant", "junior"}),
    frozenset({"advanced", "specialist", "specialised", "enhanced", "consultant", "senior", "lead", "expert"}),
    frozenset({"manager", "supervisor", "director", "head", "leader", "coordinator"}),
    frozenset({"lecturer", "teacher", "instructor", "trainer"}),
)
_MANAGING: Final = 2
_DEGREE: Final = 6
_HIGHER: Final = 4


def key(text: str) -> tuple[str, ...]:
    """Return what two labels share if they differ in case, plural, spelling or fillers alone."""
    return tuple(telling_words(bare_title(text).replace("ealthcare", "ealth care")))


def bare_title(title: str) -> str:
    """Return a title without its bracketed parts and the kind of qualification at its end."""
    bare = _BRACKETS.sub("", title).strip()
    while (shorter := _QUALIFICATION.sub("", bare).strip()) != bare:
        bare = shorter
    return bare


def topic(title: str) -> str:
    """Return what a course is about: "Understanding the Principles of Dementia Care" is about "Dementia Care"."""
    bare = _BRACKETS.sub("", title).strip()
    while (shorter := _OPENING.sub("", bare).strip()) and shorter != bare:
        bare = shorter
    return bare


def ranks(title: str) -> frozenset[int]:
    """Return the kinds of rank that a title names: support 0, senior 1, managing 2, teaching 3."""
    words = set(telling_words(title))
    return frozenset(kind for kind, rank in enumerate(_RANKS) if words & rank)


def manages(title: str) -> bool:
    """Return whether a title is a manager's."""
    return _MANAGING in ranks(title)


def level_distance(level: int, isco_group: str) -> float:
    """Return how far a qualification's level is from an occupation's, 0 to 1.

    ISCO-08 major groups 1 and 2 stand for skill level 4, group 3 for level 3 and the others for levels 1 and 2
    (ILO, ISCO-08 volume 1, table 1); degrees are RQF level 6 and up, higher technical ones 4 and 5.
    """
    major = isco_group[:1]
    if level >= _DEGREE:
        return 0.0 if major in "12" else 0.25 if major == "3" else 1.0
    if level >= _HIGHER:
        return 0.0 if major in "123" else 0.15
    return 0.75 if major in "12" else 0.0
