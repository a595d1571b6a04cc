"""The store of declarations on a database that SQLAlchemy speaks to; see `careweave_planning.ports`."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Self, TypeVar

from sqlalchemy import Connection, Engine, delete, insert, select, update

from careweave.errors import Conflict, FailedPrecondition
from careweave.v1.planning_pb2 import EqualityDeclaration
from careweave_planning.ports import Rewrite, Standing
from careweave_planning.storing.engines import CONNECTIONS
from careweave_planning.storing.failures import FAILURES, translate
from careweave_planning.storing.sealing import Seal
from careweave_planning.storing.tables import DECLARATION, ERASURE, bring_up_to_date, require_key

TRIES: Final = 8
"""How often a transaction is tried that others are in the way of."""

_T = TypeVar("_T")


class SqlStore:
    """Declarations in rows of which the database can tell neither whose they are nor what they say."""

    def __init__(self, engine: Engine, seal: Seal) -> None:
        """Take a database that is up to date."""
        self._engine = engine
        self._seal = seal
        self._threads = ThreadPoolExecutor(CONNECTIONS, "equality")

    @classmethod
    def prepared(cls, engine: Engine, seal: Seal) -> Self:
        """Return the store on the database of `engine`, its tables brought up to date. Blocks.

        Raises:
            FailedPrecondition: it was made with another key, or by a newer Careweave.
            CareweaveError: see `DeclarationStore`.
        """
        try:
            transact(engine, "opening equality declarations", lambda it: bring_up_to_date(it, seal.check))
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, seal)

    async def read(self, person: str) -> EqualityDeclaration | None:
        """Return the declaration of `person`."""
        row = self._seal.row_of(person)
        return await self._do("reading an equality declaration", lambda connection: self._kept(connection, row))

    async def change(self, person: str, rewrite: Rewrite) -> EqualityDeclaration:
        """Keep what `rewrite` makes of the declaration of `person`."""
        row = self._seal.row_of(person)

        def job(connection: Connection) -> EqualityDeclaration:
            _refuse_erased(connection, row, person)
            before = self._kept(connection, row)
            after = rewrite(before)
            sealed = self._seal.seal(row, after.SerializeToString(deterministic=True))
            if before is None:
                connection.execute(insert(DECLARATION).values(row=row, sealed=sealed))
            else:
                connection.execute(update(DECLARATION).where(DECLARATION.c.row == row).values(sealed=sealed))
            return after

        return await self._do("writing an equality declaration", job)

    async def remove(self, person: str) -> bool:
        """Remove the declaration of `person`."""
        row = self._seal.row_of(person)
        return await self._do("withdrawing an equality declaration", lambda connection: _removed(connection, row))

    async def take_note(self, standings: Sequence[Standing]) -> None:
        """Remove the declarations of those who were erased, and keep none of them until they are there again."""
        told = [(self._seal.row_of(each.person), each) for each in sorted(standings, key=lambda each: each.version)]

        def job(connection: Connection) -> None:
            query = select(ERASURE.c.row, ERASURE.c.version).where(ERASURE.c.row.in_([row for row, _ in told]))
            noted: dict[bytes, int] = {found.row: found.version for found in connection.execute(query)}
            for row, standing in told:
                if _is_news(standing, noted.get(row)):
                    _note(connection, row, standing, first=row not in noted)
                    noted[row] = standing.version

        await self._do("forgetting erased people", job)

    async def close(self) -> None:
        """Release threads and connections."""
        await asyncio.to_thread(self._threads.shutdown)
        self._engine.dispose()

    async def _do(self, doing: str, job: Callable[[Connection], _T]) -> _T:
        """Return what `job` returns once its changes are durable; nothing is done under a key that was rotated away."""

        def guarded(connection: Connection) -> _T:
            require_key(connection, self._seal.check)
            return job(connection)

        return await asyncio.get_running_loop().run_in_executor(self._threads, transact, self._engine, doing, guarded)

    def _kept(self, connection: Connection, row: bytes) -> EqualityDeclaration | None:
        sealed = connection.execute(select(DECLARATION.c.sealed).where(DECLARATION.c.row == row)).scalar()
        return None if sealed is None else EqualityDeclaration.FromString(self._seal.open(row, sealed))


def transact(engine: Engine, doing: str, job: Callable[[Connection], _T]) -> _T:
    """Return what `job` returns once its changes are durable, trying again while others are in the way."""
    tried = 0
    while True:
        tried += 1
        try:
            with engine.begin() as connection:
                return job(connection)
        except FAILURES as error:
            failure = translate(error, doing)
            if not isinstance(failure, Conflict) or tried == TRIES:
                raise failure from error


def _refuse_erased(connection: Connection, row: bytes, person: str) -> None:
    if connection.execute(select(ERASURE.c.erased).where(ERASURE.c.row == row)).scalar():
        raise FailedPrecondition(
            f"{person} was erased, so nothing is kept of them. Make a profile first.",
            reason="PERSON_ERASED",
            metadata={"resource": person},
        )


def _is_news(standing: Standing, noted: int | None) -> bool:
    """Tell whether `standing` says more than the version that was noted; of who was never erased none is."""
    return standing.erased if noted is None else standing.version > noted


def _note(connection: Connection, row: bytes, standing: Standing, *, first: bool) -> None:
    news = {"version": standing.version, "erased": standing.erased}
    if first:
        connection.execute(insert(ERASURE).values(row=row, **news))
    else:
        connection.execute(update(ERASURE).where(ERASURE.c.row == row).values(**news))
    if standing.erased:
        _removed(connection, row)


def _removed(connection: Connection, row: bytes) -> bool:
    return bool(connection.execute(delete(DECLARATION).where(DECLARATION.c.row == row)).rowcount)
