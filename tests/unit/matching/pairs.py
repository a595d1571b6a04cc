"""Drawn people and opportunities, every field of which matters to the matcher."""

from datetime import timedelta

from careweave_matching.credentials import best
from careweave_matching.model import (
    CredentialNeed,
    HeldCredential,
    HeldSkill,
    Opportunity,
    Person,
    Requirement,
    Wishes,
    Work,
)
from careweave_matching.terms import CredentialKind, DbsLevel, OpportunityKind, TravelMode, Trust
from careweave_matching.weights import BY_VERSION
from hypothesis import strategies as st

from tests.unit.matching.world import SKILLS, TODAY, a_person, an_opportunity, skill

days = st.integers(-900, 900).map(lambda count: TODAY + timedelta(days=count))
maybe_day = st.none() | days
places = st.sampled_from(["", "places/A", "places/B", "places/C", "places/Z", "places/none"])
occupations = st.sampled_from(["", *(f"occupations/o{number}" for number in range(4))])
titles = st.sampled_from(["", "NMC", "Moving and handling"])
hours = st.sampled_from([0.0, 10.0, 24.0, 37.5])
ASPIRATIONS = ("More of it", "An apprenticeship. Or a course with a mentor.", "A mentor", "Better pay")
"""To the vectors of the world these point nowhere, to kinds alone, to a kind and an occupation, to one alone."""
weights = st.sampled_from(list(BY_VERSION.values()))


@st.composite
def held_credentials(draw: st.DrawFn) -> HeldCredential:
    kind = draw(st.sampled_from(CredentialKind))
    if kind == CredentialKind.DBS:
        return HeldCredential(kind, "", draw(maybe_day), None, draw(st.sampled_from(DbsLevel)), draw(st.booleans()))
    return HeldCredential(kind, draw(titles), draw(maybe_day), draw(maybe_day))


@st.composite
def needs(draw: st.DrawFn) -> CredentialNeed:
    kind, provided = draw(st.sampled_from(CredentialKind)), draw(st.booleans())
    if kind == CredentialKind.DBS:
        return CredentialNeed(kind, "", draw(st.sampled_from(DbsLevel)), draw(st.sampled_from([0, 12, 36])), provided)
    return CredentialNeed(kind, draw(titles), provided_by_employer=provided)


held_skills = st.builds(
    HeldSkill,
    skill=st.integers(0, SKILLS - 1).map(skill),
    level=st.integers(0, 5),
    trust=st.sampled_from(Trust),
    first_day=maybe_day,
    last_day=maybe_day,
)
requirements = st.builds(
    Requirement, skill=st.integers(0, SKILLS - 1).map(skill), essential=st.booleans(), level=st.integers(0, 5)
)
wishes = st.builds(
    Wishes,
    stated=st.booleans(),
    kinds=st.frozensets(st.sampled_from(OpportunityKind), max_size=3),
    minimum_hours=hours,
    maximum_hours=hours,
    unsocial_hours=st.booleans(),
    travel_mode=st.sampled_from(TravelMode),
    maximum_minutes=st.sampled_from([5, 30, 60, 400]),
    aspiration=st.sampled_from(["", *ASPIRATIONS]),
    aspired_occupations=st.lists(occupations.filter(bool), max_size=2, unique=True).map(tuple),
)


@st.composite
def people(draw: st.DrawFn) -> Person:
    skills = draw(st.lists(held_skills, max_size=8, unique_by=lambda held: held.skill))
    works = st.none() | st.builds(
        Work, organisation=st.just("organisations/o2"), occupation=occupations, current=st.booleans()
    )
    return a_person(
        place=draw(places),
        work=draw(works),
        skills=tuple(skills),
        credentials=best(draw(st.lists(held_credentials(), max_size=4))),
        wishes=draw(wishes),
    )


@st.composite
def opportunity_lists(draw: st.DrawFn) -> list[Opportunity]:
    return [_opportunity(draw, number) for number in range(draw(st.integers(1, 6)))]


def _opportunity(draw: st.DrawFn, number: int) -> Opportunity:
    return an_opportunity(
        number,
        kind=draw(st.sampled_from(OpportunityKind)),
        place=draw(places),
        occupation=draw(occupations),
        requirements=tuple(draw(st.lists(requirements, max_size=6, unique_by=lambda need: need.skill))),
        develops=tuple(draw(st.lists(st.integers(0, SKILLS - 1).map(skill), max_size=3, unique=True))),
        credentials=tuple(draw(st.lists(needs(), max_size=3, unique=True))),
        minimum_weekly_hours=draw(hours),
        unsocial_hours=draw(st.booleans()),
        start_date=draw(maybe_day),
        end_date=draw(maybe_day),
        closing_date=draw(st.none() | st.just(TODAY + timedelta(days=20))),
        version=draw(st.integers(1, 300)),
    )
