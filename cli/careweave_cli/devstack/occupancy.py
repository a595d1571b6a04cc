"""Which process runs the server of a folder, known by a lock that ends with the process, however it ends."""

import fcntl
import os
from pathlib import Path
from typing import IO

from careweave.errors import FailedPrecondition

LOCK = "running.lock"


def occupy(folder: Path) -> IO[str]:
    """Take the folder for this process until the file that is returned closes.

    Raises:
        FailedPrecondition: another process has it.
    """
    lock = (folder / LOCK).open("a+", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise FailedPrecondition(f"a server runs in {folder} already", reason="SERVER_RUNS") from None
    lock.seek(0)
    lock.truncate()
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def occupant(folder: Path) -> int | None:
    """Return the id of the process that has the folder; None if none has."""
    try:
        lock = (folder / LOCK).open(encoding="ascii")
    except FileNotFoundError:
        return None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            text = lock.read()
            return int(text) if text else None
    return None
