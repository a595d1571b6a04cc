"""What a text of Cypher says of itself, whichever engine runs it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from careweave.errors import InvalidArgument
from careweave.graph.port import Query

_STRINGS_AND_COMMENTS = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`|//[^\n]*|/\*.*?\*/", re.DOTALL)
_PARAMETER = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_WRITES = re.compile(r"\b(CREATE|MERGE|SET|DELETE|REMOVE|DROP|ALTER|LOAD\s+CSV)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Text:
    """What was found."""

    parameters: frozenset[str]
    writes: bool


@lru_cache(maxsize=4096)
def read_text(cypher: str) -> Text:
    """Return what `cypher` says, strings and comments aside."""
    bare = _STRINGS_AND_COMMENTS.sub(" ", cypher)
    return Text(frozenset(_PARAMETER.findall(bare)), bool(_WRITES.search(bare)))


def require_parameters(query: Query, text: str, given: Mapping[str, object]) -> None:
    """Refuse to run `text` of `query` without a parameter that it needs.

    Raises:
        InvalidArgument: one is missing.
    """
    missing = read_text(text).parameters - given.keys()
    if missing:
        raise InvalidArgument(
            f"{query.name} needs the parameter {', '.join(sorted(missing))}", reason="PARAMETER_MISSING"
        )
