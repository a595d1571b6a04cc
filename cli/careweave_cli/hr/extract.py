"""From the rows of an extract to updates, by a mapping; what cannot be read is said by row and column."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

from careweave.v1 import common_pb2, hr_pb2
from careweave_cli.hr.mapping import ExtractMapping, Part, Source
from careweave_cli.hr.table import Row, RowError

_YES: Final = {"yes", "y", "true", "1", "completed", "complete", "passed", "achieved"}
_NO: Final = {"no", "n", "false", "0"}
_SKILL_FIELDS: Final = ("skill", "code", "label", "text")


@dataclass(slots=True)
class Extracted:
    """An update, and the rows that it comes from: several where a record has a row for each certificate."""

    update: hr_pb2.ProfileUpdate
    rows: list[int] = field(default_factory=list)


class _CellError(Exception):
    """What is wrong with a cell, and what to do."""

    def __init__(self, column: str, problem: str) -> None:
        super().__init__(problem)
        self.column, self.problem = column, problem


class Extractor:
    """Reads rows by a mapping.

    made_on: the day on which the extract was made; orders updates if the mapping says so.
    """

    def __init__(self, mapping: ExtractMapping, made_on: date | None) -> None:
        self._mapping = mapping
        self._zone = ZoneInfo(mapping.zone)
        self._made_on = made_on

    def updates(self, rows: Sequence[Row]) -> tuple[list[Extracted], list[RowError]]:
        """Return the updates of `rows`, in order of their first row, and what is wrong with the others."""
        found: dict[tuple[str, int], Extracted] = {}
        errors: list[RowError] = []
        for row in rows:
            try:
                update = self._update(row)
            except _CellError as error:
                errors.append(RowError(row.number, error.column, error.problem))
                continue
            key = (update.external_id, update.source_version or update.source_time.ToNanoseconds())
            known = found.setdefault(key, Extracted(update))
            if (known.update.identity, known.update.employments) != (update.identity, update.employments):
                errors.append(RowError(row.number, "", _contradicting(known.rows[0])))
                continue
            if known.update is not update:
                known.update.skills.MergeFrom(update.skills)
                known.update.credentials.MergeFrom(update.credentials)
            known.rows.append(row.number)
        return list(found.values()), errors

    def _update(self, row: Row) -> hr_pb2.ProfileUpdate:
        mapping = self._mapping
        update = hr_pb2.ProfileUpdate(source_system=mapping.source_system)
        update.external_id = _needed(mapping.external_id, row)
        self._order(update, row)
        if mapping.identity is not None:
            self._identity(update.identity, mapping.identity, row)
        for section, parts in (("employments", mapping.employments), ("credentials", mapping.credentials)):
            if parts:
                getattr(update, section).SetInParent()
        if mapping.skills:
            update.skills.SetInParent()
        for part in mapping.employments:
            self._employment(update, part, row)
        for part in mapping.skills:
            update.skills.skills.extend(self._skills(part, row))
        for part in mapping.credentials:
            self._credential(update, part, row)
        return update

    def _order(self, update: hr_pb2.ProfileUpdate, row: Row) -> None:
        mapping = self._mapping
        if mapping.order == "version":
            text = _needed(mapping.order_by, row)
            if not text.isdecimal() or not int(text):
                raise _CellError(mapping.order_by.columns[0], f"must be a whole number from 1, not {text!r}")
            update.source_version = int(text)
        elif mapping.order == "time":
            update.source_time.FromDatetime(self._time(mapping.order_by, row))
        else:
            assert self._made_on is not None  # noqa: S101  the command asks for it
            update.source_time.FromDatetime(datetime.combine(self._made_on, time(), self._zone).astimezone(UTC))

    def _identity(self, identity: hr_pb2.FeedIdentity, part: Part, row: Row) -> None:
        identity.SetInParent()
        for name in ("display_name", "email", "place"):
            setattr(identity, name, _text(part.sources.get(name), row))
        identity.fictional = bool(part.settings.get("fictional", False))

    def _employment(self, update: hr_pb2.ProfileUpdate, part: Part, row: Row) -> None:
        work = hr_pb2.FeedEmployment()
        for name in ("organisation", "occupation", "job_title", "pay_band"):
            setattr(work, name, _text(part.sources.get(name), row))
        for name in ("start_date", "end_date"):
            self._put_date(work, name, part, row)
        work.weekly_hours = _number(part.sources.get("weekly_hours"), row)
        update.employments.employments.append(work)

    def _skills(self, part: Part, row: Row) -> Iterator[hr_pb2.FeedSkill]:
        name = next((each for each in _SKILL_FIELDS if each in part.sources), "label")
        cell = _text(part.sources.get(name), row)
        separator = part.settings.get("separator")
        level = _enum(part.sources.get("proficiency"), row, common_pb2.Proficiency, "PROFICIENCY_")
        for words in cell.split(separator) if separator else [cell]:
            if words.strip():
                skill = hr_pb2.FeedSkill(
                    proficiency=level,
                    assessed=bool(part.settings.get("assessed", False)),
                    evidence=_text(part.sources.get("evidence"), row),
                )
                setattr(skill, name, words.strip())
                yield skill

    def _credential(self, update: hr_pb2.ProfileUpdate, part: Part, row: Row) -> None:
        """Add a credential; none if the row has neither its date nor its title, or its column `when` says no."""
        titled, dated = part.sources.get("title"), part.sources.get("issue_date")
        title = _text(titled, row)
        telling = [source for source in (titled, dated) if source is not None and source.columns]
        if not any(_raw(source, row) for source in telling) or not self._holds(part, row):
            return
        held = hr_pb2.FeedCredential(title=title, programme=_text(part.sources.get("programme"), row))
        kind = str(part.settings.get("kind", ""))
        held.kind = _enum(Source(value=kind), row, common_pb2.CredentialKind, "CREDENTIAL_KIND_")
        held.dbs_level = _enum(part.sources.get("dbs_level"), row, common_pb2.DbsLevel, "DBS_LEVEL_")
        for name in ("issue_date", "expire_date"):
            self._put_date(held, name, part, row)
        update.credentials.credentials.append(held)

    def _holds(self, part: Part, row: Row) -> bool:
        column = part.settings.get("when")
        if not column:
            return True
        cell = row.cells.get(str(column), "").casefold()
        if cell in _YES or not cell:
            return True
        if cell in _NO:
            return False
        raise _CellError(str(column), f"must be yes or no, not {cell!r}")

    def _put_date(self, message: Any, name: str, part: Part, row: Row) -> None:
        source = part.sources.get(name)
        text = _text(source, row)
        if source is None or not text:
            return
        day = self._date(text, source)
        getattr(message, name).CopyFrom(common_pb2.Date(year=day.year, month=day.month, day=day.day))

    def _date(self, text: str, source: Source) -> date:
        for pattern in self._mapping.dates:
            try:
                return datetime.strptime(text, pattern).date()  # noqa: DTZ007  a date has no zone
            except ValueError:
                continue
        raise _CellError(_column(source), f"{text!r} is no date written as {_patterns(self._mapping.dates)}")

    def _time(self, source: Source, row: Row) -> datetime:
        text = _needed(source, row)
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            found = self._local_time(text, source)
        return (found if found.tzinfo else found.replace(tzinfo=self._zone)).astimezone(UTC)

    def _local_time(self, text: str, source: Source) -> datetime:
        patterns = [f"{day}{clock}" for day in self._mapping.dates for clock in (" %H:%M:%S", " %H:%M", "")]
        for pattern in patterns:
            try:
                return datetime.strptime(text, pattern)  # noqa: DTZ007  the mapping's zone is put on it
            except ValueError:
                continue
        raise _CellError(_column(source), f"{text!r} is no time written as {_patterns(patterns)}, or as in ISO 8601")


def _contradicting(row: int) -> str:
    return (
        f"is of the same record and time as row {row} and says otherwise who it is or what they do; correct one of both"
    )


def _raw(source: Source, row: Row) -> str:
    return " ".join(cell for column in source.columns if (cell := row.cells.get(column, "")))


def _text(source: Source | None, row: Row) -> str:
    if source is None:
        return ""
    if not source.columns:
        return source.value
    text = _raw(source, row)
    if not source.values or not text:
        return text
    if text.casefold() in source.values:
        return source.values[text.casefold()]
    if source.otherwise is not None:
        return source.otherwise
    raise _CellError(_column(source), f"{text!r} is not among the values of the mapping; add it there")


def _needed(source: Source, row: Row) -> str:
    text = _text(source, row)
    if not text:
        raise _CellError(_column(source), "is empty; every record needs it")
    return text


def _number(source: Source | None, row: Row) -> float:
    text = _text(source, row)
    if source is None or not text:
        return 0.0
    try:
        return float(text)
    except ValueError:
        raise _CellError(_column(source), f"must be a number, not {text!r}") from None


def _enum(source: Source | None, row: Row, enum: Any, prefix: str) -> Any:
    text = _text(source, row)
    if source is None or not text:
        return 0
    name = f"{prefix}{text.upper().replace(' ', '_').replace('-', '_')}"
    if name not in enum.keys():  # noqa: SIM118  no mapping, for all its methods
        known = ", ".join(each.removeprefix(prefix).lower() for each in enum.keys()[1:])
        raise _CellError(_column(source), f"{text!r} is none of {known}")
    return enum.Value(name)


def _column(source: Source) -> str:
    return ", ".join(source.columns)


def _patterns(patterns: Sequence[str]) -> str:
    words = {"%d": "DD", "%m": "MM", "%Y": "YYYY", "%y": "YY", "%H": "hh", "%M": "mm", "%S": "ss"}
    shown = []
    for pattern in patterns:
        text = pattern
        for sign, word in words.items():
            text = text.replace(sign, word)
        shown.append(text)
    return " or ".join(shown)
