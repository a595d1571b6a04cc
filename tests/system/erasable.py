"""People who are told apart by every word of theirs, made through the real services with something of every kind."""

import asyncio
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import uuid4

import grpc
from careweave_cli.person.needles import Needle, needles_of
from google.protobuf.field_mask_pb2 import FieldMask

from careweave.client import Channels, connect, person
from careweave.events.port import Event, EventLog, Topic
from careweave.feeding import send_updates
from careweave.v1 import hr_pb2
from careweave.v1 import matching_pb2 as mt
from careweave.v1 import planning_pb2 as pl
from careweave.v1 import profiles_pb2 as pf
from careweave.v1 import skills_pb2 as sk
from careweave.v1.common_pb2 import (
    IMPORTANCE_ESSENTIAL,
    OPPORTUNITY_KIND_JOB,
    TRAVEL_MODE_CAR,
    Coordinates,
    SkillRequirement,
)
from careweave.wiring import utc_now

CARE, TRUST = "organisations/fictional-care", "organisations/fictional-trust"
OPENING = hr_pb2.FeedOpening(source_system="sourceSystems/esr-fictional", feed="staff")
TEXT = "You will support people living with dementia, administer prescribed medication and keep care records."
_VOWELS, _CONSONANTS = "aeiou", "bdfgklmnprstvz"


@dataclass(frozen=True, slots=True)
class Made:
    """One person: `people/…`, and words that stand nowhere but in what is about them."""

    name: str
    words: Sequence[str]

    @property
    def needles(self) -> list[Needle]:
        """Return what to look for."""
        return needles_of(self.name, self.words)


def made_up_words(count: int, seed: int) -> list[str]:
    """Return words that no language has, none within another."""
    chance = random.Random(seed)
    found: set[str] = set()
    while len(found) < count:
        found.add("Q" + "".join(chance.choice(_VOWELS) + chance.choice(_CONSONANTS) for _ in range(5)))
    return sorted(found)


async def furnish(services: Channels, taxonomies: str) -> tuple[list[str], list[str]]:
    """Load a small taxonomy, two employers and three openings; returns names of skills and of the openings."""
    async for _ in services.skills.ImportTaxonomy(sk.ImportTaxonomyRequest(folder=taxonomies)):
        pass
    reply = await services.skills.ListSkills(sk.ListSkillsRequest(page_size=500))
    skills = [skill.name for skill in reply.skills][:40]
    for name in (CARE, TRUST):
        organisation = pf.Organisation(name=name, title=name, fictional=True)
        await services.profiles.UpdateOrganisation(
            pf.UpdateOrganisationRequest(organisation=organisation, allow_missing=True)
        )
    place = pf.Place(name="places/CW7", title="Winsford", centre=Coordinates(latitude=53.19, longitude=-2.5))
    await services.profiles.UpdatePlace(pf.UpdatePlaceRequest(place=place, allow_missing=True))
    openings = [(await services.matching.CreateOpportunity(_opening(n, skills))).name for n in range(3)]
    return skills, openings


async def make_people(services: Channels, words: Sequence[str], skills: Sequence[str]) -> list[Made]:
    """Make a person of each five of `words`: name, email, aspiration, evidence and comment; by an HR feed."""
    fives = [words[start : start + 5] for start in range(0, len(words), 5)]

    def after(position: int) -> Iterable[tuple[int, hr_pb2.ProfileUpdate]]:
        return enumerate([hr_update(each[0], each[1], skills) for each in fives[position:]], position + 1)

    async for answer in send_updates(services, OPENING, after, after=0):
        assert answer.outcome == hr_pb2.UPDATE_OUTCOME_APPLIED, answer
    by_word: dict[str, str] = {}
    token = ""
    while True:
        page = await services.profiles.ListPeople(pf.ListPeopleRequest(page_size=1000, page_token=token))
        by_word |= {each.display_name.split()[-1]: each.name for each in page.people}
        token = page.next_page_token
        if not token:
            break
    return [Made(by_word[each[0]], each) for each in fives]


def hr_update(surname: str, email: str, skills: Sequence[str]) -> hr_pb2.ProfileUpdate:
    """Return what an HR system says of somebody of these words."""
    update = hr_pb2.ProfileUpdate(source_system=OPENING.source_system, external_id=f"staff {surname}", source_version=1)
    update.identity.display_name = f"Fictional {surname}"
    update.identity.email = f"{email}@example.org"
    update.identity.fictional = True
    update.employments.employments.add(organisation=CARE, job_title="Care assistant")
    for skill in skills[:3]:
        update.skills.skills.add(skill=skill)
    update.skills.skills.add(label=f"Weaving after {surname}")  # which no taxonomy knows
    return update


