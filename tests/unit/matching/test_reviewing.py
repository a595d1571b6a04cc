"""The states of a review, and its times by the calendar."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from careweave_matching import reviewing
from careweave_matching.reviewing import EXTENDED_MONTHS, FOLLOWS, OPEN, Review, months_after
from hypothesis import given
from hypothesis import strategies as st

from careweave.errors import FailedPrecondition
from careweave.v1 import matching_pb2 as pb

BEGAN = datetime(2026, 1, 31, 10, 15, tzinfo=UTC)
SOMEBODY = pb.Reviewer(role="manager", reference="hr-7")
ANSWER = pb.AnswerReviewRequest(outcome=pb.REVIEW_OUTCOME_CHANGED, answer="We looked.", changes="Invited.")
NAME: Final = "people/anna/reviews/r1"

STEPS: Final[dict[str, Callable[[Review, datetime], Review]]] = {
    "start": lambda review, now: reviewing.started(review, SOMEBODY, now),
    "start by another": lambda review, now: reviewing.started(review, pb.Reviewer(role="operator"), now),
    "extend": lambda review, now: reviewing.extended(review, "Two ICSs are asked.", now),
    "answer": lambda review, now: reviewing.answered(review, ANSWER, SOMEBODY, now),
    "withdraw": reviewing.withdrawn,
}


def asked(now: datetime = BEGAN) -> Review:
    words = Review(kind=pb.REVIEW_KIND_CONTEST, decision="people/anna/decisions/d", comment="I can do this.")
    return reviewing.received(words, NAME, now)


@pytest.mark.parametrize(
    ("moment", "months", "then"),
    [
        (datetime(2026, 9, 3, 10, tzinfo=UTC), 1, datetime(2026, 10, 3, 10, tzinfo=UTC)),
        (datetime(2026, 1, 31, tzinfo=UTC), 1, datetime(2026, 2, 28, tzinfo=UTC)),
        (datetime(2028, 1, 31, tzinfo=UTC), 1, datetime(2028, 2, 29, tzinfo=UTC)),
        (datetime(2026, 11, 30, tzinfo=UTC), 3, datetime(2027, 2, 28, tzinfo=UTC)),
        (datetime(2026, 12, 31, 23, 59, tzinfo=UTC), 1, datetime(2027, 1, 31, 23, 59, tzinfo=UTC)),
        (datetime(2028, 2, 29, tzinfo=UTC), -72, datetime(2022, 2, 28, tzinfo=UTC)),
    ],
)
def test_a_month_is_counted_by_the_calendar(moment: datetime, months: int, then: datetime) -> None:
    assert months_after(moment, months) == then


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)), st.integers(1, 72))  # noqa: DTZ001  given a zone below
def test_a_month_is_never_longer_than_the_law_gives(moment: datetime, months: int) -> None:
    then = months_after(moment.replace(tzinfo=UTC), months)
    assert (then.year * 12 + then.month) - (moment.year * 12 + moment.month) == months
    assert then.day <= moment.day
    assert then.time() == moment.time()


def attempted(step: str, review: Review, now: datetime) -> Review:
    try:
        return STEPS[step](review, now)
    except FailedPrecondition:
        return review


@given(st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.timedeltas(timedelta(), timedelta(days=40))), max_size=8))
def test_whatever_is_tried_in_whatever_order_a_review_is_sound(tried: list[tuple[str, timedelta]]) -> None:
    """Closed stays closed; an answer names who looked; the time is one month or three; nothing given is changed."""
    review, now = asked(), BEGAN
    for step, later in tried:
        now += later
        before = review.SerializeToString(deterministic=True)
        was = review.state
        after = attempted(step, review, now)
        assert review.SerializeToString(deterministic=True) == before
        assert after.state == was or after.state in FOLLOWS[was]
        assert after.version - review.version == (after != review)
        assert was in OPEN or after == review
        review = after
    due = review.due_time.ToDatetime(tzinfo=UTC)
    assert due == months_after(BEGAN, EXTENDED_MONTHS if review.HasField("extend_time") else 1)
    if review.HasField("extend_time"):
        assert review.extension_reason
        assert review.extend_time.ToDatetime(tzinfo=UTC) < months_after(BEGAN, 1)
    if review.state == pb.REVIEW_STATE_ANSWERED:
        assert review.HasField("start_time")
        assert review.reviewer.reference
        assert review.outcome
    assert (reviewing.closed(review) is None) == (review.state in OPEN)
    assert reviewing.overdue(review, now) == (review.state in OPEN and now > due)


def test_nothing_is_answered_that_nobody_has_looked_at() -> None:
    with pytest.raises(FailedPrecondition) as caught:
        reviewing.answered(asked(), ANSWER, SOMEBODY, BEGAN)
    assert caught.value.metadata["allowed"] == "UNDER_REVIEW,WITHDRAWN"


def test_a_review_is_extended_within_the_first_month_alone_and_once() -> None:
    end = months_after(BEGAN, 1)
    extended = reviewing.extended(asked(), "Complex.", end - timedelta(microseconds=1))
    assert extended.due_time.ToDatetime(tzinfo=UTC) == datetime(2026, 4, 30, 10, 15, tzinfo=UTC)
    with pytest.raises(FailedPrecondition) as late:
        reviewing.extended(asked(), "Complex.", end)
    with pytest.raises(FailedPrecondition) as again:
        reviewing.extended(extended, "Still complex.", end - timedelta(microseconds=1))
    assert (late.value.reason, again.value.reason) == ("REVIEW_EXTENSION_LATE", "REVIEW_EXTENDED_ALREADY")


def test_it_is_overdue_once_its_time_is_past_and_never_when_it_is_closed() -> None:
    past = months_after(BEGAN, 1) + timedelta(seconds=1)
    assert reviewing.overdue(asked(), past)
    assert not reviewing.overdue(reviewing.withdrawn(asked(), BEGAN), past)
    late = reviewing.answered(reviewing.started(asked(), SOMEBODY, past), ANSWER, SOMEBODY, past)
    assert late.state == pb.REVIEW_STATE_ANSWERED


def test_the_most_urgent_comes_first_and_what_is_closed_last() -> None:
    early, late = asked(), asked(BEGAN + timedelta(days=1))
    done = reviewing.withdrawn(early, BEGAN)
    assert sorted([done, late, early], key=reviewing.urgency) == [early, late, done]
