"""Ways between occupations: what is viable, what it takes, and which ways are shown."""

import csv
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import pairwise, permutations

import numpy as np
import pytest
from careweave_matching.pathways import rules
from careweave_matching.pathways.career import CareerMap
from careweave_matching.pathways.describing import why_programme
from careweave_matching.pathways.facts import Way, packaged_facts
from careweave_matching.pathways.ground import Ground, ground_of
from careweave_matching.pathways.network import Link, Links, Network, build_network
from careweave_matching.pathways.routes import (
    ALIKE,
    ALL,
    Nearby,
    Preference,
    Route,
    Steps,
    find_routes,
    goes_beyond,
    hours_of,
    likeness,
    months_of,
    sorts_of_work,
)
from careweave_matching.pathways.search import is_sensible, paths_of
from careweave_matching.pathways.standing import Standing
from careweave_skills.sources.care_pathway import read_care_pathway
from careweave_skills.sources.esco import read_esco
from careweave_skills.sources.standards import read_standards
from hypothesis import given, settings
from hypothesis import strategies as st

from careweave import datasets
from careweave.care import CARE_GROUPS, CARING_GROUPS
from tests.unit.matching.careers import ROLES, WORK, a_map, occupation, standing
from tests.unit.matching.world import SKILLS

MAP = a_map()
GROUND = ground_of(MAP, frozenset(MAP.works))
SORTS = sorts_of_work(GROUND)
EVERYWHERE = Nearby(frozenset(MAP.works), frozenset(each.name for each in MAP.programmes))
NOWHERE = Nearby(frozenset(), frozenset())


def routes(
    start: Standing, label: str, wanted: tuple[Preference, ...] = ALL, nearby: Nearby = EVERYWHERE, limit: int = 120
) -> list[Route]:
    targets = frozenset({GROUND.rows[occupation(label)]})
    network = build_network(GROUND, start, targets)
    found, _ = find_routes(network, targets, wanted, nearby, limit=limit, most=5)
    return found


def through(way: Steps, ground: Ground = GROUND, career: CareerMap = MAP) -> list[tuple[str, str]]:
    """Return each step as label of the work and name of the programme."""
    return [
        (ground.works[step.target].label, career.programmes[step.programme].name if step.programme >= 0 else "")
        for step in way
    ]


def by(found: list[Route], preference: Preference) -> Steps:
    return next(route.steps for route in found if preference in route.preferences)


standings = st.builds(
    lambda label, held, level, registers, lapsed: standing(
        label, held, level, registers=registers, lapsed=lapsed - registers
    ),
    st.sampled_from(["", *WORK, *ROLES]),
    st.lists(st.integers(0, SKILLS - 1), max_size=8, unique=True),
    st.sampled_from([0, 2, 3, 5, 6, 7]),
    st.frozensets(st.sampled_from(sorted(MAP.registers)), max_size=1),
    st.frozensets(st.sampled_from(sorted(MAP.registers)), max_size=1),
)


@settings(max_examples=60, deadline=None)
@given(standings, st.sampled_from([*WORK, *ROLES]))
def test_nobody_comes_to_regulated_work_without_the_register_or_a_programme_that_leads_onto_it(
    start: Standing, label: str
) -> None:
    for route in routes(start, label):
        registers = set(start.registers)
        for step in route.steps:
            work = GROUND.works[step.target]
            programme = MAP.programmes[step.programme] if step.programme >= 0 else None
            if programme and programme.entry_register:
                there = registers | (start.lapsed if programme.way is Way.RETURN else set())
                assert programme.entry_register in there
            if work.register and step.kind is not Link.QUALIFY:
                leads = programme is not None and programme.register == work.register.name
                assert leads or work.register.name in registers
                registers.add(work.register.name)


@settings(max_examples=60, deadline=None)
@given(standings, st.sampled_from([*WORK, *ROLES]))
def test_a_move_rises_one_level_at_most_and_every_programme_finds_the_qualification_it_asks_for(
    start: Standing, label: str
) -> None:
    for route in routes(start, label):
        work = MAP.works.get(start.occupation) if start.current else None
        level, attained = work.level if work else 0, start.level
        for step in route.steps:
            after = GROUND.works[step.target]
            if step.programme >= 0:
                programme = MAP.programmes[step.programme]
                assert programme.entry_level <= max(attained, rules.ENTRY_LEVEL)
                attained = max(attained, programme.level)
            else:
                most = max(level, attained)
                assert after.level <= max(most + 1, rules.ENTRY_LEVEL)
                assert after.level < rules.DEGREE or after.level <= most
            level = after.level


