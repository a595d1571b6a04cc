"""Blocking work on a thread, which a cancelled caller leaves only once it has ended."""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

T = TypeVar("T")


async def in_thread(executor: Executor, work: Callable[[], T], interrupt: Callable[[], None] | None = None) -> T:
    """Return what `work` returns, run by `executor`.

    When the caller is cancelled, `interrupt` asks the work to stop early; the cancellation goes on
    only after the work has ended, so that no connection is used by two at once.
    """
    future = asyncio.get_running_loop().run_in_executor(executor, work)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        if interrupt is not None and not future.done():
            interrupt()
        while not future.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({future})
        if not future.cancelled():
            future.exception()  # Looked at, so that it is not reported as forgotten.
        raise
