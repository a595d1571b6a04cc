"""A made-up nation over real postcode districts: as one index, and shared out among shards that ask each other."""

import random
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, cast

from careweave_matching.applied import Progress
from careweave_matching.decisions import Decisions, Item, Paging
from careweave_matching.following import ReadModel
from careweave_matching.geography import Geography, Place
from careweave_matching.index import Index, Surroundings
from careweave_matching.model import Consent, HeldSkill, Opportunity, Person, Requirement, Versions, Wishes, Work
from careweave_matching.ports import Fetched, Ports
from careweave_matching.ranking import Wanted
from careweave_matching.shards import spanning
from careweave_matching.shards.plan import read_plan
from careweave_matching.shards.spanning import Joint
from careweave_matching.shards.territory import Territory
from careweave_matching.terms import ConsentPurpose, OpportunityKind, ProfileField, Stage, TravelMode
from careweave_matching.travel import Point
from careweave_matching.weights import CURRENT

from careweave.events.port import EventLog
from careweave.graph.port import Graph, Query, Row
from careweave.policy import Caller, Role
from careweave.v1 import matching_pb2 as pb
from tests.unit.matching.world import SKILLS, TODAY, TextVectors, a_taxonomy, skill

NOON = datetime.combine(TODAY, time(12), UTC)
OPERATOR = Caller("", Role.OPERATOR)
SERVICE = Caller("", Role.SERVICE)
PLAN = read_plan(
    "north=north-west-england+north-east-england+yorkshire-and-the-humber+CW@n:1,"
    "middle=west-midlands+east-midlands+wales@m:1, london=london@l:1, rest=*@r:1"
)
DISTRICTS: Mapping[str, tuple[float, float]] = {
    "M1": (53.477, -2.233), "CW7": (53.192, -2.527), "L1": (53.402, -2.979), "LS1": (53.797, -1.548),
    "ST5": (53.010, -2.250), "LL11": (53.060, -3.020), "B1": (52.479, -1.908), "DE1": (52.924, -1.474),
    "EC1A": (51.520, -0.100), "W5": (51.513, -0.302), "SL1": (51.511, -0.628), "RG1": (51.455, -0.968),
    "BS1": (51.453, -2.594), "EH1": (55.950, -3.190), "BT1": (54.600, -5.930), "S1": (53.380, -1.470),
}  # fmt: skip
PLACES = {f"places/{name}": Place(name, Point(*centre)) for name, centre in DISTRICTS.items()} | {
    "places/nowhere": Place("Nowhere known")
}
_HOMES = (*PLACES, *PLACES, "")
"""One person in some thirty has no place at all."""


class Noted(Decisions):
    """Keeps, in order, what was recorded."""

    def __init__(self) -> None:
        super().__init__(cast("EventLog", None), lambda: "process", lambda: NOON)
        self.noted: list[tuple[Any, ...]] = []

    def record(  # noqa: D102  as its base
        self,
        subject: str,
        as_of: date,
        versions: Versions,
        items: bytes,
        total: int,
        *,
        people: Sequence[Item] = (),
        paging: Paging | None = None,
    ) -> str:
        self.noted.append((subject, as_of, versions, items, total, tuple(people), _fields(paging)))
        return "decisions/noted"


def _fields(paging: Paging | None) -> tuple[Any, ...]:
    if paging is None:
        return ()
    return paging.offset, paging.maximum_per_organisation, tuple(paging.preceding_organisations)


@dataclass
class Nation:
    """The same people and opportunities in one index, and in shards."""

    people: dict[str, Person]
    opportunities: dict[str, Opportunity]
    whole: ReadModel
    shards: list[ReadModel]

    def home(self, name: str) -> ReadModel:
        """Return the shard that holds a person as one who lives there."""
        (home,) = (model for model in self.shards if model.index.person(name, TODAY))
        return home

    def joint(self, own: ReadModel, decisions: Decisions) -> Joint:
        """Return what `own` ranks with over all shards."""
        return Joint(own, decisions, LocalPeers(self, own))


@dataclass
class LocalPeers:
    """The other shards, asked without a wire between."""

    nation: Nation
    own: ReadModel

    async def opportunities(self, request: pb.FindShardOpportunitiesRequest) -> list[pb.FindOpportunitiesResponse]:
        """Ask for lists."""
        return [
            await spanning.answer_for_list(model, SERVICE, request, wanted_of(request.request, request.first))
            for model in self.nation.shards
            if model is not self.own
        ]

    async def candidates(self, request: pb.FindShardCandidatesRequest) -> list[pb.FindCandidatesResponse]:
        """Ask for candidates."""
        asked = request.request
        wanted = Wanted(0, request.first, ineligible=asked.include_ineligible, full=asked.view != pb.MATCH_VIEW_BASIC)
        replies = []
        for model in self.nation.shards:
            if model is not self.own:
                await ready(model, self.nation.opportunities[asked.opportunity])
                replies.append(await spanning.answer_for_candidates(model, SERVICE, request, wanted))
        return replies


