"""What something costs: seconds on the clock, and of the processor."""

import time
from typing import NamedTuple


class Cost(NamedTuple):
    """seconds: on the clock. cpu_seconds: of all threads of this process together."""

    seconds: float
    cpu_seconds: float


class Watch:
    """Starts when it is made."""

    def __init__(self) -> None:
        self._start = time.perf_counter(), time.process_time()

    def cost(self) -> Cost:
        """Return what it has cost so far."""
        return Cost(time.perf_counter() - self._start[0], time.process_time() - self._start[1])
