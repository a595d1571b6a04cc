"""Finding what was ranked for one person among a million recorded rankings, on each event log.

python -m benchmarks.past_decisions [--json] [--decisions 1000000] [--people 50000] [--stack embedded|servers]

Rankings of 20 lines are appended in batches of 512, as the service does; then the rankings of people taken at random
are recalled. On Kafka every record is of this hour, so each answer reads the whole of a partition, one of 24: the
worst there can be. A list that begins later, or one ranking of a known day, reads that much less.
"""

import argparse
import asyncio
import json
import random
import statistics
import tempfile
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from careweave_matching.decisions import BATCH, Decisions, items_of
from careweave_matching.model import Versions

from benchmarks.stack import STACKS, settings_of
from careweave.events.port import EventLog, Topic
from careweave.wiring import open_events, random_id

LINES = 20
ASKED = {"embedded": 200, "servers": 10}
_VERSIONS = Versions("all-MiniLM-L6-v2@1", "0" * 64, "hand-3", 3, 0)


async def fill(log: EventLog, decisions: int, people: list[str]) -> float:
    """Record that many rankings; returns rankings a second."""
    opportunities = [f"opportunities/{random_id()}" for _ in range(400)]
    recorder = Decisions(log, random_id, lambda: datetime.now(UTC))
    chance = random.Random(1)
    items = [items_of([(name, 1, 0.5, 0.4) for name in chance.sample(opportunities, LINES)]) for _ in range(100)]
    begun = time.perf_counter()
    for number in range(decisions):
        today = datetime.now(UTC).date()
        recorder.record(people[number % len(people)], today, _VERSIONS, items[number % len(items)], 400)
        if number % BATCH == BATCH - 1:
            await recorder.flush()
    await recorder.flush()
    return decisions / (time.perf_counter() - begun)


async def ask(log: EventLog, people: list[str], times: int) -> tuple[list[float], int]:
    """Return how long each of `times` answers took, in milliseconds, and how many rankings they held."""
    since, took, held = datetime.now(UTC) - timedelta(days=90), [], 0
    for person in random.Random(2).sample(people, times):
        begun = time.perf_counter()
        held += len(await log.recall(Topic.DECISIONS, person, since))
        took.append(1000 * (time.perf_counter() - begun))
    return took, held


async def measure(stack: str, decisions: int, count: int) -> dict[str, object]:
    """Return what was measured on one stack."""
    people = [f"people/{random_id()}" for _ in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncExitStack() as until_done:
            settings = await settings_of(stack, Path(folder), until_done)
            log = await open_events(settings)
            until_done.push_async_callback(log.close)
            rate = await fill(log, decisions, people)
            took, held = await ask(log, people, ASKED[stack])
    return {
        "stack": stack,
        "decisions": decisions,
        "recorded_per_second": round(rate),
        "answers": len(took),
        "rankings_per_answer": held / len(took),
        "p50_ms": round(statistics.median(took), 2),
        "longest_ms": round(max(took), 2),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--decisions", type=int, default=1_000_000)
    parser.add_argument("--people", type=int, default=50_000)
    parser.add_argument("--stack", choices=STACKS, action="append")
    given = parser.parse_args()
    for stack in given.stack or STACKS:
        measured = asyncio.run(measure(stack, given.decisions, given.people))
        print(json.dumps(measured) if given.json else "  ".join(f"{name} {value}" for name, value in measured.items()))


if __name__ == "__main__":
    main()
