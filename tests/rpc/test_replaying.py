"""Recorded rankings made again from the versions that they name, on both stacks."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from careweave_matching.exporting import BEGINNING
from careweave_matching.retention import apply_rules
from careweave_matching.service import ports_over

from careweave.client import calling, person
from careweave.config import Settings
from careweave.errors import FailedPrecondition, Forbidden, InvalidArgument, NotFound
from careweave.events.port import Topic
from careweave.graph.port import Query
from careweave.policy import Caller
from careweave.v1 import hr_pb2
from careweave.v1 import matching_pb2 as mt
from careweave.v1 import profiles_pb2 as pf
from careweave.v1.common_pb2 import (
    IMPORTANCE_ESSENTIAL,
    OPPORTUNITY_KIND_COURSE,
    Date,
    ExportPersonRequest,
    SkillRequirement,
)
from careweave.v1.events_pb2 import RankingMade
from tests.rpc.test_matching import (
    CARE,
    DEMENTIA,
    MEDICATION,
    PLANS,
    TRUST,
    Place,
    a_role,
    consent,
    eventually_candidates,
    found,
    published,
    recruiter,
    somebody,
    started,
)
from tests.rpc.test_reviews import decision_of
from tests.stacks import on_both_stacks

pytestmark = on_both_stacks

KEPT = Query("person_versions_left", "MATCH (v:PersonVersion) RETURN v.name AS name ORDER BY name")
FORGET_ROLES = Query("forget_opportunity_versions", "MATCH (v:OpportunityVersion) DELETE v")
EQUAL = 1e-6


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
async def place(settings: Settings, cache: Path) -> AsyncIterator[Place]:
    async with started(replace(settings, cache=cache, index_staleness_seconds=300.0)) as running_place:
        yield running_place


async def offered_by(place: Place, organisation: str, where: str = "places/CH1", **changes: object) -> mt.Opportunity:
    role = a_role(organisation=organisation, place=where, **changes)
    return await place.services.matching.CreateOpportunity(mt.CreateOpportunityRequest(opportunity=role))


async def roles(place: Place) -> list[mt.Opportunity]:
    """Publish five opportunities that differ in what they ask for, where they are and who offers them."""
    asked = ([MEDICATION, PLANS], [DEMENTIA], [PLANS], [MEDICATION, DEMENTIA], [DEMENTIA, PLANS])
    return [
        await offered_by(
            place,
            CARE if number % 3 else TRUST,
            title=f"Role {number}",
            description=f"Care of kind {number} in people's homes.",
            where="places/CH1" if number % 2 else "places/CW7",
            requirements=[SkillRequirement(skill=name, importance=IMPORTANCE_ESSENTIAL) for name in names],
            closing_date=Date(year=2099, month=1, day=1),
        )
        for number, names in enumerate(asked)
    ]


async def changed(place: Place, who: str, roles: list[mt.Opportunity]) -> None:
    """Change all that a score reads: the profile, in each of its parts, and each of the opportunities."""
    profile = await place.services.profiles.GetPerson(pf.GetPersonRequest(name=who))
    profile.place = "places/CH1"
    profile.skills.add(skill=PLANS, proficiency=3)
    profile.preferences.aspiration = "work with plans, closer to home"
    profile.preferences.maximum_travel_minutes = 25
    del profile.employments[:]
    await place.services.profiles.UpdatePerson(pf.UpdatePersonRequest(person=profile, update_mask=None))
    for role in roles:
        role.requirements.add(skill=DEMENTIA if role == roles[0] else MEDICATION)
        role.place = "" if role.place else "places/CH1"
        role.description = "Something else altogether."
        del role.requirements[:1]
        await place.services.matching.UpdateOpportunity(mt.UpdateOpportunityRequest(opportunity=role))


async def replayed(place: Place, decision: mt.Decision) -> mt.DecisionReplay:
    with calling():
        return await place.services.matching.ReplayDecision(mt.ReplayDecisionRequest(name=decision.name))


def is_equal(again: mt.DecisionReplay, decision: mt.Decision) -> None:
    assert again.decision == decision
    assert again.same_order
    assert again.largest_difference <= EQUAL
    assert [line.opportunity for line in again.lines] == [line.opportunity for line in decision.lines]
    for line, recorded in zip(again.lines, decision.lines, strict=True):
        assert line.score == pytest.approx(recorded.score, abs=EQUAL)
        assert line.suitability == pytest.approx(recorded.suitability, abs=EQUAL)


async def test_a_ranking_is_made_again_after_profile_opportunities_and_places_have_changed(place: Place) -> None:
    who, offered = await somebody(place), await roles(place)
    shown = await found(place, who)
    assert len(shown.matches) == len(offered)
    decision = await decision_of(place, who, shown.decision)
    await changed(place, who, offered)
    async with place.adapters.graph.unit_of_work() as unit:
        away = {"name": "places/CH1", "title": "Chester", "latitude": 54.9, "longitude": -1.6}
        await unit.merge_nodes("Place", [away, {"name": "places/CW9", "title": "Northwich", "latitude": 53.2}])
    await offered_by(place, CARE, "places/CW9")  # an unknown place has the others read again
    now = await found(place, who)
    before = {match.opportunity: match.score for match in shown.matches}
    assert all(abs(before.get(match.opportunity, -1.0) - match.score) > EQUAL for match in now.matches)
    is_equal(await replayed(place, decision), decision)
    later = await decision_of(place, who, now.decision)
    assert later.versions.places != decision.versions.places
    assert later.versions.profile > decision.versions.profile
    is_equal(await replayed(place, later), later)


async def test_a_line_of_a_ranking_is_explained_as_it_was(place: Place) -> None:
    who, offered = await somebody(place), await roles(place)
    shown = await found(place, who)
    decision = await decision_of(place, who, shown.decision)
    await changed(place, who, offered)
    async with place.as_(person(who)) as own:
        for match in shown.matches:
            request = mt.ExplainMatchRequest(person=who, opportunity=match.opportunity, decision=decision.name)
            again = await own.matching.ExplainMatch(request)
            assert again.score == pytest.approx(match.score, abs=EQUAL)
            assert again.components.preference == pytest.approx(match.components.preference, abs=EQUAL)
            assert (again.gates, again.reasons) == (match.gates, match.reasons)
            assert [skill.fit for skill in again.skills] == [skill.fit for skill in match.skills]
            assert (again.travel_minutes, again.versions) == (match.travel_minutes, match.versions)
        absent = mt.ExplainMatchRequest(person=who, opportunity="opportunities/none", decision=decision.name)
        with pytest.raises(NotFound) as caught, calling():
            await own.matching.ExplainMatch(absent)
        assert caught.value.reason == "NOT_IN_DECISION"
        others = mt.ExplainMatchRequest(
            person=who, opportunity=offered[0].name, decision=decision.name.replace(who, "people/other")
        )
        with pytest.raises(InvalidArgument), calling():
            await own.matching.ExplainMatch(others)
    async with place.as_(recruiter(TRUST)) as employer:
        request = mt.ExplainMatchRequest(person=who, opportunity=offered[0].name, decision=decision.name)
        with pytest.raises(Forbidden), calling():
            await employer.matching.ExplainMatch(request)


async def test_of_a_ranking_of_people_each_makes_their_own_line_again_without_preference(place: Place) -> None:
    who, other, offered = await somebody(place), await somebody(place, email="b@example.org"), await roles(place)
    for each in (who, other):
        await consent(place, each, pf.PROFILE_FIELD_SKILLS)
    await eventually_candidates(place, offered[0].name, 2)
    shown = await place.services.matching.FindCandidates(mt.FindCandidatesRequest(opportunity=offered[0].name))
    decision = await decision_of(place, who, shown.decision)
    await changed(place, who, offered)
    is_equal(await replayed(place, decision), decision)
    mine = next(each.match for each in shown.candidates if each.person == who)
    request = mt.ExplainMatchRequest(person=who, opportunity=offered[0].name, decision=decision.name)
    again = await place.services.matching.ExplainMatch(request)
    assert again.components.suitability == pytest.approx(mine.components.suitability, abs=EQUAL)
    assert (again.score, again.components.preference) == (again.components.suitability, 0.0)


async def test_a_list_that_was_spread_is_made_again_page_by_page(place: Place) -> None:
    who = await somebody(place)
    for number in range(9):
        await offered_by(place, CARE if number < 6 else TRUST, title=f"Role {number}")
    for number in range(3):
        await offered_by(place, TRUST, "", title=f"Course {number}", kind=OPPORTUNITY_KIND_COURSE)
    spread = await found(place, who, page_size=4, maximum_per_organisation=2)
    names, pages = [match.opportunity for match in spread.matches], [spread]
    while pages[-1].next_page_token:
        token = pages[-1].next_page_token
        pages.append(await found(place, who, page_size=4, maximum_per_organisation=2, page_token=token))
        names += [match.opportunity for match in pages[-1].matches]
    pure = [match.opportunity for match in (await found(place, who, page_size=12)).matches]
    assert sorted(names) == sorted(pure)
    assert names != pure
    assert len({match.organisation for match in spread.matches}) == 2
    for at, page in enumerate(pages):
        decision = await decision_of(place, who, page.decision)
        assert (decision.offset, decision.maximum_per_organisation) == (4 * at, 2)
        assert len(decision.preceding_organisations) == min(9, 4 * at)
        is_equal(await replayed(place, decision), decision)


async def test_an_hr_update_leaves_the_version_that_a_ranking_was_made_from(place: Place) -> None:
    feed = Caller("sourceSystems/esr", "hr-feed", CARE)  # type: ignore[arg-type]
    update = hr_pb2.ProfileUpdate(source_system="sourceSystems/esr", external_id="7", source_version=1)
    update.identity.display_name = "Alex Fictional"
    update.skills.skills.add(skill=MEDICATION, proficiency=3)
    who = await _fed(place, feed, update)
    await roles(place)
    shown = await found(place, who)
    decision = await decision_of(place, who, shown.decision)
    update.source_version = 2
    update.skills.skills.add(skill=PLANS, proficiency=4)
    assert await _fed(place, feed, update) == who
    await _until_version(place, who, decision.versions.profile + 1)
    is_equal(await replayed(place, decision), decision)


async def _fed(place: Place, feed: Caller, update: hr_pb2.ProfileUpdate) -> str:
    requests = (
        hr_pb2.StreamProfileUpdatesRequest(opening=hr_pb2.FeedOpening(source_system=feed.subject, feed="staff")),
        hr_pb2.StreamProfileUpdatesRequest(update=update, position=update.source_version),
    )
    async with place.as_(feed) as stubs:
        replies = [reply async for reply in stubs.profiles.StreamProfileUpdates(iter(requests))]
    assert "APPLIED" in str(replies)
    people = await place.services.profiles.ListPeople(pf.ListPeopleRequest())
    return people.people[0].name


async def _until_version(place: Place, who: str, version: int) -> None:
    async with asyncio.timeout(20):
        while True:
            shown = await found(place, who)
            if shown.matches[0].versions.profile >= version:
                return
            await asyncio.sleep(0.05)


async def test_of_somebody_who_was_erased_it_says_so_and_to_nobody_else(place: Place) -> None:
    who, offered = await somebody(place), await roles(place)
    decision = await decision_of(place, who, (await found(place, who)).decision)
    await changed(place, who, offered)
    own_name = person(who)
    async with place.as_(own_name) as own:
        exported = [s async for s in own.profiles.ExportPerson(ExportPersonRequest(name=who))]
        kept = next(section for section in exported if section.kind == "profile-versions")
        assert [dict(row)["version"] for row in kept.rows] == ["1"]
        assert "Alex" not in str(kept)
        preview = await own.profiles.ErasePerson(pf.ErasePersonRequest(name=who))
        assert {each.kind: each.count for each in preview.removed}["profile-versions"] == 1
    await place.services.profiles.ErasePerson(pf.ErasePersonRequest(name=who, force=True))
    assert await place.adapters.graph.run(KEPT) == []
    request = mt.ExplainMatchRequest(person=who, opportunity=offered[0].name, decision=decision.name)
    for call in (
        place.services.matching.ExplainMatch(request),
        place.services.matching.ReplayDecision(mt.ReplayDecisionRequest(name=decision.name)),
    ):
        with pytest.raises(NotFound) as caught, calling():
            await call
        assert caught.value.reason == "PERSON_ERASED"
    nobody = mt.ReplayDecisionRequest(name=decision.name.replace(who, "people/nobody"))
    with pytest.raises(NotFound) as caught, calling():
        await place.services.matching.ReplayDecision(nobody)
    assert caught.value.reason == "PERSON_NOT_FOUND"
    async with place.as_(person("people/stranger")) as stranger:
        with pytest.raises(Forbidden) as refused, calling():
            await stranger.matching.ReplayDecision(mt.ReplayDecisionRequest(name=decision.name))
        assert "erased" not in str(refused.value)


async def test_what_is_no_longer_there_is_named_and_nothing_stands_in_for_it(place: Place) -> None:
    who, offered = await somebody(place), await roles(place)
    decision = await decision_of(place, who, (await found(place, who)).decision)
    await changed(place, who, offered)
    async with place.adapters.graph.unit_of_work() as unit:
        await unit.run(FORGET_ROLES)
    with pytest.raises(FailedPrecondition) as caught:
        await replayed(place, decision)
    assert caught.value.reason == "DECISION_NOT_REPLAYABLE"
    assert caught.value.metadata["missing"] == "opportunity"
    async with place.adapters.graph.unit_of_work() as unit:
        await unit.run(Query("forget_versions", "MATCH (v:PersonVersion) DELETE v"))
    with pytest.raises(FailedPrecondition) as caught:
        await replayed(place, decision)
    assert (caught.value.metadata["missing"], caught.value.metadata["version"]) == ("profile", "1")


async def test_versions_are_kept_for_as_long_as_rankings_are(place: Place) -> None:
    who, offered = await somebody(place), await roles(place)
    await found(place, who)
    await changed(place, who, offered)
    ports = ports_over(place.adapters, place.services)
    assert ports.decisions_kept == timedelta(days=place.adapters.settings.events_keep_days)
    day = timedelta(days=1)
    for age, left in ((ports.decisions_kept - day, len(offered)), (ports.decisions_kept + day, 0)):
        aged = replace(ports, clock=lambda age=age: place.adapters.clock() + age)  # type: ignore[misc]
        foretold = {each.kind: each.removed for each in (await apply_rules(aged, dry=True)).applied}
        removed = {each.kind: each.removed for each in (await apply_rules(aged)).applied}
        assert foretold == removed
        assert removed["opportunity-versions"] == len(offered) - left


@pytest.mark.parametrize("what", ["model", "taxonomy", "weights", "places", "relatedness"])
async def test_a_ranking_by_other_software_or_another_taxonomy_is_not_made_again(place: Place, what: str) -> None:
    """One that an earlier release recorded names no places and no table: that is said as well."""
    who, _ = await somebody(place), await published(place)
    decision = await decision_of(place, who, (await found(place, who)).decision)
    (event,) = await place.adapters.events.recall(Topic.DECISIONS, who, BEGINNING)
    for version in {"another", ""} - {getattr(decision.versions, what)}:  # here no taxonomy is loaded
        made = RankingMade.FromString(event.payload or b"")
        setattr(made.versions, what, version)
        made.decision = f"{made.decision}-{version or 'none'}"
        await place.adapters.events.append(
            [replace(event, id=made.decision.removeprefix("decisions/"), payload=made.SerializeToString())]
        )
        with pytest.raises(FailedPrecondition) as caught:
            await replayed(place, mt.Decision(name=f"{who}/{made.decision}"))
        assert (caught.value.metadata["missing"], caught.value.metadata["version"]) == (what, version)
    is_equal(await replayed(place, decision), decision)
