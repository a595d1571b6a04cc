"""The named queries of the import: what is there, what goes, and which version is loaded."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from careweave.graph.port import Query, Reads, Row, UnitOfWork
from careweave_skills.rows import LinkRows, NodeRows, Scope
from careweave_skills.sources.tables import RowNote
from careweave_skills.taxonomy import LinkMethod, Scheme, Source

_CHUNK: Final = 5_000
_EXAMPLES: Final = 10

_IMPORTS = Query(
    "taxonomy_imports",
    "MATCH (t:TaxonomyImport) RETURN t.source AS source, t.version AS version, t.loaded AS loaded, "
    "t.dropped AS dropped, t.corrected AS corrected, t.seconds AS seconds ORDER BY source",
)
_DELETE_LINKS: Final = (
    "UNWIND $rows AS row MATCH (a:{source} {{name: row.source}})-[r:`{kind}`]->(b:{target} {{name: row.target}}) "
    "DELETE r"
)
_USED_SKILLS: Final = (
    Query(
        "skills_people_have",
        "MATCH (p:Person)-[:HAS_SKILL]->(s:Skill) WHERE s.name IN $names RETURN DISTINCT s.name AS name",
    ),
    Query(
        "skills_opportunities_require",
        "MATCH (o:Opportunity)-[:REQUIRES]->(s:Skill) WHERE s.name IN $names RETURN DISTINCT s.name AS name",
    ),
    Query(
        "skills_opportunities_develop",
        "MATCH (o:Opportunity)-[:DEVELOPS]->(s:Skill) WHERE s.name IN $names RETURN DISTINCT s.name AS name",
    ),
)
_USED_OTHERS: Final = {
    "Occupation": (
        Query(
            "occupations_opportunities_are_for",
            "MATCH (p:Opportunity)-[:`FOR`]->(o:Occupation) WHERE o.name IN $names RETURN DISTINCT o.name AS name",
        ),
        Query(
            "occupations_people_work_in",
            "MATCH (p:Person)-[e:EMPLOYED_BY]->(:Organisation) WHERE e.occupation IN $names "
            "RETURN DISTINCT e.occupation AS name",
        ),
    ),
    "Standard": (
        Query(
            "standards_opportunities_are_for",
            "MATCH (p:Opportunity)-[:`FOR`]->(s:Standard) WHERE s.name IN $names RETURN DISTINCT s.name AS name",
        ),
    ),
    "Course": (
        Query(
            "courses_opportunities_are_for",
            "MATCH (p:Opportunity)-[:`FOR`]->(c:Course) WHERE c.name IN $names RETURN DISTINCT c.name AS name",
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class NotedRows:
    """Rows left out or put right for one reason: how many, and up to ten with row number and value."""

    file: str
    reason: str
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What an import did; `unchanged` if this version was there already."""

    source: Source
    version: str
    unchanged: bool
    loaded: Mapping[str, int]
    dropped: tuple[NotedRows, ...]
    corrected: tuple[NotedRows, ...]
    seconds: float


def gathered(notes: Sequence[RowNote]) -> tuple[NotedRows, ...]:
    """Return `notes` by file and reason, in order of first appearance."""
    groups: dict[tuple[str, str], list[RowNote]] = {}
    for note in notes:
        groups.setdefault((note.file, note.reason), []).append(note)
    return tuple(
        NotedRows(file, reason, len(group), tuple(f"row {note.row}: {note.value}" for note in group[:_EXAMPLES]))
        for (file, reason), group in groups.items()
    )


async def read_imports(graph: Reads) -> dict[Source, ImportSummary]:
    """Return the last summary of each source that is loaded."""
    return {Source(int(str(row["source"]))): _summary(row) for row in await graph.run(_IMPORTS)}


