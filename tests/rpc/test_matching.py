"""The matching service as its callers meet it: real engines, real model, a dozen skills of the field."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import grpc
import pytest
from careweave_matching import service as matching
from careweave_profiles import service as profiles
from careweave_skills import service as skills
from google.protobuf.field_mask_pb2 import FieldMask

from careweave.client import OPERATOR, Caller, Channels, Role, calling, connect, person
from careweave.config import Settings
from careweave.errors import AlreadyExists, Conflict, FailedPrecondition, Forbidden, InvalidArgument, NotFound
from careweave.events.port import Delivered, Positions, Topic
from careweave.rpc.parts import Build
from careweave.rpc.server import running
from careweave.v1 import events_pb2
from careweave.v1 import matching_pb2 as mt
from careweave.v1 import profiles_pb2 as pf
from careweave.v1.common_pb2 import (
    CREDENTIAL_KIND_REGISTRATION,
    CREDENTIAL_KIND_RIGHT_TO_WORK,
    IMPORTANCE_ESSENTIAL,
    OPPORTUNITY_KIND_COURSE,
    OPPORTUNITY_KIND_JOB,
    TRAVEL_MODE_CAR,
    CredentialRequirement,
    Date,
    SkillRequirement,
)
from careweave.v1.skills_pb2 import GetTaxonomyStatusRequest
from careweave.wiring import Adapters, open_adapters

LABELS = {
    "skills/esco-medication": "administer prescribed medication",
    "skills/esco-meals": "prepare meals for service users",
    "skills/esco-dementia": "support people living with dementia",
    "skills/esco-plans": "write care plans",
    "skills/esco-staff": "supervise staff",
    "skills/esco-records": "keep care records",
}
CARE, TRUST = "organisations/fictional-care", "organisations/fictional-trust"
MEDICATION, DEMENTIA, PLANS, STAFF = (f"skills/esco-{name}" for name in ("medication", "dementia", "plans", "staff"))


@dataclass(frozen=True)
class Place:
    """A running installation."""

    adapters: Adapters
    address: str
    services: Channels

    def as_(self, caller: Caller) -> AbstractAsyncContextManager[Channels]:
        """Return stubs that call as `caller`."""
        return connect(self.address, caller)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def installation(settings: Settings, cache: Path) -> Settings:
    # On a busy machine the model and its first vectors take longer than an index may usually be behind.
    return replace(settings, cache=cache, index_staleness_seconds=300.0)


@asynccontextmanager
async def started(settings: Settings) -> AsyncIterator[Place]:
    builds: list[Build] = [skills.build, profiles.build, matching.build]
    async with open_adapters(settings) as adapters:
        await seed(adapters)
        async with running(settings, builds, adapters) as server:
            await server.until_ready()
            async with connect(server.settings.listen, OPERATOR) as services:
                yield Place(adapters, server.settings.listen, services)


async def seed(adapters: Adapters) -> None:
    async with adapters.graph.unit_of_work() as unit:
        await unit.merge_nodes(
            "Skill", [{"name": name, "label": label, "scheme": 1, "kind": 1} for name, label in LABELS.items()]
        )
        await unit.merge_nodes(
            "Occupation",
            [
                {"name": f"occupations/esco-{label.replace(' ', '-')}", "label": label, "description": "", "scheme": 1}
                for label in ("home care aide", "specialist nurse")
            ],
        )
        await unit.merge_nodes("Course", [{"name": "courses/cwp-1", "title": "Care Planning Course"}])
        await unit.merge_relationships(
            "DEVELOPS",
            "Course",
            "Skill",
            [{"source": "courses/cwp-1", "target": PLANS, "confidence": 1.0, "method": 1}],
        )
        await unit.merge_nodes(
            "Organisation", [{"name": CARE, "title": "Fictional Care"}, {"name": TRUST, "title": "Fictional Trust"}]
        )
        await unit.merge_nodes(
            "Place",
            [
                {"name": "places/CW7", "title": "Winsford", "latitude": 53.19, "longitude": -2.52},
                {"name": "places/CH1", "title": "Chester", "latitude": 53.19, "longitude": -2.89},
            ],
        )


@pytest.fixture
async def place(installation: Settings) -> AsyncIterator[Place]:
    async with started(installation) as running_place:
        yield running_place


def a_person(**changes: object) -> pf.Person:
    facts: dict[str, object] = {
        "display_name": "Alex Fictional",
        "place": "places/CW7",
        "skills": [pf.PersonSkill(skill=name, source=pf.SOURCE_EMPLOYER) for name in (MEDICATION, DEMENTIA)],
        "employments": [pf.Employment(organisation=CARE, occupation="occupations/esco-home-care-aide")],
        "credentials": [pf.Credential(kind=CREDENTIAL_KIND_RIGHT_TO_WORK)],
        "preferences": pf.Preferences(
            travel_mode=TRAVEL_MODE_CAR, maximum_travel_minutes=60, unsocial_hours=True, aspiration="become a nurse"
        ),
        "fictional": True,
    }
    return pf.Person(**{**facts, **changes})  # type: ignore[arg-type]  # the caller names fields of Person


def a_role(**changes: object) -> mt.Opportunity:
    facts: dict[str, object] = {
        "title": "Senior care worker",
        "kind": OPPORTUNITY_KIND_JOB,
        "organisation": TRUST,
        "place": "places/CH1",
        "description": "Lead care in people's homes.",
        "requirements": [SkillRequirement(skill=name, importance=IMPORTANCE_ESSENTIAL) for name in (MEDICATION, PLANS)],
        "minimum_weekly_hours": 30,
        "fictional": True,
    }
    return mt.Opportunity(**{**facts, **changes})  # type: ignore[arg-type]  # the caller names fields of Opportunity


async def published(place: Place, **changes: object) -> mt.Opportunity:
    request = mt.CreateOpportunityRequest(opportunity=a_role(**changes))
    return await place.services.matching.CreateOpportunity(request)


async def somebody(place: Place, **changes: object) -> str:
    created = await place.services.profiles.CreatePerson(pf.CreatePersonRequest(person=a_person(**changes)))
    return created.name


async def found(place: Place, who: str, **options: object) -> mt.FindOpportunitiesResponse:
    request = mt.FindOpportunitiesRequest(person=who, **options)  # type: ignore[arg-type]
    return await place.services.matching.FindOpportunities(request)


async def candidates(services: Channels, opportunity: str) -> list[mt.Candidate]:
    reply = await services.matching.FindCandidates(mt.FindCandidatesRequest(opportunity=opportunity))
    return list(reply.candidates)


async def eventually_candidates(place: Place, opportunity: str, count: int) -> list[mt.Candidate]:
    """Return the candidates once there are `count`; the index hears of profiles through the event log."""
    async with asyncio.timeout(30):
        while True:
            listed = await candidates(place.services, opportunity)
            if len(listed) == count:
                return listed
            await asyncio.sleep(0.02)


async def consent(place: Place, who: str, *fields: int, to: str = TRUST) -> str:
    given = pf.Consent(purpose=pf.CONSENT_PURPOSE_BE_FOUND, organisations=[to], fields=fields)  # type: ignore[arg-type]
    async with place.as_(person(who)) as own:
        return (await own.profiles.GiveConsent(pf.GiveConsentRequest(parent=who, consent=given))).name


def recruiter(organisation: str) -> Caller:
    return Caller(subject=organisation, role=Role.RECRUITER, organisation=organisation)


async def events(place: Place, topic: Topic, count: int) -> list[Delivered]:
    """Return the first `count` events of `topic`."""
    seen: list[Delivered] = []
    async with asyncio.timeout(20):
        async for delivered in place.adapters.events.follow([topic], Positions()):
            seen.append(delivered)
            if len(seen) == count:
                break
    return seen


async def test_a_published_opportunity_is_found_at_once_with_reasons_gates_and_what_closes_each_gap(
    place: Place,
) -> None:
    who, role = await somebody(place), await published(place)
    reply = await found(place, who)
    assert reply.total_size == 1
    match = reply.matches[0]
    assert (match.opportunity, match.organisation_title, match.title) == (role.name, "Fictional Trust", role.title)
    fits = {skill.skill: skill for skill in match.skills}
    assert fits[MEDICATION].fit == mt.SKILL_FIT_EVIDENCED
    assert fits[PLANS].fit == mt.SKILL_FIT_MISSING
    assert [closer.resource for closer in fits[PLANS].closers] == ["courses/cwp-1"]
    assert any("administer prescribed medication" in reason for reason in match.reasons)
    assert all(gate.result == mt.GATE_RESULT_PASS for gate in match.gates)
    assert match.components.essential_coverage == pytest.approx(0.5)
    assert match.versions.model.startswith("careweave-minilm@")


async def test_an_explanation_says_the_same_as_the_list(place: Place) -> None:
    who = await somebody(place)
    for number in range(3):
        await published(place, title=f"Role {number}")
    for match in (await found(place, who)).matches:
        request = mt.ExplainMatchRequest(person=who, opportunity=match.opportunity)
        assert await place.services.matching.ExplainMatch(request) == match


async def test_an_employer_finds_nobody_without_consent_not_even_their_own_staff(place: Place) -> None:
    await somebody(place)
    role = await published(place, organisation=CARE)
    await asyncio.sleep(0.5)
    reply = await place.services.matching.FindCandidates(mt.FindCandidatesRequest(opportunity=role.name))
    assert (list(reply.candidates), reply.total_size) == ([], 0)


async def test_consent_opens_just_its_fields_to_just_its_organisation_until_it_is_withdrawn(place: Place) -> None:
    who, role = await somebody(place), await published(place)
    elsewhere = await published(place, organisation=CARE)
    given = await consent(place, who, pf.PROFILE_FIELD_SKILLS)
    (candidate,) = await eventually_candidates(place, role.name, 1)
    assert (candidate.person, candidate.display_name) == (who, "")
    assert candidate.match.skills
    assert candidate.match.distance_miles == -1
    assert mt.GATE_KIND_TRAVEL not in {gate.kind for gate in candidate.match.gates}
    assert await candidates(place.services, elsewhere.name) == []
    async with place.as_(person(who)) as own:
        await own.profiles.WithdrawConsent(pf.WithdrawConsentRequest(name=given))
    assert await eventually_candidates(place, role.name, 0) == []


async def test_both_sides_see_the_same_suitability_and_only_the_person_sees_preference(place: Place) -> None:
    who, role = await somebody(place), await published(place)
    await consent(place, who, pf.PROFILE_FIELD_DISPLAY_NAME)
    (candidate,) = await eventually_candidates(place, role.name, 1)
    own = (await found(place, who)).matches[0]
    assert candidate.match.components.suitability == own.components.suitability == candidate.match.score
    assert own.components.preference > 0
    assert candidate.match.components.preference == candidate.match.components.aspiration == 0
    assert candidate.display_name == "Alex Fictional"


async def test_a_recruiter_sees_candidates_and_explanations_of_their_own_organisation_alone(place: Place) -> None:
    who, role = await somebody(place), await published(place)
    explain = mt.ExplainMatchRequest(person=who, opportunity=role.name)
    async with place.as_(recruiter(CARE)) as other, place.as_(recruiter(TRUST)) as mine:
        with pytest.raises(Forbidden), calling():
            await candidates(other, role.name)
        with pytest.raises(Forbidden), calling():
            await mine.matching.ExplainMatch(explain)
        await consent(place, who, pf.PROFILE_FIELD_SKILLS)
        await eventually_candidates(place, role.name, 1)
        match = await mine.matching.ExplainMatch(explain)
        assert match.components.preference == 0
        with pytest.raises(Forbidden), calling():
            await other.matching.ExplainMatch(explain)


async def test_nobody_asks_for_another_person(place: Place) -> None:
    who = await somebody(place)
    async with place.as_(person("people/someoneelse")) as other:
        with pytest.raises(Forbidden), calling():
            await other.matching.FindOpportunities(mt.FindOpportunitiesRequest(person=who))
    with pytest.raises(NotFound), calling():
        await found(place, "people/nobody")


async def test_a_watch_says_that_it_is_set_then_tells_of_what_fits_and_of_nothing_else(place: Place) -> None:
    who = await somebody(place)
    watch = place.services.matching.WatchOpportunities(mt.WatchOpportunitiesRequest(person=who, minimum_score=0.01))
    messages = aiter(watch)
    async with asyncio.timeout(20):
        assert not (await anext(messages)).HasField("match")
        await published(place, title="Out of reach", credentials=[_registered()])
        fitting = await published(place, title="Fits")
        told = await anext(messages)
        assert (told.match.opportunity, told.match.person) == (fitting.name, who)
        assert told.match.reasons
        changed = mt.Opportunity(name=fitting.name, title="Fits better")
        await place.services.matching.UpdateOpportunity(mt.UpdateOpportunityRequest(opportunity=changed))
        assert (await anext(messages)).match.title == "Fits better"
    watch.cancel()


def _registered() -> CredentialRequirement:
    return CredentialRequirement(kind=CREDENTIAL_KIND_REGISTRATION, title="NMC")


async def test_a_failing_gate_hides_an_opportunity_unless_asked_for(place: Place) -> None:
    who = await somebody(place)
    await published(place, credentials=[_registered()])
    assert not (await found(place, who)).matches
    (match,) = (await found(place, who, include_ineligible=True)).matches
    assert mt.GATE_RESULT_FAIL in {gate.result for gate in match.gates}


async def test_pages_follow_each_other_without_overlap_and_a_token_fits_its_request_alone(place: Place) -> None:
    who = await somebody(place)
    names = {(await published(place, title=f"Role {number}")).name for number in range(5)}
    everything = [match.opportunity for match in (await found(place, who)).matches]
    assert set(everything) == names
    paged: list[str] = []
    token = ""
    while True:
        reply = await found(place, who, page_size=2, page_token=token)
        paged += [match.opportunity for match in reply.matches]
        token = reply.next_page_token
        if not token:
            break
    assert paged == everything
    first = await found(place, who, page_size=2)
    with pytest.raises(InvalidArgument), calling():
        await found(place, who, include_ineligible=True, page_token=first.next_page_token)


async def test_everyone_at_once_gets_what_each_would_find_and_each_list_is_recorded(place: Place) -> None:
    people = sorted([await somebody(place), await somebody(place)])
    for number in range(3):
        await published(place, title=f"Role {number}")
    await eventually_found(place, people, 3)
    replies = [reply async for reply in place.services.matching.RankEveryone(mt.RankEveryoneRequest(top=2))]
    lists = [each for reply in replies for each in reply.people]
    assert [each.person for each in lists] == people
    assert {reply.total_size for reply in replies} == {2}
    for each in lists:
        own = await found(place, each.person, page_size=2)
        alone = [(match.opportunity, match.score, match.components.suitability) for match in own.matches]
        assert [(line.opportunity, line.score, line.suitability) for line in each.lines] == alone
        assert each.total_size == own.total_size
        await eventually_recorded(place, f"{each.person}/{each.decision}")


async def eventually_recorded(place: Place, name: str) -> None:
    parent = mt.ListDecisionsRequest(parent=name.partition("/decisions/")[0])
    while True:  # they are written in batches, off the path of the call
        if name in {each.name for each in (await place.services.matching.ListDecisions(parent)).decisions}:
            return
        await asyncio.sleep(0.05)


async def eventually_found(place: Place, people: list[str], count: int) -> None:
    for who in people:
        while len((await found(place, who)).matches) < count:  # noqa: ASYNC110  another service's event
            await asyncio.sleep(0.05)  # profiles arrive through the event log


async def test_every_ranking_is_recorded_in_sequence_with_its_versions(place: Place) -> None:
    who, role = await somebody(place), await published(place)
    shown = [(await found(place, who)).decision for _ in range(5)]
    await place.services.matching.FindCandidates(mt.FindCandidatesRequest(opportunity=role.name))
    recorded = [
        events_pb2.RankingMade.FromString(each.event.payload or b"") for each in await events(place, Topic.DECISIONS, 6)
    ]
    recorded.sort(key=lambda made: made.sequence)
    assert [made.sequence for made in recorded] == [1, 2, 3, 4, 5, 6]
    assert [made.decision for made in recorded[:5]] == shown
    assert recorded[0].items[0].resource == role.name
    assert (recorded[0].versions.profile, recorded[5].versions.opportunity) == (1, 1)
    assert recorded[5].subject == role.name


async def test_decisions_that_still_wait_are_recorded_when_the_server_stops(installation: Settings) -> None:
    async with started(installation) as place:
        who = await somebody(place)
        for _ in range(7):
            await found(place, who)
    async with open_adapters(installation) as adapters:
        assert sum((await adapters.events.end([Topic.DECISIONS])).offsets.values()) == 7


async def test_a_restart_rebuilds_the_same_answers(installation: Settings) -> None:
    async with started(installation) as place:
        who = await somebody(place)
        for number in range(4):
            await published(place, title=f"Role {number}")
        before = await found(place, who)
    async with started(installation) as place:
        after = await found(place, who)
    assert list(after.matches) == list(before.matches)


async def test_an_erased_person_is_gone_from_every_answer(place: Place) -> None:
    who, role = await somebody(place), await published(place)
    await consent(place, who, pf.PROFILE_FIELD_SKILLS)
    await eventually_candidates(place, role.name, 1)
    await place.services.profiles.DeletePerson(pf.DeletePersonRequest(name=who))
    await eventually_candidates(place, role.name, 0)
    with pytest.raises(NotFound), calling():
        await found(place, who)


async def test_a_skill_gained_changes_the_answer(place: Place) -> None:
    who, role = await somebody(place), await published(place)
    before = (await found(place, who)).matches[0].components.suitability
    await place.services.profiles.AssertSkill(pf.AssertSkillRequest(person=who, skill=pf.PersonSkill(skill=PLANS)))
    async with asyncio.timeout(30):
        while True:
            match = (await found(place, who)).matches[0]
            if match.versions.profile > 1:
                break
            await asyncio.sleep(0.02)
    assert match.opportunity == role.name
    assert match.components.suitability > before


async def test_an_opportunity_without_requirements_reads_them_from_its_description(place: Place) -> None:
    async with asyncio.timeout(60):
        while True:
            status = await place.services.skills.GetTaxonomyStatus(GetTaxonomyStatusRequest())
            if status.embedded == status.to_embed:
                break
            await asyncio.sleep(0.05)
    text = "You will administer prescribed medication and write care plans."
    role = await published(place, requirements=[], description=text)
    assert {need.skill for need in role.requirements} >= {MEDICATION, PLANS}


async def test_a_closed_opportunity_is_kept_and_no_longer_offered(place: Place) -> None:
    who, role = await somebody(place), await published(place)
    closed = await place.services.matching.CloseOpportunity(mt.CloseOpportunityRequest(name=role.name, etag=role.etag))
    assert (closed.state, closed.version) == (mt.OPPORTUNITY_STATE_CLOSED, 2)
    assert not (await found(place, who)).matches
    again = await place.services.matching.CloseOpportunity(mt.CloseOpportunityRequest(name=role.name))
    assert again.version == 2
    kept = await place.services.matching.GetOpportunity(mt.GetOpportunityRequest(name=role.name))
    assert kept == closed
    with pytest.raises(FailedPrecondition), calling():
        await place.services.matching.ExpressInterest(mt.ExpressInterestRequest(person=who, opportunity=role.name))


async def test_an_update_changes_what_its_mask_names_and_refuses_a_stale_etag(place: Place) -> None:
    role = await published(place, closing_date=Date(year=2099, month=1, day=31))
    update = place.services.matching.UpdateOpportunity
    given = mt.Opportunity(name=role.name, title="New title", etag=role.etag)
    changed = await update(mt.UpdateOpportunityRequest(opportunity=given, update_mask=FieldMask(paths=["title"])))
    assert (changed.title, changed.version, changed.closing_date) == ("New title", 2, role.closing_date)
    assert list(changed.requirements) == list(role.requirements)
    with pytest.raises(Conflict), calling():
        await update(mt.UpdateOpportunityRequest(opportunity=given, update_mask=FieldMask(paths=["title"])))
    same = mt.Opportunity(name=role.name, title="New title")
    assert (await update(mt.UpdateOpportunityRequest(opportunity=same))).version == 2
    unset = mt.UpdateOpportunityRequest(opportunity=same, update_mask=FieldMask(paths=["closing_date", "title"]))
    assert not (await update(unset)).HasField("closing_date")


async def test_a_missing_opportunity_is_made_only_where_that_is_allowed(place: Place) -> None:
    given = a_role(name="opportunities/my-own-id")
    update = place.services.matching.UpdateOpportunity
    with pytest.raises(NotFound), calling():
        await update(mt.UpdateOpportunityRequest(opportunity=given))
    assert (await update(mt.UpdateOpportunityRequest(opportunity=given, allow_missing=True))).version == 1


async def test_a_repeated_request_id_publishes_once(place: Place) -> None:
    request = mt.CreateOpportunityRequest(opportunity=a_role(), request_id="7f0c1c34-58cf-4b4e-9d39-3a3c3f6f6a10")
    first = await place.services.matching.CreateOpportunity(request)
    assert await place.services.matching.CreateOpportunity(request) == first
    listed = await place.services.matching.ListOpportunities(mt.ListOpportunitiesRequest())
    assert len(listed.opportunities) == 1
    request.opportunity.title = "Something else"
    with pytest.raises(InvalidArgument), calling():
        await place.services.matching.CreateOpportunity(request)


async def test_a_batch_leaves_equal_content_alone_and_refuses_other_content(place: Place) -> None:
    requests = [
        mt.CreateOpportunityRequest(opportunity=a_role(title=f"Role {n}"), opportunity_id=f"role-{n}") for n in range(3)
    ]
    batch = mt.BatchCreateOpportunitiesRequest(requests=requests)
    create = place.services.matching.BatchCreateOpportunities
    assert (await create(batch)).created == 3
    again = await create(batch)
    assert (again.created, again.unchanged) == (0, 3)
    batch.requests[0].opportunity.title = "Another title"
    with pytest.raises(AlreadyExists), calling():
        await create(batch)
    assert len(await events(place, Topic.OPPORTUNITIES, 3)) == 3


async def test_lists_filter_by_organisation_kind_and_state_in_order_of_name(place: Place) -> None:
    job = await published(place)
    course = await published(place, kind=OPPORTUNITY_KIND_COURSE, organisation=CARE, develops=[PLANS], requirements=[])
    gone = await published(place)
    await place.services.matching.CloseOpportunity(mt.CloseOpportunityRequest(name=gone.name))

    async def names(**filters: object) -> list[str]:
        request = mt.ListOpportunitiesRequest(**filters)  # type: ignore[arg-type]
        return [each.name for each in (await place.services.matching.ListOpportunities(request)).opportunities]

    assert await names() == sorted([job.name, course.name])
    assert await names(include_closed=True) == sorted([job.name, course.name, gone.name])
    assert await names(organisation=CARE) == await names(kind=OPPORTUNITY_KIND_COURSE) == [course.name]


WRONG: list[tuple[dict[str, object], str]] = [
    ({"organisation": "organisations/none"}, "opportunity.organisation"),
    ({"organisation": ""}, "opportunity.organisation"),
    ({"place": "places/ZZ99"}, "opportunity.place"),
    ({"requirements": [SkillRequirement(skill="skills/none")]}, "opportunity.requirements[0].skill"),
    ({"develops": ["skills/none"]}, "opportunity.develops[0]"),
    ({"title": "   "}, "opportunity.title"),
    ({"title": "Bell\x07"}, "opportunity.title"),
    ({"requirements": [SkillRequirement(skill=PLANS)] * 2}, "opportunity.requirements[1].skill"),
    ({"start_date": Date(year=2027, month=2, day=30)}, "opportunity.start_date"),
    ({"start_date": Date(year=2027, month=3, day=2), "end_date": Date(year=2027, month=3, day=1)}, "opportunity"),
    ({"kind": 99}, "opportunity.kind"),
    ({"kind": 0}, "opportunity.kind"),
    ({"description": "x" * 20_001}, "opportunity.description"),
]


async def test_a_wrong_opportunity_is_refused_by_field_and_leaves_nothing(place: Place) -> None:
    for changes, field in WRONG:
        request = mt.CreateOpportunityRequest(opportunity=a_role(**changes))
        with pytest.raises(InvalidArgument) as caught, calling():
            await place.services.matching.CreateOpportunity(request)
        assert field in {violation.field for violation in caught.value.violations}
    assert not (await place.services.matching.ListOpportunities(mt.ListOpportunitiesRequest())).opportunities


async def test_interest_is_recorded_once_and_an_application_moves_by_legal_steps(place: Place) -> None:
    who, role = await somebody(place), await published(place)
    interest = mt.ExpressInterestRequest(person=who, opportunity=role.name, comment="keen")
    first = await place.services.matching.ExpressInterest(interest)
    assert await place.services.matching.ExpressInterest(interest) == first

    async def outcome(stage: "mt.ApplicationStage.ValueType", services: Channels = place.services) -> mt.Application:
        request = mt.RecordOutcomeRequest(person=who, opportunity=role.name, stage=stage)
        return await services.matching.RecordOutcome(request)

    with pytest.raises(FailedPrecondition), calling():
        await outcome(mt.APPLICATION_STAGE_COMPLETED)
    async with place.as_(person(who)) as mine:
        with pytest.raises(Forbidden), calling():
            await outcome(mt.APPLICATION_STAGE_APPOINTED, mine)
    await outcome(mt.APPLICATION_STAGE_VIEWED)
    appointed = await outcome(mt.APPLICATION_STAGE_APPOINTED)
    assert [step.stage for step in appointed.steps] == [1, 2, 4]
    for parent in (mt.ListApplicationsRequest(person=who), mt.ListApplicationsRequest(opportunity=role.name)):
        listed = await place.services.matching.ListApplications(parent)
        assert list(listed.applications) == [appointed]
    told = [
        events_pb2.ApplicationAdvanced.FromString(each.event.payload or b"")
        for each in await events(place, Topic.APPLICATIONS, 3)
    ]
    assert [advance.stage for advance in told] == [1, 2, 4]


async def test_an_application_needs_a_person_and_an_opportunity_that_exist(place: Place) -> None:
    who, role = await somebody(place), await published(place)
    for one, other in (("people/nobody", role.name), (who, "opportunities/none")):
        request = mt.ExpressInterestRequest(person=one, opportunity=other)
        with pytest.raises(NotFound), calling():
            await place.services.matching.ExpressInterest(request)
    with pytest.raises(NotFound), calling():
        await place.services.matching.RecordOutcome(
            mt.RecordOutcomeRequest(person=who, opportunity=role.name, stage=mt.APPLICATION_STAGE_VIEWED)
        )


async def test_the_index_says_that_it_is_not_ready_while_the_first_one_is_built(adapters: Adapters) -> None:
    """Matching alone waits for the services it calls, and says so instead of answering from nothing."""
    settings = adapters.settings
    async with running(settings, [matching.build], adapters) as server, connect(server.settings.listen) as services:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await services.matching.FindOpportunities(mt.FindOpportunitiesRequest(person="people/p"))
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE


async def test_what_a_person_puts_aside_leaves_their_own_list_alone_until_they_take_it_back(place: Place) -> None:
    who, offered = await somebody(place), [await published(place, title=f"Role {number}") for number in range(3)]
    away = offered[1].name
    await consent(place, who, pf.PROFILE_FIELD_SKILLS)
    before = await found(place, who)
    (candidate,) = await eventually_candidates(place, away, 1)
    await put_aside(place, who, [away])
    now = await eventually_listed(place, who, len(offered) - 1)
    scores = {match.opportunity: match.score for match in before.matches}
    assert {match.opportunity: match.score for match in now.matches} == {
        name: score for name, score in scores.items() if name != away
    }
    assert now.total_size == before.total_size - 1
    spread = await found(place, who, maximum_per_organisation=1)
    assert (spread.total_size, away in str(spread.matches)) == (now.total_size, False)
    paged = await found(place, who, page_size=1)
    second = await found(place, who, page_size=1, page_token=paged.next_page_token)
    assert [*paged.matches, *second.matches] == list(now.matches)
    assert not second.next_page_token
    every = await found(place, who, include_dismissed=True)
    assert {match.opportunity: match.score for match in every.matches} == scores
    (still,) = await candidates(place.services, away)
    assert (still.person, still.match.score) == (candidate.person, candidate.match.score)
    assert "dismissed" not in str(still)
    await put_aside(place, who, [])
    await eventually_listed(place, who, len(offered))


async def test_what_a_person_applied_for_stays_on_their_list_with_its_stage_and_scores_as_before(place: Place) -> None:
    who, offered = await somebody(place), [await published(place, title=f"Role {number}") for number in range(3)]
    await consent(place, who, pf.PROFILE_FIELD_SKILLS)
    (candidate,) = await eventually_candidates(place, offered[1].name, 1)
    before = await found(place, who)
    assert stages(before) == {}
    applied, declined = offered[1].name, offered[2].name
    async with place.as_(person(who)) as own:
        for name in (applied, declined):
            await own.matching.ExpressInterest(mt.ExpressInterestRequest(person=who, opportunity=name))
    await place.services.matching.RecordOutcome(
        mt.RecordOutcomeRequest(person=who, opportunity=declined, stage=mt.APPLICATION_STAGE_DECLINED)
    )
    now = await found(place, who)
    assert stages(now) == {applied: mt.APPLICATION_STAGE_INTERESTED, declined: mt.APPLICATION_STAGE_DECLINED}
    for match in now.matches:
        match.ClearField("application_stage")
    assert list(now.matches) == list(before.matches)
    assert now.total_size == before.total_size
    new = await found(place, who, exclude_applied=True)
    assert [match.opportunity for match in new.matches] == [offered[0].name]
    assert new.total_size == 1
    for view in (mt.MATCH_VIEW_BASIC, mt.MATCH_VIEW_FULL):
        assert len(stages(await found(place, who, view=view, maximum_per_organisation=1))) == 2
    explained = await place.services.matching.ExplainMatch(mt.ExplainMatchRequest(person=who, opportunity=declined))
    assert explained.application_stage == mt.APPLICATION_STAGE_DECLINED
    (still,) = await candidates(place.services, applied)
    assert still == candidate


def stages(reply: mt.FindOpportunitiesResponse) -> dict[str, int]:
    return {match.opportunity: match.application_stage for match in reply.matches if match.application_stage}


async def eventually_listed(place: Place, who: str, count: int) -> mt.FindOpportunitiesResponse:
    async with asyncio.timeout(20):
        while True:
            reply = await found(place, who)
            if len(reply.matches) == count:
                return reply
            await asyncio.sleep(0.02)


async def put_aside(place: Place, who: str, names: list[str]) -> None:
    profile = pf.Person(name=who, preferences=pf.Preferences(dismissed_opportunities=names))
    mask = FieldMask(paths=["preferences.dismissed_opportunities"])
    async with place.as_(person(who)) as own:
        await own.profiles.UpdatePerson(pf.UpdatePersonRequest(person=profile, update_mask=mask))
