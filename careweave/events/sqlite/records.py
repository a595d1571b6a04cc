"""Reading and appending events in the log's file; all functions block."""

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32

from careweave.errors import InvalidArgument
from careweave.events.port import Delivered, Event

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Record = tuple[Any, ...]
_ID, _SOURCE = 4, 6
"""Where they stand in a record."""
_COLUMNS = 11
_AT_ONCE = 500
"""Records in one statement; SQLite takes 32,766 values."""


def record_of(event: Event, partitions: int) -> Record:
    """Return the record of `event`, its partition chosen by its key.

    Raises:
        InvalidArgument: its time has no zone, or it lacks a key, an id or a topic.
    """
    if event.time.tzinfo is None:
        raise InvalidArgument(f"the time of event {event.id} has no zone; give one", reason="TIME_WITHOUT_ZONE")
    if not (event.topic and event.id and event.key):
        raise InvalidArgument("an event needs a topic, an id and a key", reason="EVENT_REFUSED")
    return (
        str(event.topic),
        crc32(event.key.encode()) % partitions,
        event.key,
        event.version,
        event.id,
        event.type,
        event.source,
        _microseconds(event.time),
        event.payload,
        event.traceparent,
    )


def append(connection: sqlite3.Connection, records: Sequence[Record]) -> None:
    """Append `records` in order, each at the end of its partition.

    One that is there already, by source and id, is left out; so what a relay publishes again after
    it was killed is there once, and offsets have no gaps but those of compaction.

    Many records go in by one statement: each one gives up the interpreter's lock and must get it
    back, which takes milliseconds while the event loop is busy.
    """
    ends: dict[tuple[str, int], int] = {}
    values: list[object] = []
    for topic, partition, *rest in _fresh(connection, records):
        place = (topic, partition)
        if place not in ends:
            ends[place] = _end(connection, topic, partition)
        values += (topic, partition, ends[place], *rest)
        ends[place] += 1
    for start in range(0, len(values), _COLUMNS * _AT_ONCE):
        part = values[start : start + _COLUMNS * _AT_ONCE]
        connection.execute(
            "INSERT INTO event "  # noqa: S608 - marks alone
            "(topic, partition, offset, key, version, id, type, source, time, payload, traceparent) "
            f"VALUES {_rows_of(_COLUMNS, len(part) // _COLUMNS)}",
            part,
        )
    connection.executemany(
        "INSERT INTO tail (topic, partition, next) VALUES (?, ?, ?) "
        "ON CONFLICT (topic, partition) DO UPDATE SET next = excluded.next",
        [(*place, end) for place, end in ends.items()],
    )


def _fresh(connection: sqlite3.Connection, records: Sequence[Record]) -> list[Record]:
    """Return those of `records` that the log lacks, each once, in order."""
    wanted: dict[tuple[str, str], Record] = {}
    for record in records:
        wanted.setdefault((record[_ID], record[_SOURCE]), record)
    names = list(wanted)
    for start in range(0, len(names), _AT_ONCE):
        part = names[start : start + _AT_ONCE]
        known = connection.execute(
            f"SELECT id, source FROM event WHERE (id, source) IN (VALUES {_rows_of(2, len(part))})",  # noqa: S608 - marks alone
            [value for name in part for value in name],
        )
        for name in known.fetchall():
            del wanted[name]
    return list(wanted.values())


def _rows_of(columns: int, count: int) -> str:
    row = f"({', '.join('?' * columns)})"
    return ", ".join([row] * count)


def _end(connection: sqlite3.Connection, topic: str, partition: int) -> int:
    row = connection.execute("SELECT next FROM tail WHERE topic = ? AND partition = ?", (topic, partition)).fetchone()
    return int(row[0]) if row else 0


def ends(connection: sqlite3.Connection, topics: Sequence[str], partitions: int) -> dict[tuple[str, int], int]:
    """Return, for each partition of `topics`, the offset that the next event gets."""
    return {
        (topic, partition): _end(connection, topic, partition) for topic in topics for partition in range(partitions)
    }


def read(connection: sqlite3.Connection, topic: str, partition: int, offset: int, limit: int) -> list[Delivered]:
    """Return at most `limit` events of a partition from `offset` on, in order."""
    rows = connection.execute(
        "SELECT offset, id, type, source, key, version, time, payload, traceparent FROM event "
        "WHERE topic = ? AND partition = ? AND offset >= ? ORDER BY offset LIMIT ?",
        (topic, partition, offset, limit),
    )
    return [_delivered(topic, partition, row) for row in rows]


