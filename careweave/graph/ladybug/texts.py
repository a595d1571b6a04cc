"""Running a query, and what its text says of itself: the parameters it needs, and whether it writes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import ladybug

from careweave.errors import CareweaveError, InvalidArgument
from careweave.graph.ladybug.failures import translate
from careweave.graph.ladybug.values import answer_of, rows_of, to_engine
from careweave.graph.port import Query, Row

ENGINE = "ladybug"

_STRINGS_AND_COMMENTS = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`|//[^\n]*|/\*.*?\*/", re.DOTALL)
_PARAMETER = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_WRITES = re.compile(r"\b(CREATE|MERGE|COPY|SET|DELETE|REMOVE|DROP|ALTER|IMPORT|CHECKPOINT)\b", re.IGNORECASE)
_UNWINDS = re.compile(r"^\s*UNWIND\s+\$([A-Za-z_][A-Za-z0-9_]*)\s+AS\b", re.IGNORECASE)
_AGGREGATES = re.compile(r"\b(count|sum|avg|min|max|collect)\s*\(", re.IGNORECASE)
# A unit of work begins and ends itself, and must last: the engine does not log what it copies.
_NOT_FOR_UNITS = re.compile(r"^\s*(BEGIN|COMMIT|ROLLBACK|CHECKPOINT|COPY)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Text:
    """What was found.

    unwinds: the parameter whose rows all else goes over, so that without rows there is no answer and
        no change; empty if there is none.
    """

    parameters: frozenset[str]
    writes: bool
    unwinds: str
    fits_unit: bool


@lru_cache(maxsize=4096)
def read_text(cypher: str) -> Text:
    """Return what `cypher` says, strings and comments aside."""
    bare = _STRINGS_AND_COMMENTS.sub(" ", cypher)
    unwinds = None if _AGGREGATES.search(bare) else _UNWINDS.match(bare)
    return Text(
        parameters=frozenset(_PARAMETER.findall(bare)),
        writes=bool(_WRITES.search(bare)),
        unwinds=unwinds[1] if unwinds else "",
        fits_unit=not _NOT_FOR_UNITS.match(bare),
    )


def text_of(query: Query) -> str:
    """Return the text that this engine runs for `query`."""
    return query.overrides.get(ENGINE, query.text)


def execute(connection: ladybug.Connection, query: Query, parameters: Mapping[str, object]) -> list[Row]:
    """Return the rows of `query`.

    Raises:
        InvalidArgument: the text or a parameter is wrong, or a parameter is missing (the engine would
            read it as null).
    """
    text = text_of(query)
    facts = read_text(text)
    missing = facts.parameters - parameters.keys()
    if missing:
        raise InvalidArgument(
            f"{query.name} needs the parameter {', '.join(sorted(missing))}", reason="PARAMETER_MISSING"
        )
    if facts.unwinds and not parameters[facts.unwinds]:
        return []  # The engine reads an empty list as one of texts, and then refuses `r.name`.
    given: dict[str, Any] = {name: to_engine(value) for name, value in parameters.items()}
    try:
        return rows_of(answer_of(connection, text, given))
    except CareweaveError:
        raise
    except Exception as error:
        raise translate(error, query.name) from error
