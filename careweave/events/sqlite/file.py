"""The file of an embedded log: its tables, its connections, and SQLite's errors in our terms."""

import sqlite3
from pathlib import Path

from careweave.errors import CareweaveError, DataLoss, Exhausted, InvalidArgument, Unavailable

PARTITIONS = 3
"""Partitions of each topic in a new file; a file keeps the number it was made with."""
BUSY_SECONDS = 30.0
"""How long a write waits for one of another process."""
_PAGES_LOGGED = 8192
"""Pages (32 MiB) that are written to SQLite's log before they are folded in: appending is then twice as fast."""

# The events themselves are in an ordinary table: SQLite spills rows of an index over 1,002 bytes, and a recorded
# ranking is longer than that.
#
# By key they are found through the last character, of which there are few: so a batch is written to a few pages of the
# index, each at the end of what is there, where whole keys, which are random, would touch a page each.
_TABLES = """
CREATE TABLE IF NOT EXISTS layout (partitions INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS event (
  topic TEXT NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL,
  key TEXT NOT NULL, version INTEGER NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL, source TEXT NOT NULL,
  time INTEGER NOT NULL, payload BLOB, traceparent TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS event_by_place ON event (topic, partition, offset);
CREATE UNIQUE INDEX IF NOT EXISTS event_by_id ON event (id, source);
CREATE INDEX IF NOT EXISTS event_by_key ON event (topic, substr(key, -1), time, key);
CREATE TABLE IF NOT EXISTS tail (
  topic TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL, PRIMARY KEY (topic, partition)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS head (
  topic TEXT NOT NULL, partition INTEGER NOT NULL, first INTEGER NOT NULL, PRIMARY KEY (topic, partition)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS position (
  member_group TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL,
  PRIMARY KEY (member_group, topic, partition)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS member (
  member_group TEXT NOT NULL, topic TEXT NOT NULL, member TEXT NOT NULL, expires REAL NOT NULL,
  PRIMARY KEY (member_group, topic, member)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lease (
  member_group TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL,
  member TEXT NOT NULL, expires REAL NOT NULL,
  PRIMARY KEY (member_group, topic, partition)
) WITHOUT ROWID;
"""


def connect(path: Path) -> sqlite3.Connection:
    """Return a connection with explicit transactions, whose commits reach the disk.

    SQLite leaves deleted rows where they were until their space is used again. Most are overwritten with zeros
    (`secure_delete`) by the next checkpoint; what is sure to leave nothing is `Writer.rewrite`.
    """
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute(f"PRAGMA wal_autocheckpoint={_PAGES_LOGGED}")
    return connection


def prepare(path: Path, partitions: int) -> int:
    """Make the file and its tables if need be; returns the number of partitions of each topic.

    Raises:
        Unavailable: the file cannot be made or opened.
        DataLoss: it is not an event log.
        Exhausted: the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = connect(path)
        try:
            connection.execute("BEGIN IMMEDIATE")
            for statement in _TABLES.split(";"):
                connection.execute(statement)
            connection.execute("INSERT INTO layout SELECT ? WHERE NOT EXISTS (SELECT 1 FROM layout)", (partitions,))
            (kept,) = connection.execute("SELECT partitions FROM layout").fetchone()
            connection.execute("COMMIT")
        finally:
            connection.close()
    except (sqlite3.Error, OSError) as error:
        raise translate(error, f"opening the event log {path}") from error
    return int(kept)


def translate(error: Exception, doing: str) -> CareweaveError:
    """Return what `error`, raised by SQLite while `doing`, means to a caller."""
    if isinstance(error, CareweaveError):
        return error
    name = str(getattr(error, "sqlite_errorname", ""))
    if name == "SQLITE_FULL" or name.startswith("SQLITE_IOERR"):
        return Exhausted(
            f"{doing}: the disk of the event log is full ({error}); nothing of this was kept. "
            "Free some space and try again.",
            reason="EVENTS_DISK_FULL",
        )
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return DataLoss(f"{doing}: the event log's file is damaged ({error})", reason="EVENTS_DAMAGED")
    if isinstance(error, sqlite3.InterfaceError | OverflowError | UnicodeError | TypeError):
        return InvalidArgument(f"{doing}: the event log refuses this ({error})", reason="EVENT_REFUSED")
    return Unavailable(f"{doing}: the event log does not answer ({error})", reason="EVENTS_UNAVAILABLE")
