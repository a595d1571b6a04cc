"""What would change a ranking, for people to read."""

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from careweave.v1 import common_pb2
from careweave.v1 import matching_pb2 as pb
from careweave_cli.show.matches import closers, gate_lines
from careweave_cli.show.words import per_cent, plural, word


def summary(found: pb.SkillGains) -> RenderableType:
    """Return what to gain, what it gives, how sure that is, and what no skill changes."""
    parts: list[RenderableType] = [Text(found.title, style="bold"), _standings(found), Text(_verdict(found))]
    if found.gains:
        parts.append(_skills(found.gains))
    if found.gates:
        parts += [Text("What no skill changes", style="bold"), *gate_lines(found.gates)]
    return Group(*parts)


def _standings(found: pb.SkillGains) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", "Score", "Suitability", "Place"):
        table.add_column(heading, justify="left" if not heading else "right")
    for when, standing in (("now", found.before), ("with what is below", found.after)):
        table.add_row(when, per_cent(standing.score), per_cent(standing.suitability), str(standing.place))
    return table


def _verdict(found: pb.SkillGains) -> str:
    exact = found.proof == pb.GAIN_PROOF_EXACT
    if found.reached and not found.gains:
        return "That is reached already."
    if found.reached:
        sure = "Fewer would not do." if exact else f"Fewer may do, but not fewer than {found.fewest}."
        return f"{plural(len(found.gains), 'skill')} would do it. {sure}"
    if found.fewest > found.considered:
        return f"No skill that it asks for would do it; of the {found.considered} to gain, these come nearest."
    sure = (
        f"It takes at least {found.fewest}." if exact else f"It takes at least {found.fewest}; how many is not known."
    )
    return f"So few skills would not do it. {sure} One by one, these help most."


def _skills(gained: Iterable[pb.SkillGain]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in ("Skill", "Asked for as", "Now", "To reach", "How to gain it"):
        table.add_column(heading)
    for each in gained:
        level = word(common_pb2.Proficiency, each.proficiency) if each.proficiency else "any level"
        table.add_row(
            escape(each.label or each.skill),
            word(common_pb2.Importance, each.importance),
            f"{word(pb.SkillFit, each.fit)}, counts {per_cent(each.credit)}",
            f"{level}, with evidence",
            escape("; ".join(closers(each.closers)) or "nothing known here teaches it"),
        )
    return table
