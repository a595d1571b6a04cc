"""A stream of updates: batches of what waits, a bounded window, answers in order, whatever happens meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from careweave_profiles.feeds import streaming
from careweave_profiles.feeds.streaming import BATCH, WINDOW, Item, answers

from careweave import patience
from careweave.errors import InvalidArgument, Unavailable
from careweave.v1 import hr_pb2
from tests.unit.profiles.feeding import OAKS, OAKS_FEED, Feeding, able, employed, update

OPENING = hr_pb2.FeedOpening(source_system=OAKS, feed="staff")
PATIENCE_SECONDS = 60


async def items(count: int) -> AsyncIterator[Item]:
    for number in range(1, count + 1):
        yield Item(number, update(f"record {number}", employments=employed()))


async def test_no_more_is_read_ahead_than_the_window_holds(feeding: Feeding) -> None:
    read = 0

    async def endless() -> AsyncIterator[Item]:
        nonlocal read
        while True:
            read += 1
            yield Item(read, InvalidArgument("wrong"))

    async with aclosing(answers(feeding.feeds, OAKS_FEED, OPENING, endless())) as answered:
        await anext(answered)
        for _ in range(10 * WINDOW):  # turns in which the reader could go on, if anything let it
            await asyncio.sleep(0)
        assert WINDOW <= read <= WINDOW + 2 * BATCH + 1, "what waits, a batch made ready, and one being answered"


async def test_answers_come_in_order_and_what_waits_is_taken_together(feeding: Feeding) -> None:
    count = BATCH + 20
    answered = [each async for each in answers(feeding.feeds, OAKS_FEED, OPENING, items(count))]
    assert [position for position, _ in answered] == list(range(1, count + 1))
    assert {str(answer.outcome) for _, answer in answered} == {"applied"}
    assert len(await feeding.people()) == count


async def test_an_item_that_cannot_be_taken_is_answered_in_its_place(feeding: Feeding) -> None:
    async def mixed() -> AsyncIterator[Item]:
        yield Item(1, update("A", employments=employed()))
        yield Item(2, InvalidArgument("not to be read", reason="BROKEN"))
        yield Item(3, update("B", employments=employed()))

    answered = [answer async for _, answer in answers(feeding.feeds, OAKS_FEED, OPENING, mixed())]
    assert [str(each.outcome) for each in answered] == ["applied", "rejected", "applied"]


async def test_a_store_that_does_not_answer_for_a_while_costs_nothing(
    feeding: Feeding, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch waits, and is answered when the skills service is back."""
    monkeypatch.setattr(patience, "FIRST_PAUSE", 0.01)
    feeding.words.answering = False

    async def one() -> AsyncIterator[Item]:
        yield Item(1, update(skills=able(hr_pb2.FeedSkill(label="Lifting"))))

    async def repair() -> None:
        while len(feeding.words.asked) < 3:  # noqa: ASYNC110  the service knows nothing of events
            await asyncio.sleep(0.01)
        feeding.words.answering = True

    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as tasks:
        tasks.create_task(repair())
        answered = [answer async for _, answer in answers(feeding.feeds, OAKS_FEED, OPENING, one())]
    assert [str(each.outcome) for each in answered] == ["applied"]


async def test_a_store_that_never_answers_ends_the_stream_as_unavailable(
    feeding: Feeding, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(streaming, "TRIES", 3)
    feeding.words.answering = False

    async def one() -> AsyncIterator[Item]:
        yield Item(1, update(skills=able(hr_pb2.FeedSkill(label="Lifting"))))

    with pytest.raises(Unavailable):
        _ = [answer async for _, answer in answers(feeding.feeds, OAKS_FEED, OPENING, one())]
    assert len(feeding.words.asked) == 3
