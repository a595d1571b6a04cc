"""What the domain knows beside the taxonomies: how widely care asks for a skill, and plain words for ESCO's."""

import re
from collections.abc import Mapping
from math import log1p
from typing import Final

MOST_OF_CARE: Final = 20
"""Occupations of care from which on more say nothing."""
MOST_OF_ALL: Final = 200
"""The same of all occupations."""
_TERMS: Final[Mapping[str, str]] = {
    "medicines": "medication",
    "care records": "records of service users",
    "residents": "service users",
    "signpost": "refer",
    "signposting": "referring",
}
"""Words of vacancies → words of ESCO, where it hardly or never uses the former: of its 99,539 labels of skills 144 say
medication and 53 medicines, 197 service users and 14 residents, 17 refer and none signpost, none care records."""
_PLAIN: Final = re.compile(r"\b(?:" + "|".join(sorted(_TERMS, key=len, reverse=True)) + r")\b", re.IGNORECASE)


def breadth(occupations: int, most: int) -> float:
    """Return how widely a skill is asked for, 0 to 1, by the number of occupations that require it.

    It grows with the logarithm: that one occupation asks for it says more than that one more does. most: occupations
    from which on more say nothing.
    """
    return log1p(min(occupations, most)) / log1p(most)


def in_terms(text: str) -> str:
    """Return `text` with plain words of care in those of ESCO: "give medicines" → "give medication"."""
    return _PLAIN.sub(lambda found: _TERMS[found.group().lower()], text)
