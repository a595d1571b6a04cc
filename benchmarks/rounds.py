"""Sides of a benchmark measured in turn, round after round, by clients that are processes of their own."""

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

Drive = Callable[[int, float, int], tuple[float, list[float]]]
"""Clients, seconds and number of the round → calls a second, and the latencies in microseconds."""
ROUNDS: Final = 3
WARMING_SECONDS: Final = 1.5
MOST_PROCESSES: Final = 2


@dataclass(frozen=True, slots=True)
class Rate:
    """What one side did: the median of its rounds, and percentiles of all its calls."""

    calls_per_second: float
    p50_microseconds: float
    p99_microseconds: float


def in_rounds(sides: Mapping[str, Drive], clients: int, seconds: float) -> dict[str, Rate]:
    """Return the rate of each side; they take turns within each round, and a first, short one warms all up."""
    rates: dict[str, list[float]] = {side: [] for side in sides}
    latencies: dict[str, list[float]] = {side: [] for side in sides}
    for number in range(ROUNDS + 1):
        for side, drive in sides.items():
            rate, taken = drive(clients, seconds if number else WARMING_SECONDS, number)
            if number:
                rates[side].append(rate)
                latencies[side] += taken
    cuts = {side: statistics.quantiles(latencies[side], n=100) for side in sides}
    return {side: Rate(statistics.median(rates[side]), cuts[side][49], cuts[side][98]) for side in sides}


def called_from(
    module: str, words: Callable[[int, int], Sequence[str]], clients: int, seconds: float
) -> tuple[float, list[float]]:
    """Return calls a second, and all latencies, of `clients` calls at once from at most two processes of `module`.

    words: number of a process, and how many there are → its arguments beside seconds and calls at once.
    """
    processes = min(MOST_PROCESSES, clients)
    started = [
        subprocess.Popen(
            [
                sys.executable, "-m", module, *words(number, processes),
                "--seconds", str(seconds), "--calls-at-once", str(clients // processes),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(processes)
    ]  # fmt: skip
    latencies = [latency for process in started for latency in json.loads(process.communicate()[0])]
    return len(latencies) / seconds, latencies
