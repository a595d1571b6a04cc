"""One scenario on one stack: taxonomies with cycles, people, opportunities; and every answer to what is asked then."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from careweave_cli.composition import SERVICES, builds
from google.protobuf.field_mask_pb2 import FieldMask

from careweave.client import OPERATOR, connect, person
from careweave.config import Settings
from careweave.events.port import EventLog, Topic
from careweave.graph.port import Graph, Query
from careweave.rpc.channels import Channels
from careweave.rpc.server import running
from careweave.v1 import matching_pb2 as mt
from careweave.v1 import profiles_pb2 as pf
from careweave.v1 import skills_pb2 as sk
from careweave.v1.common_pb2 import IMPORTANCE_ESSENTIAL, OPPORTUNITY_KIND_JOB, Coordinates, SkillRequirement
from careweave.wiring import Adapters, open_adapters
from tests.contract.reading import everything
from tests.system.questions import Answers, ask_about_matches, ask_of_openings, ask_of_people, ask_of_skills

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
SECONDS = 300.0
PEOPLE = [f"people/fictional-{n}" for n in range(6)]
OPENINGS = [f"opportunities/fictional-{n}" for n in range(6)]
CARE, TRUST = "organisations/fictional-care", "organisations/fictional-trust"
TEXT = "You will support people living with dementia, administer prescribed medication and keep care records."
PENDING = Query("test.pending", "MATCH (o:Outbox) RETURN o.id AS id LIMIT 1")


async def answers_of(settings: Settings, taxonomies: Path) -> Answers:
    """Return the answers of all services on the empty stores of `settings`, at noon."""
    answers = Answers()
    async with open_adapters(settings, lambda: NOON) as adapters:
        async with _serving(settings, adapters, ["skills"]) as (services, _):
            async for _ in services.skills.ImportTaxonomy(sk.ImportTaxonomyRequest(folder=str(taxonomies))):
                pass
            skills = await _skills(services)
        await _tie(adapters.graph, skills)
        async with _serving(settings, adapters) as (services, address):
            await _fill(services, answers, skills, address)
        # Started anew, so that the index is of a snapshot with all that was written.
        async with _serving(settings, adapters) as (services, _):
            await ask_of_skills(services, answers, skills, TEXT)
            await ask_of_people(services, answers, PEOPLE, CARE)
            await ask_of_openings(services, answers, OPENINGS[:5])
            for name in PEOPLE:
                await ask_about_matches(services, answers, name)
            await _until_published(adapters.graph)
        await _read(adapters.events, answers)
    return answers


@asynccontextmanager
async def _serving(
    settings: Settings, adapters: Adapters, names: Sequence[str] = SERVICES
) -> AsyncIterator[tuple[Channels, str]]:
    async with running(settings, builds(names), adapters) as server:
        await server.until_ready()
        async with connect(server.settings.listen, OPERATOR) as services:
            yield services, server.settings.listen


async def _skills(services: Channels) -> list[str]:
    reply = await services.skills.ListSkills(sk.ListSkillsRequest(page_size=500))
    return [skill.name for skill in reply.skills][:60]


async def _tie(graph: Graph, skills: list[str]) -> None:
    """Relate skills in rings of two, three and five, and one to itself."""
    rings = (skills[:1], skills[1:3], skills[3:6], skills[6:11])
    async with graph.unit_of_work() as unit:
        for ring in rings:
            rows = [
                {"source": one, "target": other, "type": "optional", "confidence": 1.0, "method": 1}
                for one, other in zip(ring, [*ring[1:], ring[0]], strict=True)
            ]
            await unit.merge_relationships("RELATED_TO", "Skill", "Skill", rows)


async def _fill(services: Channels, answers: Answers, skills: list[str], address: str) -> None:
    for name, title in ((CARE, "Fictional Care"), (TRUST, "Fictional Trust")):
        organisation = pf.Organisation(name=name, title=title, fictional=True)
        request = pf.UpdateOrganisationRequest(organisation=organisation, allow_missing=True)
        answers.note(f"update {name}", await services.profiles.UpdateOrganisation(request))
    for name, latitude in (("places/CW7", 53.19), ("places/CH1", 53.2)):
        place = pf.Place(name=name, title=name, centre=Coordinates(latitude=latitude, longitude=-2.5))
        answers.note(
            f"update {name}",
            await services.profiles.UpdatePlace(pf.UpdatePlaceRequest(place=place, allow_missing=True)),
        )
    for n, name in enumerate(PEOPLE):
        answers.note(f"create {name}", await services.profiles.CreatePerson(_person(n, skills)))
        consent = pf.Consent(
            purpose=pf.CONSENT_PURPOSE_BE_FOUND, organisations=[TRUST], fields=[pf.PROFILE_FIELD_SKILLS]
        )
        if n % 2:
            async with connect(address, person(name)) as own:
                answers.note(
                    f"consent of {name}",
                    await own.profiles.GiveConsent(pf.GiveConsentRequest(parent=name, consent=consent)),
                )
    for n, name in enumerate(OPENINGS):
        answers.note(f"create {name}", await services.matching.CreateOpportunity(_opening(n, skills)))
    changed = mt.Opportunity(name=OPENINGS[0], title="Changed")
    change = mt.UpdateOpportunityRequest(opportunity=changed, update_mask=FieldMask(paths=["title"]))
    answers.note("update", await services.matching.UpdateOpportunity(change))
    answers.note("close", await services.matching.CloseOpportunity(mt.CloseOpportunityRequest(name=OPENINGS[5])))


def _person(n: int, skills: list[str]) -> pf.CreatePersonRequest:
    held = [pf.PersonSkill(skill=skill, source=pf.SOURCE_EMPLOYER) for skill in skills[n : n + 9]]
    who = pf.Person(
        display_name=f"Fictional {n}",
        place=("places/CW7", "places/CH1")[n % 2],
        skills=held,
        employments=[pf.Employment(organisation=CARE)] if n % 3 else [],
        preferences=pf.Preferences(aspiration="become a nurse" if n % 2 else "lead a team"),
        fictional=True,
    )
    return pf.CreatePersonRequest(person=who, person_id=PEOPLE[n].partition("/")[2])


def _opening(n: int, skills: list[str]) -> mt.CreateOpportunityRequest:
    offered = mt.Opportunity(
        title=f"Role {n % 3}",  # Some are alike in all but name.
        kind=OPPORTUNITY_KIND_JOB,
        organisation=TRUST,
        place="places/CH1",
        description=TEXT,
        requirements=[
            SkillRequirement(skill=skill, importance=IMPORTANCE_ESSENTIAL) for skill in skills[n // 2 : n // 2 + 12 : 2]
        ],
        fictional=True,
    )
    return mt.CreateOpportunityRequest(opportunity=offered, opportunity_id=OPENINGS[n].partition("/")[2])


async def _until_published(graph: Graph) -> None:
    async with asyncio.timeout(SECONDS):
        while await graph.run(PENDING):  # noqa: ASYNC110  another task's progress
            await asyncio.sleep(0.05)


async def _read(log: EventLog, answers: Answers) -> None:
    """Note, for each key, its events in order."""
    found: dict[str, list[str]] = defaultdict(list)
    for each in await everything(log, Topic.PROFILES, Topic.OPPORTUNITIES, Topic.APPLICATIONS):
        event = each.event
        found[f"{event.topic} {event.key}"].append(f"{event.type} {event.version} {event.time} {event.source}")
    for name, events in sorted(found.items()):
        answers.given[f"events of {name}"] = "\n".join(events)