@settings(max_examples=40, deadline=None)
@given(standings, st.sampled_from([*WORK, *ROLES]), st.sampled_from(ALL))
def test_ways_are_simple_within_the_limit_and_different(start: Standing, label: str, first: Preference) -> None:
    found = routes(start, label, (first, *(each for each in ALL if each is not first)), limit=70)
    for route in found:
        assert is_sensible(route.steps)
        assert months_of(route.steps) <= 70
        assert GROUND.works[route.steps[-1].target].label == label
        assert all(step.origin == before.target for before, step in pairwise(route.steps))
    assert len({route.steps for route in found}) == len(found)
    for one, other in permutations((route.steps for route in found if not route.preferences), 2):
        plain = goes_beyond(one, other, SORTS) or goes_beyond(other, one, SORTS)
        assert plain or likeness(one, other, SORTS) <= ALIKE


def test_a_carer_becomes_a_nurse_by_the_associate_or_by_a_degree() -> None:
    found = routes(standing("carer"), "nurse")
    earning = through(by(found, Preference.EARN_WHILE_LEARNING))
    assert earning[-2:] == [("associate", "standards/ST0001"), ("nurse", "standards/ST0002")]
    assert any(("nurse", "programmes/degree") in through(route.steps) for route in found)


def test_who_is_a_registered_associate_needs_the_shorter_half_alone() -> None:
    way = by(routes(standing("associate", registers=frozenset({"R associate"})), "nurse"), Preference.QUICKEST)
    assert through(way) == [("nurse", "standards/ST0002")]
    assert months_of(way) == 24


def test_the_title_of_associate_without_the_register_opens_no_shorter_way() -> None:
    found = routes(standing("associate"), "nurse")
    assert all(months_of(route.steps) > 24 for route in found)


def test_a_nurse_whose_registration_lapsed_returns_instead_of_training_again() -> None:
    found = routes(standing(level=6, lapsed=frozenset({"R nurse"})), "nurse")
    assert through(by(found, Preference.QUICKEST)) == [("nurse", "programmes/return")]
    assert all(("nurse", "programmes/degree") not in through(route.steps) for route in found)


def test_a_standard_that_is_not_listed_leads_onto_no_register() -> None:
    assert "standards/ST0004" not in {programme.name for programme in MAP.programmes}


def test_through_home_care_goes_through_a_further_role_there() -> None:
    way = by(routes(standing("clerk"), "associate", (Preference.THROUGH_HOME_CARE,)), Preference.THROUGH_HOME_CARE)
    assert any(GROUND.works[step.target].in_home_care for step in way[:-1])


def test_staying_local_takes_only_steps_that_are_on_offer_near_home() -> None:
    assert not routes(standing("carer"), "nurse", (Preference.STAYING_LOCAL,), NOWHERE)
    nearby = Nearby(frozenset(), frozenset({"standards/ST0001", "standards/ST0002"}))
    way = by(routes(standing("carer"), "nurse", (Preference.STAYING_LOCAL,), nearby), Preference.STAYING_LOCAL)
    assert {programme for _, programme in through(way)} == {"standards/ST0001", "standards/ST0002"}


def test_by_moves_alone_one_climbs_the_rungs() -> None:
    way = by(routes(standing("carer"), "manager", (Preference.WITHOUT_PROGRAMME,)), Preference.WITHOUT_PROGRAMME)
    assert through(way) == [("leader", ""), ("deputy", ""), ("manager", "")]


def test_work_of_another_field_is_no_step_on_the_way() -> None:
    for route in routes(standing("carer", level=6), "nurse"):
        assert "dentist" not in {label for label, _ in through(route.steps)}


