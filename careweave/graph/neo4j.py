"""The graph on Neo4j 5.26 LTS or 2026.x, by the official driver; one server or a cluster."""

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import neo4j
from neo4j.auth_management import AsyncAuthManagers

from careweave.errors import CareweaveError, FailedPrecondition, InvalidArgument, Unavailable
from careweave.events.wakeup import Wakeup
from careweave.graph.bolt.failures import FAILURES, translate
from careweave.graph.bolt.migration import LOCK_LABEL, migrate
from careweave.graph.bolt.texts import ENGINE, QUIET, parameters_of, rows_of, text_of
from careweave.graph.bolt.unit import BoltUnit
from careweave.graph.cypher import read_text
from careweave.graph.port import Query, Row, UnitOfWork
from careweave.graph.schema import SCHEMA, Schema

SCHEMES: Final = ("neo4j", "neo4j+s", "neo4j+ssc", "bolt", "bolt+s", "bolt+ssc")
"""`+s` checks the server's certificate, `+ssc` only encrypts; `neo4j` finds the members of a cluster, `bolt` is one."""

CONNECTIONS: Final = 50
CONNECT_SECONDS: Final = 5.0
WAIT_FOR_CONNECTION_SECONDS: Final = 10.0
IDLE_SECONDS: Final = 30.0
"""A connection unused for longer is tried before it is used."""
READ_SECONDS: Final = 30.0
"""After this the server ends a read."""
UNIT_SECONDS: Final = 600.0
"""After this the server ends a unit of work, so that a client that vanished holds up the others no longer."""
RETRY_SECONDS: Final = 10.0
"""How long reads, and beginning a unit of work, are tried again on transient failures."""

_FIRST_PAUSE: Final = 0.05
_TAKE_TURN: Final = f"MERGE (t:{LOCK_LABEL} {{id: 'units'}}) SET t.number = coalesce(t.number, 0) + 1"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Login:
    """Who the process is to the server.

    password_file: read anew when the server refuses what it said before, so that a password can be
        replaced while the process runs. None: the server asks for none.
    """

    user: str = "neo4j"
    password_file: Path | None = None

    def manager(self) -> Any:
        """Return what the driver asks for credentials, None for none."""
        if self.password_file is None:
            return None
        return AsyncAuthManagers.basic(self._credentials)

    async def _credentials(self) -> neo4j.Auth:
        assert self.password_file is not None  # noqa: S101  see `manager`
        return neo4j.basic_auth(self.user, await asyncio.to_thread(read_password, self.password_file))


def read_password(file: Path) -> str:
    """Return the password that `file` holds, without the line's end.

    Raises:
        FailedPrecondition: it cannot be read, or is empty.
    """
    try:
        password = file.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise FailedPrecondition(
            f"the graph's password cannot be read from {file}: {error.strerror}", reason="PASSWORD_UNREADABLE"
        ) from error
    if not password:
        raise FailedPrecondition(f"{file} should hold the graph's password and is empty", reason="PASSWORD_UNREADABLE")
    return password


def open_neo4j(address: str, login: Login, schema: Schema = SCHEMA) -> "Neo4jGraph":
    """Return the graph at `address`, `SCHEME://HOST:PORT` or `SCHEME://HOST:PORT/DATABASE`; connects when first used.

    Raises:
        InvalidArgument: `address` is not of that form.
        FailedPrecondition: the password cannot be read.
    """
    scheme, separator, rest = address.partition("://")
    place, _, database = rest.partition("/")
    if scheme not in SCHEMES or not separator or not place or "@" in place or "/" in database:
        raise InvalidArgument(
            "a graph on Neo4j is given as neo4j://HOST:PORT, optionally with /DATABASE, and as neo4j+s:// where "
            "connections are encrypted; the login goes into CAREWEAVE_GRAPH_USER and CAREWEAVE_GRAPH_PASSWORD_FILE",
            reason="GRAPH_ADDRESS_INVALID",
        )
    if login.password_file is not None:
        read_password(login.password_file)
    # What the server remarks on becomes an error, hence no line in the log besides.
    logging.getLogger("neo4j.notifications").setLevel(logging.ERROR)
    try:
        driver = neo4j.AsyncGraphDatabase.driver(
            f"{scheme}://{place}",
            auth=login.manager(),
            max_connection_pool_size=CONNECTIONS,
            connection_timeout=CONNECT_SECONDS,
            connection_acquisition_timeout=WAIT_FOR_CONNECTION_SECONDS,
            liveness_check_timeout=IDLE_SECONDS,
            max_transaction_retry_time=RETRY_SECONDS,
            notifications_disabled_classifications=QUIET,
            telemetry_disabled=True,
        )
    except FAILURES as error:
        raise translate(error, f"opening the graph at {scheme}://{place}") from error
    return Neo4jGraph(driver, place, database or None, schema)


