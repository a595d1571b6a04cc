"""What every event log does: see `careweave.events.port`."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from careweave.errors import FailedPrecondition, InvalidArgument, Unavailable
from careweave.events.port import POSITIONS_LOST, Delivered, Event, EventLog, Handle, Positions

from .engines import EVENT_LOGS, EventEngine, new_id
from .reading import everything

TOPIC = "careweave.test.v1"
OTHER = "careweave.other.v1"
NOON = datetime(2026, 3, 4, 12, 30, 45, 123456, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECONDS = 20.0
"""How long to wait for what must happen; only a failure takes so long."""


def event(
    key: str, version: int = 1, topic: str = TOPIC, payload: bytes | None = b"\x00\xffpayload", time: datetime = NOON
) -> Event:
    return Event(topic, new_id(), "careweave.v1.Test", "/test", key, version, time, payload)


async def take(following: AsyncIterator[Delivered], count: int) -> list[Delivered]:
    async with asyncio.timeout(SECONDS):
        return [await anext(following) for _ in range(count)]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():  # noqa: ASYNC110 - what is waited for differs with each test
            await asyncio.sleep(0.01)


def versions_by_key(delivered: list[Delivered]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for each in delivered:
        found[each.event.key].append(each.event.version)
    return dict(found)


class Consumer:
    """A member of a group that notes what it handles."""

    def __init__(self, log: EventLog, group: str = "group", together: list[Delivered] | None = None) -> None:
        """Begin; `together` takes what several members handle, in order of time."""
        self.handled: list[Delivered] = []
        self.together = [] if together is None else together
        self.task = asyncio.create_task(log.consume([TOPIC], group, self.handle))

    async def handle(self, batch: Sequence[Delivered]) -> None:
        """Note `batch`."""
        self.handled.extend(batch)
        self.together.extend(batch)

    async def stop(self) -> None:
        """Leave the group."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    @property
    def partitions(self) -> set[int]:
        """Return the partitions of what was handled."""
        return {delivered.partition for delivered in self.handled}


async def test_events_come_back_as_they_went_in(log: EventLog) -> None:
    in_july = datetime(2026, 7, 1, 9, 0, 0, 1, tzinfo=timezone(timedelta(hours=1)))
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    sent = [
        Event(TOPIC, new_id(), "a.B", "/s", "people/ä😀", 2**40, in_july, bytes(range(256)) * 1000, trace),
        Event(TOPIC, new_id(), "a.B", "/s", "people/ä😀", 2**40 + 1, NOON, b""),
        Event(TOPIC, new_id(), "a.B", "/s", "people/ä😀", 2**40 + 2, NOON, None),
    ]
    await log.append(sent)
    assert [each.event for each in await take(log.follow([TOPIC], Positions()), 3)] == sent


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(keys=st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=60), cut=st.integers(1, 7))
@pytest.mark.parametrize("event_engine", EVENT_LOGS, ids=str)
def test_each_key_keeps_its_order_and_offsets_grow(
    event_engine: EventEngine, tmp_path: Path, keys: list[str], cut: int
) -> None:
    async def check() -> None:
        place = tmp_path / new_id()
        place.mkdir()
        log = await event_engine.open(place)
        try:
            events = [event(key, version) for version, key in enumerate(keys, 1)]
            for start in range(0, len(events), cut):
                await log.append(events[start : start + cut])
            delivered = await take(log.follow([TOPIC], Positions()), len(events))
        finally:
            await log.close()
        for key, versions in versions_by_key(delivered).items():
            assert versions == [each.version for each in events if each.key == key]
            assert len({each.partition for each in delivered if each.event.key == key}) == 1
        for partition in {each.partition for each in delivered}:
            offsets = [each.offset for each in delivered if each.partition == partition]
            assert all(before < after for before, after in pairwise(offsets))

    asyncio.run(check())


