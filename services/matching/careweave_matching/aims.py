"""What people write of their aims: its parts, and the kinds of opportunity that it names."""

import re
from collections.abc import Mapping
from typing import Final

from careweave_matching.terms import OpportunityKind

_PARTS: Final = re.compile(r"[.!?;:\n]+\s*|,\s+(?=(?:or|and|but|as long as|ideally)\b)", re.IGNORECASE)
_UNWANTED: Final = re.compile(
    r"\b(?:not?|never|without|rather than|instead of|tired of|(?:do|would|could|can|did|am)n['’]?t|cannot)\b"
    r"|\b(?:away from|leave|leaving|out of) (?:the|my)\b",
    re.IGNORECASE,
)
_LEAST_WORDS: Final = 3
_MOST_PARTS: Final = 6

_NAMES: Final[Mapping[OpportunityKind, str]] = {
    OpportunityKind.SECONDMENT: r"second(?:ed|ments?)\b",
    OpportunityKind.APPRENTICESHIP: (
        r"apprentic\w*|earn(?:ing)?\b[^.]*\b(?:while|whilst)\b[^.]*\blearn|learn\w*\b[^.]*\b(?:while|whilst)\b[^.]*\bearn"
        r"|(?:qualify|train)\w*\b[^.]*\b(?:through|at|in|on|alongside) (?:work|(?:the|my) job)\b"
    ),
    OpportunityKind.COURSE: r"(?<!of )courses?|stud(?:y|ying)|diploma|certificate|qualification",
    OpportunityKind.PLACEMENT: r"placements?",
    OpportunityKind.SHADOWING: r"shadow(?:ing)?",
    OpportunityKind.PROJECT: r"projects?",
    OpportunityKind.MENTORING: r"mentor(?:s|ing)?",
}
_SAID: Final = {kind: re.compile(rf"\b(?:{words})", re.IGNORECASE) for kind, words in _NAMES.items()}

_GIVERS: Final = tuple(
    (re.compile(rf"\b(?:{asked})\b", re.IGNORECASE), re.compile(rf"\b(?:{givers})", re.IGNORECASE))
    for asked, givers in (
        (
            r"training|courses?|study(?:ing)?|qualifications?",
            r"train(?:er|ing)|teacher|lecturer|instructor|tutor|educator",
        ),
        (r"mentor(?:s|ing)?", r"mentor"),
    )
)
"""What people ask for, and words in the names of occupations that give it."""


def parts_of(aspiration: str) -> list[str]:
    """Return the whole of what is written, and its sentences and larger clauses if it has several, in order.

    What is said not to be wanted is left out, unless nothing else is said.
    """
    whole = " ".join(aspiration.split())
    parts = [part.strip() for part in _PARTS.split(whole) if part and len(part.split()) >= _LEAST_WORDS]
    wanted = [part for part in parts if not _UNWANTED.search(part)]
    if len(wanted) < len(parts):
        whole = ". ".join(wanted) or whole
    found = [whole, *wanted[:_MOST_PARTS]] if len(wanted) > 1 else [whole]
    return [part for part in dict.fromkeys(found) if part]


def kinds_named(aspiration: str) -> int:
    """Return the kinds of opportunity that are named, one bit each: 1 << kind."""
    return sum(1 << kind for kind, words in _SAID.items() if words.search(aspiration))


def gives_what_is_asked(occupation: str, aspiration: str) -> bool:
    """Say whether somebody of an occupation of that name gives what is asked for, as a mentor gives mentoring.

    Who asks for a mentor or for training uses words close to those for people who give it, and seldom aims to be one.
    """
    return any(asked.search(aspiration) and givers.search(occupation) for asked, givers in _GIVERS)
