"""How long a matching replica takes to catch up with many changed people, and what a million events take on disk.

    python -m benchmarks.catch_up [--json] [--people 100000] [--events 1000000]

Each service is a process of its own, on a real Neo4j and a real Kafka with three partitions. The matching replica is
frozen while an HR feed makes that many people, of five skills each; then it goes on, and is timed until it is level
with the log and holds everybody. The events are those of 100,000 people whose skills changed ten times each, appended
by the port to Kafka and to the embedded log; compaction has not run.
"""

import argparse
import asyncio
import json
import signal
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

from careweave_profiles.changes import profile_changed

from benchmarks.stack import serving, settings_of
from careweave.events import embedded as embedded_events
from careweave.events.port import Event, EventLog
from careweave.feeding import send_updates
from careweave.graph.port import Graph
from careweave.rpc.channels import Channels
from careweave.v1 import hr_pb2, matching_pb2
from careweave.v1.profiles_pb2 import PROFILE_PART_SKILLS, Person
from careweave.wiring import open_events, open_graph, random_id

SOURCE = "sourceSystems/measured"
SKILLS, SKILLS_EACH = 40, 5
PEOPLE = 100_000
"""Of the million events."""
GROUP = 500
"""Events appended at once."""
_POLL_SECONDS = 0.25
_TOLD = 10_000


async def _furnish(graph: Graph) -> None:
    async with graph.unit_of_work() as unit:
        await unit.merge_nodes("Organisation", [{"name": "organisations/measured", "title": "Measured"}])
        await unit.merge_nodes("Skill", [_skill(number) for number in range(SKILLS)])
    await graph.close()


def _skill(number: int) -> dict[str, object]:
    return {
        "name": f"skills/m{number}", "label": f"Skill number {number}", "alternative_labels": [], "description": "",
        "kind": 1, "scheme": 1, "source_id": f"m{number}", "reuse_level": "", "collections": [], "groups": [],
        "position": number,
    }  # fmt: skip


def _updates(count: int, position: int) -> Iterable[tuple[int, hr_pb2.ProfileUpdate]]:
    for number in range(position + 1, count + 1):
        update = hr_pb2.ProfileUpdate(source_system=SOURCE, external_id=str(number), source_version=1)
        update.identity.display_name, update.identity.fictional = f"Fictional {number}", True
        update.employments.employments.add(organisation="organisations/measured", job_title="Care worker")
        for each in range(SKILLS_EACH):
            update.skills.skills.add(skill=f"skills/m{(number * 7 + each) % SKILLS}")
        yield number, update


async def _feed(services: Channels, count: int) -> float:
    """Make `count` people and return how many a second."""
    opening = hr_pb2.FeedOpening(source_system=SOURCE, feed="measured")
    began = time.perf_counter()
    async for answer in send_updates(services, opening, lambda position: _updates(count, position), after=0):
        if answer.outcome != hr_pb2.UPDATE_OUTCOME_APPLIED:
            message = f"an update was not applied: {answer}"
            raise RuntimeError(message)
        if answer.position % _TOLD == 0:
            print(f"{answer.position:,} people made", file=sys.stderr, flush=True)
    return count / (time.perf_counter() - began)


async def _level(services: Channels, people: int) -> None:
    while True:
        status = await services.matching.GetIndexStatus(matching_pb2.GetIndexStatusRequest())
        current = status.state == matching_pb2.INDEX_STATE_CURRENT
        if current and status.people == people and not status.events_behind:
            return
        await asyncio.sleep(_POLL_SECONDS)


async def caught_up(people: int) -> dict[str, float]:
    """Return people fed a second, and the seconds until a replica that missed them all is level."""
    async with AsyncExitStack() as until_done:
        folder = Path(until_done.enter_context(tempfile.TemporaryDirectory()))
        settings = await settings_of("servers", folder, until_done)
        await _furnish(await open_graph(settings))
        served = await until_done.enter_async_context(serving(settings, apart=True))
        await _level(served.services, 0)
        replica = served.processes["matching"]
        replica.send_signal(signal.SIGSTOP)
        try:
            fed = await _feed(served.services, people)
        finally:
            replica.send_signal(signal.SIGCONT)
        began = time.perf_counter()
        await _level(served.services, people)
        return {"people": people, "fed a second": fed, "seconds to catch up": time.perf_counter() - began}


async def on_disk(events: int) -> dict[str, float]:
    """Return MiB of disk that `events` take on Kafka and in the embedded log, and events appended a second."""
    async with AsyncExitStack() as until_done:
        folder = Path(until_done.enter_context(tempfile.TemporaryDirectory()))
        settings = await settings_of("servers", folder, until_done)
        broker = await open_events(settings)
        embedded = await embedded_events.open_embedded(
            folder / "alone" / "events.db", lambda: datetime.now(UTC), random_id
        )
        found: dict[str, float] = {"events": events}
        for name, log, place in (("Kafka", broker, folder / "kafka"), ("embedded log", embedded, folder / "alone")):
            before, began = _mebibytes(place), time.perf_counter()
            await _append(log, events)
            found[f"{name} appended a second"] = events / (time.perf_counter() - began)
            await log.close()
            found[f"{name} MiB"] = _mebibytes(place) - before
        return found


async def _append(log: EventLog, count: int) -> None:
    for start in range(0, count, GROUP):
        await log.append([_changed(number) for number in range(start, min(start + GROUP, count))])


def _changed(number: int) -> Event:
    person = Person(name=f"people/{number % PEOPLE:020}", version=1 + number // PEOPLE)
    return profile_changed(person, [PROFILE_PART_SKILLS], datetime.now(UTC), random_id)


def _mebibytes(folder: Path) -> float:
    """Return what lies on disk in `folder`, as blocks that are used: Kafka makes room for indexes ahead."""
    return sum(512 * file.stat().st_blocks for file in folder.rglob("*") if file.is_file()) / 2**20


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--events", type=int, default=1_000_000)
    given = parser.parse_args()
    found = asyncio.run(caught_up(given.people)) if given.people else {}
    found |= asyncio.run(on_disk(given.events)) if given.events else {}
    if given.json:
        print(json.dumps(found))
        return
    for name, figure in found.items():
        print(f"{name:32} {figure:12,.1f}")


if __name__ == "__main__":
    main()
