"""Telling waiters in this process that there is something new."""

import asyncio


class Wakeup:
    """A count that grows with each notice; whoever waits says what count it has seen.

    All calls are made on the event loop's thread. No notice is lost between looking and waiting.
    """

    def __init__(self) -> None:
        """Begin at zero."""
        self.count = 0
        self._waiting: set[asyncio.Future[None]] = set()

    def notify(self) -> None:
        """Wake all who wait."""
        self.count += 1
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
        self._waiting.clear()

    async def wait(self, seen: int, seconds: float) -> None:
        """Return once the count is above `seen`, and after `seconds` at the latest."""
        if self.count > seen:
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.add(waiter)
        try:
            await asyncio.wait({waiter}, timeout=seconds)
        finally:
            self._waiting.discard(waiter)
            waiter.cancel()
