"""Writes to the log's file, those that come together committed together."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from careweave.errors import Unavailable
from careweave.events.sqlite.file import connect, translate

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], Any]
_BATCH = 512


class Writer:
    """One thread with one connection; each turn commits all jobs that came during the one before."""

    def __init__(self, path: Path) -> None:
        """Connect on the first job."""
        self._path = path
        self._thread = ThreadPoolExecutor(1, "events-writer")
        self._connection: sqlite3.Connection | None = None
        self._waiting: list[tuple[Job, asyncio.Future[Any]]] = []
        self._turns: asyncio.Task[None] | None = None

    async def do(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `job` returns, once its changes are durable.

        Raises:
            CareweaveError: it failed; nothing of it was kept.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((job, future))
        if self._turns is None or self._turns.done():
            self._turns = asyncio.create_task(self._take_turns())
        return await future

    async def rewrite(self) -> None:
        """Write the file anew and empty SQLite's log, so that neither holds what was deleted.

        Overwriting deleted rows (`secure_delete`) does not do: where SQLite has moved rows from page to page, copies of
        them lie in the unused part of pages.

        Raises:
            Exhausted: there is no room for a second copy.
            Unavailable: another process read for so long that it could not be done.
        """

        def work() -> None:
            try:
                connection = self._connected()
                connection.execute("VACUUM")
                (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            except sqlite3.Error as error:
                raise translate(error, "writing the log of events anew") from error
            if busy:
                raise Unavailable(
                    "writing the log of events anew: somebody reads the file for long; try again later.",
                    reason="EVENTS_UNAVAILABLE",
                )

        await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def close(self) -> None:
        """Finish what waits and close the connection."""
        if self._turns is not None:
            await asyncio.wait({self._turns})

        def work() -> None:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

        await asyncio.get_running_loop().run_in_executor(self._thread, work)
        self._thread.shutdown(wait=False)

    async def _take_turns(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            turn, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
            outcomes = await loop.run_in_executor(self._thread, self._commit_together, [job for job, _ in turn])
            for (_, future), outcome in zip(turn, outcomes, strict=True):
                if future.done():  # Its caller was cancelled.
                    continue
                if isinstance(outcome, Exception):
                    future.set_exception(outcome)
                else:
                    future.set_result(outcome)

    def _commit_together(self, jobs: list[Job]) -> list[Any]:
        try:
            return self._commit(jobs)
        except Exception as error:  # noqa: BLE001 - whatever it is goes to the caller that waits for it
            if len(jobs) == 1:
                return [translate(error, "writing events")]
        # One of them fails: alone, only that one does.
        return [outcome for job in jobs for outcome in self._commit_together([job])]

    def _commit(self, jobs: list[Job]) -> list[Any]:
        connection = self._connected()
        try:
            connection.execute("BEGIN IMMEDIATE")
            outcomes = [job(connection) for job in jobs]
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # A full disk may have rolled it back already.
                connection.execute("ROLLBACK")
            raise
        return outcomes

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = connect(self._path)
        return self._connection