def test_skills_that_are_held_already_shorten_a_move() -> None:
    slow = by(routes(standing("clerk"), "ward assistant"), Preference.LEAST_TRAINING)
    quick = by(routes(standing("clerk", held=(1, 5, 6, 7)), "ward assistant"), Preference.LEAST_TRAINING)
    assert hours_of(quick) < hours_of(slow)


@given(st.integers(0, 200), st.integers(1, 8), st.booleans(), st.sampled_from([0, 6, 12, 24]))
def test_more_to_learn_never_takes_less_time(gaps: int, level: int, rises: bool, rung: int) -> None:  # noqa: FBT001
    def months(count: int) -> float:
        found = rules.months_to_move(
            np.array([float(count)]), np.array([level]), rises=np.array([rises]), rungs=np.array([rung])
        )
        return float(found[0])

    assert rules.RECRUITING <= months(gaps) <= months(gaps + 1)


# The network is drawn at random here; the ways that SciPy finds are held to all simple paths, written out one by one.


@st.composite
def networks(draw: st.DrawFn) -> Network:
    states = draw(st.integers(3, 6))
    pairs = [(tail, head) for tail in range(states) for head in range(states) if tail != head]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=14))
    costs = draw(st.lists(st.integers(1, 9), min_size=len(chosen), max_size=len(chosen)))
    tail, head = (np.array([pair[side] for pair in chosen], np.int64) for side in (0, 1))
    months = np.array(costs, np.float64)
    kinds = np.full(len(chosen), Link.MOVE)
    nothing = np.full(len(chosen), -1)
    return Network(GROUND, Links(tail, head, kinds, nothing, head, nothing, months, months), states, states,
                   np.zeros(len(GROUND)), None, 0)  # fmt: skip


def simple_paths(network: Network) -> dict[tuple[int, ...], float]:
    links = network.links
    cost = {
        (tail, head): months
        for tail, head, months in zip(links.tail.tolist(), links.head.tolist(), links.months.tolist(), strict=True)
    }
    between = [state for state in range(network.size) if state not in {network.start, network.end}]
    found: dict[tuple[int, ...], float] = {}
    for count in range(len(between) + 1):
        for middle in permutations(between, count):
            path = (network.start, *middle, network.end)
            if all(pair in cost for pair in pairwise(path)):
                found[path[1:]] = sum(cost[pair] for pair in pairwise(path))
    return found


@settings(deadline=None)
@given(networks(), st.integers(1, 12))
def test_the_ways_found_are_the_cheapest_simple_paths(network: Network, count: int) -> None:
    expected = simple_paths(network)
    allowed = np.ones(len(network.links.tail), np.bool_)
    found = paths_of(network, network.links.months, allowed, 1000).shortest(count)
    ways = [tuple(step.target for step in way) for way in found]
    assert len(set(ways)) == len(ways) == min(count, len(expected))
    assert [months_of(way) for way in found] == sorted(expected.values())[: len(found)]
    assert all(expected[way] == months_of(steps) for way, steps in zip(ways, found, strict=True))


@settings(deadline=None)
@given(networks(), st.integers(1, 30))
def test_no_way_is_dearer_than_the_limit_and_none_within_it_is_cut_off(network: Network, limit: int) -> None:
    allowed = np.ones(len(network.links.tail), np.bool_)
    found = paths_of(network, network.links.months, allowed, limit).shortest(100)
    assert len(found) == sum(cost <= limit for cost in simple_paths(network).values())


# What is packaged.


@pytest.fixture(scope="module")
def known() -> set[str]:
    """Return the labels of ESCO's occupations, and the ids of the role categories of the care pathway."""
    roles = read_care_pathway(datasets.folder("uk-care")).roles
    esco = read_esco(datasets.folder("esco-v1.1.1"))
    return {each.label for each in esco.occupations} | {each.name.removeprefix("occupations/") for each in roles}


def test_every_occupation_of_the_packaged_facts_exists(known: set[str]) -> None:
    facts = packaged_facts()
    named = [
        *(each for register in facts.registers for each in register.occupations),
        *(each for programme in facts.programmes for each in programme.occupations),
        *(each for rung in facts.rungs for each in (*rung.starts, *rung.ends)),
        *(each for condition in facts.conditions for each in condition.occupations),
        *facts.levels,
        *facts.home_care,
        *facts.fields,
    ]
    assert set(named) - known == set()


