"""Reading CSV tables, in a folder or in a zip, so that nothing wrong passes unnoticed.

A file that cannot be trusted as a whole (missing, truncated, a column gone) is refused with
InvalidArgument; a row that cannot be trusted is left out and noted. Rows are numbered as a
spreadsheet shows them: the header is row 1, and a field with line breaks does not add rows.
"""

import csv
import hashlib
import io
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from careweave.errors import FieldViolation, InvalidArgument

_LARGEST_MEMBER = 256 * 1024 * 1024
"""Bytes that one unpacked file may have; the largest of ESCO has 21 million."""
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_C0_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_C1_CONTROLS = re.compile(r"[\x80-\x9f]")
_ENCODED_TWICE = re.compile("[\u00c2-\u00f4][\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]{1,3}")  # noqa: RUF001 (windows-1252)
_SPACES = {0xA0: " ", 0x200B: None}
"""No-break and zero-width spaces, which sources hold by accident of copying."""
_BAD_UTF8 = re.compile("[\udc80-\udcff]")
_SHOWN = 120
"""Characters of a value at fault that a note shows."""


@dataclass(frozen=True, slots=True)
class RowNote:
    """A row that was left out, or read otherwise than it stands.

    row: from 1, the header's number; 0 where the whole file is meant.
    value: what is at fault, shortened.
    """

    file: str
    row: int
    reason: str
    value: str


@dataclass(slots=True)
class Notes:
    """What a reader has to say about rows, in order of reading."""

    dropped: list[RowNote] = field(default_factory=list)
    corrected: list[RowNote] = field(default_factory=list)


@dataclass(slots=True)
class Row:
    """Where a row stands, to say something about it."""

    file: str
    number: int
    notes: Notes

    def drop(self, reason: str, value: str) -> None:
        """Note that the row is left out."""
        self.notes.dropped.append(RowNote(self.file, self.number, reason, _shown(value)))

    def correct(self, reason: str, value: str) -> None:
        """Note that the row is kept, and what was put right in it."""
        self.notes.corrected.append(RowNote(self.file, self.number, reason, _shown(value)))


@dataclass(frozen=True, slots=True)
class TableFile:
    """One CSV file with its unpacked content; `name` is how messages call it."""

    name: str
    content: bytes


def open_file(folder: Path, name: str) -> TableFile:
    """Return the CSV file `name` of `folder`.

    Raises:
        InvalidArgument: it is not there or cannot be read.
    """
    return TableFile(name, _bytes_of(folder, name))