async def ready(model: ReadModel, opportunity: Opportunity) -> None:
    """Set an opportunity of another shard aside, as `ReadModel.set_aside` does from the graph."""
    if model.index.opportunity(opportunity.name) is None:
        await model.index.set_aside(opportunity)


def wanted_of(request: pb.FindOpportunitiesRequest, size: int, offset: int = 0) -> Wanted:
    """Return what a request asks for."""
    return Wanted(
        offset,
        size,
        frozenset(request.kinds),
        request.include_ineligible,
        request.view != pb.MATCH_VIEW_BASIC,
        request.maximum_per_organisation,
        request.include_dismissed,
        not request.exclude_applied,
    )


async def a_nation(seed: int, people: int, opportunities: int) -> Nation:
    """Return a nation of so many people and opportunities."""
    rng = random.Random(seed)
    offered = {each.name: each for each in (_opportunity(rng, number) for number in range(opportunities))}
    living = {each.name: each for each in (_person(rng, number, sorted(offered)) for number in range(people))}
    nation = Nation(living, offered, await _filled(living, offered, None), [])
    for own in range(len(PLAN.shards)):
        nation.shards.append(await _filled(living, offered, own))
    return nation


async def _filled(people: Mapping[str, Person], offered: Mapping[str, Opportunity], own: int | None) -> ReadModel:
    geography = Geography(PLACES)
    titles = {f"organisations/o{number}": f"Fictional {number}" for number in range(5)}
    territory = None if own is None else Territory(PLAN, own, geography)
    index = Index(a_taxonomy(), Surroundings(geography, titles), TextVectors(), CURRENT, territory=territory)
    await index.put_opportunities(list(offered.values()))
    await index.put_people(list(people.values()), TODAY)
    for number, name in enumerate(people):
        for far in range(0, len(offered) if number % 3 == 0 else 0, 25):
            index.applied.take(Progress(name, sorted(offered)[far + number % 25], Stage(1 + far % 5), 1))
    model = ReadModel(_ports(people))
    model.adopt(index)
    return model


class NothingKept:
    """A graph in which no vectors of what people wrote are kept: nobody has written anything."""

    async def run(self, query: Query, **parameters: object) -> list[Row]:
        """Return no rows."""
        del query, parameters
        return []


def _ports(people: Mapping[str, Person]) -> Ports:
    async def fetch(names: Sequence[str]) -> Fetched:
        return [people[name] for name in names if name in people], [name for name in names if name not in people]

    async def nothing(*_: object) -> Any:
        raise AssertionError("nobody asks this here")

    async def kept_nowhere(*_: object) -> None:
        pass

    async def nobody() -> AsyncIterator[list[Person]]:
        yield []

    return Ports(
        graph=cast("Graph", NothingKept()),
        events=cast("EventLog", None),
        embedder=TextVectors(),
        clock=lambda: NOON,
        new_id=lambda: "id",
        extract=nothing,
        fetch_people=fetch,
        stream_people=nobody,
        fetch_person_version=nothing,
        decisions_kept=None,
        taxonomy_version=nothing,
        keep_places=nothing,
        keep_written=kept_nowhere,
    )


def _opportunity(rng: random.Random, number: int) -> Opportunity:
    kind = rng.choice([*OpportunityKind][1:])
    return Opportunity(
        name=f"opportunities/n{number:05d}",
        title=f"Role {number}",
        kind=kind,
        organisation=f"organisations/o{rng.randrange(5)}",
        place=rng.choice([*PLACES, ""]),
        description=f"Work of kind {number % 40}",
        occupation=f"occupations/o{rng.randrange(4)}",
        requirements=tuple(
            Requirement(skill(each), rng.random() < 0.6, rng.choice([0, 2, 3])) for each in rng.sample(range(SKILLS), 4)
        ),
        develops=tuple(skill(each) for each in rng.sample(range(SKILLS), 2)),
        minimum_weekly_hours=rng.choice([0.0, 16.0, 30.0]),
        annual_pay_gbp=rng.choice([0, 25_000, 31_000]),
        version=rng.randrange(1, 4),
    )


def _person(rng: random.Random, number: int, offered: Sequence[str]) -> Person:
    return Person(
        name=f"people/p{number:04d}",
        version=rng.randrange(1, 9),
        display_name=f"Fictional {number}",
        place=rng.choice(_HOMES),
        work=Work("organisations/o1", f"occupations/o{rng.randrange(4)}"),
        skills=tuple(HeldSkill(skill(each), rng.randrange(6)) for each in rng.sample(range(SKILLS), 6)),
        wishes=Wishes(
            stated=True,
            unsocial_hours=True,
            travel_mode=rng.choice([*TravelMode]),
            maximum_minutes=rng.choice([30, 60, 60, 90, 240, 600]),
            aspired_occupations=(f"occupations/o{rng.randrange(4)}",) if rng.random() < 0.5 else (),
            dismissed=frozenset(rng.sample(offered, 3)) if rng.random() < 0.3 else frozenset(),
        ),
        consents=(Consent(ConsentPurpose.BE_FOUND, frozenset(), frozenset([*ProfileField][: rng.randrange(9)])),)
        if rng.random() < 0.7
        else (),
    )
