"""Streams that are open at a server, and ending them: when it stops, or when their token is no longer good.

A client that sees UNAUTHENTICATED comes back with another token; one that sees UNAVAILABLE, to another server.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from math import isfinite
from typing import Any, TypeAlias

from careweave.errors import CareweaveError, Unavailable
from careweave.identity.claims import Identified, refused
from careweave.identity.revocations import Revocations
from careweave.identity.tokens import revoked

Task: TypeAlias = "asyncio.Task[Any]"


class Streams:
    """The open streams of a server."""

    def __init__(self, revocations: Revocations, clock: Callable[[], datetime]) -> None:
        """Begin without any; look through them whenever something is revoked."""
        self._revocations = revocations
        self._clock = clock
        self._open: dict[Task, Identified | None] = {}
        self._expiring: dict[Task, asyncio.TimerHandle] = {}
        self._ended: dict[Task, CareweaveError] = {}
        revocations.on_change(self._end_revoked)

    def opened(self, task: Task, opener: Identified | None) -> None:
        """Watch over the stream of `task`; it ends with TOKEN_EXPIRED when its opener's token does."""
        self._open[task] = opener
        if opener is not None and isfinite(opener.until):
            left = max(0.0, opener.until - self._clock().timestamp())
            self._expiring[task] = asyncio.get_running_loop().call_later(left, self._end, task, _expired())

    def closed(self, task: Task) -> None:
        """Forget it."""
        self._open.pop(task, None)
        self._ended.pop(task, None)
        timer = self._expiring.pop(task, None)
        if timer is not None:
            timer.cancel()

    def why_ended(self, task: Task) -> CareweaveError | None:
        """Return why the stream was ended here; None if it was not, but by its client."""
        return self._ended.get(task)

    def end_all(self) -> None:
        """End all, so that their readers turn to another server."""
        for task in list(self._open):
            self._end(task, Unavailable("This server is stopping; call again.", "SERVER_STOPPING"))

    def _end_revoked(self) -> None:
        for task, opener in list(self._open.items()):
            if opener is not None and self._revocations.cover(opener):
                self._end(task, revoked())

    def _end(self, task: Task, why: CareweaveError) -> None:
        self._ended.setdefault(task, why)
        task.cancel()


def _expired() -> CareweaveError:
    return refused("TOKEN_EXPIRED", "The token with which the stream was opened has expired; open it with a new one.")
