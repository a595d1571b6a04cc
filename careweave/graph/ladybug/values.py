"""Python values to Ladybug's and back, and the names of its types.

Times are kept as `TIMESTAMP`, in UTC without a zone: the engine drops the zone of a parameter
without converting it, and does not compare parameters with `TIMESTAMP_TZ`.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias, cast

import ladybug
import pyarrow as pa

from careweave.errors import InvalidArgument
from careweave.graph.port import Row
from careweave.graph.schema import Value

Answer: TypeAlias = tuple[list[str], list[list[Any]]]
"""Column names and rows."""

TYPES: Mapping[Value, str] = {
    Value.TEXT: "STRING",
    Value.INTEGER: "INT64",
    Value.NUMBER: "DOUBLE",
    Value.FLAG: "BOOL",
    Value.BYTES: "BLOB",
    Value.DATE: "DATE",
    Value.TIME: "TIMESTAMP",
    Value.TEXTS: "STRING[]",
    Value.INTEGERS: "INT64[]",
    Value.NUMBERS: "DOUBLE[]",
}
"""Ladybug's name of each type."""

ARROW: Mapping[Value, pa.DataType] = {
    Value.TEXT: pa.string(),
    Value.INTEGER: pa.int64(),
    Value.NUMBER: pa.float64(),
    Value.FLAG: pa.bool_(),
    Value.BYTES: pa.binary(),
    Value.DATE: pa.date32(),
    Value.TIME: pa.timestamp("us"),
    Value.TEXTS: pa.list_(pa.string()),
    Value.INTEGERS: pa.list_(pa.int64()),
    Value.NUMBERS: pa.list_(pa.float64()),
}
"""Arrow's type of each."""


def to_engine(value: Any) -> Any:
    """Return `value` as the engine takes it: times in UTC without a zone, rows with equal keys.

    Raises:
        InvalidArgument: a time has no zone.
    """
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise InvalidArgument(f"the time {value.isoformat()} has no zone; give one", reason="TIME_WITHOUT_ZONE")
        return value.astimezone(UTC).replace(tzinfo=None)
    if isinstance(value, str | bytes) or not isinstance(value, Sequence | Mapping):
        return value
    if isinstance(value, Mapping):
        return {name: to_engine(part) for name, part in value.items()}
    if value and all(isinstance(part, Mapping) for part in value):
        # The engine takes the columns of a batch from its first row.
        names = {name: None for part in value for name in part}
        return [{name: to_engine(part.get(name)) for name in names} for part in value]
    return [to_engine(part) for part in value]


def from_engine(value: Any) -> Any:
    """Return `value` as the port gives it: times with the zone UTC."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC)
    if isinstance(value, list):
        return [from_engine(part) for part in value]
    return value


def answer_of(connection: ladybug.Connection, text: str, parameters: Mapping[str, Any] | None = None) -> Answer:
    """Return the column names and the rows, as the engine gives them, of the one statement `text`.

    Raises:
        InvalidArgument: the text holds several statements.
        RuntimeError: the engine refuses it.
    """
    result = connection.execute(text, dict(parameters) if parameters else None)
    if isinstance(result, list):
        raise InvalidArgument("a query is one statement; run each on its own", reason="SEVERAL_STATEMENTS")
    return result.get_column_names(), cast("list[list[Any]]", result.get_all())


def rows_of(answer: Answer) -> list[Row]:
    """Return the rows of an answer as the port gives them."""
    names, rows = answer
    return [dict(zip(names, map(from_engine, row), strict=True)) for row in rows]


def table_of(columns: Sequence[Value], rows: Sequence[Sequence[object]]) -> pa.Table:
    """Return `rows` as an Arrow table with columns c0, c1, … of the types `columns`.

    Raises:
        InvalidArgument: a value is not of its column's type.
    """
    by_column = list(zip(*rows, strict=True))
    try:
        arrays = [pa.array(values, ARROW[kind]) for values, kind in zip(by_column, columns, strict=True)]
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise InvalidArgument(f"a value is not of its property's type: {error}", reason="WRONG_TYPE") from error
    return pa.table(arrays, names=[f"c{index}" for index in range(len(columns))])
