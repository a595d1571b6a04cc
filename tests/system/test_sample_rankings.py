"""Rankings of people of the sample place: one number in both directions, made again, spread, and what changes them.

Who is looked at is drawn with a fixed seed; nothing was looked at before. People and organisations are fictional.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from careweave_cli.composition import SERVICES, in_process
from google.protobuf.field_mask_pb2 import FieldMask

from careweave.client import OPERATOR, calling
from careweave.config import Settings
from careweave.errors import NotFound
from careweave.rpc.channels import Channels
from careweave.v1 import matching_pb2 as mt
from careweave.v1 import profiles_pb2 as pf

PEOPLE = 12
MOST = 2
WINDOW = 10
EQUAL = 1e-6


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, sample_settings: Callable[[Path], Settings]) -> Settings:
    """Return settings of a folder with the sample place."""
    return replace(sample_settings(tmp_path_factory.mktemp("sample")), index_staleness_seconds=300.0)


@asynccontextmanager
async def loaded(settings: Settings) -> AsyncIterator[Channels]:
    async with in_process(settings, SERVICES) as here, Channels(here.settings, OPERATOR, own=here.own) as services:
        yield services


async def somebody(services: Channels) -> list[str]:
    """Return people drawn from the sample."""
    listed = await services.profiles.ListPeople(pf.ListPeopleRequest(page_size=1000))
    return random.Random(11).sample([each.name for each in listed.people], PEOPLE)


async def found(services: Channels, who: str, maximum_per_organisation: int = 0) -> mt.FindOpportunitiesResponse:
    request = mt.FindOpportunitiesRequest(person=who, page_size=20, maximum_per_organisation=maximum_per_organisation)
    return await services.matching.FindOpportunities(request)


async def recorded(services: Channels, who: str, decision: str) -> mt.DecisionReplay:
    """Return a ranking made again, once it is recorded."""
    request = mt.ReplayDecisionRequest(name=f"{who}/{decision}")
    async with asyncio.timeout(30):
        while True:
            try:
                with calling():
                    return await services.matching.ReplayDecision(request)
            except NotFound:
                await asyncio.sleep(0.05)


async def test_both_directions_and_the_explanation_give_one_suitability(settings: Settings) -> None:
    compared = 0
    async with loaded(settings) as services:
        offers = await services.matching.ListOpportunities(mt.ListOpportunitiesRequest(page_size=400))
        for role in random.Random(5).sample(list(offers.opportunities), PEOPLE):
            request = mt.FindCandidatesRequest(opportunity=role.name, page_size=5, include_ineligible=True)
            for candidate in (await services.matching.FindCandidates(request)).candidates:
                pair = mt.ExplainMatchRequest(person=candidate.person, opportunity=role.name)
                explained = await services.matching.ExplainMatch(pair)
                listed = mt.FindOpportunitiesRequest(
                    person=candidate.person, page_size=100, kinds=[role.kind], include_ineligible=True
                )
                own = (await services.matching.FindOpportunities(listed)).matches
                mine = [match for match in own if match.opportunity == role.name]
                assert candidate.match.components.suitability == explained.components.suitability
                for match in mine:
                    assert match.components.suitability == explained.components.suitability
                    assert match.score == explained.score
                compared += len(mine)
    assert compared >= PEOPLE


async def test_rankings_are_made_again_after_the_profiles_have_changed(settings: Settings) -> None:
    async with loaded(settings) as services:
        shown = {who: await found(services, who) for who in await somebody(services)}
        for who in shown:
            profile = await services.profiles.GetPerson(pf.GetPersonRequest(name=who))
            del profile.skills[::2]
            profile.preferences.aspiration = "something quite different, perhaps teaching"
            mask = FieldMask(paths=["skills", "preferences"])
            await services.profiles.UpdatePerson(pf.UpdatePersonRequest(person=profile, update_mask=mask))
        for who, reply in shown.items():
            again = await recorded(services, who, reply.decision)
            assert len(again.lines) == len(reply.matches)
            assert again.same_order
            assert again.largest_difference <= EQUAL
            assert [line.opportunity for line in again.lines] == [match.opportunity for match in reply.matches]


async def test_a_spread_list_shows_no_organisation_too_often_and_is_made_again(settings: Settings) -> None:
    crowded = 0
    async with loaded(settings) as services:
        for who in await somebody(services):
            pure = await found(services, who)
            spread = await found(services, who, maximum_per_organisation=MOST)
            crowded += too_often(pure.matches)
            assert not skipped(spread.matches)
            assert spread.matches[0] == pure.matches[0]
            assert spread.total_size == pure.total_size
            again = await recorded(services, who, spread.decision)
            assert again.same_order
    assert crowded


def too_often(matches: Sequence[mt.Match]) -> bool:
    owners = [match.organisation for match in matches]
    return any(max(Counter(owners[at : at + WINDOW]).values()) > MOST for at in range(len(owners)))


def skipped(matches: Sequence[mt.Match]) -> list[int]:
    """Return the places that went to an organisation that was there too often, though another one had something."""
    owners = [match.organisation for match in matches]
    before = [owners[max(0, at - WINDOW + 1) : at] for at in range(len(owners))]
    return [
        at
        for at, recent in enumerate(before)
        if recent.count(owners[at]) >= MOST and any(recent.count(each) < MOST for each in owners[at:])
    ]


async def test_the_skills_that_would_lift_an_opportunity_lift_it_once_the_profile_holds_them(
    settings: Settings,
) -> None:
    lifted = 0
    async with loaded(settings) as services:
        for who in (await somebody(services))[: PEOPLE // 2]:
            tenth = (await found(services, who)).matches[9]
            request = mt.FindSkillGainsRequest(person=who, opportunity=tenth.opportunity, top=5)
            told = await services.matching.FindSkillGains(request)
            assert told.before.place == 10
            assert told.before.score == tenth.score
            assert told.reached == (told.after.place <= 5)
            if not told.reached:
                continue
            profile = await services.profiles.GetPerson(pf.GetPersonRequest(name=who))
            gained = {gain.skill: gain for gain in told.gains}
            others = [skill for skill in profile.skills if skill.skill not in gained]
            del profile.skills[:]
            profile.skills.extend(others)
            for gain in told.gains:
                profile.skills.add(
                    skill=gain.skill, proficiency=gain.proficiency, source=pf.SOURCE_ASSESSMENT, evidence="Assessed."
                )
            mask = FieldMask(paths=["skills"])
            changed = await services.profiles.UpdatePerson(pf.UpdatePersonRequest(person=profile, update_mask=mask))
            now = await until_version(services, who, changed.version)
            place = [match.opportunity for match in now.matches].index(tenth.opportunity) + 1
            assert place == told.after.place
            assert now.matches[place - 1].score == pytest.approx(told.after.score, abs=EQUAL)
            lifted += 1
    assert lifted


async def until_version(services: Channels, who: str, version: int) -> mt.FindOpportunitiesResponse:
    async with asyncio.timeout(30):
        while True:
            reply = await found(services, who)
            if reply.matches[0].versions.profile >= version:
                return reply
            await asyncio.sleep(0.02)
