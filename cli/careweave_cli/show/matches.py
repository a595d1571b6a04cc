"""A match as a careers adviser would put it: what, where, why, what must be in place, what is missing."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from careweave.v1 import common_pb2, matching_pb2
from careweave_cli.show.words import day, per_cent, plural, word

Candidate = matching_pb2.Candidate
Gate = matching_pb2.Gate
Match = matching_pb2.Match
SkillMatch = matching_pb2.SkillMatch

_MARKS: Final = {
    matching_pb2.GATE_RESULT_PASS: ("✓", "green"),
    matching_pb2.GATE_RESULT_FAIL: ("✗", "red"),
    matching_pb2.GATE_RESULT_UNKNOWN: ("?", "yellow"),
    matching_pb2.GATE_RESULT_FIXABLE: ("→", "yellow"),
}
_MOST_GAPS: Final = 4
_COMPONENTS: Final = (
    ("essential_coverage", "essential skills covered"),
    ("optional_coverage", "optional skills covered"),
    ("semantic_similarity", "likeness in meaning"),
    ("suitability", "suitability, from the three above"),
    ("aspiration", "likeness to what they aim for"),
    ("stretch", "right size of a step"),
    ("proximity", "nearness"),
    ("preference", "preference, from the three above"),
)
_PREFERENCE: Final = frozenset({"aspiration", "stretch", "proximity", "preference"})


def ranking(matches: Sequence[Match]) -> RenderableType:
    """Return matches one under the other, best first, each with reasons, gates and gaps."""
    return Group(*(Padding(_entry(place, match), (0, 0, 1, 0)) for place, match in enumerate(matches, start=1)))


def people(found: Sequence[Candidate]) -> RenderableType:
    """Return people for an opportunity one under the other, as far as their consent shows them."""
    return Group(*(Padding(_candidate(place, each), (0, 0, 1, 0)) for place, each in enumerate(found, start=1)))


def overview(matches: Sequence[Match]) -> Table:
    """Return one line for each match."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", "Opportunity", "Kind", "Organisation", "Journey"):
        table.add_column(heading)
    table.add_column("Score", justify="right")
    table.add_column("Name", style="dim", overflow="fold")
    for place, match in enumerate(matches, start=1):
        table.add_row(
            str(place),
            escape(match.title) + (f" [magenta]({applied(match)})[/magenta]" if match.application_stage else ""),
            word(common_pb2.OpportunityKind, match.kind),
            escape(match.organisation_title or match.organisation),
            journey(match),
            per_cent(match.score),
            match.opportunity,
        )
    return table


def explanation(match: Match) -> RenderableType:
    """Return everything about one match: components, every gate, every skill."""
    return Group(
        _entry(None, match),
        "",
        Text("How the score is made up", style="bold"),
        components(match),
        "",
        Text("Skills asked for", style="bold"),
        skills(match.skills),
        "",
        Text(_versions(match), style="dim"),
    )


def applied(match: Match) -> str:
    """Return that the person has applied, and how far it has come."""
    if match.application_stage == matching_pb2.APPLICATION_STAGE_INTERESTED:
        return "applied for"
    return f"applied for: {word(matching_pb2.ApplicationStage, match.application_stage)}"


def journey(match: Match) -> str:
    """Return how far it is, for example "4 miles, 15 min"; empty if not known."""
    parts = []
    if match.distance_miles >= 0:
        parts.append("under a mile" if match.distance_miles < 1 else plural(round(match.distance_miles), "mile"))
    if match.travel_minutes >= 0 and match.distance_miles >= 0:
        parts.append(f"{match.travel_minutes} min")
    return ", ".join(parts)


def components(match: Match) -> Table:
    """Return the parts of the score; preference only where it was sent."""
    parts = match.components
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
    for field, meaning in _COMPONENTS:
        if field not in _PREFERENCE or parts.preference:
            table.add_row(per_cent(getattr(parts, field)), meaning)
    table.add_row(per_cent(match.score), "score, by which the list is ordered", style="bold")
    return table


