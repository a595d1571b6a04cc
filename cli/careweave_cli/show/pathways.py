"""A plan as a careers adviser would lay it out: one panel for each route, its steps in order."""

from collections.abc import Iterable, Iterator
from typing import Final

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from careweave.v1 import common_pb2, pathways_pb2
from careweave_cli.show.words import day, per_cent, plural, word

Plan = pathways_pb2.PlanPathwaysResponse
Route = pathways_pb2.Route
Step = pathways_pb2.RouteStep

_TRAITS: Final = {
    pathways_pb2.ROUTE_PREFERENCE_QUICKEST: "quickest",
    pathways_pb2.ROUTE_PREFERENCE_LEAST_TRAINING: "least training",
    pathways_pb2.ROUTE_PREFERENCE_EARN_WHILE_LEARNING: "earning while learning",
    pathways_pb2.ROUTE_PREFERENCE_THROUGH_HOME_CARE: "through home care",
    pathways_pb2.ROUTE_PREFERENCE_STAYING_LOCAL: "staying local",
    pathways_pb2.ROUTE_PREFERENCE_WITHOUT_PROGRAMME: "by moves alone",
}
_DOES: Final = {
    pathways_pb2.ROUTE_STEP_KIND_MOVE: "Move to",
    pathways_pb2.ROUTE_STEP_KIND_APPRENTICESHIP: "Apprenticeship to become",
    pathways_pb2.ROUTE_STEP_KIND_STUDY: "Study to become",
    pathways_pb2.ROUTE_STEP_KIND_QUALIFICATION: "Beside the work as",
    pathways_pb2.ROUTE_STEP_KIND_RETURN: "Return to work as",
}


def routes_found(plan: Plan) -> RenderableType:
    """Return all routes of a plan, or why there are none."""
    parts: list[RenderableType] = [_panel(place, route) for place, route in enumerate(plan.routes, start=1)]
    if not plan.routes:
        parts.append(Text(plan.reason))
    if plan.unmet_preferences and plan.routes:
        missed = ", ".join(_TRAITS[each] for each in plan.unmet_preferences)
        parts.append(Text(f"No route is {missed} now.", style="yellow"))
    return Group(*parts)


def _panel(place: int, route: Route) -> Panel:
    traits = ", ".join(_TRAITS[each] for each in route.traits)
    title = f"[bold]{place}. {escape(route.occupation_title)}[/bold]" + (f" · {traits}" if traits else "")
    parts = [_step(number, step) for number, step in enumerate(route.steps, start=1)]
    return Panel(Group(*parts), title=title, title_align="left", subtitle=_in_all(route), subtitle_align="left")


def _in_all(route: Route) -> str:
    facts = [_time(route.months), f"{route.learning_hours:,} hours of learning"]
    if route.HasField("pay_change"):
        facts.append(_change(route.pay_change))
    return " · ".join(facts)


def _step(number: int, step: Step) -> RenderableType:
    register = f" ({step.register})" if step.register else ""
    title = f"{number}. {_DOES[step.kind]} {step.occupation_title}{register}"
    head = Text.assemble((title, "bold"), f" · {_time(step.months)}")
    body = Table(box=None, show_header=False, padding=(0, 1, 0, 3), pad_edge=True)
    body.add_column(style="dim", no_wrap=True)
    body.add_column()
    for heading, lines in (
        ("Through", _through(step)),
        ("Takes", [Text(step.months_basis)]),
        ("Fit", _fit(step)),
        ("To learn", _gaps(step)),
        ("May", _rules(step)),
        ("Pays", _pay(step)),
        ("Now", _offers(step)),
    ):
        for place, line in enumerate(lines):
            body.add_row(heading if place == 0 else "", line)
    return Group(head, body)


def _through(step: Step) -> list[Text]:
    if not step.programme:
        return []
    return [Text(f"{step.programme_title}, level {step.level} ({step.programme.partition('/')[2]})")]


