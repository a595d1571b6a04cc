"""The drivers' errors in terms of `careweave.errors`.

Codes: https://www.sqlite.org/rescode.html and https://www.postgresql.org/docs/18/errcodes-appendix.html
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy.exc import DBAPIError, NoResultFound, OperationalError, SQLAlchemyError

from careweave.errors import CareweaveError, Conflict, DataLoss, Exhausted, FailedPrecondition, Unavailable

FAILURES: Final = (SQLAlchemyError, OSError)
"""What SQLAlchemy raises, and what files do."""


_SERIALISATION: Final = "40001"
_REFUSAL: Final = "28000"
_REFUSALS: Final = ("authentication failed", "does not exist", "no password supplied", "no pg_hba.conf entry")
"""Words of a server that lets nobody in; of an attempt to connect libpq gives no code."""


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What errors mean whose code begins with one of `codes`."""

    error: type[CareweaveError]
    reason: str
    says: str
    codes: tuple[str, ...] = ()


_MEANINGS: Final = (
    _Meaning(
        Exhausted,
        "EQUALITY_DISK_FULL",
        "the disk is full; nothing of this was kept. Free some space and try again",
        ("SQLITE_FULL", "SQLITE_IOERR", "53100"),
    ),
    _Meaning(
        DataLoss,
        "EQUALITY_DAMAGED",
        "the database is damaged; restore it from a copy",
        ("SQLITE_CORRUPT", "SQLITE_NOTADB", "XX001", "XX002"),
    ),
    _Meaning(
        Conflict,
        "EQUALITY_CONTENDED",
        "others wrote at the same time and nothing of this was kept; try again",
        # Serialisation, deadlock; a key or a table that another transaction made first.
        (_SERIALISATION, "40P01", "23505", "42P07"),
    ),
    _Meaning(
        FailedPrecondition,
        "EQUALITY_LOGIN_REFUSED",
        "the database refuses the login; check CAREWEAVE_EQUALITY and CAREWEAVE_EQUALITY_PASSWORD_FILE",
        (_REFUSAL[:2], "3D000", "42501"),
    ),
)
_ELSE: Final = _Meaning(Unavailable, "EQUALITY_UNAVAILABLE", "the database does not answer; try again later")
_MOST_WORDS: Final = 200


def translate(error: Exception, doing: str) -> CareweaveError:
    """Return what `error`, raised while `doing`, means to a caller.

    The drivers' own words are left out, since some quote what was written, but for those on why nothing answers.
    """
    code = _code(error)
    meaning = next((each for each in _MEANINGS if code.startswith(each.codes)), _ELSE) if code else _ELSE
    words = "" if code else _why_nothing_answers(error)
    return meaning.error(f"{doing}: {meaning.says}{words}.", meaning.reason, {"code": code} if code else {})


def _why_nothing_answers(error: Exception) -> str:
    said = str(error.orig) if isinstance(error, OperationalError) else getattr(error, "strerror", "")
    return f" ({' '.join(said.split())[:_MOST_WORDS]})" if said else ""


def _code(error: Exception) -> str:
    if isinstance(error, NoResultFound):  # in a table that another transaction made and filled after this one began
        return _SERIALISATION
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None)
    return str(code or (_REFUSAL if any(words in str(cause) for words in _REFUSALS) else ""))
