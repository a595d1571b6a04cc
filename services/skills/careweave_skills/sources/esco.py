"""ESCO v1.1.1 as its two official archives of CSV files hold it, in English."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from careweave_skills.sources.tables import Notes, Row, RowNote, TableFile, open_archive, rows
from careweave_skills.taxonomy import Importance, SkillCollection, SkillKind

CLASSIFICATION = "esco-v1.1.1-classification-en.zip"
RELATIONS = "esco-v1.1.1-relations.zip"

_URI = "http://data.europa.eu/esco/"
_SAFE = re.compile(r"[A-Za-z0-9._~-]{1,100}")
_KINDS = {"skill/competence": SkillKind.SKILL, "knowledge": SkillKind.KNOWLEDGE, "": SkillKind.UNSPECIFIED}
_IMPORTANCE = {"essential": Importance.ESSENTIAL, "optional": Importance.OPTIONAL}
_COLLECTIONS = {
    "digitalSkillsCollection_en.csv": SkillCollection.DIGITAL,
    "greenSkillsCollection_en.csv": SkillCollection.GREEN,
    "transversalSkillsCollection_en.csv": SkillCollection.TRANSVERSAL,
    "languageSkillsCollection_en.csv": SkillCollection.LANGUAGE,
    "researchSkillsCollection_en.csv": SkillCollection.RESEARCH,
    "digCompSkillsCollection_en.csv": SkillCollection.DIGCOMP,
}
_HIERARCHY_LEVELS = range(4)


@dataclass(frozen=True, slots=True)
class EscoSkill:
    """A skill or item of knowledge. `name` is `skills/esco-<uuid>`."""

    name: str
    uri: str
    label: str
    alternative_labels: tuple[str, ...]
    description: str
    kind: SkillKind
    reuse_level: str
    collections: tuple[SkillCollection, ...]


@dataclass(frozen=True, slots=True)
class EscoOccupation:
    """An occupation. `name` is `occupations/esco-<uuid>`; `isco_group` has four digits."""

    name: str
    uri: str
    label: str
    alternative_labels: tuple[str, ...]
    description: str
    code: str
    isco_group: str
    regulated_profession_note: str


@dataclass(frozen=True, slots=True)
class EscoGroup:
    """A group of skills (`skillGroups/…`) or of occupations (`occupationGroups/isco-…`)."""

    name: str
    uri: str
    label: str
    alternative_labels: tuple[str, ...]
    description: str
    code: str


@dataclass(frozen=True, slots=True)
class Requirement:
    """`occupation` requires `skill`."""

    occupation: str
    skill: str
    importance: Importance


@dataclass(frozen=True, slots=True)
class SkillRelation:
    """`skill` draws on `related`: essentially or optionally."""

    skill: str
    related: str
    importance: Importance


@dataclass(frozen=True, slots=True)
class Esco:
    """All of ESCO. `broader` holds (narrower, broader) pairs of names, of both pillars."""

    skills: tuple[EscoSkill, ...]
    occupations: tuple[EscoOccupation, ...]
    skill_groups: tuple[EscoGroup, ...]
    occupation_groups: tuple[EscoGroup, ...]
    requirements: tuple[Requirement, ...]
    skill_relations: tuple[SkillRelation, ...]
    broader: tuple[tuple[str, str], ...]
    dropped: tuple[RowNote, ...]
    corrected: tuple[RowNote, ...]


def source_files(folder: Path) -> tuple[Path, ...]:
    """Return the files that `read_esco` reads from `folder`."""
    return folder / CLASSIFICATION, folder / RELATIONS


def read_esco(folder: Path) -> Esco:
    """Return ESCO as `folder` holds it.

    Raises:
        InvalidArgument: a file or column is missing, or an archive is damaged.
    """
    notes = Notes()
    files = open_archive(folder, CLASSIFICATION, [
        "skills_en.csv", "occupations_en.csv", "skillGroups_en.csv", "ISCOGroups_en.csv", "skillsHierarchy_en.csv",
        *_COLLECTIONS,
    ])  # fmt: skip
    relations = open_archive(folder, RELATIONS, [
        "occupationSkillRelations.csv", "skillSkillRelations.csv",
        "broaderRelationsSkillPillar.csv", "broaderRelationsOccPillar.csv",
    ])  # fmt: skip
    skills = _skills(files["skills_en.csv"], _collections(files, notes), notes)
    occupations = _occupations(files["occupations_en.csv"], notes)
    skill_groups = _skill_groups(files["skillGroups_en.csv"], notes)
    _add_hierarchy(files["skillsHierarchy_en.csv"], skill_groups, notes)
    occupation_groups = _occupation_groups(files["ISCOGroups_en.csv"], notes)
    names = {uri: record.name for records in (skills, occupations) for uri, record in records.items()}
    group_names = {uri: group.name for groups in (skill_groups, occupation_groups) for uri, group in groups.items()}
    everything = names | group_names
    return Esco(
        skills=tuple(skills.values()),
        occupations=tuple(occupations.values()),
        skill_groups=tuple(skill_groups.values()),
        occupation_groups=tuple(occupation_groups.values()),
        requirements=_requirements(relations["occupationSkillRelations.csv"], names, notes),
        skill_relations=_skill_relations(relations["skillSkillRelations.csv"], names, notes),
        broader=(
            *_broader(relations["broaderRelationsSkillPillar.csv"], everything, notes),
            *_broader(relations["broaderRelationsOccPillar.csv"], everything, notes),
        ),
        dropped=tuple(notes.dropped),
        corrected=tuple(notes.corrected),
    )


def _collections(files: Mapping[str, TableFile], notes: Notes) -> dict[str, tuple[SkillCollection, ...]]:
    found: dict[str, tuple[SkillCollection, ...]] = {}
    for member, collection in _COLLECTIONS.items():
        for _, (uri,) in rows(files[member], ["conceptUri"], notes):
            found[uri] = (*found.get(uri, ()), collection)
    return found


def _skills(
    table: TableFile, collections: Mapping[str, tuple[SkillCollection, ...]], notes: Notes
) -> dict[str, EscoSkill]:
    columns = [
        "conceptUri", "preferredLabel", "altLabels", "hiddenLabels", "description", "skillType", "reuseLevel",
    ]  # fmt: skip
    found: dict[str, EscoSkill] = {}
    for row, (uri, label, alternatives, hidden, description, kind, reuse_level) in rows(table, columns, notes):
        name = _named(uri, "skill/", "skills/esco-")
        if not _usable(row, uri, name, label, found):
            continue
        if kind not in _KINDS:
            row.drop("unknown skill type", f"{label}: {kind}")
            continue
        if not kind:
            row.correct("blank skill type, kept as unspecified", label)
        found[uri] = EscoSkill(
            name, uri, label, _labels(label, alternatives, hidden), description, _KINDS[kind], reuse_level,
            collections.get(uri, ()),
        )  # fmt: skip
    return found


def _occupations(table: TableFile, notes: Notes) -> dict[str, EscoOccupation]:
    columns = [
        "conceptUri", "preferredLabel", "altLabels", "hiddenLabels", "description", "code", "iscoGroup",
        "regulatedProfessionNote",
    ]  # fmt: skip
    found: dict[str, EscoOccupation] = {}
    for row, (uri, label, alternatives, hidden, description, code, isco_group, note) in rows(table, columns, notes):
        name = _named(uri, "occupation/", "occupations/esco-")
        if _usable(row, uri, name, label, found):
            found[uri] = EscoOccupation(
                name, uri, label, _labels(label, alternatives, hidden), description, code, isco_group,
                note.rpartition("/")[2],
            )  # fmt: skip
    return found


def _skill_groups(table: TableFile, notes: Notes) -> dict[str, EscoGroup]:
    return _groups(table, _skill_group_name, notes)


def _occupation_groups(table: TableFile, notes: Notes) -> dict[str, EscoGroup]:
    return _groups(table, lambda uri: _named(uri, "isco/C", "occupationGroups/isco-"), notes)


def _groups(table: TableFile, name_of: Callable[[str], str], notes: Notes) -> dict[str, EscoGroup]:
    found: dict[str, EscoGroup] = {}
    columns = ["conceptUri", "preferredLabel", "altLabels", "description", "code"]
    for row, (uri, label, alternatives, description, code) in rows(table, columns, notes):
        name = name_of(uri)
        if _usable(row, uri, name, label, found):
            found[uri] = EscoGroup(name, uri, label, _labels(label, alternatives), description, code)
    return found


def _add_hierarchy(table: TableFile, groups: dict[str, EscoGroup], notes: Notes) -> None:
    """Add the groups that only the hierarchy names; ESCO 1.1.1 has seven, with skills below them."""
    columns = [f"Level {level} {part}" for level in _HIERARCHY_LEVELS for part in ("URI", "preferred term", "code")]
    for row, values in rows(table, columns, notes, ragged=True):
        for level in _HIERARCHY_LEVELS:
            uri, label, code = values[3 * level : 3 * level + 3]
            if not uri or uri in groups:
                continue
            name = _skill_group_name(uri)
            if _usable(row, uri, name, label, groups):
                groups[uri] = EscoGroup(name, uri, label, (), "", code)


def _requirements(table: TableFile, names: Mapping[str, str], notes: Notes) -> tuple[Requirement, ...]:
    found: dict[tuple[str, str], Requirement] = {}
    columns = ["occupationUri", "relationType", "skillUri"]
    for row, (occupation_uri, relation, skill_uri) in rows(table, columns, notes):
        if pair := _ends(row, occupation_uri, skill_uri, names, found):
            if relation in _IMPORTANCE:
                found[pair] = Requirement(*pair, _IMPORTANCE[relation])
            else:
                row.drop("neither essential nor optional", relation)
    return tuple(found.values())


def _skill_relations(table: TableFile, names: Mapping[str, str], notes: Notes) -> tuple[SkillRelation, ...]:
    found: dict[tuple[str, str], SkillRelation] = {}
    columns = ["originalSkillUri", "relationType", "relatedSkillUri"]
    for row, (skill_uri, relation, related_uri) in rows(table, columns, notes):
        if pair := _ends(row, skill_uri, related_uri, names, found):
            if relation in _IMPORTANCE:
                found[pair] = SkillRelation(*pair, _IMPORTANCE[relation])
            else:
                row.drop("neither essential nor optional", relation)
    return tuple(found.values())


def _broader(table: TableFile, names: Mapping[str, str], notes: Notes) -> tuple[tuple[str, str], ...]:
    found: dict[tuple[str, str], None] = {}
    for row, (uri, broader_uri) in rows(table, ["conceptUri", "broaderUri"], notes):
        if pair := _ends(row, uri, broader_uri, names, found):
            found[pair] = None
    return tuple(found)


def _ends(
    row: Row, first: str, second: str, names: Mapping[str, str], found: Mapping[tuple[str, str], object]
) -> tuple[str, str] | None:
    """Return the names of both ends, or None with a note."""
    for uri in (first, second):
        if uri not in names:
            row.drop("relation to a concept that is not in the classification", uri)
            return None
    pair = names[first], names[second]
    if pair in found:
        row.drop("relation given before", f"{first} – {second}")
        return None
    return pair


def _usable(row: Row, uri: str, name: str, label: str, found: Mapping[str, object]) -> bool:
    if not name:
        row.drop("not an ESCO identifier of this kind", uri)
    elif not label:
        row.drop("no preferred label", uri)
    elif uri in found:
        row.drop("identifier given before", uri)
    else:
        return True
    return False


def _skill_group_name(uri: str) -> str:
    return _named(uri, "skill/", "skillGroups/esco-") or _named(uri, "isced-f/", "skillGroups/isced-f-")


def _named(uri: str, kind: str, prefix: str) -> str:
    """Return the resource name for an ESCO URI of `kind`; empty if it is none."""
    start = _URI + kind
    rest = uri.removeprefix(start)
    return prefix + rest if uri.startswith(start) and _SAFE.fullmatch(rest) else ""


def _labels(preferred: str, *fields: str) -> tuple[str, ...]:
    """Return the labels in `fields`, one a line, without repetitions and without the preferred one."""
    lines = (line.strip() for text in fields for line in text.split("\n"))
    return tuple(label for label in dict.fromkeys(lines) if label and label != preferred)
