"""The level of qualification that somebody has, and that an opportunity trains to.

Levels are those of England's frameworks, 1 to 8 (Ofqual, "What qualification levels mean"; Office for Students,
"Sector-recognised standards": a degree is level 6, a master's 7, a doctorate 8).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from careweave_matching.model import HeldCredential, Opportunity
from careweave_matching.terms import CredentialKind, OpportunityKind

_STATED: Final = re.compile(r"\blevel ([1-8])\b", re.IGNORECASE)
_AWARDS: Final = (
    (8, re.compile(r"\b(?:phd|doctora\w+)\b", re.IGNORECASE)),
    (7, re.compile(r"\b(?:master\w*|msc|postgraduate)\b", re.IGNORECASE)),
    (6, re.compile(r"\b(?:bachelor\w*|bsc|ba|degree)\b", re.IGNORECASE)),
    (5, re.compile(r"\b(?:foundation degree|diploma of higher education|higher national diploma)\b", re.IGNORECASE)),
)


def level_stated(title: str) -> int:
    """Return the level of a qualification by its title; 0 if the title does not say."""
    if stated := _STATED.search(title):
        return int(stated.group(1))
    found = [level for level, words in _AWARDS if words.search(title)]
    return min(found, default=0)  # "foundation degree" is level 5 though it has "degree" in it


def level_attained(credentials: Iterable[HeldCredential]) -> int:
    """Return the highest level among the qualifications in `credentials`; 0 if none says."""
    held = (each for each in credentials if each.kind == CredentialKind.QUALIFICATION)
    return max((level_stated(each.title) for each in held), default=0)


def level_trained_to(opportunity: Opportunity, standards: Mapping[str, int]) -> int:
    """Return the level that an apprenticeship trains to; 0 for other kinds, and if it is not known.

    standards: resource name of a standard → its level.
    """
    if opportunity.kind != OpportunityKind.APPRENTICESHIP:
        return 0
    return standards.get(opportunity.standard, 0) or level_stated(opportunity.title)
