"""How old an index is: by marks alone."""

from datetime import UTC, datetime, timedelta

from careweave_matching.freshness import MOST_MARKS, Freshness, Mark, between

START = datetime(2027, 1, 4, tzinfo=UTC)
ONE, TWO = ("profiles", 0), ("profiles", 1)


def mark(seconds: float, one: int, two: int = 0) -> Mark:
    return Mark(START + timedelta(seconds=seconds), {ONE: one, TWO: two})


def reached_at(freshness: Freshness) -> float | None:
    return (freshness.reached.at - START).total_seconds() if freshness.reached else None


def test_nothing_is_known_until_the_end_of_the_log_was_reached() -> None:
    freshness = Freshness()
    assert not freshness.come_to({ONE: 9})
    freshness.note(mark(0, one=3))
    assert not freshness.come_to({ONE: 2})
    assert reached_at(freshness) is None
    assert freshness.come_to({ONE: 3})
    assert reached_at(freshness) == 0


def test_every_partition_must_be_reached() -> None:
    freshness = Freshness()
    freshness.note(mark(0, one=3, two=5))
    assert not freshness.come_to({ONE: 3, TWO: 4})
    assert freshness.come_to({ONE: 3, TWO: 5})


def test_a_log_in_which_nothing_happens_makes_no_index_old() -> None:
    freshness = Freshness()
    for second in range(100):
        freshness.note(mark(second, one=3))
        freshness.come_to({ONE: 3})
    assert reached_at(freshness) == 99


def test_one_that_keeps_up_with_a_busy_log_is_as_old_as_it_is_behind() -> None:
    """It is never level with the end, and yet known to be two seconds old, not more."""
    freshness = Freshness()
    for second in range(100):
        freshness.note(mark(second, one=10 * second))
        freshness.come_to({ONE: 10 * (second - 2)})
        assert second < 2 or reached_at(freshness) == second - 2


def test_one_that_stands_still_grows_older_from_the_first_event_that_it_lacks() -> None:
    freshness = Freshness()
    freshness.note(mark(0, one=3))
    freshness.come_to({ONE: 3})
    for second in range(1, 50):
        freshness.note(mark(second, one=3 if second < 10 else 4))
        freshness.come_to({ONE: 3})
    assert reached_at(freshness) == 9
    freshness.come_to({ONE: 4})
    assert reached_at(freshness) == 49


def test_few_marks_are_kept_of_a_long_absence_and_the_last_one_is_among_them() -> None:
    freshness = Freshness()
    for second in range(20 * MOST_MARKS):
        freshness.note(mark(second, one=second))
    freshness.come_to({ONE: 20 * MOST_MARKS})
    assert reached_at(freshness) == 20 * MOST_MARKS - 1


def test_what_lies_between_two_places_is_counted_over_all_partitions() -> None:
    assert between({ONE: 3, TWO: 9}, {ONE: 5, TWO: 7}) == 2
    assert between({}, {ONE: 5, TWO: 7}) == 12
