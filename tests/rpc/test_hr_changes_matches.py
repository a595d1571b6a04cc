"""A certificate from an HR system changes what the person finds, over gRPC, on all services together."""

import asyncio

from careweave_cli.composition import SERVICES, builds

from careweave.client import OPERATOR, connect
from careweave.config import Settings
from careweave.rpc.channels import Channels
from careweave.rpc.server import running
from careweave.v1 import common_pb2, hr_pb2, matching_pb2, profiles_pb2
from careweave.wiring import Adapters
from tests.stacks import on_both_stacks

pytestmark = on_both_stacks

PATIENCE_SECONDS = 600
SOURCE = "sourceSystems/esr-oaks"


async def furnish(adapters: Adapters) -> None:
    async with adapters.graph.unit_of_work() as unit:
        skills = [{"name": f"skills/{each}", "label": each, "scheme": 1} for each in ("lifting", "dressing")]
        await unit.merge_nodes("Skill", skills)
        await unit.merge_nodes("Course", [{"name": "courses/handling", "title": "Moving and handling"}])
        link = {"source": "courses/handling", "target": "skills/lifting"}
        await unit.merge_relationships("DEVELOPS", "Course", "Skill", [link])


async def publish(services: Channels) -> None:
    """Publish one opportunity that asks for lifting."""
    organisation = profiles_pb2.Organisation(name="organisations/oaks", title="Oaks", fictional=True)
    await services.profiles.UpdateOrganisation(
        profiles_pb2.UpdateOrganisationRequest(organisation=organisation, allow_missing=True)
    )
    opportunity = matching_pb2.Opportunity(
        title="Carer",
        kind=common_pb2.OPPORTUNITY_KIND_JOB,
        organisation=organisation.name,
        fictional=True,
        requirements=[common_pb2.SkillRequirement(skill="skills/lifting", importance=common_pb2.IMPORTANCE_ESSENTIAL)],
    )
    await services.matching.CreateOpportunity(matching_pb2.CreateOpportunityRequest(opportunity=opportunity))


async def send(services: Channels, version: int, **sections: hr_pb2.FeedIdentity | hr_pb2.FeedCredentials) -> None:
    update = hr_pb2.ProfileUpdate(source_system=SOURCE, external_id="7", source_version=version, **sections)  # type: ignore[arg-type]  # names of sections
    requests = [
        hr_pb2.StreamProfileUpdatesRequest(opening=hr_pb2.FeedOpening(source_system=SOURCE, feed="staff")),
        hr_pb2.StreamProfileUpdatesRequest(update=update, position=version),
    ]
    replies = [each async for each in services.profiles.StreamProfileUpdates(iter(requests))]
    assert replies[-1].answer.outcome == hr_pb2.UPDATE_OUTCOME_APPLIED, replies[-1].answer


async def suitability(services: Channels, person: str) -> float:
    request = matching_pb2.FindOpportunitiesRequest(person=person, view=matching_pb2.MATCH_VIEW_FULL)
    (match,) = (await services.matching.FindOpportunities(request)).matches
    return float(match.components.suitability)


async def test_a_completed_course_makes_an_opportunity_fit_better(settings: Settings, adapters: Adapters) -> None:
    await furnish(adapters)
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        running(settings, builds(SERVICES), adapters) as started,
        connect(started.settings.listen, OPERATOR) as services,
    ):
        await started.until_ready()
        await publish(services)
        await send(services, 1, identity=hr_pb2.FeedIdentity(display_name="Fictional", fictional=True))
        (person,) = (await services.profiles.ListPeople(profiles_pb2.ListPeopleRequest())).people
        before = await suitability(services, person.name)
        completed = hr_pb2.FeedCredential(
            kind=common_pb2.CREDENTIAL_KIND_MANDATORY_TRAINING, title="Moving and handling"
        )
        await send(services, 2, credentials=hr_pb2.FeedCredentials(credentials=[completed]))
        while await suitability(services, person.name) <= before:  # noqa: ASYNC110  another service's state
            await asyncio.sleep(0.05)
