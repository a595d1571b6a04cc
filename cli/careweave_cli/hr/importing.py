"""Importing an extract: read, checked, sent as a feed, and each row's fate."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from google.rpc.error_details_pb2 import BadRequest
from google.rpc.status_pb2 import Status

from careweave.errors import CareweaveError, FieldViolation, InvalidArgument
from careweave.feeding import send_updates
from careweave.rpc import validation
from careweave.rpc.channels import Channels
from careweave.v1 import hr_pb2
from careweave_cli.hr.extract import Extracted, Extractor
from careweave_cli.hr.mapping import ExtractMapping, Source, read_mapping
from careweave_cli.hr.table import RowError, read_table
from careweave_cli.show.progress import Report


@dataclass(slots=True)
class Extract:
    """A file that has been read: its updates, and what is wrong with rows that give none."""

    mapping: ExtractMapping
    updates: list[Extracted]
    errors: list[RowError]


@dataclass(slots=True)
class Result:
    """What became of an import. outcomes: updates by name of the outcome, in lower case."""

    outcomes: Counter[str] = field(default_factory=Counter)
    errors: list[RowError] = field(default_factory=list)


def read_extract(file: Path, mapping_file: Path, made_on: date | None) -> Extract:
    """Return the updates in `file` that keep the field rules, and what is wrong with the rest.

    Raises:
        InvalidArgument: the mapping or the file cannot be used, or columns are missing.
    """
    mapping = read_mapping(mapping_file)
    if mapping.order == "extract" and made_on is None:
        raise InvalidArgument(
            "This mapping orders updates by the day on which the extract was made; give it with --made-on YYYY-MM-DD.",
            reason="MADE_ON_MISSING",
        )
    table = read_table(file, mapping.dialect)
    missing = sorted(mapping.columns() - set(table.headings))
    if missing:
        raise InvalidArgument(
            f"{file}, row 1 lacks {', '.join(missing)}. It has {', '.join(table.headings)}. "
            f"Correct the headings in the file, or in {mapping_file}.",
            reason="COLUMNS_MISSING",
        )
    extracted, errors = Extractor(mapping, made_on).updates(table.rows)
    good = []
    for each in extracted:
        try:
            validation.check(each.update)
            good.append(each)
        except CareweaveError as error:
            errors += _row_errors(mapping, each, getattr(error, "violations", ()), error.message)
    return Extract(mapping, good, sorted([*table.errors, *errors], key=lambda error: error.row))


async def send(services: Channels, extract: Extract, report: Report) -> Result:
    """Send the updates of `extract`, and return what became of them.

    Raises:
        CareweaveError: the stream was refused, or the server has not answered for long; what was answered is kept.
    """
    result = Result(errors=list(extract.errors))
    updates, total = extract.updates, len(extract.updates)

    def updates_after(position: int) -> Iterable[tuple[int, hr_pb2.ProfileUpdate]]:
        return ((index + 1, updates[index].update) for index in range(position, total))

    opening = hr_pb2.FeedOpening(source_system=extract.mapping.source_system, feed=extract.mapping.feed)
    answered = 0
    async for answer in send_updates(services, opening, updates_after, after=0):
        answered += 1
        report("Importing", answered, total)
        name = hr_pb2.UpdateOutcome.Name(answer.outcome).removeprefix("UPDATE_OUTCOME_").lower()
        result.outcomes[name] += 1
        if answer.outcome == hr_pb2.UPDATE_OUTCOME_REJECTED:
            result.errors += _row_errors(
                extract.mapping, updates[answer.position - 1], _violations(answer.status), answer.status.message
            )
    result.errors.sort(key=lambda error: error.row)
    return result


def _violations(status: Status) -> Sequence[FieldViolation]:
    found = BadRequest()
    for detail in status.details:
        if detail.Unpack(found):
            break
    return [FieldViolation(each.field, each.description) for each in found.field_violations]


def _row_errors(
    mapping: ExtractMapping, extracted: Extracted, violations: Sequence[FieldViolation], message: str
) -> list[RowError]:
    row = extracted.rows[0]
    if not violations:
        return [RowError(row, "", message)]
    return [RowError(row, _column(mapping, each.field), each.description) for each in violations]


def _column(mapping: ExtractMapping, path: str) -> str:
    """Return the heading of the column behind a field of an update, or the field itself if no column is."""
    names = [name.partition("[")[0] for name in path.split(".") if name != "update"]
    section, leaf = names[0] if names else "", names[-1] if names else ""
    parts = {
        "identity": [mapping.identity] if mapping.identity else [],
        "employments": mapping.employments,
        "skills": mapping.skills,
        "credentials": mapping.credentials,
    }.get(section, [])
    sources: list[Source] = [part.sources[leaf] for part in parts if leaf in part.sources]
    if section == "external_id":
        sources = [mapping.external_id]
    if section in ("source_time", "source_version"):
        sources = [mapping.order_by]
    columns = [column for source in sources for column in source.columns]
    return ", ".join(dict.fromkeys(columns)) or path