async def test_a_follower_gets_new_events_as_they_come_and_each_follower_gets_all(log: EventLog) -> None:
    followers = [log.follow([TOPIC, OTHER], Positions()) for _ in range(3)]
    waiting = [asyncio.create_task(take(follower, 2)) for follower in followers]
    await asyncio.sleep(0.05)
    await log.append([event("a"), event("b", topic=OTHER), event("c", topic="careweave.unwanted.v1")])
    for delivered in await asyncio.gather(*waiting):
        assert {each.event.key for each in delivered} == {"a", "b"}


async def test_following_from_the_end_gets_what_comes_after_and_only_that(log: EventLog) -> None:
    await log.append([event(f"old{n}") for n in range(20)])
    end = await log.end([TOPIC])
    await log.append([event(f"new{n}") for n in range(20)])
    delivered = await take(log.follow([TOPIC], end), 20)
    assert {each.event.key for each in delivered} == {f"new{n}" for n in range(20)}


async def test_following_goes_on_where_another_follower_stopped(log: EventLog) -> None:
    await log.append([event(f"k{n}") for n in range(30)])
    first = await take(log.follow([TOPIC], Positions()), 11)
    positions = Positions()
    for delivered in first:
        positions = positions.after(delivered)
    rest = await take(log.follow([TOPIC], positions), 19)
    assert {each.event.key for each in first + rest} == {f"k{n}" for n in range(30)}


async def test_a_position_beyond_the_end_is_told_as_lost(log: EventLog) -> None:
    """As of another log, or of one that was put back from an old copy."""
    await log.append([event(f"k{n}") for n in range(30)])
    end = (await log.end([TOPIC])).offsets
    beyond = Positions({place: offset + (place == max(end)) for place, offset in end.items()})
    async with asyncio.timeout(SECONDS):
        with pytest.raises(FailedPrecondition) as caught:
            await anext(log.follow([TOPIC], beyond))
    assert caught.value.reason == POSITIONS_LOST


async def test_positions_outlive_the_process(log: EventLog, event_engine: EventEngine, tmp_path: Path) -> None:
    await log.append([event(f"k{n}") for n in range(10)])
    end = await log.end([TOPIC])
    consumer = Consumer(log)
    await until(lambda: len(consumer.handled) == 10)
    await consumer.stop()
    await log.close()
    again = await event_engine.open(tmp_path)
    assert await again.end([TOPIC]) == end
    await again.append([event("later")])
    assert (await take(again.follow([TOPIC], end), 1))[0].event.key == "later"
    consumer = Consumer(again)
    await until(lambda: bool(consumer.handled))
    assert [each.event.key for each in consumer.handled] == ["later"]
    await consumer.stop()
    await again.close()


async def test_two_openings_of_one_log_see_each_others_events(
    log: EventLog, event_engine: EventEngine, tmp_path: Path
) -> None:
    """As two processes do."""
    other = await event_engine.open(tmp_path)
    waiting = asyncio.create_task(take(other.follow([TOPIC], Positions()), 40))
    for n in range(20):
        await asyncio.gather(log.append([event("a", n)]), other.append([event("b", n)]))
    assert versions_by_key(await waiting) == {"a": list(range(20)), "b": list(range(20))}
    await other.close()


async def test_members_of_a_group_share_the_partitions_and_handle_each_event_once(log: EventLog) -> None:
    handled: list[Delivered] = []
    consumers = [Consumer(log, together=handled) for _ in range(3)]
    keys = [f"k{n}" for n in range(60)]
    for version in range(1, 6):
        await log.append([event(key, version) for key in keys])
        await asyncio.sleep(0.05)
    await until(lambda: len(handled) >= 300)
    for consumer in consumers:
        await consumer.stop()
    assert versions_by_key(handled) == {key: [1, 2, 3, 4, 5] for key in keys}
    assert len(handled) == 300


