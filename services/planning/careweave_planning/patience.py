"""Trying again while a store or the event log, and nothing else, is at fault."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from careweave.errors import Conflict, Exhausted, Unavailable

_LOG: Final = logging.getLogger(__name__)
_T = TypeVar("_T")
FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 5.0
"""Seconds to wait before trying again; doubles each time."""


async def patiently(attempt: Callable[[], Awaitable[_T]]) -> _T:
    """Return what `attempt` returns, trying again after errors that may pass."""
    pause = FIRST_PAUSE
    while True:
        try:
            return await attempt()
        except (Unavailable, Exhausted, Conflict) as error:
            _LOG.warning("erasures wait, and are tried again", extra={"reason": error.reason, "pause_seconds": pause})
        await asyncio.sleep(pause)
        pause = min(LONGEST_PAUSE, 2 * pause)
