"""What people can do about a ranking, on both stacks: see it, ask a human to look, get an answer, be forgotten."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from careweave_matching.retention import drop_past_reviews
from google.protobuf.json_format import MessageToDict

from careweave.client import Caller, Role, calling, person
from careweave.config import Settings
from careweave.errors import FailedPrecondition, Forbidden, InvalidArgument, NotFound
from careweave.events.port import Event, Topic
from careweave.graph.port import Query
from careweave.v1 import common_pb2, events_pb2
from careweave.v1 import matching_pb2 as mt
from careweave.v1 import profiles_pb2 as pf
from careweave.v1.common_pb2 import ApplyRetentionRequest, ExportPersonRequest
from tests.rpc.replicas import until
from tests.rpc.test_matching import (
    CARE,
    TRUST,
    Place,
    consent,
    events,
    eventually_candidates,
    found,
    published,
    recruiter,
    somebody,
    started,
)
from tests.stacks import on_both_stacks

pytestmark = on_both_stacks

REVIEWS_LEFT = Query("reviews_left", "MATCH (r:DecisionReview) RETURN r.name AS name ORDER BY name")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
async def place(settings: Settings, cache: Path) -> AsyncIterator[Place]:
    async with started(replace(settings, cache=cache, index_staleness_seconds=300.0)) as running_place:
        yield running_place


async def decision_of(place: Place, who: str, decision: str) -> mt.Decision:
    """Return a ranking once it is recorded, which happens off the path of the call that shows it."""
    name = f"{who}/{decision}"
    async with asyncio.timeout(20):
        while True:
            try:
                with calling():
                    return await place.services.matching.GetDecision(mt.GetDecisionRequest(name=name))
            except NotFound:
                await asyncio.sleep(0.05)


async def ranked(place: Place, who: str) -> mt.Decision:
    return await decision_of(place, who, (await found(place, who)).decision)


async def asked(place: Place, decision: mt.Decision, opportunity: str = "", comment: str = "") -> mt.DecisionReview:
    who = decision.name.partition("/decisions/")[0]
    review = mt.DecisionReview(
        kind=mt.REVIEW_KIND_CONTEST,
        decision=decision.name,
        opportunity=opportunity,
        comment=comment or "I led a night team for six years.",
    )
    async with place.as_(person(who)) as own:
        with calling():
            return await own.matching.RequestReview(mt.RequestReviewRequest(parent=who, review=review))


def answer_to(review: mt.DecisionReview) -> mt.AnswerReviewRequest:
    return mt.AnswerReviewRequest(
        name=review.name,
        reviewer_reference="hr-7",
        outcome=mt.REVIEW_OUTCOME_CHANGED,
        answer="The ranking did not know of the nights.",
        changes="You are invited.",
    )


async def test_a_person_sees_what_was_ranked_for_them_and_where_they_were_shown_and_nothing_of_others(
    place: Place,
) -> None:
    who, other, role = await somebody(place), await somebody(place), await published(place)
    await consent(place, who, pf.PROFILE_FIELD_SKILLS)
    await consent(place, other, pf.PROFILE_FIELD_SKILLS)
    await eventually_candidates(place, role.name, 2)
    shown = await place.services.matching.FindCandidates(mt.FindCandidatesRequest(opportunity=role.name))
    of_me = await decision_of(place, who, shown.decision)
    mine = await ranked(place, who)
    assert (mine.subject, mine.lines[0].opportunity, mine.total_size) == (who, role.name, 1)
    assert mine.versions.profile
    assert mine.versions.model
    assert (of_me.subject, [line.opportunity for line in of_me.lines]) == (role.name, [role.name])
    assert of_me.total_size == 2
    assert {of_me.lines[0].position, (await decision_of(place, other, shown.decision)).lines[0].position} == {1, 2}
    assert of_me.lines[0].suitability == mine.lines[0].suitability
    assert other not in str(of_me)
    async with place.as_(person(who)) as own, place.as_(person(other)) as stranger:
        listed = await own.matching.ListDecisions(mt.ListDecisionsRequest(parent=who))
        assert list(listed.decisions)[:2] == [mine, of_me]
        with pytest.raises(Forbidden), calling():
            await stranger.matching.GetDecision(mt.GetDecisionRequest(name=mine.name))
    with pytest.raises(NotFound), calling():
        await place.services.matching.GetDecision(mt.GetDecisionRequest(name=f"{who}/decisions/never-made-1"))


async def test_rankings_are_listed_by_pages_newest_first_and_from_a_moment_on(place: Place) -> None:
    who, _ = await somebody(place), await published(place)
    made = [(await ranked(place, who)).name for _ in range(5)]
    paged, token = [], ""
    while True:
        request = mt.ListDecisionsRequest(parent=who, page_size=2, page_token=token)
        reply = await place.services.matching.ListDecisions(request)
        paged += [each.name for each in reply.decisions]
        token = reply.next_page_token
        if not token:
            break
    assert paged == made[::-1]
    later = mt.ListDecisionsRequest(parent=who)
    later.begin_time.FromDatetime(datetime.now(UTC) + timedelta(minutes=5))
    assert not (await place.services.matching.ListDecisions(later)).decisions


async def test_a_human_of_the_organisation_looks_extends_and_answers_and_the_portal_is_told(place: Place) -> None:
    who, role = await somebody(place), await published(place)
    decision = await ranked(place, who)
    review = await asked(place, decision, role.name)
    assert (review.state, review.organisation, review.version) == (mt.REVIEW_STATE_RECEIVED, TRUST, 1)
    assert review.record.decision == decision
    assert review.record.match.components.preference > 0
    assert timedelta(days=28) <= _due(review) - datetime.now(UTC) <= timedelta(days=31)
    manager = Caller(subject="people/a-manager", role=Role.MANAGER, organisation=TRUST)
    async with place.as_(manager) as reviewer, place.as_(recruiter(CARE)) as elsewhere:
        listed = await reviewer.matching.ListReviews(mt.ListReviewsRequest(organisation=TRUST))
        assert [(each.name, each.HasField("record")) for each in listed.reviews] == [(review.name, False)]
        start = mt.StartReviewRequest(name=review.name, reviewer_reference="hr-7")
        with pytest.raises(Forbidden), calling():
            await elsewhere.matching.StartReview(start)
        with pytest.raises(FailedPrecondition), calling():
            await reviewer.matching.AnswerReview(answer_to(review))
        seen = await reviewer.matching.StartReview(start)
        assert await reviewer.matching.StartReview(start) == seen
        assert seen.reviewer == mt.Reviewer(role="manager", reference="hr-7")
        extended = await reviewer.matching.ExtendReview(
            mt.ExtendReviewRequest(name=review.name, reason="Two wards are asked.")
        )
        assert timedelta(days=89) <= _due(extended) - datetime.now(UTC) <= timedelta(days=92)
        await reviewer.matching.AnswerReview(answer_to(review))
        with pytest.raises(FailedPrecondition), calling():
            await reviewer.matching.AnswerReview(answer_to(review))
    async with place.as_(person(who)) as own:
        told = await own.matching.GetReview(mt.GetReviewRequest(name=review.name))
        with pytest.raises(FailedPrecondition), calling():
            await own.matching.WithdrawReview(mt.WithdrawReviewRequest(name=review.name))
    assert (told.state, told.outcome, told.changes) == (
        mt.REVIEW_STATE_ANSWERED,
        mt.REVIEW_OUTCOME_CHANGED,
        "You are invited.",
    )
    assert (told.extension_reason, told.reviewer.role, told.version) == ("Two wards are asked.", "manager", 4)
    steps = [
        events_pb2.ReviewAdvanced.FromString(e.event.payload or b"") for e in await events(place, Topic.REVIEWS, 4)
    ]
    assert [step.state for step in steps] == [1, 2, 2, 3]
    assert [step.extended for step in steps] == [False, False, True, True]
    assert all("night" not in str(step) for step in steps)


def _due(review: mt.DecisionReview) -> datetime:
    return review.due_time.ToDatetime(tzinfo=UTC)


async def test_an_employer_sees_their_own_line_and_no_more_than_consent_opens_and_never_preference(
    place: Place,
) -> None:
    who, role, elsewhere = await somebody(place), await published(place), await published(place, organisation=CARE)
    review = await asked(place, await ranked(place, who), role.name)
    get = mt.GetReviewRequest(name=review.name)
    async with place.as_(recruiter(TRUST)) as reviewer:
        closed = await reviewer.matching.GetReview(get)
        assert [line.opportunity for line in closed.record.decision.lines] == [role.name]
        assert closed.record.decision.lines[0].score == closed.record.decision.lines[0].suitability
        assert not closed.record.HasField("match")
        assert elsewhere.name not in str(closed)
        await consent(place, who, pf.PROFILE_FIELD_SKILLS)
        await eventually_candidates(place, role.name, 1)
        opened = (await reviewer.matching.GetReview(get)).record.match
    assert opened.skills
    assert opened.components.suitability == review.record.match.components.suitability
    assert (opened.components.preference, opened.components.aspiration, opened.distance_miles) == (0, 0, -1)
    assert {gate.kind for gate in opened.gates} == {mt.GATE_KIND_OPEN, mt.GATE_KIND_HOURS}
    assert opened.score == opened.components.suitability


async def test_nobody_answers_in_their_own_case_and_nothing_but_a_human_does(place: Place) -> None:
    who, role = await somebody(place), await published(place)
    review = await asked(place, await ranked(place, who), role.name)
    start = mt.StartReviewRequest(name=review.name, reviewer_reference="hr-7")
    service = Caller(subject="", role=Role.SERVICE)
    for caller in (
        Caller(subject=who, role=Role.MANAGER, organisation=TRUST),
        Caller(subject=who, role=Role.OPERATOR),
        person(who),
        service,
    ):
        async with place.as_(caller) as attempted:
            with pytest.raises(Forbidden), calling():
                await attempted.matching.StartReview(start)
            with pytest.raises(Forbidden), calling():
                await attempted.matching.AnswerReview(answer_to(review))
    async with place.as_(recruiter(TRUST)) as employer:
        with pytest.raises(Forbidden), calling():
            await employer.matching.WithdrawReview(mt.WithdrawReviewRequest(name=review.name))


async def test_a_review_of_a_whole_ranking_is_for_who_runs_the_place(place: Place) -> None:
    who, _ = await somebody(place), await published(place)
    review = await asked(place, await ranked(place, who))
    assert (review.organisation, review.record.HasField("match")) == ("", False)
    async with place.as_(recruiter(TRUST)) as employer:
        with pytest.raises(Forbidden) as refused, calling():
            await employer.matching.GetReview(mt.GetReviewRequest(name=review.name))
        with pytest.raises(Forbidden) as absent, calling():
            await employer.matching.GetReview(mt.GetReviewRequest(name=f"{who}/reviews/none"))
        assert str(refused.value) == str(absent.value)
        with pytest.raises(Forbidden), calling():
            await employer.matching.ListReviews(mt.ListReviewsRequest())
    await place.services.matching.StartReview(mt.StartReviewRequest(name=review.name, reviewer_reference="desk-1"))
    done = await place.services.matching.AnswerReview(answer_to(review))
    assert done.reviewer == mt.Reviewer(role="operator", reference="hr-7")


async def test_a_request_is_taken_in_once_about_ones_own_ranking_and_what_it_holds(place: Place) -> None:
    who, other, role = await somebody(place), await somebody(place), await published(place)
    decision, theirs = await ranked(place, who), await ranked(place, other)
    unranked = await published(place, title="Published later")
    request = mt.RequestReviewRequest(
        parent=who,
        review=mt.DecisionReview(
            kind=mt.REVIEW_KIND_HUMAN_REVIEW, decision=decision.name, opportunity=role.name, comment="Please look."
        ),
        request_id=str(uuid4()),
    )
    async with place.as_(person(who)) as own:
        first = await own.matching.RequestReview(request)
        assert await own.matching.RequestReview(request) == first
        for wrong in ({"decision": theirs.name}, {"opportunity": unranked.name}, {"comment": ""}, {"kind": 0}):
            changed = mt.RequestReviewRequest(parent=who, review=request.review)
            for field, given in wrong.items():
                setattr(changed.review, field, given)
            with pytest.raises(InvalidArgument), calling():
                await own.matching.RequestReview(changed)
        listed = await own.matching.ListReviews(mt.ListReviewsRequest(person=who))
        assert [each.name for each in listed.reviews] == [first.name]
        await own.matching.WithdrawReview(mt.WithdrawReviewRequest(name=first.name))
        open_ones = mt.ListReviewsRequest(person=who, state=mt.REVIEW_STATE_RECEIVED)
        assert not (await own.matching.ListReviews(open_ones)).reviews


async def test_reviews_come_by_pages_the_most_urgent_first_and_by_when_they_are_due(place: Place) -> None:
    who, role = await somebody(place), await published(place)
    decision = await ranked(place, who)
    names = [(await asked(place, decision, role.name)).name for _ in range(5)]
    async with place.as_(person(who)) as own:
        await own.matching.WithdrawReview(mt.WithdrawReviewRequest(name=names[0]))
    paged, token = [], ""
    while True:
        request = mt.ListReviewsRequest(organisation=TRUST, page_size=2, page_token=token)
        reply = await place.services.matching.ListReviews(request)
        paged += [each.name for each in reply.reviews]
        token = reply.next_page_token
        if not token:
            break
    assert paged == [*names[1:], names[0]]
    soon = mt.ListReviewsRequest()
    soon.due_before.FromDatetime(datetime.now(UTC) + timedelta(days=20))
    assert not (await place.services.matching.ListReviews(soon)).reviews


async def test_everything_held_can_be_read_and_goes_with_the_person(place: Place) -> None:
    who, other, role = await somebody(place), await somebody(place), await published(place)
    await place.services.matching.ExpressInterest(
        mt.ExpressInterestRequest(person=who, opportunity=role.name, comment="Keen.")
    )
    review = await asked(place, await ranked(place, who), role.name)
    kept = await asked(place, await ranked(place, other), role.name)
    async with place.as_(person(who)) as own:
        stream = own.matching.ExportPerson(common_pb2.ExportPersonRequest(name=who))
        sections = {section.kind: section async for section in stream}
    assert list(sections) == ["applications", "alerts", "aspiration_vectors", "decisions", "reviews"]
    rows = {kind: [MessageToDict(row) for row in section.rows] for kind, section in sections.items()}
    assert rows["applications"][0]["steps"][0]["comment"] == "Keen."
    assert [set(row) for row in rows["aspiration_vectors"]] == [{"held", "model"}]
    assert rows["decisions"][0]["lines"][0]["opportunity"] == role.name
    assert rows["reviews"][0]["comment"] == review.comment
    assert all(section.title and section.purpose and section.kept for section in sections.values())
    await place.services.profiles.DeletePerson(pf.DeletePersonRequest(name=who))
    for gone in (
        place.services.matching.GetReview(mt.GetReviewRequest(name=review.name)),
        place.services.matching.GetDecision(mt.GetDecisionRequest(name=review.decision)),
    ):
        with pytest.raises(NotFound), calling():
            await gone

    async def forgotten() -> bool:
        return [row["name"] for row in await place.adapters.graph.run(REVIEWS_LEFT)] == [kept.name]

    await until(forgotten)


async def test_closed_reviews_are_kept_for_six_years_and_open_ones_until_they_are_closed(place: Place) -> None:
    who, role = await somebody(place), await published(place)
    decision = await ranked(place, who)
    closed, still_open = await asked(place, decision, role.name), await asked(place, decision, role.name)
    async with place.as_(person(who)) as own:
        await own.matching.WithdrawReview(mt.WithdrawReviewRequest(name=closed.name))
    now, graph = datetime.now(UTC), place.adapters.graph
    for dry in (True, False):
        reply = await place.services.matching.ApplyRetention(ApplyRetentionRequest(validate_only=dry))
        assert [(each.kind, each.removed) for each in reply.applied] == [("reviews", 0), ("opportunity-versions", 0)]
    assert await drop_past_reviews(graph, now + timedelta(days=6 * 365)) == 0
    assert await drop_past_reviews(graph, now + timedelta(days=6 * 366)) == 1
    assert [row["name"] for row in await graph.run(REVIEWS_LEFT)] == [still_open.name]


async def test_what_a_ranking_does_not_decide_is_said_to_anyone_with_the_versions_in_use(place: Place) -> None:
    who, _ = await somebody(place), await published(place)
    async with place.as_(person(who)) as own:
        said = await own.matching.GetSafeguards(mt.GetSafeguardsRequest())
    assert "A person decides" in said.does_not
    assert "22C" in said.law
    decision = await ranked(place, who)
    assert (said.versions.model, said.versions.weights) == (decision.versions.model, decision.versions.weights)


async def test_an_export_shows_rankings_however_long_an_installation_keeps_them(place: Place) -> None:
    who, long_ago = await somebody(place), datetime.now(UTC) - timedelta(days=1000)
    made = events_pb2.RankingMade(decision="decisions/20240101-old-1", subject=who)
    event = Event(
        topic=Topic.DECISIONS,
        id="old-1",
        type=events_pb2.RankingMade.DESCRIPTOR.full_name,
        source="/careweave/matching",
        key=who,
        version=1,
        time=long_ago,
        payload=made.SerializeToString(),
    )
    await place.adapters.events.append([event])
    request = ExportPersonRequest(name=who)
    sections = [each async for each in place.services.matching.ExportPerson(request)]
    names = [row["name"] for each in sections if each.kind == "decisions" for row in each.rows]
    assert names == [f"{who}/decisions/20240101-old-1"]