async def test_every_member_gets_a_share_once_the_group_has_settled(log: EventLog) -> None:
    consumers = [Consumer(log) for _ in range(3)]
    async with asyncio.timeout(SECONDS):
        while not await _handled_by_all(log, consumers):
            pass
    for consumer in consumers:
        await consumer.stop()


async def _handled_by_all(log: EventLog, consumers: list[Consumer]) -> bool:
    """Return whether each member handles some of the next events, and no partition is of two members."""
    for consumer in consumers:
        consumer.handled.clear()
    await log.append([event(f"k{n}") for n in range(60)])
    await until(lambda: sum(len(each.handled) for each in consumers) >= 60)
    partitions = [consumer.partitions for consumer in consumers]
    return all(partitions) and sum(map(len, partitions)) == len(set().union(*partitions))


async def test_a_group_is_behind_by_what_it_has_not_handled(log: EventLog) -> None:
    await log.append([event(f"k{n}") for n in range(20)])
    assert sum((await log.lag([TOPIC], "group")).values()) == 20
    consumer = Consumer(log)
    await until(lambda: len(consumer.handled) == 20)
    await consumer.stop()
    assert set((await log.lag([TOPIC], "group")).values()) == {0}
    await log.append([event("a"), event("a", 2)])
    lag = await log.lag([TOPIC, OTHER], "group")
    assert sorted(lag) == [(topic, partition) for topic in (OTHER, TOPIC) for partition in range(len(lag) // 2)]
    assert sorted(lag.values()) == [0] * (len(lag) - 1) + [2]


async def test_groups_do_not_share(log: EventLog) -> None:
    await log.append([event(f"k{n}") for n in range(20)])
    consumers = [Consumer(log, group) for group in ("one", "two")]
    await until(lambda: all(len(each.handled) == 20 for each in consumers))
    for consumer in consumers:
        await consumer.stop()


async def test_what_a_leaving_member_did_not_handle_goes_to_those_who_stay(log: EventLog) -> None:
    consumers = [Consumer(log), Consumer(log)]
    await log.append([event(f"k{n}") for n in range(30)])
    await until(lambda: sum(len(each.handled) for each in consumers) == 30)
    await consumers[0].stop()
    await log.append([event(f"k{n}", 2) for n in range(30)])
    await until(lambda: sum(len(each.handled) for each in consumers) == 60)
    assert sum(each.event.version == 2 for each in consumers[1].handled) == 30
    await consumers[1].stop()


async def test_an_event_whose_handling_fails_ends_consuming_and_comes_again_first(log: EventLog) -> None:
    await log.append([event("a", version) for version in range(1, 6)])
    handled: list[int] = []

    async def fail_at_three(batch: Sequence[Delivered]) -> None:
        (delivered,) = batch
        if delivered.event.version == 3:
            raise LookupError
        handled.append(delivered.event.version)

    with pytest.raises(LookupError):
        async with asyncio.timeout(SECONDS):
            await log.consume([TOPIC], "group", fail_at_three, most=1)
    assert handled == [1, 2]
    consumer = Consumer(log)
    await until(lambda: len(consumer.handled) == 3)
    assert [each.event.version for each in consumer.handled] == [3, 4, 5]
    await consumer.stop()


async def test_a_consumer_is_given_what_waits_in_a_partition_together_and_no_more_than_it_asks_for(
    log: EventLog,
) -> None:
    keys = [f"k{n}" for n in range(10)]
    await log.append([event(key, version) for version in range(1, 11) for key in keys])
    batches: list[Sequence[Delivered]] = []

    async def handle(batch: Sequence[Delivered]) -> None:
        batches.append(batch)

    task = asyncio.create_task(log.consume([TOPIC], "group", handle, most=7))
    await until(lambda: sum(map(len, batches)) >= 100)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert max(map(len, batches)) == 7
    assert all(len({each.partition for each in batch}) == 1 for batch in batches)
    assert versions_by_key([each for batch in batches for each in batch]) == {key: list(range(1, 11)) for key in keys}


async def test_a_batch_whose_handling_fails_comes_again_whole_and_what_was_handled_before_does_not(
    log: EventLog,
) -> None:
    await log.append([event("a", version) for version in range(1, 11)])
    handled: list[int] = []
    failed: list[int] = []

    async def fail_at_five(batch: Sequence[Delivered]) -> None:
        versions = [each.event.version for each in batch]
        if 5 in versions:
            failed.extend(versions)
            raise LookupError
        handled.extend(versions)

    with pytest.raises(LookupError):
        async with asyncio.timeout(SECONDS):
            await log.consume([TOPIC], "group", fail_at_five, most=3)
    assert handled + failed == list(range(1, max(failed) + 1))
    assert len(failed) > 1
    consumer = Consumer(log)
    await until(lambda: handled[-1:] + [each.event.version for each in consumer.handled][-1:] == [min(failed) - 1, 10])
    assert [each.event.version for each in consumer.handled] == list(range(min(failed), 11))
    await consumer.stop()


async def test_a_handler_cut_short_gets_its_event_again(log: EventLog) -> None:
    await log.append([event("a", version) for version in range(1, 4)])
    begun = asyncio.Event()

    async def hang(batch: Sequence[Delivered]) -> None:
        if batch[0].event.version == 2:
            begun.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(log.consume([TOPIC], "group", hang, most=1))
    await begun.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    consumer = Consumer(log)
    await until(lambda: len(consumer.handled) == 2)
    assert [each.event.version for each in consumer.handled] == [2, 3]
    await consumer.stop()


async def test_slow_handling_keeps_its_lease(log: EventLog) -> None:
    """A handler that takes longer than a lease lasts is not disturbed, nor is its event handled by another."""
    await log.append([event("a")])
    handled: list[str] = []

    def slow(name: str) -> Handle:
        async def handle(_: Sequence[Delivered]) -> None:
            await asyncio.sleep(2.5)
            handled.append(name)

        return handle

    tasks = [asyncio.create_task(log.consume([TOPIC], "group", slow(name))) for name in ("x", "y")]
    await until(lambda: bool(handled))
    await asyncio.sleep(3)
    assert len(handled) == 1
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_compaction_keeps_the_last_event_of_each_key_and_tombstones(log: EventLog) -> None:
    await log.append([event("a", 1), event("b", 1), event("a", 2), event("b", 2, payload=None), event("c", 1)])
    await log.append([event("a", 1, topic=OTHER), event("a", 2, topic=OTHER)])
    end = await log.end([TOPIC])
    gone = await log.compact(TOPIC)
    assert await log.end([TOPIC]) == end
    left = [each for each in await everything(log, TOPIC, OTHER) if each.event.topic == TOPIC]
    if gone:
        assert gone == 2
        assert versions_by_key(left) == {"a": [2], "b": [2], "c": [1]}
        assert await log.compact(TOPIC) == 0
    assert [each.event.payload for each in left if each.event.key == "b"][-1] is None
    assert len([each for each in await everything(log, OTHER) if each.event.key == "a"]) == 2


async def test_compaction_forgets_tombstones_from_before_a_time_and_keeps_later_ones(log: EventLog) -> None:
    late = event("late", 1, payload=None, time=NOON + HOUR)
    await log.append([event("early", 1, payload=None), late, event("stays")])
    gone = await log.compact(TOPIC, NOON + HOUR)
    left = {each.event.key for each in await everything(log, TOPIC)} if gone else {"late", "stays"}
    assert left == {"late", "stays"}


async def test_what_is_before_a_time_is_dropped_and_what_follows_it_stays(log: EventLog) -> None:
    """Kafka drops by itself; here it is asked for nothing, and drops nothing."""
    times = {"old": NOON, "new": NOON + HOUR, "out of order": NOON}
    await log.append([event("a", number, time=time) for number, time in enumerate(times.values(), 1)])
    await log.append([event("a", time=NOON, topic=OTHER)])
    end = await log.end([TOPIC])
    would = await log.drop_before(TOPIC, NOON + HOUR, dry_run=True)
    assert len(await everything(log, TOPIC)) == 3
    gone = await log.drop_before(TOPIC, NOON + HOUR)
    assert gone == would
    left = [each.event.version for each in await everything(log, TOPIC)]
    assert left == ([2, 3] if gone else [1, 2, 3])
    assert await log.drop_before(TOPIC, NOON + HOUR) == 0
    assert await log.end([TOPIC]) == end
    assert len(await everything(log, OTHER)) == 1


async def test_a_group_that_is_behind_what_was_dropped_goes_on_with_what_is_kept(log: EventLog) -> None:
    await log.append([event("a", version, time=NOON + version * HOUR) for version in range(1, 5)])
    gone = await log.drop_before(TOPIC, NOON + 3 * HOUR)
    assert sum((await log.lag([TOPIC], "group")).values()) == 4 - gone
    consumer = Consumer(log)
    await until(lambda: len(consumer.handled) == 4 - gone)
    await consumer.stop()
    assert [each.event.version for each in consumer.handled] == [1, 2, 3, 4][gone:]


async def test_offsets_are_not_used_again_after_compaction(
    log: EventLog, event_engine: EventEngine, tmp_path: Path
) -> None:
    await log.append([event("a", version) for version in range(1, 4)])
    before = await log.end([TOPIC])
    await log.compact(TOPIC)
    await log.close()
    again = await event_engine.open(tmp_path)
    await again.append([event("a", 4)])
    delivered = (await take(again.follow([TOPIC], before), 1))[0]
    assert delivered.event.version == 4
    assert delivered.offset >= before.offsets[TOPIC, delivered.partition]
    await again.close()


async def test_an_event_that_cannot_be_kept_is_refused_and_others_are_not_harmed(log: EventLog) -> None:
    good = event("a")
    bad = Event(TOPIC, new_id(), "T", "/s", "a", 1, NOON.replace(tzinfo=None), b"")
    keyless = Event(TOPIC, new_id(), "T", "/s", "", 1, NOON, b"")
    outcomes = await asyncio.gather(
        log.append([good]), log.append([bad]), log.append([keyless]), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [type(None), InvalidArgument, InvalidArgument]
    assert [each.event for each in await everything(log, TOPIC)] == [good]


async def test_closing_ends_followers_and_members_and_a_closed_log_says_so(log: EventLog) -> None:
    async def follow() -> None:
        async for _ in log.follow([TOPIC], Positions()):
            pass

    following = asyncio.create_task(follow())
    consumer = Consumer(log)
    await asyncio.sleep(0.1)
    await log.close()
    async with asyncio.timeout(SECONDS):
        await asyncio.gather(following, consumer.task, return_exceptions=True)
    assert following.exception() is None
    with pytest.raises(Unavailable, match="closed"):
        await log.append([event("a")])


async def test_what_is_kept_of_a_key_is_recalled_alone_in_order_and_from_a_moment_on(log: EventLog) -> None:
    def at(key: str, version: int, topic: str = TOPIC) -> Event:
        return Event(topic, new_id(), "a.B", "/s", key, version, NOON + timedelta(hours=version), b"x")

    sent = [at(key, version) for version in range(1, 6) for key in ("people/a", "people/b", "people/c")]
    await log.append([*sent, at("people/a", 9, OTHER)])
    of_a = [each for each in sent if each.key == "people/a"]
    assert await log.recall(TOPIC, "people/a", NOON) == of_a
    assert await log.recall(TOPIC, "people/a", NOON + timedelta(hours=3)) == of_a[2:]
    assert await log.recall(TOPIC, "people/nobody", NOON) == []
    assert await log.recall(OTHER, "people/b", NOON) == []
    assert await log.recall(TOPIC, "people/b", datetime.now(UTC) + timedelta(days=2)) == []