class Neo4jGraph:
    """The graph port on a driver.

    Units of work take turns, over all processes: each holds one node's lock from its beginning to its
    end. Neo4j by itself lets two transactions read the same version and both write the next; use-cases
    read before they write and count on what they read. Many changes in one unit is what makes writing
    fast, here as on the embedded engine.

    What was committed through this object is seen by every later read through it, on whichever member
    of a cluster (bookmarks). Reads are tried again on transient failures. The body of a unit of work
    is the caller's code, which may have done more than write here, so it is not run again: transient
    failures end it with `Unavailable` or `Conflict`, and the caller begins a new one. Beginning one,
    where no such code has run yet, is tried again.
    """

    engine = ENGINE

    def __init__(self, driver: neo4j.AsyncDriver, place: str, database: str | None, schema: Schema) -> None:
        """Take over `driver`, which `close` closes.

        place: of the server, for messages.
        database: its name; None is the user's home database.
        """
        self.emitted = Wakeup()
        self._driver = driver
        self._place = place
        self._database = database
        self._schema = schema
        self._writing = asyncio.Lock()
        self._closed = False

    async def run(self, query: Query, /, **parameters: object) -> list[Row]:
        """Return the rows of `query`, which must not write."""
        text = text_of(query)
        if read_text(text).writes:
            raise InvalidArgument(f"{query.name}: writes belong in a unit of work", reason="WRITE_OUTSIDE_UNIT")
        self._require_open()
        try:
            return await self._driver.execute_query(
                neo4j.Query(text, timeout=READ_SECONDS),
                parameters_of(query, parameters),
                routing_=neo4j.RoutingControl.READ,
                database_=self._database,
                result_transformer_=rows_of,
            )
        except FAILURES as error:
            raise translate(error, query.name) from error
        except CareweaveError as error:
            if query.name not in error.message:
                error.message = f"{query.name}: {error.message}"
            raise

    async def migrate(self) -> None:
        """Bring constraints, indexes and names of the schema into being; waits while another process does."""
        self._require_open()
        try:
            await migrate(self._driver, self._schema, **self._session())
        except FAILURES as error:
            raise translate(error, "migrating the schema") from error

    def unit_of_work(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """Begin a unit of work once those before it, of any process, have ended."""
        return self._unit_of_work()

    async def close(self) -> None:
        """Wait for the unit of work under way and close all connections."""
        async with self._writing:
            if not self._closed:
                self._closed = True
                await self._driver.close()

    @asynccontextmanager
    async def _unit_of_work(self) -> AsyncIterator[UnitOfWork]:
        # First among this process's own, in order of arrival: one connection waits at the server, not many.
        async with self._writing:
            self._require_open()
            async with self._driver.session(**self._session()) as session:
                transaction = await self._begin(session)
                try:
                    unit = BoltUnit(transaction, self._schema)
                    yield unit
                    await unit.finish()
                    await _commit(transaction)
                except BaseException:
                    await _roll_back(transaction)
                    raise
        if unit.events:
            self.emitted.notify()

    async def _begin(self, session: neo4j.AsyncSession) -> neo4j.AsyncTransaction:
        loop = asyncio.get_running_loop()
        until = loop.time() + RETRY_SECONDS
        pause = _FIRST_PAUSE
        while True:
            try:
                return await _begin_in_turn(session)
            except FAILURES as error:
                retryable = isinstance(error, neo4j.exceptions.DriverError | neo4j.exceptions.Neo4jError) and (
                    error.is_retryable()
                )
                if not retryable or loop.time() + pause > until:
                    raise translate(error, "beginning a unit of work") from error
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # So that replicas do not come back together.
            pause = min(2 * pause, 1.0)

    def _session(self) -> dict[str, Any]:
        return {
            "database": self._database,
            "bookmark_manager": self._driver.execute_query_bookmark_manager,
        }

    def _require_open(self) -> None:
        if self._closed:
            raise Unavailable(f"the graph at {self._place} is closed", reason="GRAPH_CLOSED")


async def _begin_in_turn(session: neo4j.AsyncSession) -> neo4j.AsyncTransaction:
    transaction = await session.begin_transaction(timeout=UNIT_SECONDS)
    try:
        await (await transaction.run(_TAKE_TURN)).consume()
    except BaseException:
        await _roll_back(transaction)
        raise
    return transaction


async def _commit(transaction: neo4j.AsyncTransaction) -> None:
    """Commit; a cancelled caller learns of it once it is known what became of the commit."""
    committing = asyncio.ensure_future(transaction.commit())
    try:
        await asyncio.shield(committing)
    except asyncio.CancelledError:
        while not committing.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({committing})
        if not committing.cancelled():
            committing.exception()  # Looked at, so that it is not reported as forgotten.
        raise
    except FAILURES as error:
        raise translate(error, "committing") from error


async def _roll_back(transaction: neo4j.AsyncTransaction) -> None:
    if transaction.closed():
        return
    try:
        await transaction.close()
    except FAILURES as error:  # The connection is gone, and the server rolls back by itself.
        _log.debug("rolling back: %s", error)
    except asyncio.CancelledError:
        transaction.cancel()
        raise