async def live(
    services: Channels, address: str, people: Sequence[Made], skills: Sequence[str], openings: Sequence[str]
) -> None:
    """Let each person do all that leaves something behind, and be ranked for each opening.

    address: of the services, where people call by themselves.
    """
    for number, each in enumerate(people):
        _, email, aspiration, evidence, comment = each.words
        wishes = pf.Preferences(
            aspiration=f"to become a nurse like {aspiration}", alerts=True, travel_mode=TRAVEL_MODE_CAR,
            maximum_travel_minutes=90, unsocial_hours=True,
        )  # fmt: skip
        about = pf.Person(name=each.name, place="places/CW7", email=f"{email}@example.org", preferences=wishes)
        mask = FieldMask(paths=["place", "email", "preferences"])
        await services.profiles.UpdatePerson(
            pf.UpdatePersonRequest(person=about, update_mask=mask, request_id=str(uuid4()))
        )
        for skill in skills[4 + number % 5 : 10 + number % 5]:
            told = pf.PersonSkill(skill=skill, evidence=f"as {evidence} saw")
            request = pf.AssertSkillRequest(person=each.name, skill=told, request_id=str(uuid4()))
            await services.profiles.AssertSkill(request)
        told = pf.PersonSkill(skill=skills[0], evidence=f"told again by {evidence}")
        await services.profiles.AssertSkill(pf.AssertSkillRequest(person=each.name, skill=told))
        for purpose in (pf.CONSENT_PURPOSE_BE_FOUND, pf.CONSENT_PURPOSE_ALERTS):
            consent = pf.Consent(purpose=purpose, fields=[pf.PROFILE_FIELD_DISPLAY_NAME, pf.PROFILE_FIELD_SKILLS])
            async with connect(address, person(each.name)) as own:
                await own.profiles.GiveConsent(pf.GiveConsentRequest(parent=each.name, consent=consent))
        declared = pl.EqualityDeclaration(name=f"{each.name}/equalityDeclaration", sex=pl.SEX_FEMALE)
        async with connect(address, person(each.name)) as own:
            await own.planning.UpdateEqualityDeclaration(
                pl.UpdateEqualityDeclarationRequest(equality_declaration=declared, allow_missing=True)
            )
        other = people[(number + 1) % len(people)]
        vouched = pf.Endorsement(endorser=each.name, comment=f"signed {comment}")
        await services.profiles.EndorseSkill(
            pf.EndorseSkillRequest(person=other.name, skill=skills[0], endorsement=vouched)
        )
        interest = mt.ExpressInterestRequest(
            person=each.name, opportunity=openings[number % 3], comment=f"yours, {comment}"
        )
        await services.matching.ExpressInterest(interest)
    for each in people:
        await services.matching.FindOpportunities(mt.FindOpportunitiesRequest(person=each.name))
        await services.matching.ExplainMatch(mt.ExplainMatchRequest(person=each.name, opportunity=openings[0]))
        await _contest(address, each, openings[0])
    for name in openings:
        await services.matching.FindCandidates(mt.FindCandidatesRequest(opportunity=name, page_size=100))


async def _contest(address: str, who: Made, opening: str) -> None:
    """Ask for a review of a ranking, in words of theirs, once the ranking is on record."""
    async with connect(address, person(who.name)) as own, asyncio.timeout(60):
        listing = mt.ListDecisionsRequest(parent=who.name)
        while not (kept := (await own.matching.ListDecisions(listing)).decisions):  # noqa: ASYNC110  recorded beside
            await asyncio.sleep(0.1)
        wanted = mt.DecisionReview(
            kind=mt.REVIEW_KIND_CONTEST, decision=kept[0].name, opportunity=opening, comment=f"so says {who.words[4]}"
        )
        await own.matching.RequestReview(mt.RequestReviewRequest(parent=who.name, review=wanted))


async def send_by_topic(log: EventLog, people: Sequence[Made], skills: Sequence[str]) -> None:
    """Put updates with names on the topic of HR updates: one that can be taken for each person, and one that cannot."""
    events = []
    for each in people:
        good, bad = (hr_update(each.words[0], each.words[1], skills) for _ in range(2))
        good.source_version = 2
        bad.source_version = 3
        bad.employments.employments[0].organisation = "organisations/nowhere"
        events += [_on_topic(good), _on_topic(bad)]
    await log.append(events)


def _on_topic(update: hr_pb2.ProfileUpdate) -> Event:
    kind = hr_pb2.ProfileUpdate.DESCRIPTOR.full_name
    version, payload = update.source_version, update.SerializeToString()
    return Event(Topic.HR_UPDATES, str(uuid4()), kind, "/test", f"records/{uuid4()}", version, utc_now(), payload)


async def until_known(services: Channels, people: Sequence[Made]) -> None:
    """Return once matching ranks for each of `people`."""
    async with asyncio.timeout(120):
        for each in people:
            while not await _is_ranked(services, each):  # noqa: ASYNC110  another process's progress
                await asyncio.sleep(0.1)


async def _is_ranked(services: Channels, who: Made) -> bool:
    try:
        reply = await services.matching.FindOpportunities(mt.FindOpportunitiesRequest(person=who.name))
    except grpc.aio.AioRpcError:
        return False  # the index has yet to hear of them
    return reply.total_size > 0


def _opening(n: int, skills: Sequence[str]) -> mt.CreateOpportunityRequest:
    offered = mt.Opportunity(
        title=f"Role {n}",
        kind=OPPORTUNITY_KIND_JOB,
        organisation=TRUST,
        place="places/CW7",
        description=TEXT,
        requirements=[
            SkillRequirement(skill=skill, importance=IMPORTANCE_ESSENTIAL) for skill in skills[n : n + 12 : 2]
        ],
        fictional=True,
    )
    return mt.CreateOpportunityRequest(opportunity=offered, opportunity_id=f"fictional-{n}")
