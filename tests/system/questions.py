"""What the scenario asks of each service, and the answers in a form that can be compared."""

import asyncio
import re
from dataclasses import dataclass, field

from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message

from careweave.rpc.channels import Channels
from careweave.v1 import matching_pb2 as mt
from careweave.v1 import profiles_pb2 as pf
from careweave.v1 import skills_pb2 as sk

SECONDS = 600.0
"""How long embedding may take; only a failure takes so long."""
QUERIES = ("dementia", "helps people at home", "medication", "nurse", "manage staff")
RANDOM = re.compile(r"(consents|credentials|decisions)/[A-Za-z0-9-]+")
WALL_TIME = re.compile(r'"(importTime|elapsed|nextPageToken|digest)": "[^"]*"')
"""What differs from one run to the next on one stack, too; a digest is of a consent with its random name."""


@dataclass
class Answers:
    """What was asked, and the answers as JSON without what is random in them."""

    given: dict[str, str] = field(default_factory=dict)

    def note(self, asked: str, answer: Message) -> None:
        """Note the answer to what was `asked`."""
        text = RANDOM.sub(r"\1/…", MessageToJson(answer, ensure_ascii=False))
        self.given[asked] = WALL_TIME.sub(r'"\1": ""', text)


async def ask_of_skills(services: Channels, answers: Answers, skills: list[str], text: str) -> None:
    ask = services.skills
    async with asyncio.timeout(SECONDS):
        while not await _all_embedded(services):  # noqa: ASYNC110  the service says nothing when it is done
            await asyncio.sleep(0.2)
    for query in QUERIES:
        answers.note(f"skills: {query}", await ask.SearchSkills(sk.SearchSkillsRequest(query=query)))
        found = await ask.SearchOccupations(sk.SearchOccupationsRequest(query=query))
        answers.note(f"occupations: {query}", found)
        for hit in found.hits[:3]:
            name = hit.occupation.name
            answers.note(name, await ask.GetOccupation(sk.GetOccupationRequest(name=name)))
    for name in skills:
        answers.note(name, await ask.GetSkill(sk.GetSkillRequest(name=name)))
        answers.note(f"related: {name}", await ask.ListRelatedSkills(sk.ListRelatedSkillsRequest(name=name)))
    answers.note("text", await ask.ExtractSkills(sk.ExtractSkillsRequest(text=text)))
    answers.note("standards", await ask.ListStandards(sk.ListStandardsRequest()))
    answers.note("courses", await ask.ListCourses(sk.ListCoursesRequest()))
    answers.note("all skills", await ask.ListSkills(sk.ListSkillsRequest(page_size=500)))


async def ask_of_people(services: Channels, answers: Answers, people: list[str], organisation: str) -> None:
    ask = services.profiles
    for name in people:
        answers.note(name, await ask.GetPerson(pf.GetPersonRequest(name=name)))
    answers.note("people", await ask.ListPeople(pf.ListPeopleRequest()))
    answers.note("people of one", await ask.ListPeople(pf.ListPeopleRequest(organisation=organisation)))
    answers.note("organisations", await ask.ListOrganisations(pf.ListOrganisationsRequest()))
    answers.note("places", await ask.ListPlaces(pf.ListPlacesRequest()))
    request = pf.BatchGetPersonSnapshotsRequest(names=[*reversed(people), "people/nobody"])
    answers.note("snapshots", await ask.BatchGetPersonSnapshots(request))


async def ask_of_openings(services: Channels, answers: Answers, openings: list[str]) -> None:
    ask = services.matching
    answers.note("open", await ask.ListOpportunities(mt.ListOpportunitiesRequest()))
    answers.note("all", await ask.ListOpportunities(mt.ListOpportunitiesRequest(include_closed=True)))
    for name in openings:
        request = mt.FindCandidatesRequest(opportunity=name, include_ineligible=True)
        answers.note(f"candidates for {name}", await ask.FindCandidates(request))


async def ask_about_matches(services: Channels, answers: Answers, name: str) -> None:
    ask = services.matching
    request = mt.FindOpportunitiesRequest(person=name, include_ineligible=True)
    found = await ask.FindOpportunities(request)
    answers.note(f"for {name}", found)
    for match in found.matches[:2]:
        pair = {"person": name, "opportunity": match.opportunity}
        answers.note(f"why {pair}", await ask.ExplainMatch(mt.ExplainMatchRequest(**pair)))
        gains = mt.FindSkillGainsRequest(person=name, opportunity=match.opportunity, suitability=0.8)
        answers.note(f"gains {pair}", await ask.FindSkillGains(gains))
        answers.note(f"interest {pair}", await ask.ExpressInterest(mt.ExpressInterestRequest(**pair)))
    answers.note(f"applications of {name}", await ask.ListApplications(mt.ListApplicationsRequest(person=name)))


async def _all_embedded(services: Channels) -> bool:
    """Return whether search has all labels; with fewer, scores differ."""
    status = await services.skills.GetTaxonomyStatus(sk.GetTaxonomyStatusRequest())
    return status.embedded == status.to_embed > 0
