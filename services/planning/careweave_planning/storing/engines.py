"""Connections to SQLite and to PostgreSQL, set up so that transactions are serialised on either."""

import sqlite3
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Dialect, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry

from careweave.errors import FailedPrecondition, InvalidArgument
from careweave_planning.storing.failures import translate

CONNECTIONS: Final = 4
"""At most open at once."""
BUSY_SECONDS: Final = 30.0
"""How long a transaction waits for one of another connection to a file."""
_CONNECT_SECONDS: Final = 5
_SILENCE_MILLISECONDS: Final = 10_000
"""After which a server that acknowledges nothing is taken to be gone."""


def sqlite(path: Path) -> Engine:
    """Return connections to the file `path`, which is made when first used.

    What is deleted is overwritten (`secure_delete`), and the journal of a transaction goes with its commit: SQLite's
    other log, WAL, would keep what was deleted until it is folded in. A commit is on the disk when it returns.

    Raises:
        Unavailable: its folder cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise translate(error, f"opening equality declarations at {path}") from error
    url = URL.create("sqlite", database=str(path))
    engine = create_engine(
        url, connect_args={"timeout": BUSY_SECONDS}, pool_size=CONNECTIONS, max_overflow=0, hide_parameters=True
    )

    @event.listens_for(engine, "connect")
    def _set_up(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself; _begin does
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("PRAGMA synchronous=EXTRA")
        connection.execute("PRAGMA secure_delete=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def postgresql(address: str, password_file: str) -> Engine:
    """Return connections to the database at `address`, a URL as libpq takes it.

    password_file: read for each connection, so that a changed password needs no restart; empty if none is asked for.

    Raises:
        InvalidArgument: `address` is none.
    """
    try:
        url = make_url(address).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError) as error:
        raise InvalidArgument(
            "CAREWEAVE_EQUALITY should be like postgresql://USER@HOST:PORT/DATABASE?sslmode=verify-full.",
            reason="SETTING_INVALID",
        ) from error
    engine = create_engine(
        url,
        connect_args={
            "application_name": "careweave-planning",
            "connect_timeout": _CONNECT_SECONDS,
            "tcp_user_timeout": _SILENCE_MILLISECONDS,
        },
        isolation_level="SERIALIZABLE",
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_pre_ping=True,
        hide_parameters=True,
    )

    @event.listens_for(engine, "do_connect")
    def _log_in(_: Dialect, __: ConnectionPoolEntry, ___: tuple[Any, ...], arguments: dict[str, Any]) -> None:
        if password_file:
            arguments["password"] = _password(Path(password_file))

    return engine


def _password(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise FailedPrecondition(
            f"CAREWEAVE_EQUALITY_PASSWORD_FILE={file} cannot be read ({error.strerror}).",
            reason="PASSWORD_FILE_UNREADABLE",
        ) from error
