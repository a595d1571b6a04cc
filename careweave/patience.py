"""Trying again while a store, the event log or another service, and nothing else, is at fault."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from careweave.errors import Conflict, Exhausted, Unavailable

PASSING: Final = (Unavailable, Exhausted, Conflict)
"""Errors of the system that may pass: trying again may work."""
FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 5.0
"""Seconds between two tries; doubles each time."""

_LOG: Final = logging.getLogger(__name__)
_T = TypeVar("_T")


async def patiently(attempt: Callable[[], Awaitable[_T]], what: str, tries: int | None = None) -> _T:
    """Return what `attempt` returns, trying again after errors that may pass.

    what: waits meanwhile, for the log.
    tries: at most so many; None is without end.

    Raises:
        Unavailable, Exhausted, Conflict: the last try met it.
        whatever else `attempt` raises, at once.
    """
    pause, tried = FIRST_PAUSE, 0
    while True:
        try:
            return await attempt()
        except PASSING as error:
            tried += 1
            if tried == tries:
                raise
            # Its reason, since a message may name whom it is about.
            _LOG.warning("%s: waiting, to try again", what, extra={"reason": error.reason, "pause_seconds": pause})
        await asyncio.sleep(pause)
        pause = min(LONGEST_PAUSE, 2 * pause)
