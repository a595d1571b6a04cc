"""Reading and appending events in the log's file; all functions block."""

import sqlite3
from collections.abc import Sequence
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
        (event.time - _EPOCH) // _MICROSECOND,
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


def compact(connection: sqlite3.Connection, topic: str) -> int:
    """Drop events that a later one of the same key supersedes; returns how many went."""
    connection.execute(
        "WITH last AS (SELECT partition, max(offset) AS offset FROM event WHERE topic = ? GROUP BY partition, key) "
        "DELETE FROM event WHERE topic = ? AND (partition, offset) NOT IN (SELECT partition, offset FROM last)",
        (topic, topic),
    )
    (gone,) = connection.execute("SELECT changes()").fetchone()
    return int(gone)
