"""The databases that the suite of the store of equality declarations runs on. Another one is another entry."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from careweave_planning.storing import engines
from careweave_planning.storing.sealing import Seal
from careweave_planning.storing.sql import SqlStore
from sqlalchemy import Engine

from careweave.v1 import planning_pb2 as pb
from tests.postgres import Postgres, running_postgres

SECRET: Final = bytes(range(32))
ANNA: Final = "people/anna"
BENN: Final = "people/benn"


@dataclass(frozen=True, slots=True)
class EqualityEngine:
    """How to reach a database of a place of the test's own; reaching again finds what it keeps."""

    name: str
    reach: Callable[[Path], Awaitable[Engine]]

    def __str__(self) -> str:
        """Return the name, for test ids."""
        return self.name


async def _sqlite(place: Path) -> Engine:
    return engines.sqlite(place / "equality.db")


async def _postgresql(place: Path) -> Engine:
    server = await asyncio.to_thread(running_postgres)
    return engines.postgresql(await asyncio.to_thread(own_database, server, place), "")


def own_database(server: Postgres, place: Path) -> str:
    """Return where the database of `place` is, which is made when it is reached for the first time."""
    kept = place / "postgres-database"
    if not kept.exists():
        name = secrets.token_hex(8)
        server.make_database(name)
        kept.write_text(name)
    return server.url(kept.read_text())


def seal_of(secret: bytes) -> Seal:
    """Return the seal under `secret`."""
    return Seal(secret, secrets.token_bytes)


async def opened(engine: Engine, secret: bytes = SECRET) -> SqlStore:
    """Return the store on the database of `engine`."""
    return await asyncio.to_thread(SqlStore.prepared, engine, seal_of(secret))


def declared(person: str = ANNA, **answers: int) -> pb.EqualityDeclaration:
    """Return a declaration with these answers."""
    declaration = pb.EqualityDeclaration(name=f"{person}/equalityDeclaration")
    for field, answer in answers.items():
        setattr(declaration, field, answer)
    return declaration


ENGINES: Final = (EqualityEngine("sqlite", _sqlite), EqualityEngine("postgresql", _postgresql))
