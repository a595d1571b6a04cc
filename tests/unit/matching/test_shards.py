"""Shards together answer as one index of everything does, to the last bit and byte."""

import asyncio
import random
from dataclasses import replace
from datetime import timedelta

import pytest
from careweave_matching import ranking
from careweave_matching.geography import Geography
from careweave_matching.messages import match_message
from careweave_matching.shards import spanning
from careweave_matching.shards.districts import areas, nearest, regions
from careweave_matching.shards.plan import read_plan
from careweave_matching.shards.territory import BORDER_MILES, Territory
from careweave_matching.travel import Point, distance_miles

from careweave.errors import InvalidArgument
from careweave.v1 import matching_pb2 as pb
from careweave.v1.common_pb2 import OPPORTUNITY_KIND_COURSE, OPPORTUNITY_KIND_JOB
from tests.unit.matching.nation import OPERATOR, PLACES, PLAN, Nation, Noted, a_nation, ready, wanted_of
from tests.unit.matching.world import SKILLS, TODAY, a_person, an_opportunity, skill

KINDS = (OPPORTUNITY_KIND_JOB, OPPORTUNITY_KIND_COURSE)


@pytest.fixture(scope="module")
def nation() -> Nation:
    return asyncio.run(a_nation(seed=5, people=400, opportunities=900))


def requests(nation: Nation, name: str, rng: random.Random) -> list[tuple[pb.FindOpportunitiesRequest, int, int]]:
    """Return some requests for a person, with offset and size."""
    asked = [
        pb.FindOpportunitiesRequest(person=name),
        pb.FindOpportunitiesRequest(person=name, view=pb.MATCH_VIEW_BASIC, include_dismissed=True),
        pb.FindOpportunitiesRequest(person=name, maximum_per_organisation=rng.randrange(1, 4)),
        pb.FindOpportunitiesRequest(person=name, exclude_applied=True),
    ]
    if int(name[-2:]) % 5 == 0:
        asked.append(pb.FindOpportunitiesRequest(person=name, include_ineligible=True, kinds=KINDS))
    return [(request, rng.choice([0, 0, 7, 20]), rng.choice([1, 10, 20])) for request in asked]


async def from_shards(
    nation: Nation, request: pb.FindOpportunitiesRequest, offset: int, size: int
) -> tuple[bytes, int, bool, object]:
    """Return page, total, whether there is more, and the record, as the shard gives them in which the person lives."""
    home, noted = nation.home(request.person), Noted()
    entry, territory = home.index.person(request.person, TODAY), home.index.territory
    assert entry is not None
    assert territory is not None
    wanted = wanted_of(request, size, offset)
    if request.include_ineligible or territory.roams(entry.person):
        found = await spanning.find_everywhere(nation.joint(home, noted), OPERATOR, request, wanted)
        page = pb.FindOpportunitiesResponse(matches=found.matches).SerializeToString()
        return page, found.total, found.more, noted.noted
    encoded = await ranking.find_opportunities(home, noted, OPERATOR, request.person, wanted)
    return encoded.matches, encoded.total, encoded.more, noted.noted


async def test_everybody_gets_the_list_that_one_index_gives_them(nation: Nation) -> None:
    rng = random.Random(8)
    compared = roaming = 0
    for name in nation.people:
        for request, offset, size in requests(nation, name, rng):
            noted = Noted()
            wanted = wanted_of(request, size, offset)
            whole = await ranking.find_opportunities(nation.whole, noted, OPERATOR, name, wanted)
            expected = (whole.matches, whole.total, whole.more, noted.noted)
            assert await from_shards(nation, request, offset, size) == expected, (name, request)
            compared += whole.total > 0
        territory = nation.home(name).index.territory
        roaming += territory is not None and territory.roams(nation.people[name])
    assert compared > 1000
    assert 100 < roaming < 300


async def test_employers_get_the_candidates_that_one_index_gives_them(nation: Nation) -> None:
    rng = random.Random(9)
    found = 0
    for name in rng.sample(sorted(nation.opportunities), 60):
        request = pb.FindCandidatesRequest(opportunity=name, include_ineligible=rng.random() < 0.3)
        wanted = ranking.Wanted(rng.choice([0, 0, 5]), 10, ineligible=request.include_ineligible)
        noted, own_noted = Noted(), Noted()
        whole = await ranking.find_candidates(nation.whole, noted, OPERATOR, name, wanted)
        asked = rng.choice(nation.shards)
        await ready(asked, nation.opportunities[name])
        reply = await spanning.find_candidates_everywhere(nation.joint(asked, own_noted), OPERATOR, request, wanted)
        title = nation.whole.index.organisation_title(nation.opportunities[name].organisation)
        assert list(reply.candidates) == [
            pb.Candidate(person=each.person, display_name=each.display_name, match=match_message(each.match, title))
            for each in whole.candidates
        ]
        assert (reply.total_size, bool(reply.next_page_token)) == (whole.total, whole.more)
        assert own_noted.noted == noted.noted
        found += len(reply.candidates)
    assert found > 200


