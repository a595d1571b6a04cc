"""What callers of the skills service can do. Each function asks the policy first, then looks."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from careweave.errors import NotFound
from careweave.graph.port import Graph
from careweave.policy import Action, Caller, authorise
from careweave.v1.skills_pb2 import Course, Occupation, Skill, SkillLink, Standard
from careweave_skills import store
from careweave_skills.extraction import DEFAULT_CONFIDENCE, Extraction
from careweave_skills.import_store import ImportSummary, read_imports
from careweave_skills.knowledge import Knowledge
from careweave_skills.search import Hit
from careweave_skills.taxonomy import Scheme

MOST_HITS: Final = 1_000
"""Hits of a search that can be paged through."""

_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list: `limit` entries after `place`, which is empty at the start."""

    limit: int
    place: str = ""


@dataclass(frozen=True, slots=True)
class Findings(Generic[_Found]):
    """What a search found, best first.

    next_place: where the next page starts; empty at the end.
    semantic_coverage: share of preferred labels that were compared by meaning.
    """

    hits: tuple[tuple[Hit, _Found], ...]
    next_place: str
    semantic_coverage: float


@dataclass(frozen=True, slots=True)
class Status:
    """What is loaded, and how many of its texts are embedded."""

    sources: tuple[ImportSummary, ...]
    version: str
    model: str
    embedded: int
    to_embed: int


async def get_skill(graph: Graph, caller: Caller, name: str) -> Skill:
    """Return the skill called `name`.

    Raises:
        NotFound: there is none.
    """
    authorise(caller, Action.GET_SKILL)
    return _only(await store.skills(graph, [name]), name)


async def list_skills(
    graph: Graph, caller: Caller, page: Page, scheme: Scheme, collection: int
) -> tuple[list[Skill], str]:
    """Return skills in order of name and the place at which the next page starts."""
    authorise(caller, Action.LIST_SKILLS)
    found = await store.skills_after(graph, page.place, page.limit + 1, scheme, collection)
    return _cut(found, page, lambda skill: skill.name)


async def search_skills(
    knowledge: Knowledge, caller: Caller, query: str, page: Page, scheme: Scheme
) -> Findings[Skill]:
    """Return the skills that fit `query` best."""
    authorise(caller, Action.SEARCH_SKILLS)
    index = knowledge.catalogue.skills
    vector = await knowledge.query_vector(query)
    offset = int(page.place or 0)
    hits = await asyncio.to_thread(index.search, query, vector, page.limit + 1, scheme, offset)
    found = {skill.name: skill for skill in await store.skills(knowledge.graph, [hit.name for hit in hits])}
    return _findings(
        hits[: page.limit], found, _next(hits, offset, page.limit), 0.0 if vector is None else index.coverage
    )


async def search_occupations(knowledge: Knowledge, caller: Caller, query: str, page: Page) -> Findings[Occupation]:
    """Return the occupations that fit `query` best."""
    authorise(caller, Action.SEARCH_OCCUPATIONS)
    index = knowledge.catalogue.occupations
    vector = await knowledge.query_vector(query)
    offset = int(page.place or 0)
    hits = await asyncio.to_thread(index.search, query, vector, page.limit + 1, Scheme.UNSPECIFIED, offset)
    found = {each.name: each for each in await store.occupations(knowledge.graph, [hit.name for hit in hits])}
    return _findings(
        hits[: page.limit], found, _next(hits, offset, page.limit), 0.0 if vector is None else index.coverage
    )


async def extract_skills(
    knowledge: Knowledge, caller: Caller, text: str, scheme: Scheme, minimum_confidence: float
) -> Extraction:
    """Return the skills of `scheme` that `text` speaks of, and the clauses in which none was found.

    minimum_confidence: 0 means the service's own threshold.

    Raises:
        Unavailable: the embedding model cannot be used.
    """
    authorise(caller, Action.EXTRACT_SKILLS)
    extractor = knowledge.catalogue.extractor
    return await asyncio.to_thread(extractor.extract, text, scheme, minimum_confidence or DEFAULT_CONFIDENCE)