def open_archive(folder: Path, archive: str, members: Sequence[str]) -> dict[str, TableFile]:
    """Return the named members of the zip file `archive` of `folder`, by name.

    Raises:
        InvalidArgument: the archive or a member is missing, truncated or not what it claims to be.
    """
    packed = _bytes_of(folder, archive)
    try:
        with ZipFile(io.BytesIO(packed)) as opened:
            return {member: TableFile(f"{archive}/{member}", _member(opened, archive, member)) for member in members}
    except (BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise _refused(
            archive, f"{archive} is not a whole zip file ({error}); download it again", "SOURCE_ARCHIVE_DAMAGED"
        ) from error


def digest(importer: str, *paths: Path) -> str:
    """Return a SHA-256 digest (hex) over the importer's version, the names of `paths` and their bytes.

    Raises:
        InvalidArgument: a file is missing.
    """
    whole = hashlib.sha256(importer.encode())
    for path in sorted(paths):
        content = hashlib.sha256(_bytes_of(path.parent, path.name)).hexdigest()
        whole.update(f"\n{path.name} {content}".encode())
    return whole.hexdigest()


def rows(
    table: TableFile, columns: Sequence[str], notes: Notes, *, ragged: bool = False
) -> Iterator[tuple[Row, list[str]]]:
    """Yield (row, values of `columns` in that order, white space stripped) for each row.

    Left out and noted: rows that are not UTF-8, hold a control character, or have another number
    of fields than the header. With `ragged`, short rows are filled up with empty fields instead.
    Text that was encoded to UTF-8 twice is put right and noted.

    Raises:
        InvalidArgument: a column is missing, or the CSV itself is broken.
    """
    text = table.content.decode("utf-8-sig", errors="surrogateescape").translate(_SPACES)
    suspect = _CONTROLS.search(text) is not None or _BAD_UTF8.search(text) is not None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        places = _places(table.name, header, columns)
        for number, read in enumerate(reader, start=2):
            row = Row(table.name, number, notes)
            fields = _filled(read, len(header)) if ragged else read
            if len(fields) != len(header):
                if fields:  # A blank line is no row.
                    row.drop(f"not {len(header)} fields as in the header", f"{len(fields)} fields")
                continue
            values = [fields[place].strip() for place in places]
            if suspect and not _sound(row, fields, values):
                continue
            yield row, values
    except csv.Error as error:
        problem = f"{table.name} is broken as CSV near line {reader.line_num} ({error}); correct or download it again"
        raise _refused(table.name, problem, "SOURCE_CSV_BROKEN") from error


def _member(opened: ZipFile, archive: str, member: str) -> bytes:
    try:
        entry = opened.getinfo(member)
    except KeyError as error:
        raise _refused(
            archive, f"{archive} holds no {member}; download the complete archive", "SOURCE_FILE_MISSING"
        ) from error
    if entry.file_size > _LARGEST_MEMBER:
        problem = (
            f"{archive}/{member} unpacks to {entry.file_size} bytes, more than {_LARGEST_MEMBER}; check the archive"
        )
        raise _refused(archive, problem, "SOURCE_FILE_TOO_LARGE")
    return opened.read(entry)


def _bytes_of(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except FileNotFoundError as error:
        raise _refused(
            name, f"{folder} holds no file {name}; put it there, or leave the folder out", "SOURCE_FILE_MISSING"
        ) from error
    except OSError as error:
        raise _refused(
            name, f"{folder / name} cannot be read ({error.strerror}); check its permissions", "SOURCE_FILE_UNREADABLE"
        ) from error


def _places(file: str, header: Sequence[str], columns: Sequence[str]) -> list[int]:
    names = [name.strip() for name in header]
    if missing := [column for column in columns if column not in names]:
        problem = (
            f"{file} lacks the column {', '.join(missing)} (it has {', '.join(names)[:300] or 'none'}); "
            "take the file as its publisher offers it"
        )
        raise _refused(file, problem, "SOURCE_COLUMN_MISSING", column=",".join(missing))
    return [names.index(column) for column in columns]


def _sound(row: Row, fields: Sequence[str], values: list[str]) -> bool:
    """Return whether the row may be used, after putting right in `values` what can be."""
    whole = "\n".join(fields)
    if _BAD_UTF8.search(whole):
        row.drop("not valid UTF-8", _bad_part(whole, _BAD_UTF8))
        return False
    if _C0_CONTROLS.search(whole):
        row.drop("control character", _bad_part(whole, _C0_CONTROLS))
        return False
    if _C1_CONTROLS.search(whole):
        row.correct("text encoded twice, put right", _bad_part(whole, _C1_CONTROLS))
        values[:] = [_C1_CONTROLS.sub("", _ENCODED_TWICE.sub(_decoded_once, value)).strip() for value in values]
    return True


def _decoded_once(found: re.Match[str]) -> str:
    octets = b"".join(_octet(character) for character in found.group())
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return found.group()


def _octet(character: str) -> bytes:
    try:
        return character.encode("cp1252")
    except UnicodeEncodeError:  # The five octets that windows-1252 leaves undefined.
        return character.encode("latin-1")


def _bad_part(text: str, pattern: re.Pattern[str]) -> str:
    found = pattern.search(text)
    start = max(0, found.start() - 30) if found else 0
    return text[start : start + 60].encode("unicode_escape", "surrogateescape").decode("ascii")


def _filled(fields: list[str], width: int) -> list[str]:
    return fields + [""] * (width - len(fields))


def _shown(value: str) -> str:
    return value if len(value) <= _SHOWN else value[: _SHOWN - 1] + "…"


def _refused(file: str, problem: str, reason: str, **facts: str) -> InvalidArgument:
    return InvalidArgument(
        f"{problem}.",
        reason=reason,
        metadata={"file": file, **facts},
        violations=[FieldViolation("folder", problem)],
    )
