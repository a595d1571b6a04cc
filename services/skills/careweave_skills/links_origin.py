"""Links as a source of the import: read from the graph what they are made from, and make them."""

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from typing import Final

import numpy as np

from careweave.embedding.port import Embedder, Vectors
from careweave.errors import FailedPrecondition
from careweave.graph.port import Query, Reads, Row
from careweave_skills.import_store import read_imports
from careweave_skills.importing import Content, Tell
from careweave_skills.linking.concepts import (
    EscoOccupation,
    EscoSkill,
    Link,
    RoleCategory,
    ShortCourse,
    Taxonomies,
    Training,
    Wording,
)
from careweave_skills.linking.links import LINKER, Links, make_links, texts_to_embed
from careweave_skills.rows import GraphRows, LinkRows, Rows, Scope
from careweave_skills.taxonomy import Importance, LinkMethod, Scheme, Source

_SKILLS: Final = Query(
    "skills_to_link",
    "MATCH (s:Skill) RETURN s.name AS name, s.label AS label, s.scheme AS scheme, s.reuse_level AS reuse_level "
    "ORDER BY name",
)
_OCCUPATIONS: Final = Query(
    "occupations_to_link",
    "MATCH (o:Occupation) RETURN o.name AS name, o.label AS label, o.alternative_labels AS alternative_labels, "
    "o.scheme AS scheme, o.isco_group AS isco_group ORDER BY name",
)
_REQUIREMENTS: Final = Query(
    "requirements_to_link",
    "MATCH (o:Occupation)-[r:REQUIRES]->(s:Skill) "
    "RETURN o.name AS source, s.name AS target, r.importance AS importance",
)
_STANDARDS: Final = Query(
    "standards_to_link",
    "MATCH (t:Standard) RETURN t.name AS name, t.title AS title, t.level AS level, t.job_titles AS job_titles "
    "ORDER BY name",
)
_DUTIES: Final = Query(
    "duties_to_link",
    "MATCH (t:Standard)-[r:REQUIRES]->(s:Skill) RETURN t.name AS source, s.name AS target, s.label AS text, "
    "r.position AS position ORDER BY source, position",
)
_COURSES: Final = Query("courses_to_link", "MATCH (c:Course) RETURN c.name AS name, c.title AS title ORDER BY name")
_TAUGHT: Final = Query(
    "taught_to_link",
    "MATCH (c:Course)-[r:DEVELOPS]->(s:Skill) WHERE r.method = $stated "
    "RETURN c.name AS source, s.name AS target, s.label AS text ORDER BY source, target",
)
_AT_ONCE: Final = 512
_NEEDED: Final = (Source.ESCO, Source.CARE_WORKFORCE_PATHWAY, Source.APPRENTICESHIP_STANDARDS)


@dataclass(frozen=True, slots=True)
class LinksOrigin:
    """Links between what is loaded (`careweave_skills.importing.Origin`)."""

    taxonomies: Taxonomies
    basis: str
    embedder: Embedder
    source: Source = Source.LINKS

    def version(self) -> str:
        """Return a digest of what links are made from: the other sources, the model and the rules."""
        return hashlib.sha256(f"{LINKER}\n{self.embedder.model}\n{self.basis}".encode()).hexdigest()

    def content(self, report: Tell) -> Content:
        """Make the links; takes a minute or more where nothing is embedded yet.

        Raises:
            Unavailable: the embedding model cannot be used.
        """
        texts = texts_to_embed(self.taxonomies)
        vectors: Vectors = np.zeros((len(texts), self.embedder.dimension), np.float32)
        for start in range(0, len(texts), _AT_ONCE):
            report("embedding", start, len(texts))
            vectors[start : start + _AT_ONCE] = self.embedder.embed(texts[start : start + _AT_ONCE])
        report("linking", 0, 0)
        rows = {text: row for row, text in enumerate(texts)}
        return Content(_rows(make_links(self.taxonomies, lambda wanted: vectors[[rows[text] for text in wanted]])))