async def record_import(unit: UnitOfWork, summary: ImportSummary, at: datetime) -> None:
    """Remember what was imported."""
    row = {
        "name": f"taxonomyImports/{summary.source.name.lower().replace('_', '-')}",
        "source": int(summary.source),
        "version": summary.version,
        "loaded": json.dumps(dict(summary.loaded)),
        "dropped": json.dumps([asdict(one) for one in summary.dropped]),
        "corrected": json.dumps([asdict(one) for one in summary.corrected]),
        "seconds": summary.seconds,
        "import_time": at,
    }
    await unit.merge_nodes("TaxonomyImport", [row])


async def out_of_date_nodes(unit: Reads, nodes: NodeRows, scheme: Scheme) -> list[str]:
    """Return the names in the scope of `nodes` that are not among them."""
    current = {row["name"] for row in nodes.rows}
    if nodes.scope is Scope.SCHEME:
        query = Query(
            f"names_of_{nodes.label}_in_scheme",
            f"MATCH (n:{nodes.label}) WHERE n.scheme = $scheme RETURN n.name AS name",
        )
        found = await unit.run(query, scheme=int(scheme))
    else:
        found = await unit.run(Query(f"names_of_{nodes.label}", f"MATCH (n:{nodes.label}) RETURN n.name AS name"))
    return sorted(str(row["name"]) for row in found if row["name"] not in current)


async def in_use(unit: Reads, label: str, names: Sequence[str]) -> set[str]:
    """Return those of `names` that a person or an opportunity refers to."""
    queries = _USED_SKILLS if label == "Skill" else _USED_OTHERS.get(label, ())
    used: set[str] = set()
    for query in queries:
        used.update(str(row["name"]) for row in await unit.run(query, names=list(names)))
    return used


async def delete_nodes(unit: UnitOfWork, label: str, names: Sequence[str]) -> None:
    """Delete the nodes of these names with all their relationships."""
    query = Query(f"delete_{label}", f"MATCH (n:{label}) WHERE n.name IN $names DETACH DELETE n")
    for start in range(0, len(names), _CHUNK):
        await unit.run(query, names=list(names[start : start + _CHUNK]))


async def delete_out_of_date_links(unit: UnitOfWork, links: LinkRows, scheme: Scheme) -> int:
    """Delete the relationships in the scope of `links` that are not among them; returns how many."""
    current = {(row["source"], row["target"]) for row in links.rows}
    condition, parameters = _scope_condition(links.scope, scheme)
    query = Query(
        f"pairs_of_{links.source}_{links.kind}_{links.target}_{links.scope}",
        f"MATCH (a:{links.source})-[r:`{links.kind}`]->(b:{links.target}) {condition} "
        "RETURN a.name AS source, b.name AS target",
    )
    stale = [row for row in await unit.run(query, **parameters) if (row["source"], row["target"]) not in current]
    text = _DELETE_LINKS.format(source=links.source, kind=links.kind, target=links.target)
    for start in range(0, len(stale), _CHUNK):
        await unit.run(Query(f"delete_{links.source}_{links.kind}", text), rows=stale[start : start + _CHUNK])
    return len(stale)


def _scope_condition(scope: Scope, scheme: Scheme) -> tuple[str, dict[str, object]]:
    if scope is Scope.SCHEME:
        return "WHERE a.scheme = $scheme", {"scheme": int(scheme)}
    if scope is Scope.STATED:
        return "WHERE r.method = $method", {"method": int(LinkMethod.SOURCE)}
    if scope is Scope.MADE:
        return "WHERE r.method <> $method", {"method": int(LinkMethod.SOURCE)}
    return "", {}


def _summary(row: Row) -> ImportSummary:
    return ImportSummary(
        source=Source(int(str(row["source"]))),
        version=str(row["version"]),
        unchanged=True,
        loaded=json.loads(str(row["loaded"])),
        dropped=_noted(row["dropped"]),
        corrected=_noted(row["corrected"]),
        seconds=float(str(row["seconds"])),
    )


def _noted(text: object) -> tuple[NotedRows, ...]:
    read = json.loads(str(text)) if text else []
    return tuple(NotedRows(one["file"], one["reason"], one["count"], tuple(one["examples"])) for one in read)
