"""Limits are per caller, so that one who asks for much takes nothing from the others."""

import pytest

from careweave.errors import RateLimited
from careweave.policy import Caller, Role
from careweave.rpc import limits
from careweave.rpc.limits import AT_ONCE, BURST_SECONDS, Limits

ANNA, BEN = Caller("people/anna", Role.PERSON), Caller("people/ben", Role.PERSON)
PER_SECOND = 4.0
BURST = int(PER_SECOND * BURST_SECONDS)


class Clock:
    """Seconds that a test sets."""

    now = 0.0


def limited() -> tuple[Limits, Clock]:
    clock = Clock()
    return Limits(PER_SECOND, lambda: clock.now), clock


def calls(given: Limits, caller: Caller, count: int) -> int:
    """Return how many of `count` calls, one after the other, are let in."""
    entered = 0
    for _ in range(count):
        try:
            with given.turn(caller):
                entered += 1
        except RateLimited:
            pass
    return entered


def test_a_burst_is_let_in_and_then_what_comes_in_per_second() -> None:
    given, clock = limited()
    assert calls(given, ANNA, 1000) == BURST
    clock.now += 2.0
    assert calls(given, ANNA, 1000) == 2 * PER_SECOND


def test_a_flood_of_one_caller_takes_nothing_from_another() -> None:
    given, _ = limited()
    calls(given, ANNA, 10_000)
    assert calls(given, BEN, BURST) == BURST


def test_the_refusal_says_when_to_come_back_and_then_it_works() -> None:
    given, clock = limited()
    calls(given, ANNA, BURST)
    with pytest.raises(RateLimited) as caught:
        given.turn(ANNA)
    assert caught.value.reason == "TOO_MANY_CALLS"
    clock.now += caught.value.seconds
    assert calls(given, ANNA, 1) == 1


def test_calls_under_way_at_once_are_limited_and_a_call_that_ends_makes_room() -> None:
    given = Limits(1000.0, lambda: 0.0)
    turns = [given.turn(ANNA) for _ in range(AT_ONCE)]
    for turn in turns:
        turn.__enter__()
    with pytest.raises(RateLimited) as caught:
        given.turn(ANNA)
    assert caught.value.reason == "TOO_MANY_AT_ONCE"
    turns[0].__exit__(None, None, None)
    assert calls(given, ANNA, 1) == 1


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.SERVICE])
def test_who_runs_the_installation_is_not_limited(role: Role) -> None:
    given, _ = limited()
    assert calls(given, Caller("", role), 10_000) == 10_000


def test_buckets_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_BUCKETS", 10)
    given, clock = limited()
    for number in range(100):
        clock.now += BURST_SECONDS  # by then the bucket of the one before is full again
        calls(given, Caller(f"people/{number}", Role.PERSON), 1)
        assert len(given._buckets) <= 10
    for number in range(100):
        calls(given, Caller(f"people/{number}", Role.PERSON), 1)
        assert len(given._buckets) <= 10
