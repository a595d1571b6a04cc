"""Mapping files: which column of an extract says what. data/hr-examples holds two, with an explanation of each part."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from careweave.errors import InvalidArgument
from careweave_cli.hr.table import Dialect

_PARTS: Final = {"source_system", "feed", "encoding", "delimiter", "dates", "zone", "order", "external_id"}
_SECTIONS: Final = {"identity", "employment", "skills", "credentials"}
_FIELDS: Final = {
    "identity": {"display_name", "email", "place", "fictional"},
    "employment": {
        "organisation",
        "occupation",
        "job_title",
        "pay_band",
        "start_date",
        "end_date",
        "weekly_hours",
    },
    "skills": {"skill", "code", "label", "text", "separator", "proficiency", "evidence", "assessed"},
    "credentials": {"kind", "title", "issue_date", "expire_date", "dbs_level", "programme", "when"},
}
_PLAIN: Final = {"separator", "when", "kind", "assessed", "fictional"}
"""Settings of a section that are themselves, not a source of a cell."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value comes from.

    columns: headings whose cells are joined by a blank. value: instead of any column.
    values: what cells stand for; a cell that is not in it is wrong, unless there is an `otherwise`.
    """

    columns: Sequence[str] = ()
    value: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    otherwise: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One group of fields: a period of work, one kind of skill, one kind of credential.

    settings: those of _PLAIN.
    """

    sources: Mapping[str, Source]
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ExtractMapping:
    """A whole mapping file.

    dates, zone: how dates are written, and in which zone times are.
    order: `time` or `version` by the column of `order_by`, or `extract` by the day on which the extract was made.
    """

    source_system: str
    feed: str
    dialect: Dialect
    dates: Sequence[str]
    zone: str
    order: str
    order_by: Source
    external_id: Source
    identity: Part | None
    employments: Sequence[Part]
    skills: Sequence[Part]
    credentials: Sequence[Part]

    def columns(self) -> set[str]:
        """Return all headings that the mapping needs."""
        parts = [*self.employments, *self.skills, *self.credentials, *([self.identity] if self.identity else [])]
        sources = [self.order_by, self.external_id, *(source for part in parts for source in part.sources.values())]
        return {column for source in sources for column in source.columns}


def read_mapping(file: Path) -> ExtractMapping:
    """Return the mapping in `file`.

    Raises:
        InvalidArgument: it cannot be read, or names what there is not.
    """
    try:
        given = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise _refused(file, f"cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _refused(file, f"is not TOML: {error}") from error
    _refuse_unknown(file, "", given.keys(), _PARTS | _SECTIONS)
    for needed in ("source_system", "external_id", "order"):
        if needed not in given:
            raise _refused(file, f"lacks {needed}")
    order = given["order"]
    if not isinstance(order, dict) or order.get("by") not in ("time", "version", "extract"):
        raise _refused(file, 'order must be { by = "time" or "version", column = "…" }, or { by = "extract" }')
    if order["by"] != "extract" and "column" not in order:
        raise _refused(file, "order lacks column: the heading of what grows with each change of a record")
    dates = given.get("dates", ["%d/%m/%Y", "%Y-%m-%d"])
    identity = given.get("identity")
    return ExtractMapping(
        source_system=str(given["source_system"]),
        feed=str(given.get("feed", "files")),
        dialect=Dialect(str(given.get("encoding", "utf-8")), str(given.get("delimiter", ","))),
        dates=[dates] if isinstance(dates, str) else [str(each) for each in dates],
        zone=str(given.get("zone", "Europe/London")),
        order=order["by"],
        order_by=_source(file, "order", order["column"]) if order["by"] != "extract" else Source(),
        external_id=_source(file, "external_id", given["external_id"]),
        identity=_part(file, "identity", identity) if identity is not None else None,
        employments=list(_parts(file, "employment", given)),
        skills=list(_parts(file, "skills", given)),
        credentials=list(_parts(file, "credentials", given)),
    )


def _parts(file: Path, section: str, given: Mapping[str, Any]) -> Iterator[Part]:
    tables = given.get(section, [])
    for each in [tables] if isinstance(tables, dict) else tables:
        yield _part(file, section, each)


def _part(file: Path, section: str, given: Any) -> Part:
    if not isinstance(given, dict):
        raise _refused(file, f"{section} must be a table")
    _refuse_unknown(file, f"{section}.", given.keys(), _FIELDS[section])
    sources = {name: _source(file, f"{section}.{name}", each) for name, each in given.items() if name not in _PLAIN}
    return Part(sources, {name: each for name, each in given.items() if name in _PLAIN})


def _source(file: Path, place: str, given: Any) -> Source:
    """Return the source that a heading, a list of headings, or a table with `column` or `value` stands for."""
    if isinstance(given, str):
        return Source((given,))
    if isinstance(given, list) and given and all(isinstance(each, str) for each in given):
        return Source(tuple(given))
    if not isinstance(given, dict):
        raise _refused(file, f"{place} must be a heading, a list of headings, or a table with column or value")
    _refuse_unknown(file, f"{place}.", given.keys(), {"column", "value", "values", "otherwise"})
    if "value" in given:
        return Source(value=str(given["value"]))
    if "column" not in given:
        raise _refused(file, f"{place} lacks column")
    columns = _source(file, place, given["column"]).columns
    values = {str(cell).casefold(): str(meant) for cell, meant in given.get("values", {}).items()}
    otherwise = given.get("otherwise")
    return Source(columns, "", values, None if otherwise is None else str(otherwise))


def _refuse_unknown(file: Path, prefix: str, given: Any, known: set[str]) -> None:
    for name in given:
        if name not in known:
            raise _refused(file, f"has {prefix}{name}, which is none of {', '.join(sorted(known))}")


def _refused(file: Path, problem: str) -> InvalidArgument:
    return InvalidArgument(f"The mapping {file} {problem}.", reason="MAPPING_INVALID")
