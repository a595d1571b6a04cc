"""A review of a ranking and the states it can pass through.

What the law asks for is UK GDPR Article 22C(2), inserted by section 80 of the Data (Use and Access) Act 2025: a person
can make representations, obtain human intervention, and contest. The time is that of Article 12(3) with 12A, as for any
request of a data subject: a month, and two further months for a complex one if the person is told so, and why, within
the first.
"""

from calendar import monthrange
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, TypeAlias

from careweave.errors import FailedPrecondition
from careweave.v1 import matching_pb2 as pb

Review: TypeAlias = pb.DecisionReview

ANSWER_MONTHS: Final = 1
"""Calendar months in which a review must be answered."""
EXTENDED_MONTHS: Final = 3
"""The same for one that was extended: two further months."""
OPEN: Final = frozenset({pb.REVIEW_STATE_RECEIVED, pb.REVIEW_STATE_UNDER_REVIEW})
FOLLOWS: Final[Mapping[int, frozenset[int]]] = {
    pb.REVIEW_STATE_RECEIVED: frozenset({pb.REVIEW_STATE_UNDER_REVIEW, pb.REVIEW_STATE_WITHDRAWN}),
    pb.REVIEW_STATE_UNDER_REVIEW: frozenset({pb.REVIEW_STATE_ANSWERED, pb.REVIEW_STATE_WITHDRAWN}),
    pb.REVIEW_STATE_ANSWERED: frozenset(),
    pb.REVIEW_STATE_WITHDRAWN: frozenset(),
}
"""State → states that may come next. Nothing is answered that nobody has begun to look at."""


def months_after(moment: datetime, months: int) -> datetime:
    """Return the same time of the corresponding day `months` later, or of the month's last day where it lacks that day.

    The end of the period by the calendar; never later than the day itself allows, since the hour is kept. months: may
    be negative.
    """
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))


def received(asked: Review, name: str, now: datetime) -> Review:
    """Return a new review called `name` of what `asked` asks for: kind, decision, opportunity, comment."""
    review = Review(
        name=name,
        kind=asked.kind,
        decision=asked.decision,
        opportunity=asked.opportunity,
        comment=asked.comment,
        state=pb.REVIEW_STATE_RECEIVED,
        version=1,
    )
    review.create_time.FromDatetime(now)
    review.due_time.FromDatetime(months_after(now, ANSWER_MONTHS))
    return review


def started(review: Review, reviewer: pb.Reviewer, now: datetime) -> Review:
    """Return the review once `reviewer` has begun to look; the same again changes nothing.

    Raises:
        FailedPrecondition: somebody else looks at it, or it is closed.
    """
    if review.state == pb.REVIEW_STATE_UNDER_REVIEW and review.reviewer == reviewer:
        return review
    after = _advanced(review, pb.REVIEW_STATE_UNDER_REVIEW)
    after.start_time.FromDatetime(now)
    after.reviewer.CopyFrom(reviewer)
    return after


def extended(review: Review, reason: str, now: datetime) -> Review:
    """Return the review with two further months.

    Raises:
        FailedPrecondition: it is closed, was extended before, or its first month is over.
    """
    if review.state not in OPEN:
        raise _out_of_order(review, "extended")
    if review.HasField("extend_time"):
        raise FailedPrecondition(
            f"{review.name} was extended already, which the law allows once; answer it by its due_time.",
            reason="REVIEW_EXTENDED_ALREADY",
            metadata={"resource": review.name},
        )
    asked = created(review)
    if now >= months_after(asked, ANSWER_MONTHS):
        raise FailedPrecondition(
            f"The first month of {review.name} is over, in which it could be extended; answer it without delay.",
            reason="REVIEW_EXTENSION_LATE",
            metadata={"resource": review.name},
        )
    after = _copy(review)
    after.extend_time.FromDatetime(now)
    after.extension_reason = reason
    after.due_time.FromDatetime(months_after(asked, EXTENDED_MONTHS))
    return after


def answered(review: Review, answer: pb.AnswerReviewRequest, reviewer: pb.Reviewer, now: datetime) -> Review:
    """Return the review as `reviewer` has decided it; late is better than never.

    Raises:
        FailedPrecondition: nobody has begun to look, or it is closed.
    """
    after = _advanced(review, pb.REVIEW_STATE_ANSWERED)
    after.answer_time.FromDatetime(now)
    after.reviewer.CopyFrom(reviewer)
    after.outcome, after.answer, after.changes = answer.outcome, answer.answer, answer.changes
    return after


def withdrawn(review: Review, now: datetime) -> Review:
    """Return the review as the person has taken it back; the same again changes nothing.

    Raises:
        FailedPrecondition: it is answered.
    """
    if review.state == pb.REVIEW_STATE_WITHDRAWN:
        return review
    after = _advanced(review, pb.REVIEW_STATE_WITHDRAWN)
    after.withdraw_time.FromDatetime(now)
    return after


def created(review: Review) -> datetime:
    """Return when it was asked for."""
    return review.create_time.ToDatetime(tzinfo=UTC)


def closed(review: Review) -> datetime | None:
    """Return when it was answered or taken back; None while it is open."""
    for field in ("answer_time", "withdraw_time"):
        if review.HasField(field):
            moment: datetime = getattr(review, field).ToDatetime(tzinfo=UTC)
            return moment
    return None


def overdue(review: Review, now: datetime) -> bool:
    """Say whether it is open past its time. This is never stored: it comes about without anybody doing anything."""
    return review.state in OPEN and review.due_time.ToDatetime(tzinfo=UTC) < now


def urgency(review: Review) -> str:
    """Return a text by whose order the most urgent comes first: open ones, then by when they are due, then by name."""
    due = review.due_time.ToDatetime(tzinfo=UTC)
    return f"{int(review.state not in OPEN)} {due:%Y-%m-%dT%H:%M:%S.%f} {review.name}"


def _advanced(review: Review, state: "pb.ReviewState.ValueType") -> Review:
    if state not in FOLLOWS[review.state]:
        raise _out_of_order(review, pb.ReviewState.Name(state).removeprefix("REVIEW_STATE_").lower())
    after = _copy(review)
    after.state = state
    return after


def _copy(review: Review) -> Review:
    after = Review()
    after.CopyFrom(review)
    after.version += 1
    return after


def _out_of_order(review: Review, asked: str) -> FailedPrecondition:
    state = pb.ReviewState.Name(review.state).removeprefix("REVIEW_STATE_")
    allowed = sorted(pb.ReviewState.Name(each).removeprefix("REVIEW_STATE_") for each in FOLLOWS[review.state])  # type: ignore[arg-type]
    return FailedPrecondition(
        f"{review.name} is {state.lower().replace('_', ' ')} and cannot become {asked.replace('_', ' ')}; "
        + (f"it may become {' or '.join(allowed).lower().replace('_', ' ')}." if allowed else "ask for another one."),
        reason="REVIEW_OUT_OF_ORDER",
        metadata={"resource": review.name, "state": state, "asked": asked.upper(), "allowed": ",".join(allowed)},
    )