def skills(required: Iterable[SkillMatch]) -> Table:
    """Return every skill that is asked for, how the person stands to it, and what closes a gap."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 2))
    for heading in ("Skill", "Asked for as", "The person", "What closes the gap"):
        table.add_column(heading)
    for skill in required:
        table.add_row(
            escape(skill.label or skill.skill),
            word(common_pb2.Importance, skill.importance),
            Text(_standing(skill), style=_standing_style(skill)),
            escape(_first_of(closers(skill.closers))),
        )
    return table


def _entry(place: int | None, match: Match) -> RenderableType:
    number = f"{place}. " if place is not None else ""
    kind = word(common_pb2.OpportunityKind, match.kind)
    head = Text.assemble((f"{number}{match.title}", "bold"), f" · {kind} · ", (per_cent(match.score), "bold"))
    if match.application_stage:
        head.append(f" · {applied(match)}", style="magenta")
    organisation = match.organisation_title or match.organisation
    return _under(head, (organisation, journey(match), match.opportunity), match)


def _candidate(place: int, candidate: Candidate) -> RenderableType:
    match = candidate.match
    name = candidate.display_name or "Somebody who has not opened their name"
    head = Text.assemble((f"{place}. {name}", "bold"), " · ", (per_cent(match.score), "bold"))
    return _under(head, (candidate.person, journey(match)), match)


def _under(head: Text, facts: Iterable[str], match: Match) -> RenderableType:
    """Return `head`, the facts below it, and the reasons, conditions and gaps of `match`."""
    body = Table(box=None, show_header=False, padding=(0, 1, 0, 0), pad_edge=False)
    body.add_column(style="bold", no_wrap=True)
    body.add_column()
    for heading, lines in (
        ("Why", [Text(reason) for reason in match.reasons]),
        ("Conditions", list(gate_lines(match.gates))),
        ("Gaps", list(_gaps(match.skills))),
    ):
        for line_number, line in enumerate(lines):
            body.add_row(heading if line_number == 0 else "", line)
    where = Text(" · ".join(fact for fact in facts if fact), style="dim")
    return Group(head, Padding(where, (0, 0, 0, 3)), Padding(body, (0, 0, 0, 3)))


def gate_lines(gates: Sequence[Gate]) -> Iterator[Text]:
    """Yield those that are met in one line, and each other one with its reason and what mends it."""
    met = [gate for gate in gates if gate.result == matching_pb2.GATE_RESULT_PASS]
    if met:
        mark, style = _MARKS[matching_pb2.GATE_RESULT_PASS]
        yield Text.assemble((f"{mark} ", style), ", ".join(_gate_name(gate) for gate in met))
    for gate in gates:
        if gate.result != matching_pb2.GATE_RESULT_PASS:
            mark, style = _MARKS.get(gate.result, ("?", "yellow"))
            yield Text.assemble((f"{mark} ", style), f"{_gate_name(gate)}: {gate.reason}{_remedy(gate)}")


def _gate_name(gate: Gate) -> str:
    names = {matching_pb2.GATE_KIND_OPEN: "open for interest", matching_pb2.GATE_KIND_DBS: "DBS"}
    return names.get(gate.kind) or word(matching_pb2.GateKind, gate.kind)


def _remedy(gate: Gate) -> str:
    if gate.result != matching_pb2.GATE_RESULT_FIXABLE:
        return ""
    by = f" by {day(gate.fix_date)}" if gate.HasField("fix_date") else ""
    return f" Can be met{by}: {gate.fix_action}"


def _gaps(required: Sequence[SkillMatch]) -> Iterator[Text]:
    missing = [skill for skill in required if skill.fit == matching_pb2.SKILL_FIT_MISSING]
    for skill in missing[:_MOST_GAPS]:
        importance = word(common_pb2.Importance, skill.importance)
        closing = "; ".join(closers(skill.closers)) or "nothing known here closes it yet"
        yield Text.assemble((skill.label or skill.skill, "yellow"), f" ({importance}) ← {closing}")
    if len(missing) > _MOST_GAPS:
        yield Text(f"and {plural(len(missing) - _MOST_GAPS, 'more gap')}", style="dim")


def closers(found: Iterable[matching_pb2.GapCloser]) -> list[str]:
    """Return what closes a gap, in words, each once."""
    kinds = {"courses": "course", "standards": "apprenticeship", "opportunities": "opportunity"}
    named = [
        f"{kinds.get(closer.resource.partition('/')[0], '')} {closer.title or closer.resource}".strip()
        for closer in found
    ]
    return list(dict.fromkeys(named))  # several organisations offer the same course


def _first_of(closers: Sequence[str]) -> str:
    more = f", or {len(closers) - 1} more" if len(closers) > 1 else ""
    return f"{closers[0]}{more}" if closers else ""


def _standing(skill: SkillMatch) -> str:
    match skill.fit:
        case matching_pb2.SKILL_FIT_EVIDENCED:
            return "has it, with evidence"
        case matching_pb2.SKILL_FIT_CLAIMED:
            return "has it, by their own word"
        case matching_pb2.SKILL_FIT_TRANSFERABLE:
            return f"has {skill.from_label or skill.from_skill}, which counts {per_cent(skill.credit)}"
        case _:
            return "does not have it"


def _standing_style(skill: SkillMatch) -> str:
    if skill.fit == matching_pb2.SKILL_FIT_MISSING:
        return "yellow"
    return "cyan" if skill.fit == matching_pb2.SKILL_FIT_TRANSFERABLE else "green"


def _versions(match: Match) -> str:
    made = match.versions
    return (
        f"Made with model {made.model}, taxonomy {made.taxonomy[:12]}, weights {made.weights}, "
        f"profile version {made.profile}, opportunity version {made.opportunity}."
    )
