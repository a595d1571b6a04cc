"""What `careweave match --everyone` writes: the lists of everybody, a line for each opportunity on one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import pyarrow as pa
from pyarrow import csv, parquet

from careweave.errors import InvalidArgument
from careweave.v1 import matching_pb2
from careweave_cli.reaching import reach
from careweave_cli.session import Session
from careweave_cli.show.progress import reporting

_SCHEMA: Final = pa.schema(
    [
        ("person", pa.string()),
        ("position", pa.int32()),
        ("opportunity", pa.string()),
        ("score", pa.float64()),
        ("suitability", pa.float64()),
        ("ranked", pa.int32()),
        ("decision", pa.string()),
    ]
)
"""position: on the list, from 1. ranked: how many opportunities were, for the person."""
FORMATS: Final = (".csv", ".parquet")


@dataclass(frozen=True, slots=True)
class Written:
    """How much was written."""

    people: int
    lines: int


class _Writer(Protocol):
    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Append the lines of `batch`."""


async def write_everyone(session: Session, top: int, output: Path) -> Written:
    """Write the lists of everyone to `output`, of the `top` best each, as they come.

    Raises:
        InvalidArgument: the file is of another format, or cannot be written.
    """
    if output.suffix not in FORMATS:
        raise InvalidArgument(
            f"{output} is neither .csv nor .parquet; name the file by one of the two.", reason="OUTPUT_FORMAT_UNKNOWN"
        )
    people = lines = 0
    with _opened(output) as writer, reporting() as report:
        async with reach(session) as services:
            async for reply in services.matching.RankEveryone(matching_pb2.RankEveryoneRequest(top=top)):
                batch = _batch(reply)
                writer.write_batch(batch)
                people, lines = people + len(reply.people), lines + batch.num_rows
                report("Ranking for everyone", people, reply.total_size)
    return Written(people, lines)


@contextmanager
def _opened(output: Path) -> Iterator[_Writer]:
    """Yield what writes a file beside `output`, which takes its place once it is whole."""
    part = output.with_name(f".{output.name}.part")
    try:
        made = parquet.ParquetWriter if output.suffix == ".parquet" else csv.CSVWriter
        with made(str(part), _SCHEMA) as writer:
            yield writer
        part.replace(output)
    except OSError as error:
        raise InvalidArgument(f"{output} cannot be written: {error}.", reason="OUTPUT_NOT_WRITTEN") from error
    finally:
        part.unlink(missing_ok=True)


def _batch(reply: matching_pb2.RankEveryoneResponse) -> pa.RecordBatch:
    rows = [
        {
            "person": each.person,
            "position": position,
            "opportunity": line.opportunity,
            "score": line.score,
            "suitability": line.suitability,
            "ranked": each.total_size,
            "decision": each.decision,
        }
        for each in reply.people
        for position, line in enumerate(each.lines, start=1)
    ]
    return pa.RecordBatch.from_pylist(rows, schema=_SCHEMA)
