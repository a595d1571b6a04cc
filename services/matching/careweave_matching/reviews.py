"""Asking a human to look at a ranking, and what becomes of it: UK GDPR Article 22C(2)(b) to (d).

No answer comes from here. The server keeps states and times; what is decided, a human decides.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from careweave.audit.asked import note_people
from careweave.errors import FieldViolation, InvalidArgument
from careweave.events.port import Event, Topic
from careweave.graph import requests
from careweave.graph.port import UnitOfWork
from careweave.policy import ANYTHING, Action, Caller, Resource, authorise
from careweave.v1 import matching_pb2 as pb
from careweave.v1.events_pb2 import ReviewAdvanced
from careweave_matching import past_decisions, review_store, reviewing, store
from careweave_matching.messages import match_message
from careweave_matching.opportunities import Service
from careweave_matching.pair import judge
from careweave_matching.past_decisions import Page, lines_of
from careweave_matching.ports import EVENT_SOURCE, Ports
from careweave_matching.ranking import no_such
from careweave_matching.review_store import Kept, owner_of
from careweave_matching.review_views import seen_by
from careweave_matching.reviewing import Review

NO_LIMIT: Final = datetime(2200, 1, 1, tzinfo=UTC)
"""Later than anything is due."""


async def request_review(service: Service, caller: Caller, request: pb.RequestReviewRequest) -> Review:
    """Take in what a person asks, with a copy of what it is about.

    Raises:
        Forbidden: the caller may not. NotFound: there is no such person or ranking.
        InvalidArgument: the ranking is another person's or does not hold the opportunity, or the request id came with
            another content.
        Unavailable: the log does not answer.
    """
    person, asked, ports = request.parent, request.review, service.ports
    authorise(caller, Action.REQUEST_REVIEW, Resource(person=person))
    if owner_of(asked.decision) != person:
        raise _refused("review.decision", "must be one of the person's own rankings; see ListDecisions")
    once = _once(request)
    kept = await _received(service, person, asked)
    async with ports.graph.unit_of_work() as unit:
        answer = await requests.recall(unit, once, ports.clock()) if once else None
        if answer is not None:
            return seen_by(caller, Kept(Review.FromString(answer)), service.model)
        if not await review_store.save(unit, kept):
            raise no_such("person", person)
        unit.emit(_event(ports, kept.review))
        if once:
            body = kept.review.SerializeToString(deterministic=True)
            await requests.remember(unit, once, body, person, ports.clock())
    return seen_by(caller, kept, service.model)


async def get(service: Service, caller: Caller, name: str) -> Review:
    """Return one review as far as the caller may see it.

    Raises:
        Forbidden: the caller may not. NotFound: there is none of that name.
    """
    found = await review_store.find(service.ports.graph, name)
    authorise(caller, Action.GET_REVIEW, _resource(name, found))
    if found is None:
        raise no_such("review", name)
    return seen_by(caller, found, service.model)


async def list_some(
    service: Service, caller: Caller, request: pb.ListReviewsRequest, page: Page
) -> tuple[list[Review], str]:
    """Return a page of reviews without their records, the most urgent first, and where the next page begins.

    Raises:
        Forbidden: the caller may not.
    """
    whose = Resource(request.person, request.organisation) if request.person or request.organisation else ANYTHING
    authorise(caller, Action.LIST_REVIEWS, whose)
    due = request.due_before.ToDatetime(tzinfo=UTC) if request.HasField("due_before") else NO_LIMIT
    wanted = review_store.Wanted(request.person, request.organisation, request.state, due, page.after)
    found = await review_store.some(service.ports.graph, wanted, page.limit + 1)
    shown = [seen_by(caller, Kept(each), service.model) for each in found[: page.limit]]
    note_people(owner_of(each.name) for each in shown)
    for each in shown:
        each.ClearField("record")
    return shown, reviewing.urgency(found[page.limit - 1]) if len(found) > page.limit else ""


async def start(service: Service, caller: Caller, request: pb.StartReviewRequest) -> Review:
    """Note that a human looks at a review.

    Raises:
        Forbidden: the caller may not. NotFound: there is none of that name.
        FailedPrecondition: see `reviewing.started`.
    """
    reviewer = _reviewer(caller, request.reviewer_reference)
    return await _change(
        service, caller, Action.START_REVIEW, request.name, lambda review, now: reviewing.started(review, reviewer, now)
    )


async def extend(service: Service, caller: Caller, request: pb.ExtendReviewRequest) -> Review:
    """Give a review two further months.

    Raises:
        as `start`; FailedPrecondition: see `reviewing.extended`.
    """
    return await _change(
        service,
        caller,
        Action.EXTEND_REVIEW,
        request.name,
        lambda review, now: reviewing.extended(review, request.reason, now),
    )


async def answer(service: Service, caller: Caller, request: pb.AnswerReviewRequest) -> Review:
    """Record what a human has decided.

    Raises:
        as `start`; FailedPrecondition: see `reviewing.answered`.
    """
    reviewer = _reviewer(caller, request.reviewer_reference)
    return await _change(
        service,
        caller,
        Action.ANSWER_REVIEW,
        request.name,
        lambda review, now: reviewing.answered(review, request, reviewer, now),
    )


async def withdraw(service: Service, caller: Caller, name: str) -> Review:
    """Take a review back.

    Raises:
        as `start`; FailedPrecondition: it is answered.
    """
    return await _change(service, caller, Action.WITHDRAW_REVIEW, name, reviewing.withdrawn)


async def _change(
    service: Service, caller: Caller, action: Action, name: str, change: Callable[[Review, datetime], Review]
) -> Review:
    ports = service.ports
    async with ports.graph.unit_of_work() as unit:
        found = await review_store.find(unit, name)
        authorise(caller, action, _resource(name, found))
        if found is None:
            raise no_such("review", name)
        await review_store.hold(unit, name)
        held = await review_store.find(unit, name) or found
        kept = Kept(change(held.review, ports.clock()), held.employer_match)
        if kept.review != held.review:
            await _save(ports, unit, kept)
    return seen_by(caller, kept, service.model)


async def _save(ports: Ports, unit: UnitOfWork, kept: Kept) -> None:
    if not await review_store.save(unit, kept):
        raise no_such("review", kept.review.name)
    unit.emit(_event(ports, kept.review))


async def _received(service: Service, person: str, asked: Review) -> Kept:
    ports = service.ports
    await past_decisions.require_person(ports, person)
    decision = await past_decisions.find(ports, asked.decision)
    if decision is None:
        raise no_such("decision", asked.decision)
    review = reviewing.received(asked, f"{person}/reviews/{ports.new_id()}", ports.clock())
    review.record.decision.CopyFrom(decision)
    if not asked.opportunity:
        return Kept(review)
    offered = await store.opportunity(ports.graph, asked.opportunity)
    if offered is None or not lines_of(decision, asked.opportunity):
        raise _refused("review.opportunity", "must be in the ranking; leave it empty to speak of the whole")
    review.organisation = offered.organisation
    own, employer_match = _as_fits_now(service, person, asked.opportunity)
    if own is not None:
        review.record.match.CopyFrom(own)
    return Kept(review, employer_match)


def _as_fits_now(service: Service, person: str, opportunity: str) -> tuple[pb.Match | None, pb.Match | None]:
    """Return how the two fit as the person sees it and as an employer may; None of what the index does not hold."""
    index, today = service.model.index, service.model.today()
    who, entry = index.person(person, today), index.opportunity(opportunity)
    if who is None or entry is None:
        return None, None
    title = index.organisation_title(entry.opportunity.organisation)
    frame = index.board(today).frame
    own, other = (match_message(judge(who, entry, frame, own=view), title) for view in (True, False))
    return own, other


def _resource(name: str, found: Kept | None) -> Resource:
    return Resource(person=owner_of(name), organisation=found.review.organisation if found else "")


def _reviewer(caller: Caller, reference: str) -> pb.Reviewer:
    return pb.Reviewer(role=caller.role.value, reference=reference)


def _event(ports: Ports, review: Review) -> Event:
    now = ports.clock()
    payload = ReviewAdvanced(
        review=review.name,
        person=owner_of(review.name),
        organisation=review.organisation,
        state=review.state,
        due_time=review.due_time,
        extended=review.HasField("extend_time"),
        outcome=review.outcome,
    )
    payload.step_time.FromDatetime(now)
    return Event(
        topic=Topic.REVIEWS,
        id=ports.new_id(),
        type=ReviewAdvanced.DESCRIPTOR.full_name,
        source=EVENT_SOURCE,
        key=review.name,
        version=review.version,
        time=now,
        payload=payload.SerializeToString(deterministic=True),
    )


def _once(request: pb.RequestReviewRequest) -> requests.Request | None:
    if not request.request_id:
        return None
    digest = requests.digest_of(request.SerializeToString(deterministic=True))
    return requests.Request(f"careweave.v1.MatchingService/RequestReview {request.parent}", request.request_id, digest)


def _refused(field: str, description: str) -> InvalidArgument:
    return InvalidArgument(
        f"{field} {description}.", reason="REVIEW_INVALID", violations=[FieldViolation(field, description)]
    )
