"""Pathways in the sample place, over gRPC: people of four vignettes, the real taxonomies, what is on offer there."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import combinations
from pathlib import Path

import pytest
from careweave_cli.composition import SERVICES, in_process
from careweave_cli.demo.asking import until_indexed
from careweave_cli.sample.catalogue import catalogue
from careweave_cli.sample.vignettes.profiles import make_person, person_id
from careweave_cli.sample.vignettes.stories import read_stories
from careweave_matching.pathways.facts import packaged_facts

from careweave.client import OPERATOR, calling
from careweave.config import Settings
from careweave.errors import NotFound
from careweave.rpc.channels import Channels
from careweave.v1 import common_pb2, matching_pb2, pathways_pb2, profiles_pb2, skills_pb2

FOLDER = Path(__file__).parents[1] / "vignettes"
HOME_CARER, RETURNER, RECEPTIONIST, VOLUNTEER = "01", "04", "06", "08"
NURSE = "nurse responsible for general care"
REGISTER = "NMC nurse"

Plan = pathways_pb2.PlanPathwaysResponse
Step = pathways_pb2.RouteStep


@dataclass(frozen=True)
class Asked:
    """What the place answered. plans: by story and label of the target, empty for an open one."""

    plans: dict[tuple[str, str], Plan]
    again: Plan
    decision: matching_pb2.Decision
    present: Plan
    unknown: tuple[bool, bool, bool]
    existing: frozenset[str]


async def ask(settings: Settings) -> Asked:
    """Ask services of this process, on the sample place, for all plans."""
    today = datetime.now(UTC).date()
    async with in_process(settings, SERVICES) as here, Channels(here.settings, OPERATOR, own=here.own) as services:
        with calling():
            return await _ask(services, today)


async def _ask(services: Channels, today: date) -> Asked:
    taxonomies = await asyncio.to_thread(catalogue)
    names = {}
    for story in read_stories(FOLDER):
        if (key := story.key[:2]) in {HOME_CARER, RETURNER, RECEPTIONIST, VOLUNTEER}:
            person = make_person(story, taxonomies, today)
            await services.profiles.CreatePerson(
                profiles_pb2.CreatePersonRequest(person=person, person_id=person_id(story))
            )
            await until_indexed(services, person.name)
            names[key] = person.name

    async def plan(key: str, label: str) -> Plan:
        target = taxonomies.occupation(label) if label else ""
        request = pathways_pb2.PlanPathwaysRequest(person=names[key], target=target)
        return await services.matching.PlanPathways(request)

    wanted = [(HOME_CARER, NURSE), (HOME_CARER, ""), (RETURNER, NURSE), (RECEPTIONIST, NURSE), (VOLUNTEER, NURSE),
              (VOLUNTEER, ""), (HOME_CARER, "elderly home manager")]  # fmt: skip
    plans = {pair: await plan(*pair) for pair in wanted}
    again = await plan(HOME_CARER, NURSE)
    present = await plan(HOME_CARER, "care at home worker")
    name = f"{names[HOME_CARER]}/{plans[HOME_CARER, NURSE].decision}"
    decision = await _recorded(services, name)
    gone = profiles_pb2.ErasePersonRequest(name=names[VOLUNTEER], force=True)
    await services.profiles.ErasePerson(gone)
    missing = [
        pathways_pb2.PlanPathwaysRequest(person="people/nobody"),
        pathways_pb2.PlanPathwaysRequest(person=names[HOME_CARER], target="occupations/none"),
        pathways_pb2.PlanPathwaysRequest(person=names[VOLUNTEER]),
    ]
    unknown = [await _is_unknown(services, request) for request in missing]
    existing = await _existing(services, plans.values())
    return Asked(plans, again, decision, present, (unknown[0], unknown[1], unknown[2]), existing)


async def _recorded(services: Channels, name: str) -> matching_pb2.Decision:
    async with asyncio.timeout(30):
        while True:
            try:
                with calling():
                    return await services.matching.GetDecision(matching_pb2.GetDecisionRequest(name=name))
            except NotFound:
                await asyncio.sleep(0.1)


async def _is_unknown(services: Channels, request: pathways_pb2.PlanPathwaysRequest) -> bool:
    async with asyncio.timeout(30):
        while True:
            try:
                with calling():
                    await services.matching.PlanPathways(request)
            except NotFound:
                return True
            await asyncio.sleep(0.2)  # an erasure reaches the index through the event log


def steps_of(plan: Plan) -> Iterator[Step]:
    """Yield the steps of all routes."""
    for route in plan.routes:
        yield from route.steps


def cited(plan: Plan) -> set[str]:
    """Return the standards, courses and opportunities that a plan names."""
    found: set[str] = set()
    for step in steps_of(plan):
        found |= {step.programme} if step.programme.startswith("standards/") else set()
        found |= {closer.resource for gap in step.gaps for closer in gap.closers}
        found |= {each.opportunity for each in step.opportunities}
    return found


async def _existing(services: Channels, plans: Iterable[Plan]) -> frozenset[str]:
    """Return those of the resources named in `plans` that there are."""
    named = {name for plan in plans for name in cited(plan)}
    for name in named:
        if name.startswith("standards/"):
            await services.skills.GetStandard(skills_pb2.GetStandardRequest(name=name))
        elif name.startswith("courses/"):
            await services.skills.GetCourse(skills_pb2.GetCourseRequest(name=name))
        else:
            await services.matching.GetOpportunity(matching_pb2.GetOpportunityRequest(name=name))
    return frozenset(named)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, sample_settings: Callable[[Path], Settings]) -> Asked:
    """Return all answers."""
    return asyncio.run(ask(sample_settings(tmp_path_factory.mktemp("sample"))))


def test_a_home_care_worker_comes_to_nursing_through_an_approved_programme_alone(asked: Asked) -> None:
    plan = asked.plans[HOME_CARER, NURSE]
    assert len(plan.routes) >= 3
    ways_in = {step.programme for route in plan.routes for step in route.steps if step.register == REGISTER}
    approved = {each.name for each in packaged_facts().programmes if each.register == REGISTER}
    assert ways_in <= approved
    earning = next(r for r in plan.routes if pathways_pb2.ROUTE_PREFERENCE_EARN_WHILE_LEARNING in r.traits)
    assert [step.programme for step in earning.steps][-2:] == ["standards/ST0827", "standards/ST0781"]
    assert pathways_pb2.ROUTE_PREFERENCE_WITHOUT_PROGRAMME in plan.unmet_preferences


def test_no_two_routes_are_the_same_and_the_quickest_is_the_quickest(asked: Asked) -> None:
    for (_, target), plan in asked.plans.items():
        ways = [tuple((step.occupation, step.programme) for step in route.steps) for route in plan.routes]
        assert all(one != other for one, other in combinations(ways, 2))
        for route in plan.routes:
            assert route.months == sum(step.months for step in route.steps) > 0
            if pathways_pb2.ROUTE_PREFERENCE_QUICKEST in route.traits:
                assert route.months == min(each.months for each in plan.routes), target


def test_every_step_says_what_it_takes_and_by_whose_rule(asked: Asked) -> None:
    for plan in asked.plans.values():
        for step in steps_of(plan):
            assert step.viable
            assert step.rules
            assert all(rule.rule and rule.source for rule in step.rules)
            assert step.months > 0
            assert step.months_basis
            assert len(step.gaps) <= min(5, step.gap_count)
            assert 0 <= step.fit.suitability <= 1


def test_every_rule_says_when_its_source_was_read_or_that_it_is_careweaves_own(asked: Asked) -> None:
    facts = packaged_facts()
    read = {each.source.text: each.source.checked for each in facts.programmes}
    read |= {each.law.text: each.law.checked for each in facts.registers}
    rules = [rule for plan in asked.plans.values() for step in steps_of(plan) for rule in step.rules]
    assert {rule.own_rule for rule in rules} == {True, False}
    assert not any(rule.own_rule and rule.HasField("check_date") for rule in rules)
    packaged = [rule for rule in rules if rule.source in read]
    assert packaged
    for rule in packaged:
        checked = read[rule.source]
        assert rule.HasField("check_date") == (checked is not None)
        if checked:
            assert rule.check_date == common_pb2.Date(year=checked.year, month=checked.month, day=checked.day)


def test_everything_that_is_cited_exists(asked: Asked) -> None:
    kinds = {name.partition("/")[0] for name in asked.existing}
    assert kinds == {"standards", "courses", "opportunities"}


def test_what_is_on_offer_fits_the_step(asked: Asked) -> None:
    seen = 0
    for plan in asked.plans.values():
        for step in steps_of(plan):
            seen += len(step.opportunities)
            if step.kind == pathways_pb2.ROUTE_STEP_KIND_MOVE:
                kinds = {common_pb2.OPPORTUNITY_KIND_JOB, common_pb2.OPPORTUNITY_KIND_SECONDMENT}
                assert {each.kind for each in step.opportunities} <= kinds
            else:
                assert {each.kind for each in step.opportunities} <= {common_pb2.OPPORTUNITY_KIND_APPRENTICESHIP}
            assert all(each.organisation_title for each in step.opportunities)
    assert seen


def test_pay_of_the_sample_is_said_to_be_made_up(asked: Asked) -> None:
    paid = [step.pay for plan in asked.plans.values() for step in steps_of(plan) if step.HasField("pay")]
    assert paid
    assert all(pay.fictional and pay.count and pay.median_gbp for pay in paid)


def test_a_nurse_whose_registration_lapsed_is_shown_the_way_back(asked: Asked) -> None:
    quickest = asked.plans[RETURNER, NURSE].routes[0]
    assert [step.kind for step in quickest.steps] == [pathways_pb2.ROUTE_STEP_KIND_RETURN]


def test_who_has_no_work_begins_with_what_they_can_do(asked: Asked) -> None:
    for target in (NURSE, ""):
        plan = asked.plans[VOLUNTEER, target]
        assert plan.routes
        assert all(not route.steps[0].from_occupation for route in plan.routes)


def test_an_open_plan_proposes_destinations_that_differ(asked: Asked) -> None:
    for key in (HOME_CARER, VOLUNTEER):
        destinations = [route.occupation for route in asked.plans[key, ""].routes]
        assert len(destinations) == len(set(destinations)) >= 3


def test_the_same_question_is_answered_alike(asked: Asked) -> None:
    first = Plan()
    first.CopyFrom(asked.plans[HOME_CARER, NURSE])
    first.decision = asked.again.decision
    assert first == asked.again


def test_what_is_shown_is_recorded_as_a_ranking(asked: Asked) -> None:
    shown = {each.opportunity for step in steps_of(asked.plans[HOME_CARER, NURSE]) for each in step.opportunities}
    assert {line.opportunity for line in asked.decision.lines} == shown


def test_the_work_that_one_does_already_needs_no_way(asked: Asked) -> None:
    assert not asked.present.routes
    assert "already" in asked.present.reason


def test_nobody_unknown_or_erased_and_no_unknown_occupation_is_planned_for(asked: Asked) -> None:
    assert asked.unknown == (True, True, True)
