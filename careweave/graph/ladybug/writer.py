"""The one connection that writes, on a thread of its own."""

import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import ladybug
import pyarrow as pa

from careweave.errors import CareweaveError
from careweave.graph.ladybug.failures import is_out_of_space, translate
from careweave.graph.ladybug.files import OpenFolder
from careweave.graph.ladybug.threads import in_thread

CHECKPOINT_BYTES = 32 << 20
"""Length of the log at which it is folded into the database."""

ROWS_KEPT = 10_000
"""Rows of tables of ours, after which a connection that has read them is replaced: see `_Connection`."""

T = TypeVar("T")
_log = logging.getLogger(__name__)


class _Connection(ladybug.Connection):
    """A connection that counts the rows that its statements read from tables of ours.

    The engine (0.22) keeps each such statement, with the memory it worked in, for as long as the connection lives:
    three megabytes for 500 people, until its buffers are full and nothing can be read or written. When the connection
    closes, that memory serves again.
    """

    rows_read = 0

    def execute(
        self, query: str | ladybug.PreparedStatement, parameters: dict[str, Any] | None = None
    ) -> ladybug.QueryResult | list[ladybug.QueryResult]:
        """Execute a statement."""
        for value in (parameters or {}).values():
            if isinstance(value, pa.Table):
                self.rows_read += value.num_rows
        return super().execute(query, parameters)


class Writer:
    """Runs work on the writing connection, one piece after another.

    failed: whether a write to the disk failed, after which the engine (0.22) hangs when it writes
        again; reads go on, and `reopen` makes it write again.
    """

    def __init__(self, folder: OpenFolder) -> None:
        """Connect to the database of `folder`."""
        self.folder = folder
        self.failed = False
        self._thread = ThreadPoolExecutor(1, "graph-writer")
        self._connection = _Connection(folder.database)
        self._checkpoint_at = CHECKPOINT_BYTES

    async def do(self, work: Callable[[ladybug.Connection], T], doing: str, *, interruptible: bool = True) -> T:
        """Return what `work` returns, its errors translated.

        doing: names the step in messages.
        interruptible: whether cancelling the caller stops the work early.
        """

        def guarded() -> T:
            try:
                return work(self._connection)
            except CareweaveError as error:
                self.failed = self.failed or is_out_of_space(error.__cause__ or error)
                raise
            except Exception as error:
                self.failed = self.failed or is_out_of_space(error)
                raise translate(error, doing) from error

        return await in_thread(self._thread, guarded, self._connection.interrupt if interruptible else None)

    async def roll_back(self) -> None:
        """Undo the transaction, if an error has not done so already."""

        def work() -> None:
            with contextlib.suppress(RuntimeError):
                self._connection.execute("ROLLBACK")

        if not self.failed:
            await in_thread(self._thread, work)

    async def reopen(self) -> None:
        """Open the database anew after a failed write. No reader may be at work.

        Raises:
            Exhausted: the disk is still full.
        """

        def work() -> None:
            self.folder.reopen()
            self._connection = _Connection(self.folder.database)
            self.failed = False

        await in_thread(self._thread, work)
        _log.warning("opened %s anew after a failed write", self.folder.folder)

    async def tidy(self) -> None:
        """Between units of work, replace a connection that holds much, and fold the log in if it has grown long."""
        if self._connection.rows_read >= ROWS_KEPT and not self.failed:
            await in_thread(self._thread, self._renew)
        if self.folder.log_bytes() > self._checkpoint_at:
            await in_thread(self._thread, self._checkpoint)

    async def close(self) -> None:
        """Fold the log in, close the database and let the folder go."""

        def work() -> None:
            self._checkpoint()
            if self.failed:
                self.folder.abandon()
            else:
                self._connection.close()
                self.folder.database.close()
            self.folder.release()

        await in_thread(self._thread, work)
        self._thread.shutdown(wait=False)

    def _renew(self) -> None:
        self._connection.close()
        self._connection = _Connection(self.folder.database)

    def _checkpoint(self) -> None:
        if self.failed or not self.folder.has_room():
            return
        try:
            self._connection.execute("CHECKPOINT")
            self._checkpoint_at = CHECKPOINT_BYTES
        except RuntimeError as error:
            # Space lacks, or a read went on for too long. What was committed stays in the log, from which it
            # is read when the folder is next opened; the next try comes when as much again has been logged.
            self._checkpoint_at = self.folder.log_bytes() + CHECKPOINT_BYTES
            self.failed = is_out_of_space(error)
            _log.exception("folding in the log of %s failed", self.folder.folder)
