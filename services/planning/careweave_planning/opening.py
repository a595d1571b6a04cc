"""From settings to the store of declarations. The only module of this service that names an adapter."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from careweave.config import Settings
from careweave.errors import FailedPrecondition, InvalidArgument
from careweave_planning.ports import DeclarationStore

if TYPE_CHECKING:
    from sqlalchemy import Engine

_SQLITE: Final = "sqlite:"
_POSTGRESQL: Final = "postgresql://"


async def open_store(settings: Settings, new_bytes: Callable[[int], bytes]) -> DeclarationStore:
    """Open the store that `settings.equality` names, its schema brought up to date.

    new_bytes: returns so many random bytes, fit for keys. The key is made where neither it nor the file is there
        and no key file is named.

    Raises:
        InvalidArgument: the setting is of no known kind, or what should be a key is none.
        FailedPrecondition: there is no key, or it is not the one that the store was made with.
        CareweaveError: see `DeclarationStore`.
    """
    return await asyncio.to_thread(partial(_open, settings, new_bytes))


async def rotate_key(settings: Settings, new_key_file: Path, new_bytes: Callable[[int], bytes]) -> int:
    """Keep what the store of `settings` holds under the key in `new_key_file`; returns how many declarations.

    Raises:
        as `open_store`.
    """
    return await asyncio.to_thread(partial(_rotate, settings, new_key_file, new_bytes))


def _open(settings: Settings, new_bytes: Callable[[int], bytes]) -> DeclarationStore:
    from careweave_planning.storing.sealing import Seal
    from careweave_planning.storing.sql import SqlStore

    engine, secret = _reach(settings, new_bytes)
    return SqlStore.prepared(engine, Seal(secret, new_bytes))


def _rotate(settings: Settings, new_key_file: Path, new_bytes: Callable[[int], bytes]) -> int:
    from careweave_planning.storing import keys
    from careweave_planning.storing.rotation import rotate
    from careweave_planning.storing.sealing import Seal

    new_secret = keys.read(new_key_file)
    engine, secret = _reach(settings, new_bytes)
    try:
        return rotate(engine, Seal(secret, new_bytes), Seal(new_secret, new_bytes))
    finally:
        engine.dispose()


def _reach(settings: Settings, new_bytes: Callable[[int], bytes]) -> "tuple[Engine, bytes]":
    """Return connections to the database, and the secret that it is kept under."""
    from careweave_planning.storing import engines, keys

    if settings.equality.startswith(_SQLITE) and settings.equality != _SQLITE:
        path = Path(settings.equality.removeprefix(_SQLITE))
        return engines.sqlite(path), _embedded_secret(settings, path, new_bytes)
    if settings.equality.startswith(_POSTGRESQL):
        secret = keys.read(_named_key_file(settings))
        return engines.postgresql(settings.equality, settings.equality_password_file), secret
    raise InvalidArgument(
        "CAREWEAVE_EQUALITY is of no known kind; use sqlite:FILE or postgresql://USER@HOST:PORT/DATABASE.",
        reason="UNKNOWN_SCHEME",
        metadata={"variable": "CAREWEAVE_EQUALITY", "known": "sqlite, postgresql"},
    )


def _embedded_secret(settings: Settings, path: Path, new_bytes: Callable[[int], bytes]) -> bytes:
    from careweave_planning.storing import keys

    if settings.equality_key_file:
        return keys.read(Path(settings.equality_key_file))
    beside = path.with_suffix(".key")
    if not beside.exists() and not path.exists():
        keys.make(beside, new_bytes)
    return keys.read(beside)


def _named_key_file(settings: Settings) -> Path:
    if not settings.equality_key_file:
        raise FailedPrecondition(
            "CAREWEAVE_EQUALITY is a server, so CAREWEAVE_EQUALITY_KEY_FILE must name the file with the key; "
            "`openssl rand -base64 32` makes one.",
            reason="EQUALITY_KEY_MISSING",
        )
    return Path(settings.equality_key_file)
