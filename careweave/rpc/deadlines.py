"""Calls that take longer than a server allows are given up.

One look at all of them now and then, instead of a timer for each: nearly all of thousands of timers a second would
be cancelled again.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeAlias

Task: TypeAlias = "asyncio.Task[Any]"

LOOK_SECONDS: Final = 1.0
"""Between two looks, hence by how much a call may take longer than it may."""


class Deadlines:
    """The calls under way at a server.

    now: seconds of a clock that never goes back.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        """Begin without any."""
        self._now = now
        self._due: dict[Task, float] = {}
        self._given_up: set[Task] = set()

    def began(self, task: Task, seconds: float) -> None:
        """Cancel `task` if it has not `ended` so many seconds from now."""
        self._due[task] = self._now() + seconds

    def ended(self, task: Task) -> bool:
        """Forget `task`; says whether it was given up."""
        self._due.pop(task, None)
        if task in self._given_up:
            self._given_up.remove(task)
            return True
        return False

    async def run(self) -> None:
        """Give up what is overdue, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now = self._now()
            for task in [task for task, due in self._due.items() if due <= now and task not in self._given_up]:
                self._given_up.add(task)
                task.cancel()