async def list_related_skills(graph: Graph, caller: Caller, name: str, page: Page) -> tuple[list[SkillLink], str]:
    """Return the links of a skill, strongest first, and the place at which the next page starts.

    Raises:
        NotFound: there is no such skill.
    """
    authorise(caller, Action.LIST_RELATED_SKILLS)
    _only(await store.skills(graph, [name]), name)
    links = await store.related_skills(graph, name)
    offset = int(page.place or 0)
    return links[offset : offset + page.limit], _next(links[offset:], offset, page.limit)


async def get_occupation(graph: Graph, caller: Caller, name: str) -> Occupation:
    """Return the occupation called `name`, with what it requires.

    Raises:
        NotFound: there is none.
    """
    authorise(caller, Action.GET_OCCUPATION)
    occupation = _only(await store.occupations(graph, [name]), name)
    occupation.requirements.extend(await store.requirements(graph, name))
    return occupation


async def get_standard(graph: Graph, caller: Caller, name: str) -> Standard:
    """Return the standard called `name`, with duties and links.

    Raises:
        NotFound: there is none.
    """
    authorise(caller, Action.GET_STANDARD)
    standard = _only(await store.standards(graph, [name]), name)
    standard.duties.extend(await store.duties(graph, name))
    standard.develops.extend(await store.developed_skills(graph, "Standard", name))
    standard.prepares_for.extend(await store.occupations_prepared_for(graph, "Standard", name))
    return standard


async def list_standards(graph: Graph, caller: Caller, page: Page) -> tuple[list[Standard], str]:
    """Return standards in order of name, without duties and links."""
    authorise(caller, Action.LIST_STANDARDS)
    found = await store.standards_after(graph, page.place, page.limit + 1)
    return _cut(found, page, lambda standard: standard.name)


async def get_course(graph: Graph, caller: Caller, name: str) -> Course:
    """Return the course called `name`, with links.

    Raises:
        NotFound: there is none.
    """
    authorise(caller, Action.GET_COURSE)
    course = _only(await store.courses(graph, [name]), name)
    course.develops.extend(await store.developed_skills(graph, "Course", name))
    course.prepares_for.extend(await store.occupations_prepared_for(graph, "Course", name))
    return course


async def list_courses(graph: Graph, caller: Caller, page: Page, develops: str) -> tuple[list[Course], str]:
    """Return courses in order of name, without links; only those that develop the skill `develops`, if given."""
    authorise(caller, Action.LIST_COURSES)
    found = await store.courses_after(graph, page.place, page.limit + 1, develops)
    return _cut(found, page, lambda course: course.name)


async def taxonomy_status(knowledge: Knowledge, caller: Caller) -> Status:
    """Return what is loaded and how far the embedding is."""
    authorise(caller, Action.GET_TAXONOMY_STATUS)
    imports = await read_imports(knowledge.graph)
    loaded = tuple(imports[source] for source in sorted(imports))
    catalogue = knowledge.catalogue
    return Status(
        sources=loaded,
        version=taxonomy_version(loaded),
        model=knowledge.embedder.model,
        embedded=catalogue.embedded,
        to_embed=catalogue.to_embed,
    )


def taxonomy_version(loaded: Sequence[ImportSummary]) -> str:
    """Return a digest over the versions of all sources; empty if nothing is loaded."""
    if not loaded:
        return ""
    lines = [f"{summary.source.name} {summary.version}" for summary in sorted(loaded, key=lambda one: one.source)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _findings(hits: Sequence[Hit], found: Mapping[str, _Found], place: str, coverage: float) -> Findings[_Found]:
    # What an import has deleted since the catalogue was read is passed over.
    return Findings(tuple((hit, found[hit.name]) for hit in hits if hit.name in found), place, coverage)


def _only(found: Sequence[_Found], name: str) -> _Found:
    if not found:
        kind = name.partition("/")[0].removesuffix("s").upper()
        raise NotFound(
            f"There is no {name}; search or list to find the right name.",
            reason=f"{kind}_NOT_FOUND",
            metadata={"resource": name},
        )
    return found[0]


def _cut(found: list[_Found], page: Page, name_of: Callable[[_Found], str]) -> tuple[list[_Found], str]:
    """Return the page, and the name after which the next one starts; `found` has one more if there is a next."""
    kept = found[: page.limit]
    return kept, name_of(kept[-1]) if len(found) > page.limit else ""


def _next(found: Sequence[object], offset: int, limit: int) -> str:
    return str(offset + limit) if len(found) > limit and offset + limit < MOST_HITS else ""
