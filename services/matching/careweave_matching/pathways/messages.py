"""Plans as messages, and requests for them."""

from collections.abc import Callable

from careweave.v1 import pathways_pb2 as pb
from careweave_matching.eligibility import Gate
from careweave_matching.messages import date_message, versions_message
from careweave_matching.pair import Match, SkillMatch
from careweave_matching.pathways.describing import PlannedRoute, PlannedStep
from careweave_matching.pathways.offers import Pay
from careweave_matching.pathways.plans import Plan, Wanted
from careweave_matching.pathways.routes import Preference
from careweave_matching.pathways.rules import Rule
from careweave_matching.terms import GateResult

DEFAULT_ROUTES, MOST_ROUTES = 5, 10


def read_wanted(request: pb.PlanPathwaysRequest) -> Wanted:
    """Return what a request asks for."""
    return Wanted(
        person=request.person,
        target=request.target,
        preferences=tuple(Preference(each) for each in request.preferences),
        months=request.max_months,
        routes=min(request.max_routes or DEFAULT_ROUTES, MOST_ROUTES),
    )


def plan_message(plan: Plan, organisation_title: Callable[[str], str]) -> pb.PlanPathwaysResponse:
    """Return `plan` as a message. organisation_title: name of an organisation → its title."""
    return pb.PlanPathwaysResponse(
        routes=[_route(route, organisation_title) for route in plan.routes],
        reason=plan.reason,
        unmet_preferences=[int(each) for each in plan.unmet],  # type: ignore[misc]  # numbers are the proto's
        decision=plan.decision,
        versions=versions_message(plan.versions),
    )


def _route(route: PlannedRoute, organisation_title: Callable[[str], str]) -> pb.Route:
    first, last = route.steps[0], route.steps[-1]
    return pb.Route(
        occupation=last.work.name,
        occupation_title=last.work.label,
        traits=[int(each) for each in route.preferences],  # type: ignore[misc]
        months=route.months,
        learning_hours=route.hours,
        steps=[_step(step, organisation_title) for step in route.steps],
        pay_change=_pay_change(first.pay_before, last.pay),
    )


def _step(step: PlannedStep, organisation_title: Callable[[str], str]) -> pb.RouteStep:
    programme, parts = step.programme, step.suits
    return pb.RouteStep(
        kind=int(step.kind),  # type: ignore[arg-type]
        from_occupation=step.origin.name if step.origin else "",
        from_title=step.origin.label if step.origin else "",
        occupation=step.work.name,
        occupation_title=step.work.label,
        programme=programme.name if programme else "",
        programme_title=programme.title if programme else "",
        level=programme.level if programme else 0,
        months=step.months,
        months_basis=step.months_basis,
        learning_hours=step.hours,
        fit=pb.StepFit(
            essential_coverage=parts.essential_coverage,
            optional_coverage=parts.optional_coverage,
            relatedness=step.related,
            suitability=parts.suitability,
            semantic_similarity=parts.semantic_similarity,
        ),
        gaps=[_gap(each) for each in step.gaps],
        gap_count=step.gap_count,
        viable=True,
        rules=[_rule(each) for each in step.rules],
        register=step.register.name if step.register else "",
        pay=_pay(step.pay),
        pay_change=_pay_change(step.pay_before, step.pay),
        opportunities=[_opportunity(each, organisation_title) for each in step.offers],
        opportunity_count=step.offer_count,
    )


def _rule(rule: Rule) -> pb.StepRule:
    source = rule.source
    checked = date_message(source.checked) if source.checked else None
    return pb.StepRule(rule=rule.words, source=source.text, url=source.url, check_date=checked, own_rule=source.own)


def _gap(gap: SkillMatch) -> pb.StepGap:
    return pb.StepGap(
        skill=gap.skill,
        label=gap.label,
        closers=[
            pb.StepGapCloser(resource=each.resource, title=each.title, confidence=each.confidence)
            for each in gap.closers
        ],
    )


def _pay(pay: Pay | None) -> pb.StepPay | None:
    return pb.StepPay(median_gbp=pay.median_gbp, count=pay.count, fictional=pay.fictional) if pay else None


def _pay_change(before: Pay | None, after: Pay | None) -> pb.PayChange | None:
    if before is None or after is None:
        return None
    return pb.PayChange(
        annual_gbp=after.median_gbp - before.median_gbp,
        count=min(before.count, after.count),
        fictional=before.fictional or after.fictional,
    )


def _opportunity(match: Match, organisation_title: Callable[[str], str]) -> pb.StepOpportunity:
    opportunity = match.entry.opportunity
    return pb.StepOpportunity(
        opportunity=opportunity.name,
        title=opportunity.title,
        kind=opportunity.kind,  # type: ignore[arg-type]
        organisation=opportunity.organisation,
        organisation_title=organisation_title(opportunity.organisation),
        distance_miles=match.distance_miles,
        travel_minutes=match.travel_minutes,
        score=match.score,
        suitability=match.components.suitability,
        conditions=[_condition(gate) for gate in match.gates if gate.result != GateResult.PASS],
    )


def _condition(gate: Gate) -> pb.StepCondition:
    message = pb.StepCondition(reason=gate.reason, fix_action=gate.fix_action)
    if gate.fix_date is not None:
        message.fix_date.CopyFrom(date_message(gate.fix_date))
    return message
