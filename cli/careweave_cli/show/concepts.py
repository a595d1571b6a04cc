"""Skills and occupations that were found, and a text with its skills marked."""

from collections.abc import Iterable

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from careweave.v1 import skills_pb2
from careweave_cli.show.words import per_cent, word


def skill_hits(hits: Iterable[skills_pb2.SkillHit]) -> Table:
    """Return skills found, best first."""
    table = _table("Skill", "Kind", "From", "Found by", "Name")
    for hit in hits:
        skill = hit.skill
        table.add_row(
            escape(skill.label),
            word(skills_pb2.SkillKind, skill.kind),
            _scheme(skill.scheme),
            escape(_found_by(hit.matched_label, skill.label)),
            skill.name,
        )
    return table


def occupation_hits(hits: Iterable[skills_pb2.OccupationHit]) -> Table:
    """Return occupations found, best first."""
    table = _table("Occupation", "From", "Found by", "Name")
    for hit in hits:
        occupation = hit.occupation
        table.add_row(
            escape(occupation.label),
            _scheme(occupation.scheme),
            escape(_found_by(hit.matched_label, occupation.label)),
            occupation.name,
        )
    return table


def extracted(skills: Iterable[skills_pb2.ExtractedSkill]) -> Table:
    """Return the skills of a text, surest first, with the words that speak of them and how they do."""
    table = _table("Skill", "Sure", "In the words", "As", "Name")
    for skill in skills:
        table.add_row(
            escape(skill.label),
            per_cent(skill.confidence),
            f"“{escape(skill.span.text)}”",
            escape(_mentioned(skill)),
            skill.skill,
        )
    return table


def _mentioned(skill: skills_pb2.ExtractedSkill) -> str:
    how = word(skills_pb2.SkillMention, skill.mention)
    return f"{how}: “{skill.wording}”" if skill.wording else how


def marked(text: str, skills: Iterable[skills_pb2.ExtractedSkill]) -> Text:
    """Return `text` with the stretches that speak of a skill underlined."""
    shown = Text(text)
    for skill in skills:
        shown.stylize("underline cyan", skill.span.start, skill.span.end)
    return shown


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in headings[:-1]:
        table.add_column(heading)
    table.add_column(headings[-1], style="dim", overflow="fold")
    return table


def _scheme(scheme: int) -> str:
    return "ESCO" if scheme == skills_pb2.SCHEME_ESCO else word(skills_pb2.Scheme, scheme)


def _found_by(matched: str, label: str) -> str:
    if not matched:
        return "meaning"
    return "its label" if matched == label else f"“{matched}”"
