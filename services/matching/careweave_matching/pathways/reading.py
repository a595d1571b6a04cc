"""Named queries for what careers rest on: what occupations require, standards and whom they prepare for."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

from careweave.graph.port import Query, Reads, Row

REQUIRED: Final = Query(
    "pathway_requirements",
    "MATCH (o:Occupation)-[r:REQUIRES]->(s:Skill) "
    "RETURN o.name AS occupation, s.name AS skill, r.importance AS importance ORDER BY occupation, skill",
)
OCCUPATIONS: Final = Query(
    "pathway_occupations",
    "MATCH (o:Occupation) RETURN o.name AS name, o.label AS label, o.isco_group AS isco_group ORDER BY name",
)
SAME_AS: Final = Query(
    "pathway_same_occupations",
    "MATCH (a:Occupation)-[r:SAME_AS]->(b:Occupation) RETURN a.name AS one, b.name AS other ORDER BY one, other",
)
STANDARDS: Final = Query(
    "pathway_standards",
    "MATCH (t:Standard) RETURN t.name AS name, t.title AS title, t.level AS level, t.duration_months AS months, "
    "t.status AS status ORDER BY name",
)
PREPARES_FOR: Final = Query(
    "pathway_prepares_for",
    "MATCH (t:Standard)-[r:`FOR`]->(o:Occupation) "
    "RETURN t.name AS standard, o.name AS occupation, r.confidence AS confidence ORDER BY standard, occupation",
)
_ESSENTIAL: Final = 1


@dataclass(frozen=True, slots=True)
class OccupationRow:
    """An occupation. essential, optional: names of skills, in order."""

    name: str
    label: str
    isco_group: str
    essential: tuple[str, ...]
    optional: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StandardRow:
    """An apprenticeship standard. months: 0 if not known. prepares_for: occupations, each with confidence."""

    name: str
    title: str
    level: int
    months: int
    status: str
    prepares_for: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class CareerRows:
    """What the graph holds of careers. same: pairs of occupations that are the same work."""

    occupations: tuple[OccupationRow, ...] = ()
    standards: tuple[StandardRow, ...] = ()
    same: tuple[tuple[str, str], ...] = field(default=())


async def read_career_rows(reads: Reads) -> CareerRows:
    """Return what the graph holds, in order of name."""
    required: dict[str, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for row in await reads.run(REQUIRED):
        required[_text(row, "occupation")][_whole(row, "importance") != _ESSENTIAL].append(_text(row, "skill"))
    prepares: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for row in await reads.run(PREPARES_FOR):
        prepares[_text(row, "standard")].append((_text(row, "occupation"), float(str(row["confidence"] or 0.0))))
    return CareerRows(
        tuple(
            OccupationRow(
                name := _text(row, "name"), _text(row, "label"), _text(row, "isco_group"),
                tuple(required[name][0]), tuple(required[name][1]),
            )
            for row in await reads.run(OCCUPATIONS)
        ),
        tuple(
            StandardRow(
                name := _text(row, "name"), _text(row, "title"), _whole(row, "level"), _whole(row, "months"),
                _text(row, "status"), tuple(prepares[name]),
            )
            for row in await reads.run(STANDARDS)
        ),
        tuple((_text(row, "one"), _text(row, "other")) for row in await reads.run(SAME_AS)),
    )  # fmt: skip


def _text(row: Row, column: str) -> str:
    return str(row[column] or "")


def _whole(row: Row, column: str) -> int:
    return int(str(row[column] or 0))