async def read_links_origin(graph: Reads, embedder: Embedder) -> LinksOrigin:
    """Return the origin over what the graph holds now.

    Raises:
        FailedPrecondition: a taxonomy is not loaded yet.
    """
    imports = await read_imports(graph)
    if missing := [source.name for source in _NEEDED if source not in imports]:
        raise FailedPrecondition(
            f"Links need {', '.join(missing)} to be imported first.",
            reason="TAXONOMY_NOT_LOADED",
            metadata={"missing": ", ".join(missing)},
        )
    basis = "\n".join(imports[source].version for source in _NEEDED)
    return LinksOrigin(await _read(graph), basis, embedder)


async def _read(graph: Reads) -> Taxonomies:
    skills = await graph.run(_SKILLS)
    occupations = await graph.run(_OCCUPATIONS)
    requires: dict[str, dict[str, Importance]] = defaultdict(dict)
    for row in await graph.run(_REQUIREMENTS):
        requires[str(row["source"])][str(row["target"])] = Importance(_integer(row, "importance"))
    duties = _wordings(await graph.run(_DUTIES))
    taught = _wordings(await graph.run(_TAUGHT, stated=int(LinkMethod.SOURCE)))
    return Taxonomies(
        skills=tuple(
            EscoSkill(_text(row, "name"), _text(row, "label"),
                      _text(row, "reuse_level") in ("cross-sector", "transversal"))
            for row in skills if _integer(row, "scheme") == Scheme.ESCO
        ),
        occupations=tuple(
            EscoOccupation(_text(row, "name"), _text(row, "label"), _texts(row, "alternative_labels"),
                           _text(row, "isco_group"), requires[_text(row, "name")])
            for row in occupations if _integer(row, "scheme") == Scheme.ESCO
        ),
        pathway_skills=tuple(
            Wording(_text(row, "name"), _text(row, "label"))
            for row in skills if _integer(row, "scheme") == Scheme.CARE_WORKFORCE_PATHWAY
        ),
        roles=tuple(
            RoleCategory(_text(row, "name"), _text(row, "label"))
            for row in occupations if _integer(row, "scheme") == Scheme.CARE_WORKFORCE_PATHWAY
        ),
        courses=tuple(
            ShortCourse(_text(row, "name"), _text(row, "title"), tuple(taught.get(_text(row, "name"), ())))
            for row in await graph.run(_COURSES)
        ),
        standards=tuple(
            Training(_text(row, "name"), _text(row, "title"), _integer(row, "level"), _texts(row, "job_titles"),
                     tuple(duties.get(_text(row, "name"), ())))
            for row in await graph.run(_STANDARDS)
        ),
    )  # fmt: skip


def _rows(links: Links) -> GraphRows:
    made = Scope.MADE
    develops, prepares = _link_rows(links.standards_develop), _link_rows(links.standards_for)
    return GraphRows(
        Scheme.UNSPECIFIED,
        nodes=(),
        links=(
            LinkRows("SAME_AS", "Skill", "Skill", made, "same skills", _link_rows(links.same_skills)),
            LinkRows("SAME_AS", "Occupation", "Occupation", made, "same roles", _link_rows(links.same_occupations)),
            LinkRows("DEVELOPS", "Standard", "Skill", made, "standard–skill links", develops),
            LinkRows("DEVELOPS", "Course", "Skill", made, "course–skill links", _link_rows(links.courses_develop)),
            LinkRows("FOR", "Standard", "Occupation", made, "standard–occupation links", prepares),
        ),
    )  # fmt: skip


def _link_rows(links: tuple[Link, ...]) -> Rows:
    return [
        {"source": link.source, "target": link.target, "method": int(link.method), "confidence": link.confidence}
        for link in links
    ]


def _wordings(rows: list[Row]) -> dict[str, list[Wording]]:
    found: dict[str, list[Wording]] = defaultdict(list)
    for row in rows:
        found[_text(row, "source")].append(Wording(_text(row, "target"), _text(row, "text")))
    return found


def _text(row: Row, column: str) -> str:
    return str(row[column] or "")


def _integer(row: Row, column: str) -> int:
    return int(str(row[column]))


def _texts(row: Row, column: str) -> tuple[str, ...]:
    value = row[column]
    return tuple(str(text) for text in value) if isinstance(value, list) else ()