def test_every_standard_of_the_packaged_facts_exists_and_has_a_length() -> None:
    months = {each.name: each.duration_months for each in read_standards(datasets.folder("apprenticeships")).standards}
    named = {each.name for each in packaged_facts().programmes if each.name.startswith("standards/")}
    assert named <= set(months)
    assert all(months[each] for each in named)


def test_every_fact_names_its_source_and_every_register_that_it_speaks_of_is_listed() -> None:
    facts = packaged_facts()
    registers = {register.name for register in facts.registers}
    sources = [
        *(register.law for register in facts.registers),
        *(programme.source for programme in facts.programmes),
        *(rung.source for rung in facts.rungs),
        *(condition.source for condition in facts.conditions),
    ]
    assert all(source.text and source.url.startswith("https://") for source in sources)
    assert all(source.checked is None or date(2026, 11, 1) <= source.checked for source in sources)
    spoken = {each for p in facts.programmes for each in (p.register, p.entry_register, p.shorter_for) if each}
    assert spoken <= registers


@pytest.mark.parametrize("table", ["registers", "programmes", "conditions", "rungs", "levels"])
def test_a_row_that_was_checked_says_when_and_against_what_and_the_others_say_neither(table: str) -> None:
    with (datasets.folder("career-steps") / f"{table}.csv").open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert all(bool(row["checked"]) == bool(row["checked_against"]) for row in rows)
    assert all(row.get("source") or row.get("law") for row in rows)
    days = [date.fromisoformat(row["checked"]) for row in rows if row["checked"]]
    assert all(day <= datetime.now(UTC).date() for day in days)


def test_a_level_that_rests_on_a_standard_is_the_level_of_the_standard() -> None:
    levels = {each.name: each.level for each in read_standards(datasets.folder("apprenticeships")).standards}
    with (datasets.folder("career-steps") / "levels.csv").open(encoding="utf-8", newline="") as opened:
        named = [(re.search(r"standard (ST\d{4})", row["source"]), int(row["level"])) for row in csv.DictReader(opened)]
    resting = [(f"standards/{found[1]}", level) for found, level in named if found]
    assert len(resting) > 20
    assert all(levels[name] == level for name, level in resting)


@pytest.mark.parametrize(("level", "said"), [(6, False), (7, True)])
def test_an_apprenticeship_beyond_a_degree_says_who_is_publicly_funded(level: int, *, said: bool) -> None:
    programme = next(each for each in MAP.programmes if each.name == "standards/ST0002" and not each.shortened)
    found = why_programme(replace(programme, level=level), MAP.works[occupation("nurse")], None, MAP, stays=False)
    assert any(rule.source == rules.FUNDING_FROM_LEVEL_7 for rule in found) == said


def test_that_work_close_by_is_asked_for_is_no_rule_of_the_source() -> None:
    """The source says which qualification is asked for, so its day of reading must not stand behind more."""
    programme = next(each for each in MAP.programmes if each.name == "standards/ST0001")
    work, origin = MAP.works[occupation("associate")], MAP.works[occupation("carer")]
    near, entry, *_ = why_programme(programme, work, origin, MAP, stays=False)
    assert (near.source.own, entry.source) == (True, programme.source)
    assert "carer" in near.words
    assert "level 2" in entry.words


def test_a_standard_that_is_paused_or_not_ready_is_in_no_plan() -> None:
    assert "standards/ST0005" not in {each.name for each in a_map().programmes}


def test_every_regulated_occupation_has_one_register() -> None:
    named = [each for register in packaged_facts().registers for each in register.occupations]
    assert len(named) == len(set(named))


def test_no_plan_counts_on_lived_experience_or_on_a_standard_for_work_that_esco_does_not_know() -> None:
    left = [each for each in packaged_facts().programmes if each.way is Way.LEFT_OUT]
    assert {each.name for each in left} == {f"standards/{ref}" for ref in ("ST0896", "ST0568", "ST0600", "ST0431")}
    assert all(each.basis for each in left)


def test_work_with_people_is_a_part_of_care() -> None:
    assert CARING_GROUPS < CARE_GROUPS
