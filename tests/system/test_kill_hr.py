"""SIGKILL amid an HR feed: of the profiles service and, where they are servers, of Neo4j and Kafka.

Among the updates some are repeated, some come late, and some are wrong. `CAREWEAVE_TEST_HR_KILLS` says how often
something is killed in each run (default 3; `make kill-hr` kills 21 times) and `CAREWEAVE_TEST_HR_UPDATES` how many
updates there are (default 1500). However often, the profiles end as in an undisturbed run, every update is answered or
set aside, and nothing is applied twice: over a stream, and over the topic. What befalls a stream into servers is for
`make faults-hr`.
"""

import asyncio
import os
import random
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path

import pytest
from careweave_cli.devstack.kafka_server import KafkaCluster
from careweave_cli.devstack.neo4j_server import Neo4jServer
from careweave_cli.hr.rejected import read_rejections
from careweave_profiles.feeds.topic import GROUP, UPDATE_TYPE
from careweave_profiles.ports import EVENT_SOURCE

from careweave.config import Settings
from careweave.errors import Unavailable
from careweave.events.outbox import Relay
from careweave.events.port import Event, EventLog, Topic
from careweave.v1 import hr_pb2
from careweave.wiring import open_adapters, open_events
from tests.contract.engines import running_kafka, running_neo4j
from tests.stacks import EMBEDDED, SERVERS, settings_of
from tests.system.hr_feed import (
    PATIENCE_SECONDS,
    SEED,
    Service,
    by_version,
    events_seen,
    feed,
    furnish,
    send,
    state,
)
from tests.system.ports import free_address
from tests.system.streams import PENDING, append_all

KILLS = int(os.environ.get("CAREWEAVE_TEST_HR_KILLS", "3"))
UPDATES = int(os.environ.get("CAREWEAVE_TEST_HR_UPDATES", "1500"))
AT_ONCE = 500
"""Updates appended to the topic in one go."""
PROFILES, NEO4J, KAFKA = "profiles", "neo4j", "kafka"
VICTIMS = {EMBEDDED: (PROFILES,), SERVERS: (PROFILES, NEO4J, KAFKA)}


@dataclass(frozen=True)
class Ended:
    """How a run ended.

    people: what all profiles say, but for names and times.
    rejected: how many updates were rejected.
    versions: of how many people each version was published.
    """

    people: Sequence[str]
    rejected: int
    versions: Mapping[int, int]


async def disturb(service: Service, victim: str) -> None:
    """End `victim`, which is `service` or a server, as a power cut would, and start it again."""
    if victim == PROFILES:
        await service.kill()
        await service.start()
        return
    killed: Neo4jServer | KafkaCluster = running_neo4j() if victim == NEO4J else running_kafka()
    await asyncio.to_thread(killed.kill)
    killed.start()
    await asyncio.to_thread(killed.wait)


async def stream(service: Service, kills: Mapping[int, str]) -> int:
    """Send the feed and return how many updates were rejected; something dies once each of `kills` is answered."""
    left = dict(kills)

    async def answered(position: int) -> None:
        if victim := left.pop(position, ""):
            await disturb(service, victim)

    outcomes = await send(service.settings.listen, feed(UPDATES), answered)
    assert not left
    return Counter(outcomes)[hr_pb2.UPDATE_OUTCOME_REJECTED]


async def publish(service: Service, kills: Mapping[int, str]) -> int:
    """Put the feed on the topic and return how many updates were set aside; something dies once so many are handled.

    The key of each is its record, so that the updates of one keep their order, as those of the stream do.
    """
    events = [_event(number, update) for number, update in enumerate(feed(UPDATES))]
    left = dict(kills)
    log = await open_events(service.settings)
    try:
        for start in range(0, len(events), AT_ONCE):
            await append_all(log, events[start : start + AT_ONCE])
        async with asyncio.timeout(PATIENCE_SECONDS):
            while left or await _behind(log):
                handled = len(events) - await _behind(log)
                for number in [each for each in left if each <= handled]:
                    await disturb(service, left.pop(number))
                await asyncio.sleep(0.01)
        return len({each.rejected.event_id for each in await read_rejections(log)})
    finally:
        await log.close()


async def _behind(log: EventLog) -> int:
    """Return how many updates are still to be handled, once the log says so."""
    while True:
        try:
            return sum((await log.lag([Topic.HR_UPDATES], GROUP)).values())
        except Unavailable:
            await asyncio.sleep(0.1)


def _event(number: int, update: hr_pb2.ProfileUpdate) -> Event:
    return Event(
        topic=Topic.HR_UPDATES,
        id=f"update {number}",
        type=UPDATE_TYPE,
        source="/esr-oaks",
        key=update.external_id,
        version=1,
        time=datetime(2026, 3, 2, tzinfo=UTC),
        payload=update.SerializeToString(),
    )


async def versions(settings: Settings) -> Mapping[int, int]:
    """Return of how many people each version was published, once all are.

    A log on Kafka may hold an event twice, if whoever published it was killed before noting so.
    """
    async with open_adapters(settings) as adapters:
        relay = Relay(adapters.graph, adapters.events, EVENT_SOURCE, adapters.clock, adapters.new_id)
        relaying = asyncio.create_task(relay.run())
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await adapters.graph.run(PENDING):  # noqa: ASYNC110  the relay tells nobody
                await asyncio.sleep(0.05)
        relaying.cancel()
        await asyncio.gather(relaying, return_exceptions=True)
    seen = await events_seen(settings)
    assert settings.events.startswith("kafka:") or set(seen.values()) == {1}, "an event was published twice"
    return by_version(seen)


Sending = Callable[[Service, Mapping[int, str]], Awaitable[int]]


async def run(
    settings: Settings, send_feed: Sending, kills: Mapping[int, str], request: pytest.FixtureRequest
) -> Ended:
    """Return how a run ends in which something dies at each number of `kills`."""
    await furnish(settings)
    service = Service("profiles", settings)
    request.addfinalizer(service.end)
    await service.start()
    rejected = await send_feed(service, kills)
    people = await state(settings.listen)
    await service.stop()
    return Ended(people, rejected, await versions(settings))


@pytest.mark.parametrize("stack", [EMBEDDED, SERVERS])
async def test_a_feed_ends_the_same_however_often_something_is_killed(
    stack: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    chance = random.Random(SEED)

    async def ended(name: str, send_feed: Sending, kills: Mapping[int, str]) -> Ended:
        place = tmp_path / name
        place.mkdir()
        settings = replace(await settings_of(stack, place), listen=free_address(), log_level="ERROR")
        return await run(settings, send_feed, kills, request)

    def kills() -> Mapping[int, str]:
        return dict(zip(sorted(chance.sample(range(1, UPDATES), KILLS)), cycle(VICTIMS[stack]), strict=False))

    undisturbed = await ended("quiet", stream, {})
    assert undisturbed.rejected == UPDATES // 100
    if stack == EMBEDDED:
        assert await ended("stream", stream, kills()) == undisturbed
    assert await ended("topic", publish, kills()) == undisturbed
    sys.stderr.write(f"\n{stack}: {KILLS} kills a run, of {UPDATES} updates and more: the same end\n")
