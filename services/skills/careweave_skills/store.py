"""The queries of this service that answer callers, and functions that run them."""

from collections.abc import Sequence
from typing import Any, Final, cast

from careweave.graph.port import Query, Reads, Row
from careweave.v1.common_pb2 import SkillRequirement
from careweave.v1.skills_pb2 import Course, Occupation, OccupationLink, Skill, SkillLink, Standard
from careweave_skills.taxonomy import Importance

_SKILL: Final = (
    "s.name AS name, s.label AS label, s.alternative_labels AS alternative_labels, s.description AS description, "
    "s.kind AS kind, s.scheme AS scheme, s.source_id AS source_id, s.reuse_level AS reuse_level, "
    "s.collections AS collections, s.groups AS groups"
)
_OCCUPATION: Final = (
    "o.name AS name, o.label AS label, o.alternative_labels AS alternative_labels, o.description AS description, "
    "o.scheme AS scheme, o.source_id AS source_id, o.isco_group AS isco_group, "
    "o.regulated_profession_note AS regulated_profession_note"
)
_STANDARD: Final = (
    "t.name AS name, t.title AS title, t.level AS level, t.route AS route, t.funding_band_gbp AS funding_band_gbp, "
    "t.duration_months AS duration_months, t.status AS status, t.job_titles AS job_titles"
)
_COURSE: Final = (
    "c.name AS name, c.title AS title, c.type AS type, c.description AS description, "
    "c.awarding_organisation AS awarding_organisation, c.learning_time AS learning_time, "
    "c.learning_minutes AS learning_minutes, c.reimbursement_gbp AS reimbursement_gbp, c.funding_model AS funding_model"
)
_LINK: Final = "r.method AS method, r.confidence AS confidence"

SKILLS: Final = Query("skills", f"MATCH (s:Skill) WHERE s.name IN $names RETURN {_SKILL}")
SKILLS_AFTER: Final = Query(
    "skills_after",
    "MATCH (s:Skill) WHERE s.name > $after AND ($scheme = 0 OR s.scheme = $scheme) "
    f"AND ($collection = 0 OR $collection IN s.collections) RETURN {_SKILL} ORDER BY name LIMIT $limit",
)
_RELATED: Final = "s.name AS skill, s.label AS label"
# Each way is a query of its own: an undirected pattern would not tell broader from narrower.
RELATED_SKILLS: Final = (
    (
        "SAME_AS",
        Query("same_as", f"MATCH (a:Skill)-[r:SAME_AS]->(s:Skill) WHERE a.name = $name RETURN {_RELATED}, {_LINK}"),
    ),
    (
        "SAME_AS",
        Query("same_of", f"MATCH (s:Skill)-[r:SAME_AS]->(a:Skill) WHERE a.name = $name RETURN {_RELATED}, {_LINK}"),
    ),
    (
        "RELATED_TO",
        Query("uses", f"MATCH (a:Skill)-[r:RELATED_TO]->(s:Skill) WHERE a.name = $name RETURN {_RELATED}, {_LINK}"),
    ),
    (
        "RELATED_TO",
        Query("used", f"MATCH (s:Skill)-[r:RELATED_TO]->(a:Skill) WHERE a.name = $name RETURN {_RELATED}, {_LINK}"),
    ),
    ("BROADER", Query("broader", f"MATCH (a:Skill)-[:BROADER]->(s:Skill) WHERE a.name = $name RETURN {_RELATED}")),
    ("NARROWER", Query("narrower", f"MATCH (s:Skill)-[:BROADER]->(a:Skill) WHERE a.name = $name RETURN {_RELATED}")),
)
OCCUPATIONS: Final = Query("occupations", f"MATCH (o:Occupation) WHERE o.name IN $names RETURN {_OCCUPATION}")
REQUIREMENTS: Final = Query(
    "requirements_of_occupation",
    "MATCH (o:Occupation)-[r:REQUIRES]->(s:Skill) WHERE o.name = $name "
    "RETURN s.name AS skill, r.importance AS importance, r.level AS proficiency, s.label AS label",
)
STANDARDS: Final = Query("standards", f"MATCH (t:Standard) WHERE t.name IN $names RETURN {_STANDARD}")
STANDARDS_AFTER: Final = Query(
    "standards_after", f"MATCH (t:Standard) WHERE t.name > $after RETURN {_STANDARD} ORDER BY name LIMIT $limit"
)
DUTIES: Final = Query(
    "duties_of_standard",
    f"MATCH (t:Standard)-[r:REQUIRES]->(s:Skill) WHERE t.name = $name RETURN {_SKILL}, r.position AS position "
    "ORDER BY position",
)
COURSES: Final = Query("courses", f"MATCH (c:Course) WHERE c.name IN $names RETURN {_COURSE}")
COURSES_AFTER: Final = Query(
    "courses_after", f"MATCH (c:Course) WHERE c.name > $after RETURN {_COURSE} ORDER BY name LIMIT $limit"
)
COURSES_FOR_SKILL_AFTER: Final = Query(
    "courses_for_skill_after",
    "MATCH (c:Course)-[:DEVELOPS]->(s:Skill) WHERE s.name = $skill AND c.name > $after "
    f"RETURN DISTINCT {_COURSE} ORDER BY name LIMIT $limit",
)
DEVELOPED: Final = {
    label: Query(
        f"developed_by_{label.lower()}",
        f"MATCH (a:{label})-[r:DEVELOPS]->(s:Skill) WHERE a.name = $name "
        f"RETURN s.name AS skill, s.label AS label, {_LINK} ORDER BY confidence DESC, skill",
    )
    for label in ("Standard", "Course")
}
PREPARED_FOR: Final = {
    label: Query(
        f"prepared_for_by_{label.lower()}",
        f"MATCH (a:{label})-[r:`FOR`]->(o:Occupation) WHERE a.name = $name "
        f"RETURN o.name AS occupation, o.label AS label, {_LINK} ORDER BY confidence DESC, occupation",
    )
    for label in ("Standard", "Course")
}


