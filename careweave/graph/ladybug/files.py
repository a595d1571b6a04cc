"""The folder of an embedded graph: one process at a time, room to write, and a log that opens again.

Layout: `<folder>/graph.lbug` (the engine's file), `graph.lbug.wal` (its log since the last
checkpoint), `lock` (held, with the holder's process id, while the folder is open), and `compacting`
(a copy under way, see `replace_database`).
"""

import ctypes
import fcntl
import logging
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import ladybug

from careweave.errors import DataLoss, Exhausted, FailedPrecondition, Unavailable
from careweave.graph.ladybug.failures import translate

DATABASE = "graph.lbug"
COMPACTING = "compacting"
RESERVE_BYTES = 16 << 20
"""Least free space before a change is begun. The engine cannot write less than it must, stops
working when a write fails, and aborts the process if it is closed then: see `has_room`."""
_GROWTH_TRIED = 1 << 20
BUFFER_BYTES = 1 << 30
"""The most memory the engine's buffers may take."""

_log = logging.getLogger(__name__)

# The log begins with 16 bytes of database id, 1 of flags and 8 of checksum; then come frames of
# 8 bytes of length, the record, and 8 of checksum.
_LOG_HEADER = 25
_LENGTH_BYTES = 8
_FRAME_EXTRA = 16


@dataclass(slots=True)
class OpenFolder:
    """An open database and the lock on its folder."""

    folder: Path
    database: ladybug.Database
    lock: IO[str]

    @property
    def log(self) -> Path:
        """Return the path of the write-ahead log."""
        return self.folder / f"{DATABASE}.wal"

    def log_bytes(self) -> int:
        """Return the length of the write-ahead log."""
        try:
            return self.log.stat().st_size
        except FileNotFoundError:
            return 0

    def has_room(self) -> bool:
        """Return whether the disk has the space that a change may need."""
        return shutil.disk_usage(self.folder).free >= RESERVE_BYTES

    def require_room(self) -> None:
        """Refuse a change for which there may be no space.

        Raises:
            Exhausted: less than `RESERVE_BYTES` are free.
        """
        if not self.has_room():
            raise Exhausted(
                f"the disk that holds {self.folder} has less than {RESERVE_BYTES >> 20} MiB free; "
                "nothing was written. Free some space and try again.",
                reason="GRAPH_DISK_FULL",
            )

    def reopen(self) -> None:
        """Open the database anew after a failed write, on the lock already held.

        Raises:
            Exhausted: its log still cannot grow.
        """
        try:
            _try_to_grow(self.log)
        except OSError as error:
            raise Exhausted(
                f"{self.log} cannot grow ({error.strerror}); nothing was written. Free some space and try again.",
                reason="GRAPH_DISK_FULL",
            ) from error
        self.abandon()
        self.database = _open_database(self.folder)

    def abandon(self) -> None:
        """Leave the database, whose last write failed, as it is.

        Closing it would write the rest of that record, and abort the process if that failed again.
        """
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self.database))

    def held_on(self) -> int:
        """Return a descriptor that holds the folder beyond `release`, until it is closed."""
        return os.dup(self.lock.fileno())

    def release(self) -> None:
        """Let go of the folder."""
        self.lock.close()


def open_folder(folder: Path) -> OpenFolder:
    """Open the graph in `folder`, making it if need be.

    Raises:
        FailedPrecondition: another process has it open.
        DataLoss: its files cannot be read.
        Unavailable: the folder cannot be made or written.
        Exhausted: the disk is full.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = _lock(folder)
    except OSError as error:
        raise Unavailable(
            f"the graph's folder {folder} cannot be used: {error}", reason="GRAPH_FOLDER_UNUSABLE"
        ) from error
    try:
        shutil.rmtree(folder / COMPACTING, ignore_errors=True)  # of a compaction that did not end
        return OpenFolder(folder, _open_database(folder), lock)
    except BaseException:
        lock.close()
        raise


def _lock(folder: Path) -> IO[str]:
    lock = (folder / "lock").open("a+", encoding="ascii")
    try:
        # By open file, not by process: a second opening within this process is refused, too.
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        raise FailedPrecondition(
            f"the graph in {folder} is open in process {holder}, and one process at a time may open it. "
            "Every command is a client of a running server: point it there with CAREWEAVE_LISTEN, stop that "
            "process, or set CAREWEAVE_GRAPH to another folder.",
            reason="GRAPH_IN_USE",
            metadata={"folder": str(folder), "process": holder},
        ) from None
    lock.seek(0)
    lock.truncate()
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _try_to_grow(log: Path) -> None:
    if not log.exists():
        return
    with log.open("r+b") as file:
        length = file.seek(0, os.SEEK_END)
        try:
            file.write(bytes(_GROWTH_TRIED))
            file.flush()
            os.fsync(file.fileno())
        finally:
            os.ftruncate(file.fileno(), length)


def _open_database(folder: Path) -> ladybug.Database:
    path = folder / DATABASE
    log = folder / f"{DATABASE}.wal"
    trim_log(log)
    try:
        return ladybug.Database(path, buffer_pool_size=BUFFER_BYTES, auto_checkpoint=False)
    except (RuntimeError, MemoryError) as error:
        failure = translate(error, f"opening {path}")
        if isinstance(error, MemoryError):  # A damaged length asks for more than there is.
            failure = DataLoss(f"opening {path}: the graph's files are damaged.", reason="GRAPH_DAMAGED")
        if isinstance(failure, DataLoss) and log.exists():
            kept = log.with_name(f"{log.name}.damaged")
            shutil.copyfile(log, kept)
            failure.message += f" A copy of its log was kept as {kept}; restore the folder from a backup."
        raise failure from error


def replace_database(folder: Path) -> None:
    """Put the database in `<folder>/compacting` in the place of that of `folder`, both closed, at one stroke.

    Raises:
        FailedPrecondition: one of them has a log that was not folded in; both stay as they are.
    """
    fresh = folder / COMPACTING
    for each in (folder, fresh):
        log = each / f"{DATABASE}.wal"
        if log.exists() and log.stat().st_size:
            raise FailedPrecondition(
                f"{log} could not be folded in; free some space and try again.", reason="GRAPH_LOG_NOT_FOLDED"
            )
        log.unlink(missing_ok=True)
    (fresh / DATABASE).replace(folder / DATABASE)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)  # so that a power cut does not bring the old one back
    finally:
        os.close(descriptor)
    shutil.rmtree(fresh)


def trim_log(log: Path) -> int:
    """Cut a last record that was not wholly written off `log`; returns how many bytes went.

    A process killed, or a disk filled, while it wrote leaves such a record. It was never
    acknowledged. The engine (0.22) should pass over it, but its reader copies past the end of its
    buffer if the record is long, and the process dies.
    """
    if not log.exists():
        return 0
    length = log.stat().st_size
    whole = 0
    with log.open("r+b") as file:
        position = _LOG_HEADER
        while position <= length:
            whole = position
            file.seek(position)
            size = int.from_bytes(file.read(_LENGTH_BYTES).ljust(_LENGTH_BYTES, b"\0"), "little")
            if size == 0:
                break
            position += size + _FRAME_EXTRA
        if whole < length:
            _log.warning("cut %d bytes of an unfinished record off %s", length - whole, log)
            file.truncate(whole)
            os.fsync(file.fileno())
    return length - whole