def test_everybody_lives_in_one_shard_and_every_opportunity_is_owned_by_one(nation: Nation) -> None:
    assert sum(len(model.index) for model in nation.shards) == len(nation.people)
    held = [model.index.opportunity_count for model in nation.shards]
    assert max(held) < len(nation.opportunities)
    assert sum(held) > len(nation.opportunities)


async def test_who_moves_house_is_held_where_they_live_then_and_nowhere_else(nation: Nation) -> None:
    name = next(name for name, person in nation.people.items() if person.place == "places/CW7")
    before = nation.home(name)
    moved = replace(nation.people[name], place="places/EC1A", version=99)
    for model in nation.shards:
        await model.index.put_people([moved], TODAY)
    after = nation.home(name)
    assert after is not before
    territory = after.index.territory
    assert territory is not None
    assert territory.shard.name == "london"
    for model in nation.shards:
        await model.index.put_people([replace(nation.people[name], version=100)], TODAY)
    assert nation.home(name) is before


async def test_what_is_taught_elsewhere_counts_for_gaps_until_it_is_closed(nation: Nation) -> None:
    (north, *_) = nation.shards
    far = next(
        each
        for each in nation.opportunities.values()
        if each.place == "places/BS1" and north.index.opportunity(each.name) is None and skill(5) in each.develops
    )

    def taught_by() -> list[set[str]]:
        models = (north, nation.whole)
        return [{c.resource for c in model.index.board(TODAY).gaps.closers(5)} for model in models]

    ending = [each for each in nation.opportunities.values() if skill(5) in each.develops and each is not far]
    for model in (nation.whole, *nation.shards):
        await model.index.put_opportunities([replace(each, version=9, state=2) for each in ending])
    assert taught_by() == [{far.name}, {far.name}]
    for model in (nation.whole, *nation.shards):
        await model.index.put_opportunities([replace(far, version=9, state=2)])
    assert taught_by() == [set(), set()]
    for model in (nation.whole, *nation.shards):
        await model.index.put_opportunities([replace(each, version=10) for each in (*ending, far)])


async def test_what_changes_elsewhere_while_tomorrow_s_board_is_made_counts_in_it(nation: Nation) -> None:
    tomorrow = TODAY + timedelta(days=1)
    (north, *_) = nation.shards
    far = [
        each for each in nation.opportunities.values() if north.index.opportunity(each.name) is None and each.develops
    ]
    made = []
    for model in (north, nation.whole):
        index = model.index
        index.board(TODAY)
        coming = index.begin_next(tomorrow)
        await index.put_opportunities([replace(far[0], version=50, state=2), replace(far[1], version=50, title="New")])
        index.serve_next(coming, coming.make())
        board = index.board(tomorrow)
        made.append([board.gaps.closers(number) for number in range(SKILLS)])
    assert made[0] == made[1]


def test_what_one_who_stays_can_reach_is_held_where_they_live() -> None:
    geography = Geography(PLACES)
    territories = [Territory(PLAN, own, geography) for own in range(len(PLAN.shards))]
    for home, there in ((one, other) for one in PLACES for other in PLACES):
        centre, other = PLACES[home].centre, PLACES[there].centre
        if centre is None or (other is not None and distance_miles(centre, other) > BORDER_MILES):
            continue
        (mine,) = (each for each in territories if each.is_resident(a_person(place=home)))
        assert mine.holds(replace(an_opportunity(), place=there)), (home, there)


def test_a_point_lies_in_the_region_of_the_nearest_district() -> None:
    found = nearest([Point(53.19, -2.53), Point(51.51, -0.1), Point(54.6, -5.93), Point(55.95, -3.19)])
    assert [each.region for each in found] == ["north-west-england", "london", "northern-ireland", "scotland"]
    assert found[0].area == "CW"
    assert len(regions()) == 13
    assert {"CW", "EC", "BT", "ZE"} <= areas()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("north=scotland@a:1", "let one shard serve *"),
        ("a=*@a:1,a=scotland@b:1", "names a shard twice"),
        ("a=*@a:1,b=*@b:1", "is served twice"),
        ("a=*+CW@a:1,b=CW@b:1", "CW is served twice"),
        ("a=*@a:1,b=narnia@b:1", "narnia is no postcode area"),
        ("a=*", "should be NAME=REGION+REGION@HOST:PORT"),
        ("", "let one shard serve *"),
    ],
)
def test_a_plan_that_leaves_open_who_serves_what_is_refused(text: str, said: str) -> None:
    with pytest.raises(InvalidArgument, match=said.replace("*", r"\*").replace("+", r"\+")):
        read_plan(text)


def test_an_area_goes_before_its_region_and_the_rest_is_served_by_one() -> None:
    plan = read_plan("a=north-west-england@a:1, b=CW+*@b:1")
    crewe, bolton, bristol = nearest([Point(53.1, -2.44), Point(53.58, -2.43), Point(51.45, -2.59)])
    assert [plan.serving(each) for each in (crewe, bolton, bristol, None)] == [1, 0, 1, 1]
