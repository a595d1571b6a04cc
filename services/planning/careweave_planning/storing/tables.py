"""The tables, and how a database is brought up to date with them."""

from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    insert,
    inspect,
    select,
    update,
)

from careweave.errors import FailedPrecondition

_METADATA: Final = MetaData()

LAYOUT: Final = Table(
    "layout",
    _METADATA,
    Column("version", Integer, nullable=False),
    Column("key_check", LargeBinary, nullable=False),
)
# Without the row ids of SQLite, which would tell who came first.
DECLARATION: Final = Table(
    "declaration",
    _METADATA,
    Column("row", LargeBinary, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
ERASURE: Final = Table(
    "erasure",
    _METADATA,
    Column("row", LargeBinary, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("erased", Boolean, nullable=False),
    sqlite_with_rowid=False,
)
"""Of those who were erased at some time: the last version of their profile that was heard of."""


def _first(connection: Connection) -> None:
    _METADATA.create_all(connection, tables=[DECLARATION, ERASURE])


STEPS: Final[Sequence[Callable[[Connection], None]]] = (_first,)
"""What makes each version of the tables of the one before; steps that were released stay as they are."""


def bring_up_to_date(connection: Connection, key_check: bytes) -> None:
    """Make what is missing; all of it or nothing.

    Raises:
        FailedPrecondition: the database was made with another key, or by a newer Careweave.
    """
    version = _version(connection, key_check)
    if version > len(STEPS):
        raise FailedPrecondition(
            f"The store of equality declarations has version {version} of its tables, and this Careweave knows "
            f"{len(STEPS)}. Use the Careweave that it was last used with, or a newer one.",
            reason="EQUALITY_TABLES_NEWER",
        )
    for step in STEPS[version:]:
        step(connection)
    connection.execute(update(LAYOUT).values(version=len(STEPS)))


def _version(connection: Connection, key_check: bytes) -> int:
    if not inspect(connection).has_table(LAYOUT.name):
        _METADATA.create_all(connection, tables=[LAYOUT])
        connection.execute(insert(LAYOUT).values(version=0, key_check=key_check))
        return 0
    require_key(connection, key_check)
    return int(connection.execute(select(LAYOUT.c.version)).scalar_one())


def require_key(connection: Connection, key_check: bytes) -> None:
    """Return if `key_check` is of the key that the database is kept under.

    Raises:
        FailedPrecondition: it is not.
    """
    if connection.execute(select(LAYOUT.c.key_check)).scalar_one() != key_check:
        raise FailedPrecondition(
            "The key is not the one that equality declarations are kept under. Let CAREWEAVE_EQUALITY_KEY_FILE name "
            "that one, and start planning again; without it nobody can read the declarations.",
            reason="EQUALITY_KEY_WRONG",
        )