def _fit(step: Step) -> list[Text]:
    if step.kind == pathways_pb2.ROUTE_STEP_KIND_QUALIFICATION:
        return []
    fit = step.fit
    return [
        Text(
            f"{per_cent(fit.suitability)}: has {per_cent(fit.essential_coverage)} of what is essential by then; "
            f"the work is {per_cent(fit.relatedness)} related to the one before"
        )
    ]


def _gaps(step: Step) -> Iterator[Text]:
    for gap in step.gaps:
        closers = list(dict.fromkeys(_closer(each) for each in gap.closers))
        yield Text.assemble((gap.label, "yellow"), f" ← {'; '.join(closers) or 'in the work or the programme itself'}")
    if step.gap_count > len(step.gaps):
        yield Text(f"and {plural(step.gap_count - len(step.gaps), 'more skill')}", style="dim")


def _closer(closer: pathways_pb2.StepGapCloser) -> str:
    kinds = {"courses": "course", "standards": "apprenticeship", "opportunities": "opportunity"}
    return f"{kinds.get(closer.resource.partition('/')[0], '')} {closer.title or closer.resource}".strip()


def _rules(step: Step) -> list[Text]:
    return [
        Text.assemble(("✓ ", "green"), rule.rule, (f" [{rule.source}", "dim"), *_checked(rule), ("]", "dim"))
        for rule in step.rules
    ]


def _checked(rule: pathways_pb2.StepRule) -> list[tuple[str, str]]:
    """Return whether anybody has read the source for what the rule says; nothing for a rule of Careweave's own."""
    if rule.own_rule:
        return []
    if rule.HasField("check_date"):
        return [(f"; read {day(rule.check_date)}", "dim")]
    return [("; ", "dim"), ("not checked", "yellow")]


def _pay(step: Step) -> list[Text]:
    if step.kind == pathways_pb2.ROUTE_STEP_KIND_QUALIFICATION:
        return []
    if not step.HasField("pay"):
        return [Text("not known: nothing on offer says", style="dim")]
    pay = step.pay
    made_up = ", made up for the sample" if pay.fictional else ""
    words = f"£{pay.median_gbp:,} a year: median of {pay.count} on offer{made_up}"
    return [Text(words + (f"; {_change(step.pay_change)}" if step.HasField("pay_change") else ""))]


def _change(change: pathways_pb2.PayChange) -> str:
    if change.annual_gbp == 0:
        return "the same pay"
    return f"£{abs(change.annual_gbp):,} a year {'more' if change.annual_gbp > 0 else 'less'}"


def _offers(step: Step) -> Iterator[Text]:
    for offer in step.opportunities:
        kind = word(common_pb2.OpportunityKind, offer.kind)
        where = f", {offer.travel_minutes} min" if offer.distance_miles >= 0 and offer.travel_minutes >= 0 else ""
        yield Text.assemble(
            (offer.title, "cyan"), f" · {kind} · {offer.organisation_title}{where} · {per_cent(offer.score)} · ",
            (offer.opportunity, "dim"),
        )  # fmt: skip
        yield from _conditions(offer.conditions)
    if step.opportunity_count > len(step.opportunities):
        yield Text(f"and {step.opportunity_count - len(step.opportunities)} more", style="dim")


def _conditions(conditions: Iterable[pathways_pb2.StepCondition]) -> Iterator[Text]:
    for condition in conditions:
        by = f" by {day(condition.fix_date)}" if condition.HasField("fix_date") else ""
        remedy = f" → {condition.fix_action}{by}" if condition.fix_action else ""
        yield Text(f"  {condition.reason}{remedy}", style="yellow")


def _time(months: int) -> str:
    """Return months in words: years from two on."""
    years, rest = divmod(months, 12)
    if months < 24:  # noqa: PLR2004  months are plainer below two years
        return plural(months, "month")
    return plural(years, "year") + (f" {plural(rest, 'month')}" if rest else "")
