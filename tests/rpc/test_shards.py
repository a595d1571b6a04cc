"""Matching by region: shards behind a front, on real servers, answer as one process for everything does."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from careweave_matching import service
from careweave_matching.shards.routes import ANYWHERE, AT_HOME, EVERYWHERE, NOWHERE
from google.protobuf.field_mask_pb2 import FieldMask

from careweave.client import Channels, calling, connect
from careweave.config import Settings
from careweave.errors import FailedPrecondition, Forbidden, InvalidArgument, NotFound, Unauthenticated, Unavailable
from careweave.events.port import Positions, Topic
from careweave.v1 import audit_pb2, events_pb2, pathways_pb2
from careweave.v1 import matching_pb2 as mt
from careweave.v1 import profiles_pb2 as pf
from careweave.v1.common_pb2 import TRAVEL_MODE_CAR
from careweave.wiring import Adapters, open_adapters
from tests.rpc.issuer import Issuer
from tests.rpc.shards import Sharded, fill, sharded
from tests.rpc.test_matching import a_person, a_role
from tests.stacks import on_both_stacks


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
async def opened(settings: Settings, cache: Path) -> AsyncIterator[Adapters]:
    async with open_adapters(replace(settings, cache=cache)) as adapters:
        yield adapters


@pytest.fixture
async def place(opened: Adapters, issuer: Issuer) -> AsyncIterator[Sharded]:
    async with sharded(opened.settings, opened, issuer) as installation:
        yield installation


def without_name(reply: mt.FindOpportunitiesResponse) -> tuple[list[mt.Match], int]:
    return list(reply.matches), reply.total_size


def test_every_rpc_has_a_shard_that_answers_it_or_is_refused() -> None:
    every = [method.name for method in mt.DESCRIPTOR.services_by_name["MatchingService"].methods]
    assert sorted([*AT_HOME, *ANYWHERE, *EVERYWHERE, *NOWHERE]) == sorted(every)


async def test_shards_answer_as_one_process_does_for_everybody(place: Sharded) -> None:
    people, roles = await fill(place, 240, 160)
    await lists_are_equal(place, people)
    await pages_fit_together(place, people)
    await candidates_are_equal(place, roles)
    await everyone_is_ranked(place, people)
    await single_questions_are_answered_alike_or_refused(place, people, roles)


async def lists_are_equal(place: Sharded, people: list[str]) -> None:
    rng = random.Random(1)
    ranked = 0
    for who in people:
        request = mt.FindOpportunitiesRequest(
            person=who,
            include_ineligible=rng.random() < 0.1,
            maximum_per_organisation=rng.choice([0, 0, 2]),
            view=rng.choice([mt.MATCH_VIEW_FULL, mt.MATCH_VIEW_BASIC]),
        )
        theirs = await place.front.matching.FindOpportunities(request)
        assert without_name(theirs) == without_name(await place.whole.matching.FindOpportunities(request)), who
        ranked += theirs.total_size > 0
    assert ranked > 200


async def pages_fit_together(place: Sharded, people: list[str]) -> None:
    for who in people[:12]:
        request = mt.FindOpportunitiesRequest(person=who, page_size=7, include_ineligible=True)
        first = await place.front.matching.FindOpportunities(request)
        whole = await place.whole.matching.FindOpportunities(
            mt.FindOpportunitiesRequest(person=who, page_size=14, include_ineligible=True)
        )
        request.page_token = first.next_page_token
        second = await place.front.matching.FindOpportunities(request)
        assert [*first.matches, *second.matches] == list(whole.matches)
        decision = mt.GetDecisionRequest(name=f"{who}/{second.decision}")
        assert (await recorded(place, decision)).offset == 7


async def recorded(place: Sharded, request: mt.GetDecisionRequest) -> mt.Decision:
    """Return a decision once it is appended, from whichever shard is asked."""
    async with asyncio.timeout(30):
        while True:
            try:
                with calling():
                    return await place.front.matching.GetDecision(request)
            except NotFound:
                await asyncio.sleep(0.05)


async def candidates_are_equal(place: Sharded, roles: list[str]) -> None:
    found = 0
    for role in roles[:40]:
        request = mt.FindCandidatesRequest(opportunity=role, page_size=10)
        theirs = await place.front.matching.FindCandidates(request)
        whole = await place.whole.matching.FindCandidates(request)
        assert (list(theirs.candidates), theirs.total_size) == (list(whole.candidates), whole.total_size)
        if theirs.next_page_token:
            request.page_token = theirs.next_page_token
            following = await place.front.matching.FindCandidates(request)
            request.page_token = whole.next_page_token
            assert list(following.candidates) == list((await place.whole.matching.FindCandidates(request)).candidates)
        for candidate in theirs.candidates[:1]:
            name = f"{candidate.person}/{theirs.decision}"
            assert (await recorded(place, mt.GetDecisionRequest(name=name))).subject == role
        found += len(theirs.candidates)
    assert found > 100


async def everyone_is_ranked(place: Sharded, people: list[str]) -> None:
    lists: list[list[tuple[str, list[mt.ListedOpportunity], int]]] = []
    for channels in (place.front, place.whole):
        lists.append([])
        async for some in channels.matching.RankEveryone(mt.RankEveryoneRequest(top=4)):
            assert some.total_size == len(people)
            lists[-1] += [(each.person, list(each.lines), each.total_size) for each in some.people]
    assert lists[0] == lists[1]
    assert [who for who, _, _ in lists[0]] == sorted(people)


async def single_questions_are_answered_alike_or_refused(place: Sharded, people: list[str], roles: list[str]) -> None:
    refused = 0
    for number, who in enumerate(people[:60]):
        pair = mt.ExplainMatchRequest(person=who, opportunity=roles[number])
        explained = await place.front.matching.ExplainMatch(pair)
        assert explained == await place.whole.matching.ExplainMatch(pair)
        gains = mt.FindSkillGainsRequest(person=who, opportunity=roles[number], suitability=0.9)
        plan = pathways_pb2.PlanPathwaysRequest(person=who)
        try:
            with calling():
                assert await place.front.matching.FindSkillGains(gains) == await place.whole.matching.FindSkillGains(
                    gains
                )
                assert (await place.front.matching.PlanPathways(plan)).routes == (
                    await place.whole.matching.PlanPathways(plan)
                ).routes
        except FailedPrecondition as error:
            assert error.reason == "SPANS_SHARDS"  # noqa: PT017  either is right, by person
            refused += 1
    assert 10 < refused < 50


async def test_the_front_asks_who_calls_and_hands_on_what_shards_say(place: Sharded) -> None:
    (who, other), (role, *_) = await fill(place, 2, 3)
    asked = mt.FindOpportunitiesRequest(person=who)
    async with place.as_(careweave_role="person", careweave_subject=who) as own:
        assert (await own.matching.FindOpportunities(asked)).decision
        with pytest.raises(Forbidden), calling():
            await own.matching.FindOpportunities(mt.FindOpportunitiesRequest(person=other))
    part = mt.FindShardOpportunitiesRequest(request=asked, first=1)
    async with place.shard("north") as operator:
        with pytest.raises(Forbidden), calling():
            await operator.matching.FindShardOpportunities(part)
    with pytest.raises(NotFound), calling():
        await place.front.matching.FindOpportunities(mt.FindOpportunitiesRequest(person="people/nobody"))
    with pytest.raises(InvalidArgument) as invalid, calling():
        await place.front.matching.FindOpportunities(mt.FindOpportunitiesRequest(person=who, page_size=-1))
    assert invalid.value.violations
    for refused in (
        place.front.matching.GetIndexStatus(mt.GetIndexStatusRequest()),
        place.front.matching.FindShardCandidates(
            mt.FindShardCandidatesRequest(request=mt.FindCandidatesRequest(opportunity=role), first=1)
        ),
    ):
        with pytest.raises(FailedPrecondition, match=r"ask each shard|asked by one shard"), calling():
            await refused
    async with grpc.aio.insecure_channel(place.front_address) as bare:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = bare.unary_unary(
            "/careweave.v1.MatchingService/FindOpportunities"
        )
        with pytest.raises(Unauthenticated), calling():
            await call(asked.SerializeToString())


@on_both_stacks
async def test_who_moves_house_is_found_where_they_live_then_and_each_access_is_recorded_once(place: Sharded) -> None:
    people, roles = await fill(place, 12, 30)
    who = people[0]
    for home in ("places/M1", "places/EC1A", "places/EH1", "places/M1"):
        person = await place.front.profiles.GetPerson(pf.GetPersonRequest(name=who))
        person.place = home
        changed = await place.front.profiles.UpdatePerson(
            pf.UpdatePersonRequest(person=person, update_mask=FieldMask(paths=["place"]))
        )
        await until_known(place, mt.ExplainMatchRequest(person=who, opportunity=roles[0]), changed.version)
        request = mt.FindOpportunitiesRequest(person=who)
        expected = await place.whole.matching.FindOpportunities(request)
        assert without_name(await place.front.matching.FindOpportunities(request)) == without_name(expected)
        holding = {"places/M1": "north", "places/EC1A": "south", "places/EH1": "rest"}[home]
        for name in place.addresses:
            async with place.shard(name) as shard, asyncio.timeout(60):
                # The shard that they left hears of it as of any change.
                while await holds(shard, who, holding) != (name == holding):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
    for trail in place.trails:
        await trail.flush()
    listed = await place.front.profiles.ListRecordedAccesses(audit_pb2.ListRecordedAccessesRequest(parent=who))
    accesses = [each for each in listed.accesses if each.action == "FindOpportunities"]
    assert len(accesses) == 2 * 4
    assert {each.outcome for each in accesses} == {audit_pb2.AUDIT_OUTCOME_DONE}


async def holds(shard: Channels, who: str, holding: str) -> bool:
    """Tell whether a shard holds a person; if it does not, it names `holding` as the one that does."""
    try:
        with calling():
            await shard.matching.ExplainMatch(mt.ExplainMatchRequest(person=who, opportunity="opportunities/none"))
    except NotFound:
        return True
    except FailedPrecondition as error:
        assert (error.reason, error.metadata["shard"]) == ("PERSON_ELSEWHERE", holding)  # noqa: PT017
        return False
    raise AssertionError("there is no such opportunity")


async def until_known(place: Sharded, pair: mt.ExplainMatchRequest, version: int) -> None:
    """Return once that version of the person is known in one process and in the shard that they live in."""
    async with asyncio.timeout(60):
        for channels in (place.whole, place.front):
            while (await channels.matching.ExplainMatch(pair)).versions.profile != version:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


@on_both_stacks
async def test_a_shard_that_is_down_is_named_and_the_others_go_on(place: Sharded) -> None:
    people, roles = await fill(place, 40, 30)
    homes = {name: (await place.front.profiles.GetPerson(pf.GetPersonRequest(name=name))) for name in people}
    north = {"places/M1", "places/CW7", "places/LS1"}
    near = [name for name, each in homes.items() if each.preferences.maximum_travel_minutes <= 60]
    gone = next(name for name in near if homes[name].place in north)
    there = next(name for name in near if homes[name].place in {"places/EC1A", "places/W5"})
    far = next(
        name
        for name, each in homes.items()
        if each.place == "places/EC1A"
        and each.preferences.maximum_travel_minutes == 600
        and each.preferences.travel_mode == TRAVEL_MODE_CAR
    )
    for who in (gone, there, far):
        await place.front.matching.FindOpportunities(mt.FindOpportunitiesRequest(person=who))
    await place.kill("north")
    assert (await place.front.matching.FindOpportunities(mt.FindOpportunitiesRequest(person=there))).decision
    for asked in (
        place.front.matching.FindOpportunities(mt.FindOpportunitiesRequest(person=gone)),
        place.front.matching.FindOpportunities(mt.FindOpportunitiesRequest(person=far)),
        place.front.matching.FindCandidates(mt.FindCandidatesRequest(opportunity=roles[0])),
    ):
        with pytest.raises(Unavailable) as silent, calling():
            await asked
        assert silent.value.reason == "SHARD_UNAVAILABLE"
        assert silent.value.metadata["shard"] == "north"
        assert "north-west-england" in silent.value.message
    with pytest.raises(Unavailable, match="The shard north"), calling():
        async for _ in place.front.matching.RankEveryone(mt.RankEveryoneRequest()):
            pass
    await place.start("north")
    for who in (gone, there, far):
        request = mt.FindOpportunitiesRequest(person=who)
        again = await eventually(place, request)
        assert without_name(again) == without_name(await place.whole.matching.FindOpportunities(request))


async def test_a_watch_tells_those_who_roam_of_what_another_shard_holds(place: Sharded) -> None:
    people, _ = await fill(place, 60, 2)
    roams = pf.Preferences(travel_mode=TRAVEL_MODE_CAR, maximum_travel_minutes=600, unsocial_hours=True)
    stays = pf.Preferences(travel_mode=TRAVEL_MODE_CAR, maximum_travel_minutes=60, unsocial_hours=True)
    for who, wishes in ((people[0], roams), (people[1], stays)):
        given = pf.Person(name=who, place="places/M1", preferences=wishes)
        changed = await place.front.profiles.UpdatePerson(
            pf.UpdatePersonRequest(person=given, update_mask=FieldMask(paths=["place", "preferences"]))
        )
        await until_known(
            place, mt.ExplainMatchRequest(person=who, opportunity="opportunities/role-0000"), changed.version
        )
    watches = [
        place.front.matching.WatchOpportunities(mt.WatchOpportunitiesRequest(person=who, minimum_score=0.01))
        for who in people[:2]
    ]
    begun = [aiter(watch) for watch in watches]
    for each in begun:
        assert not (await anext(each)).HasField("match")
    for home in ("places/W5", "places/M1"):
        request = mt.CreateOpportunityRequest(
            opportunity=a_role(place=home, title=f"Role at {home}", minimum_weekly_hours=0)
        )
        await place.front.matching.CreateOpportunity(request)
    async with asyncio.timeout(60):
        assert [(await anext(begun[0])).match.place for _ in range(2)] == ["places/W5", "places/M1"]
        assert (await anext(begun[1])).match.place == "places/M1"


async def test_alerts_tell_those_who_roam_of_what_is_published_anywhere(place: Sharded) -> None:
    await fill(place, 2, 2)
    await place.stop_whole()
    names = []
    for minutes in (600, 60):
        wishes = pf.Preferences(
            travel_mode=TRAVEL_MODE_CAR, maximum_travel_minutes=minutes, unsocial_hours=True, alerts=True,
            aspiration="lead the care of people at home",
        )  # fmt: skip
        created = await place.front.profiles.CreatePerson(
            pf.CreatePersonRequest(person=a_person(place="places/M1", preferences=wishes))
        )
        names.append(created.name)
        async with connect(
            place.settings.skills, token=place.issuer.token(careweave_role="person", careweave_subject=created.name)
        ) as own:
            given = pf.Consent(purpose=pf.CONSENT_PURPOSE_ALERTS)
            await own.profiles.GiveConsent(pf.GiveConsentRequest(parent=created.name, consent=given))
    far, near = [
        (await place.front.matching.CreateOpportunity(mt.CreateOpportunityRequest(opportunity=a_role(place=at)))).name
        for at in ("places/EC1A", "places/M1")
    ]
    wanted = {(names[0], far), (names[0], near), (names[1], near)}
    told: set[tuple[str, str]] = set()
    async with asyncio.timeout(90):
        async for delivered in place.adapters.events.follow([Topic.MATCHES], Positions()):
            found = events_pb2.MatchFound.FromString(delivered.event.payload or b"")
            told.add((found.person, found.opportunity))
            if {pair for pair in told if pair[1] in (far, near)} >= wanted:
                break
    assert (names[1], far) not in told


async def eventually(place: Sharded, request: mt.FindOpportunitiesRequest) -> mt.FindOpportunitiesResponse:
    """Return the answer as soon as connections to the shard that came back stand again."""
    async with asyncio.timeout(60):
        while True:
            try:
                with calling():
                    return await place.front.matching.FindOpportunities(request)
            except Unavailable:
                await asyncio.sleep(0.1)


async def test_a_process_that_is_not_told_which_shard_it_is_does_not_start(opened: Adapters) -> None:
    for settings, said in (
        (replace(opened.settings, shards="a=*@a:1"), "SHARD_MISSING"),
        (replace(opened.settings, shard="a"), "SHARDS_MISSING"),
        (replace(opened.settings, shards="a=*@a:1", shard="b"), "SETTING_INVALID"),
    ):
        async with connect("127.0.0.1:1") as channels:
            with pytest.raises(InvalidArgument) as refused:
                await service.build(replace(opened, settings=settings), channels)
            assert refused.value.reason == said