def of_key(connection: sqlite3.Connection, topic: str, key: str, since: datetime) -> list[Event]:
    """Return the events of `key` in `topic` that happened at `since` or later, in order."""
    rows = connection.execute(
        "SELECT offset, id, type, source, key, version, time, payload, traceparent FROM event "
        # By event_by_key. Without the plus SQLite puts the key into the first condition, and passes the index over.
        "WHERE topic = ? AND substr(key, -1) = ? AND time >= ? AND +key = ? ORDER BY offset",
        (topic, key[-1:], (since - _EPOCH) // _MICROSECOND, key),
    )
    # All events of a key are in one partition; which one does not matter here.
    return [_delivered(topic, 0, row).event for row in rows]


def _delivered(topic: str, partition: int, row: Record) -> Delivered:
    offset, event_id, kind, source, key, version, time, payload, traceparent = row
    event = Event(
        topic=topic,
        id=event_id,
        type=kind,
        source=source,
        key=key,
        version=version,
        time=_EPOCH + time * _MICROSECOND,
        payload=payload,
        traceparent=traceparent,
    )
    return Delivered(event, partition, offset)


def starts(connection: sqlite3.Connection, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
    """Return, for each of `places` (topic, partition), the offset before which `drop_before` has dropped everything."""
    heads = {
        (topic, partition): int(first)
        for topic, partition, first in connection.execute("SELECT topic, partition, first FROM head")
    }
    return {place: heads.get(place, 0) for place in places}


def compact(connection: sqlite3.Connection, topic: str, forget_before: datetime | None) -> int:
    """Drop events that a later one of the same key supersedes, and old tombstones; returns how many went.

    forget_before: tombstones from before this time go, too; None keeps them all.
    """
    connection.execute(
        "WITH last AS (SELECT partition, max(offset) AS offset FROM event WHERE topic = ? GROUP BY partition, key) "
        "DELETE FROM event WHERE topic = ? AND (partition, offset) NOT IN (SELECT partition, offset FROM last)",
        (topic, topic),
    )
    gone = _changes(connection)
    if forget_before is not None:
        connection.execute(
            "DELETE FROM event WHERE topic = ? AND payload IS NULL AND time < ?", (topic, _microseconds(forget_before))
        )
        gone += _changes(connection)
    return gone


def count_before(connection: sqlite3.Connection, topic: str, time: datetime) -> int:
    """Return how many events `drop_before` would drop."""
    return sum(
        _count(
            connection, "SELECT count(*) FROM event WHERE topic = ? AND partition = ? AND offset < ?", (*place, first)
        )
        for place, first in _firsts_since(connection, topic, time).items()
    )


def drop_before(connection: sqlite3.Connection, topic: str, time: datetime) -> int:
    """Drop, of each partition, what lies before its first event of `time` or later; returns how many events went."""
    gone = 0
    for place, first in _firsts_since(connection, topic, time).items():
        connection.execute("DELETE FROM event WHERE topic = ? AND partition = ? AND offset < ?", (*place, first))
        dropped = _changes(connection)
        if dropped:
            connection.execute(
                "INSERT INTO head (topic, partition, first) VALUES (?, ?, ?) "
                "ON CONFLICT (topic, partition) DO UPDATE SET first = max(first, excluded.first)",
                (*place, first),
            )
        gone += dropped
    return gone


def _firsts_since(connection: sqlite3.Connection, topic: str, time: datetime) -> dict[tuple[str, int], int]:
    """Return, for each partition, the offset of its first event of `time` or later; its end if there is none."""
    rows = connection.execute(
        "SELECT t.partition, coalesce((SELECT min(e.offset) FROM event AS e WHERE e.topic = t.topic "
        "AND e.partition = t.partition AND e.time >= ?), t.next) FROM tail AS t WHERE t.topic = ?",
        (_microseconds(time), topic),
    )
    return {(topic, int(partition)): int(first) for partition, first in rows.fetchall()}


def _microseconds(time: datetime) -> int:
    return (time - _EPOCH) // _MICROSECOND


def _changes(connection: sqlite3.Connection) -> int:
    return _count(connection, "SELECT changes()", ())


def _count(connection: sqlite3.Connection, text: str, values: Sequence[object]) -> int:
    (number,) = connection.execute(text, values).fetchone()
    return int(number)
