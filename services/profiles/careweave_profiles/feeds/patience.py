"""Trying again while the system, not an update, is at fault."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from careweave.errors import CareweaveError
from careweave_profiles.feeds.applying import PASSING

FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 5.0
"""Seconds between two tries; doubles each time."""

_LOG: Final = logging.getLogger(__name__)
_T = TypeVar("_T")


async def patiently(attempt: Callable[[], Awaitable[_T]], tries: int | None = None) -> _T:
    """Return what `attempt` returns, trying again after errors that may pass.

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
            _warn(error, pause)
        await asyncio.sleep(pause)
        pause = min(LONGEST_PAUSE, 2 * pause)


def _warn(error: CareweaveError, pause: float) -> None:
    _LOG.warning("HR updates wait, and are tried again", extra={"reason": error.reason, "pause_seconds": pause})
