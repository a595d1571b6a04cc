"""What the outbox, its relay and `apply_once` do on every pair of engines: see `careweave.events.outbox`."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from careweave.errors import Unavailable
from careweave.events.outbox import LEASE, Relay, apply_once
from careweave.events.port import Delivered, Event, EventLog, Positions
from careweave.graph.port import Graph, Query

from .engines import new_id, now
from .reading import everything

TOPIC = "careweave.test.v1"
SOURCE = "/careweave/test"
NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
SECONDS = 20.0
PENDING = Query("test.pending", "MATCH (o:Outbox) RETURN o.key AS key, o.version AS version ORDER BY key, version")


def event(key: str, version: int, source: str = SOURCE) -> Event:
    return Event(TOPIC, new_id(), "careweave.v1.Test", source, key, version, NOON, b"payload")


async def emit(graph: Graph, *events: Event) -> None:
    async with graph.unit_of_work() as unit:
        for each in events:
            unit.emit(each)


async def published(log: EventLog, count: int) -> list[Delivered]:
    """Return what the log has once it has `count` events; an engine may keep one that is given it again twice."""
    following = log.follow([TOPIC], Positions())
    found: dict[str, Delivered] = {}
    async with asyncio.timeout(SECONDS):
        while len(found) < count:
            delivered = await anext(following)
            found.setdefault(delivered.event.id, delivered)
    with pytest.raises((TimeoutError, StopAsyncIteration)):
        await asyncio.wait_for(anext(following), 0.5)
    return list(found.values())


def versions(delivered: Sequence[Delivered]) -> dict[str, list[int]]:
    """Return the versions by key in order, an event that came again with the same id left out."""
    seen: set[str] = set()
    found: dict[str, list[int]] = defaultdict(list)
    for each in delivered:
        if each.event.id not in seen:
            seen.add(each.event.id)
            found[each.event.key].append(each.event.version)
    return dict(found)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        """Begin at noon."""
        self.time = NOON

    def __call__(self) -> datetime:
        """Return the time."""
        return self.time


class Faulty:
    """A log that fails the first appends: before it has kept the events, or after."""

    def __init__(self, log: EventLog, failures: int, *, keeps: bool) -> None:
        """Stand in front of `log`."""
        self._log = log
        self._failures = failures
        self._keeps = keeps

    async def append(self, events: Sequence[Event]) -> None:
        """Append, or fail."""
        self._failures -= 1
        if self._failures < 0 or self._keeps:
            await self._log.append(events)
        if self._failures >= 0:
            raise Unavailable("the log does not answer")

    def __getattr__(self, name: str) -> object:
        """Do all else as the log does."""
        return getattr(self._log, name)


async def test_each_committed_event_is_published_once_in_order_and_leaves_the_outbox(
    graph: Graph, log: EventLog
) -> None:
    relaying = asyncio.create_task(Relay(graph, log, SOURCE, now, new_id).run())
    for version in range(1, 21):
        await emit(graph, *(event(f"k{n}", version) for n in range(5)))
    found = await published(log, 100)
    assert versions(found) == {f"k{n}": list(range(1, 21)) for n in range(5)}
    async with asyncio.timeout(SECONDS):
        while await graph.run(PENDING):  # noqa: ASYNC110 - the outbox says nothing when it is empty
            await asyncio.sleep(0.02)
    relaying.cancel()
    await asyncio.gather(relaying, return_exceptions=True)


async def test_what_waits_in_the_outbox_is_published_in_order_of_version(graph: Graph, log: EventLog) -> None:
    events = [event(f"k{n % 7}", n // 7 + 1) for n in range(1400)]
    for start in range(0, len(events), 350):
        await emit(graph, *reversed(events[start : start + 350]))
    relay = Relay(graph, log, SOURCE, now, new_id)
    while await relay.relay_once():
        pass
    assert versions(await published(log, 1400)) == {f"k{n}": list(range(1, 201)) for n in range(7)}
    assert await graph.run(PENDING) == []


async def test_a_relay_takes_only_the_events_of_its_source(graph: Graph, log: EventLog) -> None:
    await emit(graph, event("a", 1), event("b", 1, "/careweave/other"))
    assert await Relay(graph, log, SOURCE, now, new_id).relay_once() == 1
    assert await graph.run(PENDING) == [{"key": "b", "version": 1}]


@pytest.mark.parametrize("keeps", [False, True])
async def test_an_event_whose_append_failed_is_published_again_alike(
    graph: Graph, log: EventLog, *, keeps: bool
) -> None:
    await emit(graph, event("a", 1), event("a", 2))
    relay = Relay(graph, Faulty(log, 1, keeps=keeps), SOURCE, now, new_id)  # type: ignore[arg-type]
    with pytest.raises(Unavailable):
        await relay.relay_once()
    assert len(await graph.run(PENDING)) == 2
    await relay.relay_once()
    assert await graph.run(PENDING) == []
    assert versions(await everything(log, TOPIC)) == {"a": [1, 2]}


async def test_a_running_relay_outlives_a_log_that_does_not_answer(graph: Graph, log: EventLog) -> None:
    faulty = Faulty(log, 2, keeps=False)
    relaying = asyncio.create_task(Relay(graph, faulty, SOURCE, now, new_id).run())  # type: ignore[arg-type]
    await emit(graph, event("a", 1))
    assert versions(await published(log, 1)) == {"a": [1]}
    relaying.cancel()
    await asyncio.gather(relaying, return_exceptions=True)


async def test_a_second_relay_waits_while_the_first_has_its_lease(graph: Graph, log: EventLog) -> None:
    clock = Clock()
    first, second = (Relay(graph, log, SOURCE, clock, new_id) for _ in range(2))
    await emit(graph, event("a", 1))
    assert await first.relay_once() == 1
    await emit(graph, event("a", 2))
    assert await second.relay_once() == 0
    clock.time += LEASE + timedelta(seconds=1)
    assert await second.relay_once() == 1
    await emit(graph, event("a", 3))
    assert await first.relay_once() == 0


async def test_a_relay_that_lost_its_lease_while_it_published_deletes_nothing(graph: Graph, log: EventLog) -> None:
    """The new holder's next events stay its own to publish; what both published has equal ids."""
    clock = Clock()

    class Slow(Faulty):
        """Lets another relay take over while it appends."""

        async def append(self, events: Sequence[Event]) -> None:
            """Append once the lease is another's."""
            clock.time += LEASE + timedelta(seconds=1)
            assert await second.relay_once() == 1
            await emit(graph, event("a", 2))
            await log.append(events)

    second = Relay(graph, log, SOURCE, clock, new_id)
    stale = Relay(graph, Slow(log, 0, keeps=True), SOURCE, clock, new_id)  # type: ignore[arg-type]
    await emit(graph, event("a", 1))
    await stale.relay_once()
    assert await graph.run(PENDING) == [{"key": "a", "version": 2}]
    assert await second.relay_once() == 1
    assert versions(await everything(log, TOPIC)) == {"a": [1, 2]}


