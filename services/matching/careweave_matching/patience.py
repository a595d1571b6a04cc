"""Trying again while a store or service does not answer."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from careweave.errors import Unavailable

_LOG: Final = logging.getLogger(__name__)
_T = TypeVar("_T")
FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 5.0
"""Seconds to wait before trying again; doubles each time."""


async def patiently(attempt: Callable[[], Awaitable[_T]]) -> _T:
    """Return what `attempt` returns, trying again while it raises Unavailable."""
    pause = FIRST_PAUSE
    while True:
        try:
            return await attempt()
        except Unavailable:
            _LOG.warning("a store or service does not answer; trying again", extra={"pause_seconds": pause})
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, 2 * pause)
