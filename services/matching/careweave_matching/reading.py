"""Named queries for what others own and all may read: taxonomy, places, organisations."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from careweave.graph.port import Query, Reads, Row
from careweave_matching.adjacency import link_strengths
from careweave_matching.geography import Geography, Place
from careweave_matching.index import Surroundings
from careweave_matching.relatedness import read_relatedness
from careweave_matching.taxonomy import Closer, Occupation, Taxonomy, skill_level, telling_weights
from careweave_matching.travel import Point

SKILLS: Final = Query("matching_skills", "MATCH (s:Skill) RETURN s.name AS name, s.label AS label ORDER BY name")
USES: Final = Query(
    "matching_skill_uses",
    "MATCH (o:Occupation)-[r:REQUIRES]->(s:Skill) RETURN s.name AS skill, count(r) AS uses",
)
OCCUPATIONS: Final = Query(
    "matching_occupations",
    "MATCH (o:Occupation) RETURN o.name AS name, o.label AS label, o.description AS description, "
    "o.isco_group AS isco_group",
)
SAME_AS: Final = Query(
    "matching_same_as",
    "MATCH (a:Skill)-[r:SAME_AS]->(b:Skill) RETURN a.name AS one, b.name AS other, r.confidence AS confidence",
)
RELATED_TO: Final = Query(
    "matching_related_to",
    "MATCH (a:Skill)-[r:RELATED_TO]->(b:Skill) RETURN a.name AS one, b.name AS other, r.type AS type",
)
BROADER: Final = Query(
    "matching_broader", "MATCH (a:Skill)-[:BROADER]->(b:Skill) RETURN a.name AS one, b.name AS other"
)
CLOSERS: Final = tuple(
    Query(
        f"matching_closers_{label.lower()}_{kind.lower()}",
        f"MATCH (c:{label})-[r:{kind}]->(s:Skill) "
        f"RETURN c.name AS resource, c.title AS title, s.name AS skill, {confidence} AS confidence",
    )
    # A standard requires its own duties at the end, so it develops them.
    for label, kind, confidence in (
        ("Course", "DEVELOPS", "r.confidence"),
        ("Standard", "DEVELOPS", "r.confidence"),
        ("Standard", "REQUIRES", "1.0"),
    )
)
STANDARD_LEVELS: Final = Query(
    "matching_standard_levels", "MATCH (s:Standard) RETURN s.name AS name, coalesce(s.level, 0) AS level"
)
PLACES: Final = Query(
    "matching_places",
    "MATCH (p:Place) RETURN p.name AS name, p.title AS title, p.latitude AS latitude, p.longitude AS longitude",
)
ORGANISATIONS: Final = Query("matching_organisations", "MATCH (o:Organisation) RETURN o.name AS name, o.title AS title")

TELLING: Final = 3_500
"""Weight of a skill, in thousandths, from which an apprenticeship closes its gap: one occupation in 33 asks for it."""
_KEPT_CLOSERS: Final = 9
"""Closers kept for a skill: three of each of three sorts are more than are shown."""


async def read_taxonomy(reads: Reads, version: str) -> Taxonomy:
    """Return the taxonomy as the graph holds it, under the name `version`."""
    skills = await reads.run(SKILLS)
    names = tuple(str(row["name"]) for row in skills)
    index = {name: number for number, name in enumerate(names)}
    uses = {str(row["skill"]): _whole(row["uses"]) for row in await reads.run(USES)}
    occupations = {
        str(row["name"]): Occupation(
            str(row["label"]),
            f"{row['label']}. {row['description'] or ''}".strip(),
            skill_level(str(row["isco_group"] or "")),
        )
        for row in await reads.run(OCCUPATIONS)
    }
    same_as = await _pairs(reads, SAME_AS, index)
    weights = telling_weights([uses.get(name, 0) for name in names], len(occupations))
    return Taxonomy(
        version=version,
        names=names,
        labels=tuple(str(row["label"]) for row in skills),
        weights=weights,
        strengths=link_strengths(
            [(one, other, _number(row["confidence"])) for one, other, row in same_as],
            [(one, other, str(row["type"])) for one, other, row in await _pairs(reads, RELATED_TO, index)],
            [(one, other) for one, other, _ in await _pairs(reads, BROADER, index)],
        ),
        occupations=occupations,
        closers=await _closers(
            reads, index, [(one, other, _number(row["confidence"])) for one, other, row in same_as], weights
        ),
        index=index,
        relatedness=await asyncio.to_thread(read_relatedness),
        standard_levels={str(row["name"]): _whole(row["level"]) for row in await reads.run(STANDARD_LEVELS)},
    )


async def read_surroundings(reads: Reads) -> Surroundings:
    """Return places and organisations."""
    places = {str(row["name"]): Place(str(row["title"]), _point(row)) for row in await reads.run(PLACES)}
    organisations = {str(row["name"]): str(row["title"]) for row in await reads.run(ORGANISATIONS)}
    return Surroundings(Geography(places), organisations)


async def _pairs(reads: Reads, query: Query, index: dict[str, int]) -> list[tuple[int, int, Row]]:
    return [
        (index[str(row["one"])], index[str(row["other"])], row)
        for row in await reads.run(query)
        if row["one"] in index and row["other"] in index
    ]


async def _closers(
    reads: Reads,
    index: dict[str, int],
    same_as: Sequence[tuple[int, int, float]],
    weights: npt.NDArray[np.int64],
) -> dict[int, tuple[Closer, ...]]:
    """Return what develops each skill, or the same skill under another name, best first."""
    direct: dict[int, dict[str, Closer]] = defaultdict(dict)
    for query in CLOSERS:
        for row in await reads.run(query):
            skill, resource = index.get(str(row["skill"])), str(row["resource"])
            # An import may have brought the skill since the skills were read; its end brings another version.
            if skill is not None and is_worth_it(resource, int(weights[skill])):
                _offer(direct[skill], Closer(resource, str(row["title"]), _number(row["confidence"])))
    every = {skill: dict(found) for skill, found in direct.items()}
    for one, other, confidence in same_as:
        for skill, twin in ((one, other), (other, one)):
            for closer in direct.get(twin, {}).values():
                doubtful = Closer(closer.resource, closer.title, closer.confidence * confidence)
                _offer(every.setdefault(skill, {}), doubtful)
    return {skill: _best(found.values()) for skill, found in every.items()}


def is_worth_it(resource: str, weight: int) -> bool:
    """Say whether a course or standard is a way to learn a skill of that weight.

    Nobody takes up an apprenticeship for what any work asks for, such as following the rules of an organisation.
    """
    return not resource.startswith("standards/") or weight >= TELLING


def _offer(found: dict[str, Closer], closer: Closer) -> None:
    rival = found.get(closer.resource)
    if rival is None or closer.confidence > rival.confidence:
        found[closer.resource] = closer


def _best(closers: Iterable[Closer]) -> tuple[Closer, ...]:
    ordered = sorted(closers, key=lambda closer: (-closer.confidence, closer.resource))
    kept: dict[str, list[Closer]] = defaultdict(list)
    for closer in ordered:
        sort = kept[closer.resource.partition("/")[0]]
        if len(sort) < _KEPT_CLOSERS // 3:
            sort.append(closer)
    chosen = {closer.resource for sort in kept.values() for closer in sort}
    return tuple(closer for closer in ordered if closer.resource in chosen)


def _point(row: Row) -> Point | None:
    latitude, longitude = row["latitude"], row["longitude"]
    return None if latitude is None or longitude is None else Point(_number(latitude), _number(longitude))


def _number(value: object) -> float:
    return float(str(value)) if value is not None else 1.0


def _whole(value: object) -> int:
    return int(str(value))
