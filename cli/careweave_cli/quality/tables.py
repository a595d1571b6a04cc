"""Reading judged sets: tables of text, plain or gzipped, each fault named with its row."""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NoReturn

from careweave.errors import InvalidArgument

_GZIP: Final = b"\x1f\x8b"


def read_text(path: Path) -> str:
    """Return the text of a file, plain or gzipped.

    Raises:
        InvalidArgument: there is no such file, the archive is damaged, or it is not UTF-8.
    """
    try:
        content = path.read_bytes()
        if content.startswith(_GZIP):
            content = gzip.decompress(content)
        return content.decode("utf-8-sig")
    except OSError as error:
        if isinstance(error, gzip.BadGzipFile):
            refuse(f"{path} is not a whole gzip file", error)
        refuse(f"{path} cannot be read ({error.strerror})", error)
    except (EOFError, zlib.error) as error:
        refuse(f"{path} is not a whole gzip file", error)
    except UnicodeDecodeError as error:
        refuse(f"{path} is not UTF-8 at byte {error.start}", error)


def plain_rows(path: Path, columns: int, separator: str = "\t") -> Iterator[tuple[int, list[str]]]:
    """Yield (row number from 1, values) of a table without header.

    Raises:
        InvalidArgument: as `read_text`, or a row has not `columns` values.
    """
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip():
            continue
        values = line.split(separator)
        if len(values) != columns:
            refuse(f"{path.name}, row {number}: {len(values)} values where {columns} belong")
        yield number, values


def named_rows(path: Path, columns: Sequence[str], separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (row number from 1, the header's, values of `columns`) of a table with a header.

    Raises:
        InvalidArgument: as `read_text`, or a column is missing, or a row is too short.
    """
    table = csv.reader(io.StringIO(read_text(path), newline=""), delimiter=separator, strict=separator == ",")
    try:
        header = next(table, [])
        if missing := [column for column in columns if column not in header]:
            refuse(f"{path.name} has no column {', '.join(missing)}; it has {', '.join(header) or 'none'}")
        places = [header.index(column) for column in columns]
        for number, values in enumerate(table, 2):
            if not values:
                continue
            if len(values) <= max(places):
                refuse(f"{path.name}, row {number}: {len(values)} values where {len(header)} belong")
            yield number, [values[place] for place in places]
    except csv.Error as error:
        refuse(f"{path.name}, line {table.line_num}: {error}", error)


def refuse(what: str, cause: Exception | None = None) -> NoReturn:
    """Raise InvalidArgument that says `what` is wrong with a judged set."""
    raise InvalidArgument(f"{what}.", reason="JUDGED_SET_UNUSABLE") from cause