async def test_a_relay_that_ends_lets_the_next_one_start_at_once(graph: Graph, log: EventLog) -> None:
    clock = Clock()
    relaying = asyncio.create_task(Relay(graph, log, SOURCE, clock, new_id).run())
    await emit(graph, event("a", 1))
    await published(log, 1)
    relaying.cancel()
    await asyncio.gather(relaying, return_exceptions=True)
    await emit(graph, event("a", 2))
    assert await Relay(graph, log, SOURCE, clock, new_id).relay_once() == 1


async def test_an_effect_happens_once_for_each_version_and_never_goes_back(graph: Graph) -> None:
    outcomes = []
    for version in (1, 1, 3, 2, 3, 4):
        async with graph.unit_of_work() as unit:
            outcomes.append(await apply_once(unit, "test.effect", event("a", version)))
    assert outcomes == [True, False, True, False, False, True]
    async with graph.unit_of_work() as unit:
        assert await apply_once(unit, "test.other-effect", event("a", 1))
        assert await apply_once(unit, "test.effect", event("b", 1))


async def test_an_effect_whose_unit_of_work_fails_has_not_happened(graph: Graph) -> None:
    async def fail() -> None:
        async with graph.unit_of_work() as unit:
            assert await apply_once(unit, "test.effect", event("a", 1))
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    async with graph.unit_of_work() as unit:
        assert await apply_once(unit, "test.effect", event("a", 1))
