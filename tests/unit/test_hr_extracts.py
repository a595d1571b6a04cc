"""Extracts of HR systems: read strictly, and what is wrong is said by row, column and what to do."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from careweave_cli.hr.importing import Extract, read_extract

from careweave.datasets import folder
from careweave.errors import InvalidArgument
from careweave.v1 import common_pb2, hr_pb2

MAPPING = """
source_system = "sourceSystems/test"
external_id = "Number"
order = { by = "time", column = "Updated" }
[identity]
display_name = ["First", "Last"]
[employment]
organisation = { column = "Site", values = { "Oaks" = "organisations/oaks" } }
start_date = "Start"
weekly_hours = "Hours"
[[credentials]]
kind = "mandatory training"
title = "Course"
issue_date = "Done"
when = "Passed"
"""
HEADINGS = "Number,First,Last,Site,Start,Hours,Updated,Course,Done,Passed"
GOOD = "7,Example,One,Oaks,03/04/2022,37.5,01/03/2026 08:15,,,"


def extract(place: Path, content: str | bytes, mapping: str = MAPPING, made_on: date | None = None) -> Extract:
    """Read `content` by `mapping`."""
    (place / "extract.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    (place / "mapping.toml").write_text(mapping, encoding="utf-8")
    return read_extract(place / "extract.csv", place / "mapping.toml", made_on)


def lines(*rows: str) -> str:
    return "\r\n".join((HEADINGS, *rows)) + "\r\n"


def problems(read: Extract) -> list[tuple[int, str, str]]:
    return [(each.row, each.column, each.problem) for each in read.errors]


@pytest.mark.parametrize("name", ["esr-style", "asc-wds-style"])
def test_the_packaged_examples_are_read_without_an_error_and_are_fictional(name: str) -> None:
    place = folder("hr-examples")
    read = read_extract(place / f"{name}.csv", place / f"{name}.toml", date(2026, 3, 31))
    assert read.errors == []
    assert len(read.updates) >= 3
    assert all(each.update.identity.fictional for each in read.updates)


def test_a_row_becomes_an_update_in_the_zone_of_the_mapping(tmp_path: Path) -> None:
    summer = GOOD.replace("01/03/2026 08:15", "01/07/2025 08:15")
    (found,) = extract(tmp_path, lines(summer)).updates
    assert (found.update.external_id, found.update.identity.display_name) == ("7", "Example One")
    assert found.update.source_time.ToDatetime(UTC) == datetime(2025, 7, 1, 7, 15, tzinfo=UTC)
    (work,) = found.update.employments.employments
    assert (work.organisation, work.weekly_hours, work.start_date.month) == ("organisations/oaks", 37.5, 4)
    assert found.update.HasField("credentials")
    assert not found.update.HasField("skills")


def test_rows_of_one_record_and_time_are_taken_together(tmp_path: Path) -> None:
    rows = [GOOD.removesuffix(",,,") + f",{course},10/01/2026,yes" for course in ("Fire safety", "First aid")]
    (found,) = extract(tmp_path, lines(*rows)).updates
    assert found.rows == [2, 3]
    held = found.update.credentials.credentials
    assert [each.title for each in held] == ["Fire safety", "First aid"]
    assert {each.kind for each in held} == {common_pb2.CREDENTIAL_KIND_MANDATORY_TRAINING}


def test_rows_of_one_record_and_time_that_contradict_each_other_are_an_error(tmp_path: Path) -> None:
    read = extract(tmp_path, lines(GOOD, GOOD.replace("37.5", "20")))
    ((row, _, problem),) = problems(read)
    assert row == 3
    assert "the same record and time as row 2" in problem


def test_a_course_that_was_not_passed_is_not_held(tmp_path: Path) -> None:
    (found,) = extract(tmp_path, lines(GOOD.removesuffix(",,,") + ",Fire safety,10/01/2026,no")).updates
    assert found.update.credentials == hr_pb2.FeedCredentials()


@pytest.mark.parametrize(
    ("row", "column", "says"),
    [
        (GOOD.replace("7,", ",", 1), "Number", "is empty"),
        (GOOD.replace("03/04/2022", "2022-13-45"), "Start", "no date written as DD/MM/YYYY or YYYY-MM-DD"),
        (GOOD.replace("37.5", "full time"), "Hours", "must be a number, not 'full time'"),
        (GOOD.replace("37.5", "375"), "Hours", "must be greater than or equal to 0 and less than or equal to 100"),
        (GOOD.replace("Oaks", "Elms"), "Site", "'Elms' is not among the values of the mapping"),
        (GOOD.replace("01/03/2026 08:15", "yesterday"), "Updated", "no time written as"),
        (GOOD.replace("Example", "Exam\x07ple"), "First", "control character U+0007"),
        (GOOD.replace("Example", "Exam\x00ple"), "First", "control character U+0000"),
        (GOOD + ",extra", "", "has 11 cells where the headings are 10"),
        (GOOD.removesuffix(",,,") + ",Fire safety,10/01/2026,perhaps", "Passed", "must be yes or no"),
    ],
)
def test_what_is_wrong_with_a_row_is_said_by_row_and_column_and_the_others_are_taken(
    tmp_path: Path, row: str, column: str, says: str
) -> None:
    wrong = f"9{row[1:]}" if row.startswith("7") else row
    read = extract(tmp_path, lines(GOOD, wrong, GOOD.replace("7,", "8,", 1)))
    ((number, where, problem),) = problems(read)
    assert (number, where) == (3, column)
    assert says in problem
    assert [each.update.external_id for each in read.updates] == ["7", "8"]


def test_rows_are_counted_as_a_spreadsheet_does_even_where_a_cell_has_several_lines(tmp_path: Path) -> None:
    several = GOOD.replace("Example", '"Exam\nple"')
    read = extract(tmp_path, lines(several, GOOD.replace("37.5", "many")))
    assert [(row, column) for row, column, _ in problems(read)] == [(3, "Hours")]


@pytest.mark.parametrize(
    ("content", "reason", "says"),
    [
        (lines(GOOD.replace("Example", "Zo\u00eb")).encode("cp1252"), "ENCODING_WRONG", ["line 2", "0xeb", "cp1252"]),
        (lines(GOOD).encode("utf-16"), "ENCODING_WRONG", ["UTF-16"]),
        (lines(GOOD, GOOD.replace("Example", '"Example')), "QUOTING_WRONG", ["row 3", "Close the quotation mark"]),
        (lines(GOOD, GOOD.replace("Example", '"Ex"ample')), "QUOTING_WRONG", ["row 3"]),
        (lines(GOOD).replace("Hours", "Std Hours", 1), "COLUMNS_MISSING", ["lacks Hours", "Std Hours"]),
        (lines(GOOD).replace("Last", "First", 1), "HEADINGS_TWICE", ["First stands more than once"]),
        (lines(GOOD).replace(",", ";"), "DELIMITER_WRONG", ["set delimiter"]),
        ("", "HEADINGS_MISSING", ["is empty"]),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_where_and_what_to_do(
    tmp_path: Path, content: str | bytes, reason: str, says: Sequence[str]
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        extract(tmp_path, content)
    assert caught.value.reason == reason
    assert [word for word in says if word not in caught.value.message] == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_byte_order_mark_is_no_part_of_the_first_heading(tmp_path: Path, encoding: str) -> None:
    assert len(extract(tmp_path, lines(GOOD.replace("Example", "Zo\u00eb")).encode(encoding)).updates) == 1


def test_another_encoding_is_read_if_the_mapping_names_it(tmp_path: Path) -> None:
    content = lines(GOOD.replace("Example", "Zo\u00eb")).encode("cp1252")
    (found,) = extract(tmp_path, content, f'encoding = "cp1252"\n{MAPPING}').updates
    assert found.update.identity.display_name == "Zo\u00eb One"


def test_an_extract_whose_rows_have_no_time_is_ordered_by_the_day_it_was_made(tmp_path: Path) -> None:
    by_day = MAPPING.replace('{ by = "time", column = "Updated" }', '{ by = "extract" }')
    with pytest.raises(InvalidArgument, match="--made-on"):
        extract(tmp_path, lines(GOOD), by_day)
    (found,) = extract(tmp_path, lines(GOOD), by_day, date(2026, 3, 31)).updates
    assert found.update.source_time.ToDatetime(UTC) == datetime(2026, 3, 30, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ("source_system = ", "is not TOML"),
        ('source_system = "sourceSystems/x"', "lacks external_id"),
        (f"{MAPPING}\ncolour = 1", "has credentials.colour, which is none of"),
        (MAPPING.replace('by = "time"', 'by = "guess"'), "order must be"),
        (MAPPING.replace('"Hours"', "7"), "employment.weekly_hours must be a heading"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_refused_with_the_part_that_is_wrong(
    tmp_path: Path, mapping: str, says: str
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        extract(tmp_path, lines(GOOD), mapping)
    assert says in caught.value.message
