"""Every method × every role × what is the caller's own, another's, or nobody's, against docs/authorisation.md.

All services run together on the embedded engines, over gRPC. A call counts as let in if it is answered with anything
but PERMISSION_DENIED: the requests are such that they would change nothing, or the same again.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import grpc
import pytest
from careweave_cli.composition import SERVICES, builds
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from grpc_status import rpc_status

from careweave.client import OPERATOR, connect, person
from careweave.config import Settings
from careweave.policy import Caller, Role, refusal
from careweave.rpc.access import declared_access
from careweave.rpc.channels import Channels
from careweave.rpc.server import running
from careweave.v1 import access_service_pb2, audit_pb2, common_pb2, hr_pb2
from careweave.v1 import matching_pb2 as mt
from careweave.v1 import pathways_pb2 as pw
from careweave.v1 import planning_pb2 as pl
from careweave.v1 import profiles_pb2 as pf
from careweave.v1 import skills_pb2 as sk
from careweave.wiring import Adapters

TABLE: Final = Path(__file__).parents[2] / "docs" / "authorisation.md"
SERVICE_FILES: Final = (sk, pf, mt, pl, access_service_pb2)


@dataclass(frozen=True)
class Target:
    """Whose things a request is about."""

    person: str
    organisation: str
    opportunity: str
    source: str


OWN = Target("people/anna", "organisations/oaks", "opportunities/at-oaks", "sourceSystems/esr-oaks")
ANOTHERS = Target("people/benn", "organisations/elms", "opportunities/at-elms", "sourceSystems/esr-elms")
NOBODYS = Target("people/nobody", "organisations/none", "opportunities/none", "sourceSystems/esr-none")
CALLERS: Final = {
    Role.PERSON: Caller(OWN.person, Role.PERSON),
    Role.MANAGER: Caller("people/mary", Role.MANAGER, OWN.organisation),
    Role.RECRUITER: Caller("people/rosa", Role.RECRUITER, OWN.organisation),
    Role.HR_FEED: Caller(OWN.source, Role.HR_FEED, OWN.organisation),
    Role.PLANNER: Caller("people/paul", Role.PLANNER, OWN.organisation),
    Role.EQUALITY_OFFICER: Caller("people/eric", Role.EQUALITY_OFFICER, OWN.organisation),
    Role.OPERATOR: OPERATOR,
    Role.SERVICE: Caller("", Role.SERVICE),
}
SKILL, LIFTING = "skills/listening", "skills/lifting"
STALE = "stale"

NO_ANSWERS: Final = frozenset(
    {
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.UNAVAILABLE,
    }
)
"""What says neither that the caller may nor that they may not."""

Request = Callable[[Target], Message]
REQUESTS: Final[dict[str, Request]] = {
    "GetSkill": lambda to: sk.GetSkillRequest(name=SKILL),
    "ListSkills": lambda to: sk.ListSkillsRequest(page_size=1),
    "SearchSkills": lambda to: sk.SearchSkillsRequest(query="listening"),
    "ExtractSkills": lambda to: sk.ExtractSkillsRequest(text="listening"),
    "ListRelatedSkills": lambda to: sk.ListRelatedSkillsRequest(name=SKILL),
    "GetOccupation": lambda to: sk.GetOccupationRequest(name="occupations/none"),
    "SearchOccupations": lambda to: sk.SearchOccupationsRequest(query="nurse"),
    "GetStandard": lambda to: sk.GetStandardRequest(name="standards/none"),
    "ListStandards": lambda to: sk.ListStandardsRequest(page_size=1),
    "GetCourse": lambda to: sk.GetCourseRequest(name="courses/none"),
    "ListCourses": lambda to: sk.ListCoursesRequest(page_size=1),
    "GetTaxonomyStatus": lambda to: sk.GetTaxonomyStatusRequest(),
    "ImportTaxonomy": lambda to: sk.ImportTaxonomyRequest(sources=[sk.TAXONOMY_SOURCE_ESCO], folder="/no/such/folder"),
    "ExportPerson": lambda to: common_pb2.ExportPersonRequest(name=to.person),
    "CreatePerson": lambda to: pf.CreatePersonRequest(
        person=pf.Person(place="places/none"), person_id=to.person.removeprefix("people/")
    ),
    "GetPerson": lambda to: pf.GetPersonRequest(name=to.person),
    "ListPeople": lambda to: pf.ListPeopleRequest(organisation=to.organisation),
    "UpdatePerson": lambda to: pf.UpdatePersonRequest(
        person=pf.Person(name=to.person, email="x@example.org", etag=STALE)
    ),
    "DeletePerson": lambda to: pf.DeletePersonRequest(name=to.person, etag=STALE),
    "ErasePerson": lambda to: pf.ErasePersonRequest(name=to.person, force=True, etag=STALE),
    "ApplyRetention": lambda to: common_pb2.ApplyRetentionRequest(validate_only=True),
    "AssertSkill": lambda to: pf.AssertSkillRequest(person=to.person, skill=pf.PersonSkill(skill=LIFTING)),
    "EndorseSkill": lambda to: pf.EndorseSkillRequest(
        person=to.person, skill=SKILL, endorsement=pf.Endorsement(endorser=to.organisation)
    ),
    "GiveConsent": lambda to: pf.GiveConsentRequest(
        parent=to.person,
        consent=pf.Consent(purpose=pf.CONSENT_PURPOSE_ALERTS, organisations=["organisations/not-there"]),
    ),
    "WithdrawConsent": lambda to: pf.WithdrawConsentRequest(name=f"{to.person}/consents/none"),
    "BatchGetPersonSnapshots": lambda to: pf.BatchGetPersonSnapshotsRequest(names=[to.person]),
    "GetPersonVersion": lambda to: pf.GetPersonVersionRequest(name=to.person, version=1),
    "StreamPersonSnapshots": lambda to: pf.StreamPersonSnapshotsRequest(),
    "BatchCreatePeople": lambda to: pf.BatchCreatePeopleRequest(
        requests=[pf.CreatePersonRequest(person=pf.Person(place="places/none"))]
    ),
    "StreamProfileUpdates": lambda to: hr_pb2.StreamProfileUpdatesRequest(
        opening=hr_pb2.FeedOpening(source_system=to.source, feed="staff")
    ),
    "IssueEmploymentCode": lambda to: hr_pb2.IssueEmploymentCodeRequest(source_system=to.source, external_id="7"),
    "ConfirmEmployment": lambda to: hr_pb2.ConfirmEmploymentRequest(person=to.person, code="not-a-code"),
    "ListUnresolvedSkills": lambda to: hr_pb2.ListUnresolvedSkillsRequest(parent=to.source),
    "ListRecordedAccesses": lambda to: audit_pb2.ListRecordedAccessesRequest(parent=to.person),
    "BatchGetAuditPseudonyms": lambda to: audit_pb2.BatchGetAuditPseudonymsRequest(names=[to.person]),
    "UpdateOrganisation": lambda to: pf.UpdateOrganisationRequest(
        organisation=pf.Organisation(name=to.organisation, title="X", etag=STALE)
    ),
    "GetOrganisation": lambda to: pf.GetOrganisationRequest(name=to.organisation),
    "ListOrganisations": lambda to: pf.ListOrganisationsRequest(page_size=1),
    "UpdatePlace": lambda to: pf.UpdatePlaceRequest(place=pf.Place(name="places/none", title="X")),
    "GetPlace": lambda to: pf.GetPlaceRequest(name="places/none"),
    "ListPlaces": lambda to: pf.ListPlacesRequest(page_size=1),
    "UpdateHub": lambda to: pf.UpdateHubRequest(hub=pf.Hub(name="hubs/none", title="X")),
    "GetHub": lambda to: pf.GetHubRequest(name="hubs/none"),
    "ListHubs": lambda to: pf.ListHubsRequest(page_size=1),
    "CreateOpportunity": lambda to: mt.CreateOpportunityRequest(opportunity=an_opportunity(to, "places/none")),
    "GetOpportunity": lambda to: mt.GetOpportunityRequest(name=to.opportunity),
    "ListOpportunities": lambda to: mt.ListOpportunitiesRequest(page_size=1),
    "UpdateOpportunity": lambda to: mt.UpdateOpportunityRequest(
        opportunity=mt.Opportunity(name=to.opportunity, title="Y", etag=STALE)
    ),
    "CloseOpportunity": lambda to: mt.CloseOpportunityRequest(name=to.opportunity, etag=STALE),
    "BatchCreateOpportunities": lambda to: mt.BatchCreateOpportunitiesRequest(
        requests=[mt.CreateOpportunityRequest(opportunity=an_opportunity(to, "places/none"))]
    ),
    "FindOpportunities": lambda to: mt.FindOpportunitiesRequest(person=to.person),
    "FindCandidates": lambda to: mt.FindCandidatesRequest(opportunity=to.opportunity),
    "ExplainMatch": lambda to: mt.ExplainMatchRequest(person=to.person, opportunity=to.opportunity),
    "ExplainMatch:decision": lambda to: mt.ExplainMatchRequest(
        person=to.person, opportunity=to.opportunity, decision=decision_of(to)
    ),
    "FindSkillGains": lambda to: mt.FindSkillGainsRequest(person=to.person, opportunity=to.opportunity, top=1),
    "PlanPathways": lambda to: pw.PlanPathwaysRequest(person=to.person),
    "WatchOpportunities": lambda to: mt.WatchOpportunitiesRequest(person=to.person),
    "ExpressInterest": lambda to: mt.ExpressInterestRequest(person=to.person, opportunity="opportunities/none"),
    "RecordOutcome": lambda to: mt.RecordOutcomeRequest(
        person="people/anna" if to is OWN else "people/benn",
        opportunity=to.opportunity,
        stage=mt.APPLICATION_STAGE_APPOINTED,
    ),
    "RecordOutcome:declined": lambda to: mt.RecordOutcomeRequest(
        person=to.person, opportunity=to.opportunity, stage=mt.APPLICATION_STAGE_DECLINED
    ),
    "ListApplications:person": lambda to: mt.ListApplicationsRequest(person=to.person),
    "ListApplications:opportunity": lambda to: mt.ListApplicationsRequest(opportunity=to.opportunity),
    "RankEveryone": lambda to: mt.RankEveryoneRequest(),
    "FindShardOpportunities": lambda to: mt.FindShardOpportunitiesRequest(
        request=mt.FindOpportunitiesRequest(person=to.person), first=1
    ),
    "FindShardCandidates": lambda to: mt.FindShardCandidatesRequest(
        request=mt.FindCandidatesRequest(opportunity=to.opportunity), first=1
    ),
    "GetIndexStatus": lambda to: mt.GetIndexStatusRequest(),
    "RebuildIndex": lambda to: mt.RebuildIndexRequest(),
    "GetDecision": lambda to: mt.GetDecisionRequest(name=decision_of(to)),
    "ReplayDecision": lambda to: mt.ReplayDecisionRequest(name=decision_of(to)),
    "ListDecisions": lambda to: mt.ListDecisionsRequest(parent=to.person),
    "GetSafeguards": lambda to: mt.GetSafeguardsRequest(),
    "RequestReview": lambda to: mt.RequestReviewRequest(
        parent=to.person,
        review=mt.DecisionReview(kind=mt.REVIEW_KIND_CONTEST, decision=decision_of(to), comment="Wrong."),
    ),
    "GetReview": lambda to: mt.GetReviewRequest(name=review_of(to)),
    "ListReviews:person": lambda to: mt.ListReviewsRequest(person=to.person),
    "ListReviews:organisation": lambda to: mt.ListReviewsRequest(organisation=to.organisation),
    "StartReview": lambda to: mt.StartReviewRequest(name=review_of(to), reviewer_reference="hr-7"),
    "ExtendReview": lambda to: mt.ExtendReviewRequest(name=review_of(to), reason="Much to read."),
    "AnswerReview": lambda to: mt.AnswerReviewRequest(
        name=review_of(to), reviewer_reference="hr-7", outcome=mt.REVIEW_OUTCOME_UPHELD, answer="It stands."
    ),
    "WithdrawReview": lambda to: mt.WithdrawReviewRequest(name=review_of(to)),
    "RevokeTokens": lambda to: access_service_pb2.RevokeTokensRequest(jti="none"),
    "RotateTrialKey": lambda to: access_service_pb2.RotateTrialKeyRequest(),
    "UpdateEqualityDeclaration": lambda to: pl.UpdateEqualityDeclarationRequest(
        equality_declaration=pl.EqualityDeclaration(name=declaration_of(to)), allow_missing=True
    ),
    "GetEqualityDeclaration": lambda to: pl.GetEqualityDeclarationRequest(name=declaration_of(to)),
    "WithdrawEqualityDeclaration": lambda to: pl.WithdrawEqualityDeclarationRequest(
        name=declaration_of(to), allow_missing=True
    ),
}


REVIEWS: Final[dict[str, str]] = {}
"""By person, the review that they have asked for, of an opportunity of their organisation."""


def review_of(target: Target) -> str:
    return REVIEWS.get(target.person, f"{target.person}/reviews/none")


def decision_of(target: Target) -> str:
    return f"{target.person}/decisions/none"


def declaration_of(target: Target) -> str:
    return f"{target.person}/equalityDeclaration"


def an_opportunity(of: Target, place: str = "") -> mt.Opportunity:
    return mt.Opportunity(
        title="Carer",
        kind=common_pb2.OPPORTUNITY_KIND_JOB,
        organisation=of.organisation,
        place=place,
        requirements=[common_pb2.SkillRequirement(skill=SKILL, importance=common_pb2.IMPORTANCE_ESSENTIAL)],
        fictional=True,
    )


def rows() -> Iterator[tuple[str, dict[Role, str]]]:
    """Yield the lines of the table: what, and what each role is granted."""
    lines = [line for line in TABLE.read_text().splitlines() if line.startswith("|")]
    roles = [Role(cell) for cell in cells(lines[0])[1:]]
    for line in lines[2:]:
        what, *granted = cells(line)
        yield what.strip("`"), dict(zip(roles, granted, strict=True))


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


GRANTED: Final = dict(rows())
METHODS: Final[list[MethodDescriptor]] = [
    method
    for file in SERVICE_FILES
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
    if not declared_access(method).anybody
]


def let_in(scope: str, target: Target) -> bool:
    """Tell whether the table grants `scope` on `target`."""
    return scope == "all" or (scope in {"own", "organisation", "source"} and target is OWN)


@pytest.fixture(scope="module")
def table_is_whole() -> None:
    assert {what.partition(":")[0] for what in GRANTED} == {method.name for method in METHODS}
    assert set(REQUESTS) == set(GRANTED)
    assert all(set(by_role) == set(Role) for by_role in GRANTED.values())


@pytest.fixture
async def address(adapters: Adapters, settings: Settings) -> AsyncIterator[str]:
    async with adapters.graph.unit_of_work() as unit:
        skills = [{"name": name, "label": name[7:], "scheme": 1, "kind": 1} for name in (SKILL, LIFTING)]
        await unit.merge_nodes("Skill", skills)
    patient = replace(settings, calls_per_second=1e6)  # each caller makes some hundred calls in a few seconds
    async with running(patient, builds(SERVICES), adapters) as server:
        await server.until_ready()
        async with connect(server.settings.listen, OPERATOR) as services:
            await furnish(services, server.settings.listen)
        yield server.settings.listen


async def furnish(services: Channels, address: str) -> None:
    for target in (OWN, ANOTHERS):
        await services.profiles.UpdateOrganisation(
            pf.UpdateOrganisationRequest(
                organisation=pf.Organisation(name=target.organisation, title="X"), allow_missing=True
            )
        )
        await services.matching.CreateOpportunity(
            mt.CreateOpportunityRequest(
                opportunity=an_opportunity(target), opportunity_id=target.opportunity.removeprefix("opportunities/")
            )
        )
        given = pf.Person(
            skills=[pf.PersonSkill(skill=SKILL)], employments=[pf.Employment(organisation=target.organisation)]
        )
        await services.profiles.CreatePerson(
            pf.CreatePersonRequest(person=given, person_id=target.person.removeprefix("people/"))
        )
        consent = pf.Consent(purpose=pf.CONSENT_PURPOSE_BE_FOUND, organisations=[target.organisation])
        async with connect(address, person(target.person)) as own:
            await own.profiles.GiveConsent(pf.GiveConsentRequest(parent=target.person, consent=consent))
            REVIEWS[target.person] = await reviewed(own, target)


async def reviewed(own: Channels, target: Target) -> str:
    """Return the name of a review that the person has asked for, once the ranking is in the log."""
    ranking = await own.matching.FindOpportunities(mt.FindOpportunitiesRequest(person=target.person))
    review = mt.DecisionReview(
        kind=mt.REVIEW_KIND_CONTEST,
        decision=f"{target.person}/{ranking.decision}",
        opportunity=target.opportunity,
        comment="Wrong.",
    )
    async with asyncio.timeout(30):
        while True:
            try:
                asked = await own.matching.RequestReview(mt.RequestReviewRequest(parent=target.person, review=review))
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.NOT_FOUND:
                    raise
                await asyncio.sleep(0.05)
            else:
                return asked.name


async def answered(services: Channels, method: MethodDescriptor, request: Message) -> grpc.aio.AioRpcError | None:
    """Return the error that the call ends with; None if it is answered. Of a stream the first answer counts.

    The client may still be writing to a stream when it is refused, and then learns no status: it calls again.
    """
    while True:
        error = await answered_once(services, method, request)
        if error is None or not method.client_streaming or error.details() != "Internal error from Core":
            return error


async def answered_once(services: Channels, method: MethodDescriptor, request: Message) -> grpc.aio.AioRpcError | None:
    stub = getattr(services, method.containing_service.name.removesuffix("Service").lower())
    call = getattr(stub, method.name)
    try:
        if method.client_streaming:
            await anext(aiter(call(iter([request]))))
        elif method.server_streaming:
            async for _ in call(request):
                break
        else:
            await call(request)
    except grpc.aio.AioRpcError as error:
        return error
    return None


def learnt(error: grpc.aio.AioRpcError) -> tuple[str | None, bytes]:
    """Return all that a caller learns from a refusal."""
    status = rpc_status.from_call(error)  # type: ignore[arg-type]  # asks for no more than an AioRpcError has
    assert status is not None
    return error.details(), status.SerializeToString(deterministic=True)


async def test_every_cell_of_the_table_is_what_the_servers_do(
    table_is_whole: None, address: str, record_property: Callable[[str, object], None]
) -> None:
    wrong: list[str] = []
    count = 0
    for role, caller in CALLERS.items():
        async with connect(address, caller) as services:
            for method in METHODS:
                for what in (each for each in REQUESTS if each.partition(":")[0] == method.name):
                    cells_of_it = [Cell(method, what, role, target) for target in (OWN, ANOTHERS, NOBODYS)]
                    wrong += await wrong_cells(services, cells_of_it)
                    count += len(cells_of_it)
    record_property("cells", count)
    assert not wrong, "\n".join([f"{len(wrong)} of {count} cells are not as the table says:", *wrong])


@dataclass(frozen=True)
class Cell:
    """One case."""

    method: MethodDescriptor
    what: str
    role: Role
    target: Target

    def __str__(self) -> str:
        """Name it for whoever reads a failure."""
        return f"{self.method.full_name} ({self.what}) as {self.role} on {self.target.person}"


async def wrong_cells(services: Channels, same_caller: Sequence[Cell]) -> list[str]:
    """Return what is not as the table says of the cells that one caller has for one method."""
    wrong, refused = [], set()
    for cell in same_caller:
        error = await answered(services, cell.method, REQUESTS[cell.what](cell.target))
        code = error.code() if error is not None else grpc.StatusCode.OK
        denied = code is grpc.StatusCode.PERMISSION_DENIED
        if code in NO_ANSWERS:
            wrong.append(f"{cell}: {code} {error.details() if error else ''}")
        if denied == let_in(GRANTED[cell.what][cell.role], cell.target):
            wrong.append(f"{cell}: {'refused' if denied else 'let in'}")
        if denied and error is not None:
            refused.add(learnt(error))
    if len(refused) > 1:
        wrong.append(f"{same_caller[0]}: the refusals differ: {refused}")
    return wrong


def test_no_refusal_names_what_was_asked_for() -> None:
    """See `careweave.policy.refusal`; what the cells above compare is equal, and here what it says."""
    names = re.compile("(people|organisations|opportunities|sourceSystems)/")
    for what in REQUESTS:
        error = refusal(Role.PLANNER, what)
        assert not names.search(error.message + str(error.metadata))
