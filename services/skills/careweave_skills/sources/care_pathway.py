"""The Care Workforce Pathway for adult social care in England: role categories, skills, courses.

The prototype of 2024 (`cwp_*.csv`) gives four role categories with their skills. The list of 2025
(`cwp_role_categories_2025.csv`) renames these and adds three more, for which no skills are published
yet; the courses' code `rmdm` means two of those, registered and deputy managers.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from hashlib import sha256
from pathlib import Path

from careweave_skills.sources.tables import Notes, Row, RowNote, TableFile, open_file, rows
from careweave_skills.taxonomy import SkillKind

ROLES = "cwp_roles.csv"
ROLE_TITLES = "cwp_role_categories_2025.csv"
SKILLS = "cwp_skills.csv"
COURSES = "cwp_training.csv"

_TITLE_OF_ROLE = {"rolea": "1", "roleb": "2", "rolec": "4", "roled": "5"}
"""Code of the prototype to id in the list of 2025."""
_ROLES_OF_CODE = {"rmdm": ("occupations/cwp-deputy-manager", "occupations/cwp-registered-manager")}
_NO_ROLE = ("", "n/a")
_CLOSE = 0.85
"""Likeness (difflib's ratio) from which a spelling counts as a slip for another."""
_LEAD = 0.05
"""How far the closest spelling must be ahead of the second."""
_TITLES_IN_TEXT = re.compile(r"Job titles may include (.+?)\.?$")
_MINUTES = re.compile(r"(\d+(?:\.\d+)?)\s*(min|hour)")
_LONGEST_SLUG = 80
_LONGEST_PHRASE = 120
"""Characters from which a text is sentences rather than a phrase."""


@dataclass(frozen=True, slots=True)
class RoleCategory:
    """A role category. `name` is `occupations/cwp-…`; `skills` are names in the source's order."""

    name: str
    code: str
    label: str
    alternative_labels: tuple[str, ...]
    description: str
    skills: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PathwaySkill:
    """A skill; the same wording in several categories is one skill. `name` is `skills/cwp-…`."""

    name: str
    label: str
    description: str
    categories: tuple[str, ...]
    kind: SkillKind


@dataclass(frozen=True, slots=True)
class PathwayCourse:
    """A course. `name` is `courses/cwp-…`; `develops` and `roles` are names.

    learning_minutes, reimbursement_gbp: 0 where not stated.
    """

    name: str
    code: str
    title: str
    type: str
    description: str
    awarding_organisation: str
    learning_time: str
    learning_minutes: int
    reimbursement_gbp: int
    funding_model: str
    develops: tuple[str, ...]
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CarePathway:
    """The whole pathway."""

    roles: tuple[RoleCategory, ...]
    skills: tuple[PathwaySkill, ...]
    courses: tuple[PathwayCourse, ...]
    dropped: tuple[RowNote, ...]
    corrected: tuple[RowNote, ...]


@dataclass(slots=True)
class _Uses:
    """Where a wording is used: categories, and roles with each."""

    name: str
    label: str
    description: str
    categories: list[str]


def source_files(folder: Path) -> tuple[Path, ...]:
    """Return the files that `read_care_pathway` reads from `folder`."""
    return tuple(folder / name for name in (ROLES, ROLE_TITLES, SKILLS, COURSES))


def read_care_pathway(folder: Path) -> CarePathway:
    """Return the pathway as `folder` holds it.

    Raises:
        InvalidArgument: a file or column is missing.
    """
    notes = Notes()
    uses, of_category = _skills(open_file(folder, SKILLS), notes)
    of_role = {
        role: [name for (code, _), names in of_category.items() if code == role for name in names]
        for role in _TITLE_OF_ROLE
    }
    titles = _titles(open_file(folder, ROLE_TITLES), notes)
    roles = (*_roles(open_file(folder, ROLES), titles, of_role, notes), *_further_roles(titles))
    return CarePathway(
        roles=roles,
        skills=tuple(
            PathwaySkill(use.name, use.label, use.description, tuple(use.categories), _kind(use.label))
            for use in uses.values()
        ),
        courses=_courses(open_file(folder, COURSES), of_category, uses, notes),
        dropped=tuple(notes.dropped),
        corrected=tuple(notes.corrected),
    )


def _skills(table: TableFile, notes: Notes) -> tuple[dict[str, _Uses], dict[tuple[str, str], list[str]]]:
    """Return the skills by name, and their names by (role code, category)."""
    uses: dict[str, _Uses] = {}
    of_category: dict[tuple[str, str], list[str]] = {}
    columns = ["role", "skill_category", "category_description", "append", "skill"]
    for row, (role, category, description, lead, text) in rows(table, columns, notes):
        label = _label(lead, text)
        if role not in _TITLE_OF_ROLE or not category or not label:
            row.drop("unknown role, or no category or skill", f"{role}: {category}: {text}")
            continue
        name = f"skills/cwp-{_slug(label)}"
        use = uses.setdefault(name, _Uses(name, label, description, []))
        if category not in use.categories:
            use.categories.append(category)
        listed = of_category.setdefault((role, category), [])
        if name in listed:
            row.drop("skill given before in this category", label)
        else:
            listed.append(name)
    return uses, of_category


def _titles(table: TableFile, notes: Notes) -> dict[str, tuple[str, str]]:
    """Return (title, description) by id, of the role categories of 2025."""
    found: dict[str, tuple[str, str]] = {}
    for row, (identifier, title, description) in rows(table, ["id", "title", "description"], notes):
        if len(identifier) > 1:  # From 101 on the list holds answers such as "I do not know".
            row.drop("an answer that names no role category", title)
        else:
            found[identifier] = title, description
    return found


def _roles(
    table: TableFile, titles: Mapping[str, tuple[str, str]], skills: Mapping[str, Sequence[str]], notes: Notes
) -> list[RoleCategory]:
    found = []
    for row, (code, category, label, description) in rows(table, ["code", "category", "name", "description"], notes):
        if code not in _TITLE_OF_ROLE:
            row.drop("unknown role category", code)
            continue
        title, meaning = titles.get(_TITLE_OF_ROLE[code], ("", ""))
        included = _TITLES_IN_TEXT.search(description)
        others = [category, label, *(re.split(r", | or ", included[1]) if included else ())]
        alternatives = tuple(dict.fromkeys(other for other in others if title and other != title))
        text = f"{description} {meaning}.".strip() if meaning else description
        found.append(RoleCategory(
            f"occupations/cwp-{code}", code, title or label, alternatives, text, tuple(dict.fromkeys(skills[code]))
        ))  # fmt: skip
    return found


def _further_roles(titles: Mapping[str, tuple[str, str]]) -> list[RoleCategory]:
    """Return the categories of 2025 that the prototype lacks; no skills are published for them."""
    return [
        RoleCategory(f"occupations/cwp-{_slug(title)}", f"cwp2025-{identifier}", title, (), description, ())
        for identifier, (title, description) in titles.items()
        if identifier not in _TITLE_OF_ROLE.values()
    ]


def _courses(
    table: TableFile, of_category: Mapping[tuple[str, str], Sequence[str]], skills: Mapping[str, _Uses], notes: Notes
) -> tuple[PathwayCourse, ...]:
    columns = [
        "code", "title", "type", "category", "audience", "description", "awardingOrganisation", "totalLearningTime",
        "reimbursementAmount", "fundingModel", "roleCat", "skillsCat",
    ]  # fmt: skip
    categories_known = sorted({category for _, category in of_category})
    found: dict[str, PathwayCourse] = {}
    for row, values in rows(table, columns, notes):
        code, title, kind, theme, audience, text, awarding, time, amount, funding, role_codes, category_names = values
        name = f"courses/cwp-{_slug(code.replace('/', '-'), lower=False)}"
        if not code or not title or name in found:
            row.drop("no code, no title, or code given before", f"{code}: {title}")
            continue
        codes = [code for code in role_codes.split("|") if code not in _NO_ROLE]
        categories, wordings = _resolved(row, category_names, categories_known, skills)
        described = ". ".join(part.strip(". ") for part in (text, theme, audience) if part)
        found[name] = PathwayCourse(
            name, code, title, kind, described, awarding, time, _minutes(time), _pounds(row, amount), funding,
            tuple(dict.fromkeys((*_taught(categories, codes, of_category), *wordings))), _roles_of(row, codes),
        )  # fmt: skip
    return tuple(found.values())


def _resolved(row: Row, text: str, known: Sequence[str], skills: Mapping[str, _Uses]) -> tuple[list[str], list[str]]:
    """Return the categories that `text` (separated by `|`) means, and the skills that it names outright.

    Punctuation is ignored, two pieces that make one category together are joined, and else the
    clearly closest spelling counts: the source has all of these slips.
    """
    exact = {_bare(category): category for category in known}
    wordings = {_bare(use.label): use.name for use in skills.values()}
    pieces = [piece.strip() for piece in text.split("|") if piece.strip()]
    categories: dict[str, None] = {}
    outright: dict[str, None] = {}
    while pieces:
        taken = pieces.pop(0)
        if pieces and _bare(f"{taken}, {pieces[0]}") in exact:
            taken = f"{taken}, {pieces.pop(0)}"
        category = exact.get(_bare(taken)) or ("" if _bare(taken) in wordings else _closest(taken, known))
        if category:
            categories[category] = None
            if category != taken:
                row.correct("skill category spelt differently, read as the closest", taken)
        elif _bare(taken) in wordings:
            outright[wordings[_bare(taken)]] = None
            row.correct("names a skill in place of its category, read as that skill", taken)
        else:
            row.drop("names no skill category of the pathway", taken)
    return list(categories), list(outright)


def _closest(piece: str, known: Sequence[str]) -> str:
    """Return the category whose spelling is clearly the closest to `piece`; empty if none is."""
    ranked = sorted(
        ((SequenceMatcher(None, _bare(piece), _bare(one)).ratio(), one) for one in set(known)), reverse=True
    )
    if not ranked or ranked[0][0] < _CLOSE:
        return ""
    return "" if len(ranked) > 1 and ranked[0][0] - ranked[1][0] < _LEAD else ranked[0][1]


def _taught(
    categories: Sequence[str], codes: Sequence[str], of_category: Mapping[tuple[str, str], Sequence[str]]
) -> tuple[str, ...]:
    """Return the skills of `categories`: those of the course's own roles where these have the category."""
    taught: dict[str, None] = {}
    for category in categories:
        of_roles = [names for (code, one), names in of_category.items() if one == category and code in codes]
        of_all = [names for (_, one), names in of_category.items() if one == category]
        taught.update(dict.fromkeys(name for names in of_roles or of_all for name in names))
    return tuple(taught)


def _roles_of(row: Row, codes: Sequence[str]) -> tuple[str, ...]:
    found: list[str] = []
    for code in codes:
        if code in _TITLE_OF_ROLE:
            found.append(f"occupations/cwp-{code}")
        elif code in _ROLES_OF_CODE:
            found.extend(_ROLES_OF_CODE[code])
        else:
            row.drop("role category that the pathway does not have", code)
    return tuple(dict.fromkeys(found))


def _label(lead: str, text: str) -> str:
    """Return the skill as a phrase: the source splits a few sentences between two columns."""
    phrase = text.removeprefix("You should ").rstrip(". ") if len(text) < _LONGEST_PHRASE else text
    if lead.startswith("Understand how to manage"):
        return f"understand how to manage {phrase}"
    return phrase


def _kind(label: str) -> SkillKind:
    """Return the kind that the wording tells; the source does not say."""
    knowledge = label.lower().startswith(("understand ", "know ", "how to "))
    return SkillKind.KNOWLEDGE if knowledge else SkillKind.SKILL


def _minutes(text: str) -> int:
    """Return the learning time in minutes; a sum such as `45 mins + 30 mins = 75 mins` gives its result."""
    found = _MINUTES.search(text.rpartition("=")[2])
    return round(float(found[1]) * (60 if found[2] == "hour" else 1)) if found else 0


def _pounds(row: Row, text: str) -> int:
    if text.isdecimal():
        return int(text)
    if text:
        row.correct("sum is not in whole pounds, kept without", text)
    return 0


def _bare(text: str) -> str:
    return re.sub(r"[^a-z0-9()]+", " ", text.lower()).strip()


def _slug(text: str, *, lower: bool = True) -> str:
    slug = re.sub(r"[^A-Za-z0-9]+", "-", text.lower() if lower else text).strip("-")
    return (
        slug
        if len(slug) <= _LONGEST_SLUG
        else f"{slug[:_LONGEST_SLUG].rstrip('-')}-{sha256(slug.encode()).hexdigest()[:8]}"
    )
