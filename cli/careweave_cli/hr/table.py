"""An extract as a table: a CSV file read strictly, so that what is wrong with it is named by row and column."""

import csv
import io
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from careweave.errors import InvalidArgument

if TYPE_CHECKING:
    from _csv import Reader as _Reader

LONGEST_CELL: Final = 1_000_000
_MARKS: Final = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong in a row, and what to do.

    row: as a spreadsheet counts, the headings being row 1. column: its heading; empty if it is the whole row.
    """

    row: int
    column: str
    problem: str


@dataclass(frozen=True, slots=True)
class Row:
    """number: as in RowError. cells: by heading, without white space around."""

    number: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the file is written: name of its encoding, and what stands between cells."""

    encoding: str = "utf-8"
    delimiter: str = ","


@dataclass(frozen=True, slots=True)
class Table:
    """headings: in order. rows: those that can be read. errors: one for each that cannot."""

    headings: Sequence[str]
    rows: Sequence[Row]
    errors: Sequence[RowError]


def read_table(file: Path, dialect: Dialect) -> Table:
    """Return the table in `file`.

    Raises:
        InvalidArgument: it cannot be read at all: another encoding, no headings or the same one twice, or a
            quotation mark that is never closed.
    """
    text = _decoded(file, dialect.encoding)
    before = csv.field_size_limit(LONGEST_CELL)  # of the whole process
    try:
        return _table(text, file, dialect)
    finally:
        csv.field_size_limit(before)


def _table(text: str, file: Path, dialect: Dialect) -> Table:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=dialect.delimiter, strict=True)
    records = _records(reader, file)
    _, first = next(records, (1, []))
    headings = [heading.strip() for heading in first]
    _check_headings(headings, file, dialect)
    rows: list[Row] = []
    errors: list[RowError] = []
    for number, cells in records:
        wrong = list(_faults(number, headings, cells))
        errors += wrong
        if not wrong and any(cell.strip() for cell in cells):
            rows.append(Row(number, {head: cell.strip() for head, cell in zip(headings, cells, strict=True)}))
    return Table(headings, rows, errors)


def _decoded(file: Path, encoding: str) -> str:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise _refused(f"{file} cannot be read: {error.strerror}.", "FILE_UNREADABLE") from error
    marked = _MARKS.get(content[:2])
    if marked and encoding.lower().startswith("utf-8"):
        raise _refused(
            f'{file} is written in UTF-16. Save it as "CSV UTF-8", or set encoding = "{marked}" in the mapping.',
            "ENCODING_WRONG",
        )
    try:
        return content.decode("utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding)
    except LookupError as error:
        raise _refused(f"encoding = {encoding!r} in the mapping is not known; utf-8 or cp1252 are usual.") from error
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        raise _refused(
            f"{file}, line {line}: byte 0x{byte:02x} is not {encoding}. Save the file as {encoding}"
            + (', or set encoding = "cp1252" in the mapping if it comes from Excel.' if encoding == "utf-8" else "."),
            "ENCODING_WRONG",
        ) from error


def _records(reader: "_Reader", file: Path) -> Iterator[tuple[int, list[str]]]:
    number = 0
    while True:
        number, line = number + 1, reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _refused(
                f"{file}, row {number} (from line {line}): {error}. Close the quotation mark that is opened there, and "
                'write a quotation mark within a cell twice ("").',
                "QUOTING_WRONG",
            ) from error
        yield number, cells


def _check_headings(headings: Sequence[str], file: Path, dialect: Dialect) -> None:
    if not any(headings):
        raise _refused(f"{file} is empty: row 1 must hold the headings of the columns.", "HEADINGS_MISSING")
    twice = [heading for heading, times in Counter(headings).items() if heading and times > 1]
    if twice:
        raise _refused(
            f"{file}, row 1: {', '.join(twice)} stands more than once; rename all but one.", "HEADINGS_TWICE"
        )
    if len(headings) == 1 and any(mark in headings[0] for mark in ";\t|"):
        raise _refused(
            f"{file}, row 1 is one column by the delimiter {dialect.delimiter!r}; set delimiter in the mapping to what "
            "stands between its headings.",
            "DELIMITER_WRONG",
        )


def _faults(number: int, headings: Sequence[str], cells: Sequence[str]) -> Iterator[RowError]:
    if len(cells) != len(headings) and any(cell.strip() for cell in cells):
        yield RowError(
            number, "", f"has {len(cells)} cells where the headings are {len(headings)}; quote cells that hold a comma"
        )
        return
    for heading, cell in zip(headings, cells, strict=False):
        if not cell.isprintable() and (found := _control(cell)):
            yield RowError(number, heading, f"holds the control character U+{ord(found):04X}; take it out")


def _control(cell: str) -> str:
    return next((each for each in cell if unicodedata.category(each) == "Cc" and each not in "\r\n\t"), "")


def _refused(message: str, reason: str = "MAPPING_INVALID") -> InvalidArgument:
    return InvalidArgument(message, reason=reason)
