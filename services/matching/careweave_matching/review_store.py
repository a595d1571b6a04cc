"""Named queries for reviews of rankings, and the functions that run them.

A review hangs on a relationship from the person, and only through it is it read: with the person it is out of reach in
the transaction that erases them, and the node itself is deleted when the tombstone is read (`forgetting`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from careweave.graph.port import Query, Reads, Row, UnitOfWork
from careweave.v1 import matching_pb2 as pb
from careweave_matching.reviewing import Review, closed, urgency

_FROM_PERSON: Final = (
    "MATCH (p:Person {name: $person}) OPTIONAL MATCH (p)-[:ASKS]->(r:DecisionReview) WITH p, r WHERE r.name IS NOT NULL"
)
_LISTED: Final = (
    "r.urgency > $after AND ($state = 0 OR r.state = $state) AND r.due_time < $due_before "
    "RETURN r.snapshot AS snapshot, r.urgency AS urgency ORDER BY urgency LIMIT $limit"
)
REVIEW: Final = Query(
    "decision_review",
    f"{_FROM_PERSON} AND r.name = $name RETURN r.snapshot AS snapshot, r.employer_match AS employer_match",
)
REVIEWS_OF: Final = Query("decision_reviews_of_person", f"{_FROM_PERSON} AND {_LISTED}")
REVIEWS_FOR: Final = Query(
    "decision_reviews_for_organisation",
    "MATCH (p:Person)-[:ASKS]->(r:DecisionReview) "
    f"WHERE ($organisation = '' OR r.organisation = $organisation) AND {_LISTED}",
)
ORPHANS: Final = Query(
    "forget_decision_reviews",
    "UNWIND $names AS wanted MATCH (r:DecisionReview {person: wanted}) OPTIONAL MATCH (p:Person)-[:ASKS]->(r) "
    "WITH r, p WHERE p.name IS NULL DETACH DELETE r",
)
CLOSED_BEFORE: Final = Query(
    "decision_reviews_closed_before",
    "MATCH (r:DecisionReview) WHERE r.close_time < $before RETURN r.name AS name ORDER BY name",
)
DELETE: Final = Query(
    "delete_decision_reviews", "UNWIND $names AS wanted MATCH (r:DecisionReview {name: wanted}) DETACH DELETE r"
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A review as it is kept.

    review: with its record, as the person sees it.
    employer_match: the same fit as an employer could see it with all fields open: without preference; None if the
        review is about no opportunity, or the person or it was not in the index.
    """

    review: Review
    employer_match: pb.Match | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which reviews to list: of `person`, for `organisation`, or all if both are empty.

    state: only in this; 0 is any. due_before: only those due before. after: only past this urgency.
    """

    person: str
    organisation: str
    state: int
    due_before: datetime
    after: str


async def find(reads: Reads, name: str) -> Kept | None:
    """Return the review called `name`, None if there is none or its person is gone."""
    rows = await reads.run(REVIEW, person=owner_of(name), name=name)
    return _kept(rows[0]) if rows else None


async def some(reads: Reads, wanted: Wanted, limit: int) -> list[Review]:
    """Return at most `limit` reviews, the most urgent first."""
    parameters = {"after": wanted.after, "state": wanted.state, "due_before": wanted.due_before, "limit": limit}
    if wanted.person:
        rows = await reads.run(REVIEWS_OF, person=wanted.person, **parameters)
    else:
        rows = await reads.run(REVIEWS_FOR, organisation=wanted.organisation, **parameters)
    return [_kept(row).review for row in rows]


async def hold(unit: UnitOfWork, name: str) -> None:
    """Hold a review that exists against other writers until `unit` ends."""
    await unit.merge_nodes("DecisionReview", [{"name": name}])


async def save(unit: UnitOfWork, kept: Kept) -> bool:
    """Write a review; False if its person is not there."""
    review = kept.review
    row = {
        "name": review.name,
        "person": owner_of(review.name),
        "organisation": review.organisation,
        "state": review.state,
        "urgency": urgency(review),
        "due_time": review.due_time.ToDatetime(tzinfo=UTC),
        "close_time": closed(review),
        "version": review.version,
        "snapshot": review.SerializeToString(deterministic=True),
        "employer_match": kept.employer_match.SerializeToString(deterministic=True) if kept.employer_match else None,
    }
    await unit.merge_nodes("DecisionReview", [row])
    link = {"source": owner_of(review.name), "target": review.name}
    return await unit.merge_relationships("ASKS", "Person", "DecisionReview", [link]) == 1


async def forget(unit: UnitOfWork, people: Sequence[str]) -> None:
    """Delete the reviews of those of `people` who are gone; whoever was made again under a name keeps their own."""
    await unit.run(ORPHANS, names=list(people))


async def drop_closed_before(unit: UnitOfWork, before: datetime) -> int:
    """Delete reviews that were answered or taken back before `before`; returns how many."""
    names = await closed_before(unit, before)
    await unit.run(DELETE, names=names)
    return len(names)


async def closed_before(reads: Reads, before: datetime) -> list[str]:
    """Return the names of reviews that were answered or taken back before `before`."""
    return [str(row["name"]) for row in await reads.run(CLOSED_BEFORE, before=before)]


def owner_of(name: str) -> str:
    """Return the person in a name `people/…/…/…`."""
    return "/".join(name.split("/")[:2])


def _kept(row: Row) -> Kept:
    snapshot, match = row["snapshot"], row.get("employer_match")
    review = Review.FromString(snapshot if isinstance(snapshot, bytes) else b"")
    return Kept(review, pb.Match.FromString(match) if isinstance(match, bytes) else None)
