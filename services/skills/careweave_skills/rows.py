"""What the records of each source become in the graph: rows of nodes and of relationships.

A set of rows says what is true of its scope after the import; what the graph has in that scope
beyond them is out of date (`careweave_skills.importing`).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from careweave_skills.sources.care_pathway import CarePathway
from careweave_skills.sources.esco import Esco, EscoGroup, EscoOccupation, EscoSkill
from careweave_skills.sources.standards import Standards
from careweave_skills.taxonomy import Importance, LinkMethod, Scheme

Rows: TypeAlias = list[dict[str, object]]

_MOST_GROUPS = 12
"""Group labels that a skill carries; the deepest of ESCO has fewer on its nearest path."""


class Scope(StrEnum):
    """What part of a label or kind a source speaks for."""

    ALL = "all"
    SCHEME = "scheme"
    """Nodes of the scheme; relationships whose source node is of the scheme."""
    STATED = "stated"
    """Links that the source states."""
    MADE = "made"
    """Links made from labels and embeddings."""


@dataclass(frozen=True, slots=True)
class NodeRows:
    """All nodes of `label` in `scope`; `counted_as` is their word in the summary."""

    label: str
    scope: Scope
    counted_as: str
    rows: Rows


@dataclass(frozen=True, slots=True)
class LinkRows:
    """All relationships of `kind` between two labels in `scope`."""

    kind: str
    source: str
    target: str
    scope: Scope
    counted_as: str
    rows: Rows


@dataclass(frozen=True, slots=True)
class GraphRows:
    """Everything that one source says."""

    scheme: Scheme
    nodes: tuple[NodeRows, ...]
    links: tuple[LinkRows, ...]

    def counts(self) -> dict[str, int]:
        """Return how many rows there are, by their words."""
        found: Counter[str] = Counter()
        for nodes in self.nodes:
            found[nodes.counted_as] += len(nodes.rows)
        for links in self.links:
            found[links.counted_as] += len(links.rows)
        return dict(found)


def of_esco(esco: Esco) -> GraphRows:
    """Return the rows of ESCO."""
    groups = groups_by_skill(esco)
    isco = [_group(one) for one in esco.occupation_groups]
    skills: Rows = [
        _node(record, Scheme.ESCO) | {
            "kind": int(record.kind), "reuse_level": record.reuse_level, "groups": groups.get(record.name, []),
            "collections": [int(one) for one in record.collections], "position": 0,
        }
        for record in esco.skills
    ]  # fmt: skip
    occupations: Rows = [
        _node(record, Scheme.ESCO) | {
            "code": record.code, "isco_group": record.isco_group,
            "regulated_profession_note": record.regulated_profession_note,
        }
        for record in esco.occupations
    ]  # fmt: skip
    return GraphRows(
        Scheme.ESCO,
        nodes=(
            NodeRows("SkillGroup", Scope.ALL, "skill groups", [_group(one) for one in esco.skill_groups]),
            NodeRows("OccupationGroup", Scope.ALL, "occupation groups", isco),
            NodeRows("Skill", Scope.SCHEME, "skills", skills),
            NodeRows("Occupation", Scope.SCHEME, "occupations", occupations),
        ),
        links=(
            LinkRows("REQUIRES", "Occupation", "Skill", Scope.SCHEME, "occupation–skill relations", _requirements(
                (one.occupation, one.skill, one.importance) for one in esco.requirements
            )),
            LinkRows("RELATED_TO", "Skill", "Skill", Scope.ALL, "skill–skill relations", [
                {
                    "source": one.skill, "target": one.related, "type": one.importance.name.lower(),
                    "method": int(LinkMethod.SOURCE), "confidence": 1.0,
                }
                for one in esco.skill_relations
            ]),
            *_broader(esco.broader),
        ),
    )  # fmt: skip


def of_care_pathway(pathway: CarePathway) -> GraphRows:
    """Return the rows of the Care Workforce Pathway."""
    scheme = Scheme.CARE_WORKFORCE_PATHWAY
    skills: Rows = [
        {
            "name": one.name, "label": one.label, "alternative_labels": [], "description": one.description,
            "kind": int(one.kind), "scheme": int(scheme), "source_id": one.name.removeprefix("skills/cwp-"),
            "reuse_level": "sector-specific", "collections": [], "groups": list(one.categories), "position": place,
        }
        for place, one in enumerate(pathway.skills)
    ]  # fmt: skip
    roles: Rows = [
        {
            "name": one.name, "label": one.label, "alternative_labels": list(one.alternative_labels),
            "description": one.description, "scheme": int(scheme), "source_id": one.code, "code": one.code,
            "isco_group": "", "regulated_profession_note": "",
        }
        for one in pathway.roles
    ]  # fmt: skip
    courses: Rows = [
        {
            "name": one.name, "title": one.title, "type": one.type, "description": one.description,
            "awarding_organisation": one.awarding_organisation, "learning_time": one.learning_time,
            "learning_minutes": one.learning_minutes, "reimbursement_gbp": one.reimbursement_gbp,
            "funding_model": one.funding_model,
        }
        for one in pathway.courses
    ]  # fmt: skip
    return GraphRows(
        scheme,
        nodes=(
            NodeRows("Skill", Scope.SCHEME, "skills", skills),
            NodeRows("Occupation", Scope.SCHEME, "role categories", roles),
            NodeRows("Course", Scope.ALL, "courses", courses),
        ),
        links=(
            LinkRows("REQUIRES", "Occupation", "Skill", Scope.SCHEME, "role–skill relations", _requirements(
                (role.name, skill, Importance.ESSENTIAL) for role in pathway.roles for skill in role.skills
            )),
            LinkRows("DEVELOPS", "Course", "Skill", Scope.STATED, "course–skill links", stated(
                (course.name, skill) for course in pathway.courses for skill in course.develops
            )),
            LinkRows("FOR", "Course", "Occupation", Scope.STATED, "course–role links", stated(
                (course.name, role) for course in pathway.courses for role in course.roles
            )),
        ),
    )  # fmt: skip


def of_standards(standards: Standards) -> GraphRows:
    """Return the rows of the apprenticeship standards."""
    scheme = Scheme.APPRENTICESHIP_STANDARDS
    duties: Rows = [
        {
            "name": duty.name, "label": duty.label, "alternative_labels": [], "description": "",
            "kind": int(duty.kind), "scheme": int(scheme), "source_id": duty.name.removeprefix("skills/ksb-"),
            "reuse_level": "occupation-specific", "collections": [], "groups": [standard.title], "position": place,
        }
        for standard in standards.standards
        for place, duty in enumerate(standard.duties)
    ]  # fmt: skip
    nodes: Rows = [
        {
            "name": one.name, "title": one.title, "level": one.level, "route": one.route,
            "funding_band_gbp": one.funding_band_gbp, "duration_months": one.duration_months, "status": one.status,
            "job_titles": list(one.job_titles),
        }
        for one in standards.standards
    ]  # fmt: skip
    required = _requirements(
        (one.name, duty.name, Importance.ESSENTIAL) for one in standards.standards for duty in one.duties
    )
    return GraphRows(
        scheme,
        nodes=(
            NodeRows("Skill", Scope.SCHEME, "knowledge, skills and behaviours", duties),
            NodeRows("Standard", Scope.ALL, "standards", nodes),
        ),
        links=(LinkRows("REQUIRES", "Standard", "Skill", Scope.ALL, "standard–skill relations", required),),
    )


def stated(pairs: Iterable[tuple[str, str]]) -> Rows:
    """Return link rows for what a source states."""
    return [
        {"source": source, "target": target, "method": int(LinkMethod.SOURCE), "confidence": 1.0}
        for source, target in pairs
    ]


def groups_by_skill(esco: Esco) -> dict[str, list[str]]:
    """Return the labels of the groups that each skill is in, nearest first, broader skills passed through."""
    labels = {group.name: group.label for group in esco.skill_groups}
    above: dict[str, list[str]] = defaultdict(list)
    for narrower, broader in esco.broader:
        above[narrower].append(broader)
    return {skill.name: _groups_above(skill.name, above, labels) for skill in esco.skills}


def _groups_above(skill: str, above: Mapping[str, Sequence[str]], labels: Mapping[str, str]) -> list[str]:
    seen, level = {skill}, [skill]
    found: dict[str, None] = {}
    while level:  # Level by level, so that the nearest come first.
        level = list(dict.fromkeys(broader for name in level for broader in above.get(name, ()) if broader not in seen))
        seen.update(level)
        found.update(dict.fromkeys(labels[name] for name in level if name in labels))
    return list(found)[:_MOST_GROUPS]


def _node(record: EscoSkill | EscoOccupation | EscoGroup, scheme: Scheme) -> dict[str, object]:
    return {
        "name": record.name,
        "label": record.label,
        "alternative_labels": list(record.alternative_labels),
        "description": record.description,
        "scheme": int(scheme),
        "source_id": record.uri,
    }


def _group(group: EscoGroup) -> dict[str, object]:
    return _node(group, Scheme.ESCO) | {"code": group.code}


def _requirements(triples: Iterable[tuple[str, str, Importance]]) -> Rows:
    places: dict[str, int] = defaultdict(int)
    rows: Rows = []
    for role, skill, importance in triples:
        rows.append({"source": role, "target": skill, "importance": int(importance), "position": places[role]})
        places[role] += 1
    return rows


def _broader(pairs: Iterable[tuple[str, str]]) -> Iterable[LinkRows]:
    labels = {"skills": "Skill", "skillGroups": "SkillGroup", "occupations": "Occupation",
              "occupationGroups": "OccupationGroup"}  # fmt: skip
    grouped: dict[tuple[str, str], Rows] = {
        ends: []
        for ends in (
            ("Skill", "Skill"), ("Skill", "SkillGroup"), ("SkillGroup", "SkillGroup"), ("Occupation", "Occupation"),
            ("Occupation", "OccupationGroup"), ("OccupationGroup", "OccupationGroup"),
        )
    }  # fmt: skip
    for narrower, broader in pairs:
        ends = labels[narrower.partition("/")[0]], labels[broader.partition("/")[0]]
        grouped[ends].append({"source": narrower, "target": broader})
    return [LinkRows("BROADER", *ends, Scope.ALL, "broader relations", rows) for ends, rows in grouped.items()]