async def skills(reads: Reads, names: Sequence[str]) -> list[Skill]:
    """Return the skills of `names` that exist, in that order."""
    found = {str(row["name"]): row for row in await reads.run(SKILLS, names=list(names))} if names else {}
    return [_skill(found[name]) for name in names if name in found]


async def skills_after(reads: Reads, after: str, limit: int, scheme: int, collection: int) -> list[Skill]:
    """Return the next skills in order of name; 0 means any scheme, any collection."""
    rows = await reads.run(SKILLS_AFTER, after=after, limit=limit, scheme=scheme, collection=collection)
    return [_skill(row) for row in rows]


async def related_skills(reads: Reads, name: str) -> list[SkillLink]:
    """Return all links of a skill, strongest first, then by name; each (skill, relation) once."""
    found: dict[tuple[str, str], SkillLink] = {}
    for relation, query in RELATED_SKILLS:
        for row in await reads.run(query, name=name):
            # A broader relation is the source's own, which the graph does not repeat on each.
            link = _skill_link({"method": 1, "confidence": 1.0} | row, relation)
            found.setdefault((link.skill, relation), link)
    return sorted(found.values(), key=lambda link: (-link.confidence, link.skill, link.relation))


async def occupations(reads: Reads, names: Sequence[str]) -> list[Occupation]:
    """Return the occupations of `names` that exist, in that order, without requirements."""
    found = {str(row["name"]): row for row in await reads.run(OCCUPATIONS, names=list(names))} if names else {}
    return [Occupation(**_given(found[name])) for name in names if name in found]


async def requirements(reads: Reads, name: str) -> list[SkillRequirement]:
    """Return what an occupation requires, essential first, then by label."""
    rows = await reads.run(REQUIREMENTS, name=name)
    found = [SkillRequirement(**_given(row)) for row in rows]
    return sorted(found, key=lambda each: (each.importance or Importance.OPTIONAL, each.label, each.skill))


async def standards(reads: Reads, names: Sequence[str]) -> list[Standard]:
    """Return the standards of `names` that exist, in that order, without duties and links."""
    found = {str(row["name"]): row for row in await reads.run(STANDARDS, names=list(names))} if names else {}
    return [Standard(**_given(found[name])) for name in names if name in found]


async def standards_after(reads: Reads, after: str, limit: int) -> list[Standard]:
    """Return the next standards in order of name, without duties and links."""
    return [Standard(**_given(row)) for row in await reads.run(STANDARDS_AFTER, after=after, limit=limit)]


async def duties(reads: Reads, name: str) -> list[Skill]:
    """Return the knowledge, skills and behaviours of a standard in the source's order."""
    rows = await reads.run(DUTIES, name=name)
    return [_skill({key: value for key, value in row.items() if key != "position"}) for row in rows]


async def courses(reads: Reads, names: Sequence[str]) -> list[Course]:
    """Return the courses of `names` that exist, in that order, without links."""
    found = {str(row["name"]): row for row in await reads.run(COURSES, names=list(names))} if names else {}
    return [Course(**_given(found[name])) for name in names if name in found]


async def courses_after(reads: Reads, after: str, limit: int, skill: str) -> list[Course]:
    """Return the next courses in order of name, without links; only those that develop `skill` if it is given."""
    if skill:
        rows = await reads.run(COURSES_FOR_SKILL_AFTER, after=after, limit=limit, skill=skill)
    else:
        rows = await reads.run(COURSES_AFTER, after=after, limit=limit)
    return [Course(**_given(row)) for row in rows]


async def developed_skills(reads: Reads, label: str, name: str) -> list[SkillLink]:
    """Return the skills that the Standard or Course develops, surest first."""
    return [_skill_link(row, "DEVELOPS") for row in await reads.run(DEVELOPED[label], name=name)]


async def occupations_prepared_for(reads: Reads, label: str, name: str) -> list[OccupationLink]:
    """Return the occupations that the Standard or Course is for, surest first."""
    return [OccupationLink(**_given(row)) for row in await reads.run(PREPARED_FOR[label], name=name)]


def _skill(row: Row) -> Skill:
    return Skill(**_given(row))


def _skill_link(row: Row, relation: str) -> SkillLink:
    return SkillLink(**_given(row), relation=relation)


def _given(row: Row) -> dict[str, Any]:
    """Return the columns that have a value; protobuf takes no None."""
    return {name: cast("Any", value) for name, value in row.items() if value is not None}
