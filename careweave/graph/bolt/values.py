"""Python values to Neo4j's and back.

Times are sent in UTC. A property that is null does not exist in Neo4j, and reads as None: as on the
embedded engine. The server keeps whatever type it is sent, so what a batch holds is held against the
declared types here.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import neo4j.graph
import neo4j.time

from careweave.errors import InvalidArgument
from careweave.graph.port import Row
from careweave.graph.schema import Value

_LEAST, _MOST = -(2**63), 2**63 - 1


def in_utc(time: datetime) -> datetime:
    """Return the same moment in UTC.

    Raises:
        InvalidArgument: `time` has no zone.
    """
    if time.tzinfo is None:
        raise InvalidArgument(f"the time {time.isoformat()} has no zone; give one", reason="TIME_WITHOUT_ZONE")
    return time if time.tzinfo is UTC else time.astimezone(UTC)


def parameter(value: Any) -> Any:
    """Return `value`, a parameter of a query, as the driver takes it.

    Raises:
        InvalidArgument: a time has no zone, or a whole number has more than 64 bits.
    """
    if value is None or isinstance(value, str | bytes | bool | float):
        return value
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, datetime):
        return in_utc(value)
    if isinstance(value, Mapping):
        return {name: parameter(part) for name, part in value.items()}
    if isinstance(value, Sequence):
        return [parameter(part) for part in value]
    return value


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    if not _LEAST <= value <= _MOST:
        raise OverflowError
    return int(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return float(value)


def _time(value: Any) -> datetime:
    if not isinstance(value, datetime):
        raise TypeError
    return in_utc(value)


def _date(value: Any) -> date:
    if isinstance(value, datetime) or not isinstance(value, date):
        raise TypeError
    return value


def _of(kind: type) -> Callable[[Any], Any]:
    def checked(value: Any) -> Any:
        if not isinstance(value, kind):
            raise TypeError
        return value

    return checked


def _list_of(part: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    def checked(value: Any) -> list[Any]:
        if isinstance(value, str | bytes) or not isinstance(value, Sequence):
            raise TypeError
        return [part(each) for each in value]

    return checked


_CHECKS: Mapping[Value, Callable[[Any], Any]] = {
    Value.TEXT: _of(str),
    Value.INTEGER: _integer,
    Value.NUMBER: _number,
    Value.FLAG: _of(bool),
    Value.BYTES: _of(bytes),
    Value.DATE: _date,
    Value.TIME: _time,
    Value.TEXTS: _list_of(_of(str)),
    Value.INTEGERS: _list_of(_integer),
    Value.NUMBERS: _list_of(_number),
}


def typed(owner: str, properties: Mapping[str, Value], row: Mapping[str, object]) -> dict[str, Any]:
    """Return `row` with its values as the declared types say; a whole number may stand for a number.

    owner: the label or kind, for messages.

    Raises:
        InvalidArgument: a property is not declared, or its value is of another type.
    """
    checked: dict[str, Any] = {}
    for name, value in row.items():
        kind = properties.get(name)
        if kind is None:
            raise InvalidArgument(
                f"{owner} has no property {name}; declare it in careweave.graph.schema", reason="UNKNOWN_PROPERTY"
            )
        try:
            checked[name] = None if value is None else _CHECKS[kind](value)
        except (TypeError, OverflowError) as error:
            raise InvalidArgument(
                f"{owner}.{name} takes a {kind}, not a {type(value).__name__} such as this", reason="WRONG_TYPE"
            ) from error
    return checked


_AS_THEY_ARE = frozenset({type(None), str, int, float, bool, bytes})


def _from_engine(value: Any) -> Any:
    if type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, neo4j.time.DateTime):
        native = value.to_native()
        return native.replace(tzinfo=UTC) if native.tzinfo is None else native.astimezone(UTC)
    if isinstance(value, neo4j.time.Date):
        return value.to_native()
    if isinstance(value, list):
        return [_from_engine(part) for part in value]
    if isinstance(value, dict):
        return {name: _from_engine(part) for name, part in value.items()}
    if isinstance(value, neo4j.graph.Entity | neo4j.graph.Path):
        raise InvalidArgument("a query names the columns it returns, not whole nodes", reason="COLUMNS_MISSING")
    return bytes(value) if isinstance(value, bytearray) else value


def row_of(names: Sequence[str], values: Sequence[Any]) -> Row:
    """Return one row of an answer as the port gives it."""
    return {name: _from_engine(value) for name, value in zip(names, values, strict=True)}
