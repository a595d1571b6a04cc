"""The embedded graph: Ladybug on a folder, for one process at a time."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import ladybug

from careweave.errors import InvalidArgument, Unavailable
from careweave.events.wakeup import Wakeup
from careweave.graph.copying import Report, copy_graph
from careweave.graph.ladybug.files import COMPACTING, DATABASE, OpenFolder, open_folder, replace_database
from careweave.graph.ladybug.tables import migrate
from careweave.graph.ladybug.texts import ENGINE, execute, read_text, text_of
from careweave.graph.ladybug.threads import in_thread
from careweave.graph.ladybug.unit import EmbeddedUnit
from careweave.graph.ladybug.writer import Writer
from careweave.graph.port import Query, Row, UnitOfWork
from careweave.graph.schema import SCHEMA, Schema

READERS = 4
"""Reads that run at the same time; more wait."""


async def open_embedded(folder: Path, schema: Schema = SCHEMA) -> "EmbeddedGraph":
    """Open the graph in `folder`, making it if need be; `migrate` brings its schema into being.

    Raises:
        FailedPrecondition: another process has it open.
        DataLoss: its files cannot be read.
        Unavailable: the folder cannot be made or written.
    """
    return EmbeddedGraph(await asyncio.to_thread(open_folder, folder), schema)


async def compact_embedded(folder: Path, report: Report, schema: Schema = SCHEMA) -> tuple[int, int]:
    """Write the graph in `folder` anew, without what was deleted; returns the bytes of its file before and after.

    Killed at any moment, the graph in `folder` is as it was, or compacted.

    Raises:
        FailedPrecondition: another process has it open, or its log could not be folded in.
        CareweaveError: the copy could not be made; the graph is as it was.
    """
    opened = await asyncio.to_thread(open_folder, folder)
    graph = EmbeddedGraph(opened, schema)
    held = opened.held_on()
    try:
        try:
            await graph.migrate()
            fresh = await open_embedded(folder / COMPACTING, schema)
            try:
                await copy_graph(graph, fresh, schema, report)
            finally:
                await fresh.close()
        finally:
            await graph.close()
        before = (folder / DATABASE).stat().st_size
        await asyncio.to_thread(replace_database, folder)
        return before, (folder / DATABASE).stat().st_size
    finally:
        shutil.rmtree(folder / COMPACTING, ignore_errors=True)
        os.close(held)


class EmbeddedGraph:
    """The graph port on an open folder. One writer at a time, by order of arrival; reads beside it."""

    engine = ENGINE

    def __init__(self, folder: OpenFolder, schema: Schema = SCHEMA) -> None:
        """Take over `folder`, which `close` closes."""
        self.emitted = Wakeup()
        self._schema = schema
        self._folder = folder
        self._writer = Writer(folder)
        self._writing = asyncio.Lock()
        self._read_threads = ThreadPoolExecutor(READERS, "graph-reader")
        self._readers: asyncio.LifoQueue[ladybug.Connection] = asyncio.LifoQueue()
        self._closed = False
        self._connect_readers()

    async def run(self, query: Query, /, **parameters: object) -> list[Row]:
        """Return the rows of `query`, which must not write."""
        if read_text(text_of(query)).writes:
            raise InvalidArgument(f"{query.name}: writes belong in a unit of work", reason="WRITE_OUTSIDE_UNIT")
        self._require_open()
        reader = await self._readers.get()
        try:
            self._require_open()
            return await in_thread(self._read_threads, lambda: execute(reader, query, parameters), reader.interrupt)
        finally:
            self._readers.put_nowait(reader)

    async def migrate(self) -> None:
        """Add to the database what the schema declares and it lacks, all or nothing."""
        async with self._writing:
            await self._ready_to_write()
            try:
                await self._writer.do(lambda connection: migrate(connection, self._schema), "migrating the schema")
            except BaseException:
                await self._writer.roll_back()
                raise

    def unit_of_work(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """Begin a unit of work once those before it have ended."""
        return self._unit_of_work()

    async def close(self) -> None:
        """Wait for the unit of work under way, fold the log in, and let the folder go."""
        async with self._writing:
            if self._closed:
                return
            self._closed = True
            readers = await self._all_readers()
            for reader in readers:
                reader.close()
            await self._writer.close()
            for reader in readers:  # Whoever still waits for one learns that the graph is closed.
                self._readers.put_nowait(reader)
        self._read_threads.shutdown(wait=False)

    @asynccontextmanager
    async def _unit_of_work(self) -> AsyncIterator[UnitOfWork]:
        async with self._writing:
            await self._ready_to_write()
            unit = EmbeddedUnit(self._writer, self._schema)
            try:
                await self._writer.do(lambda connection: connection.execute("BEGIN TRANSACTION"), "beginning")
                yield unit
                await self._writer.do(unit.commit, "committing", interruptible=False)
            except BaseException:
                await self._writer.roll_back()
                raise
            finally:
                if unit.events:
                    self.emitted.notify()
            await self._writer.tidy()

    async def _ready_to_write(self) -> None:
        self._require_open()
        self._folder.require_room()
        if self._writer.failed:
            readers = await self._all_readers()
            try:
                await self._writer.reopen()
            except BaseException:
                for reader in readers:
                    self._readers.put_nowait(reader)
                raise
            self._connect_readers()

    def _connect_readers(self) -> None:
        for _ in range(READERS):
            self._readers.put_nowait(ladybug.Connection(self._folder.database))

    async def _all_readers(self) -> list[ladybug.Connection]:
        return [await self._readers.get() for _ in range(READERS)]

    def _require_open(self) -> None:
        if self._closed:
            raise Unavailable(f"the graph in {self._folder.folder} is closed", reason="GRAPH_CLOSED")
