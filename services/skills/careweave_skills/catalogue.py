"""What search and extraction need of the taxonomy, in memory: labels at once, vectors as they come.

Read from the graph at start and after every import; a new catalogue replaces the old one whole.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from careweave.care import CARE_GROUPS
from careweave.embedding.port import Embedder
from careweave.graph.port import Query, Reads, Row
from careweave_skills.extraction import SkillExtractor
from careweave_skills.lexical import Concept
from careweave_skills.search import ConceptIndex
from careweave_skills.taxonomy import Scheme
from careweave_skills.wordings import packaged_wordings

_CONCEPT: Final = "n.name AS name, n.label AS label, n.alternative_labels AS alternative_labels, n.scheme AS scheme"
SKILL_LABELS: Final = Query("skill_labels", f"MATCH (n:Skill) RETURN {_CONCEPT} ORDER BY name")
OCCUPATION_LABELS: Final = Query("occupation_labels", f"MATCH (n:Occupation) RETURN {_CONCEPT} ORDER BY name")
STANDARD_TITLES: Final = Query(
    "standard_titles", "MATCH (n:Standard) RETURN n.name AS name, n.title AS title, n.job_titles AS job_titles"
)
CARE_OCCUPATIONS: Final = Query(
    "care_occupations",
    "MATCH (o:Occupation)-[:REQUIRES]->(n:Skill) WHERE o.isco_group IN $groups "
    "RETURN n.name AS name, count(DISTINCT o.name) AS occupations ORDER BY name",
)
ASKING_OCCUPATIONS: Final = Query(
    "asking_occupations",
    "MATCH (o:Occupation)-[:REQUIRES]->(n:Skill) "
    "RETURN n.name AS name, count(DISTINCT o.name) AS occupations ORDER BY name",
)
COURSE_TITLES: Final = Query("course_titles", "MATCH (n:Course) RETURN n.name AS name, n.title AS title")


_PREFERRED_PHASES: Final = 4


@dataclass(frozen=True, slots=True)
class Titles:
    """Further texts that links are made from: titles of standards, of courses, and job titles."""

    standards: tuple[str, ...] = ()
    courses: tuple[str, ...] = ()


class Catalogue:
    """The concepts of one state of the graph, with as many vectors as are known by now."""

    def __init__(
        self, skills: Sequence[Concept], occupations: Sequence[Concept], titles: Titles, embedder: Embedder
    ) -> None:
        """Index the concepts by words; `embed_step` brings their vectors."""
        self.skills = ConceptIndex(_worded_once(skills), embedder.dimension)
        self.occupations = ConceptIndex(occupations, embedder.dimension)
        self.extractor = SkillExtractor(self.skills, embedder.embed_transient, packaged_wordings())
        self._phases = _phases(self.skills, self.occupations, titles, self.extractor.wordings.wanted())
        self._first_alternative = sum(len(phase) for phase in self._phases[:_PREFERRED_PHASES])
        self.to_embed = sum(len(phase) for phase in self._phases)
        self.embedded = 0
        self._place = 0, 0
        self._embedder = embedder

    @property
    def complete(self) -> bool:
        """Whether every text is embedded."""
        return self._place[0] >= len(self._phases)

    @property
    def searchable(self) -> bool:
        """Whether the preferred labels, which come first, are embedded."""
        return self._place[0] > 0

    @property
    def sharpening(self) -> bool:
        """Whether all but the alternative labels is embedded."""
        return self.embedded >= self._first_alternative

    def prepare(self) -> None:
        """Make what questions and texts need and a start does not. Blocks for seconds; for a thread of its own."""
        self.skills.labels.prepare()
        self.occupations.labels.prepare()
        self.extractor.prepare()

    def embed_step(self, most: int) -> None:
        """Embed the next texts, at most `most`, in order of priority. Blocks; for a thread of its own.

        Raises:
            Unavailable: the model cannot be loaded.
        """
        while not self.complete and not self._phases[self._place[0]]:
            self._place = self._place[0] + 1, 0
        if self.complete:
            return
        phase, start = self._place
        texts = self._phases[phase][start : start + most]
        vectors = self._embedder.embed(texts)
        self.skills.learn(texts, vectors)
        self.extractor.wordings.learn(texts, vectors)
        self.occupations.learn(texts, vectors)
        self.embedded += len(texts)
        finished = start + len(texts) >= len(self._phases[phase])
        self._place = (phase + 1, 0) if finished else (phase, start + len(texts))


async def read_catalogue(graph: Reads, embedder: Embedder) -> Catalogue:
    """Return the catalogue of what the graph holds now, without vectors yet."""
    care = _counts(await graph.run(CARE_OCCUPATIONS, groups=sorted(CARE_GROUPS)))
    every = _counts(await graph.run(ASKING_OCCUPATIONS))
    skills = [_skill(row, care, every) for row in await graph.run(SKILL_LABELS)]
    occupations = [_concept(row) for row in await graph.run(OCCUPATION_LABELS)]
    standards = await graph.run(STANDARD_TITLES)
    courses = await graph.run(COURSE_TITLES)
    titles = Titles(
        tuple(text for row in standards for text in (str(row["title"]), *_texts(row["job_titles"]))),
        tuple(str(row["title"]) for row in courses),
    )
    return await asyncio.to_thread(Catalogue, skills, occupations, titles, embedder)


def _phases(
    skills: ConceptIndex, occupations: ConceptIndex, titles: Titles, wordings: Sequence[str]
) -> list[list[str]]:
    """Return the texts to embed, each once, in order of priority; alternative labels from `_PREFERRED_PHASES` on."""
    wanted = [
        [*wordings, *_labels(skills, Scheme.ESCO), *(each.label for each in occupations.concepts)],
        [*titles.standards, *titles.courses],
        _labels(skills, Scheme.CARE_WORKFORCE_PATHWAY),
        _labels(skills, Scheme.APPRENTICESHIP_STANDARDS),
        occupations.wanted(),
        skills.wanted(),
    ]
    seen: set[str] = set()
    phases = []
    for texts in wanted:
        fresh = [text for text in dict.fromkeys(texts) if text not in seen]
        seen.update(fresh)
        phases.append(fresh)
    return phases


def _labels(skills: ConceptIndex, scheme: Scheme) -> list[str]:
    return [each.label for each in skills.concepts if each.scheme == scheme]


def _worded_once(skills: Sequence[Concept]) -> list[Concept]:
    """Return `skills` without those whose wording an earlier one of the same scheme has.

    Standards share a fifth of their duties word for word; an answer would hold the same line many times.
    """
    first: dict[tuple[Scheme, str], Concept] = {}
    for skill in sorted(skills, key=lambda each: each.name):
        first.setdefault((skill.scheme, skill.label.casefold()), skill)
    return list(first.values())


def _concept(row: Row) -> Concept:
    return Concept(
        str(row["name"]), str(row["label"]), tuple(_texts(row["alternative_labels"])), Scheme(int(str(row["scheme"])))
    )


def _counts(asking: Sequence[Row]) -> dict[str, int]:
    return {str(row["name"]): int(str(row["occupations"])) for row in asking}


def _skill(row: Row, care: Mapping[str, int], every: Mapping[str, int]) -> Concept:
    """Return a skill with how many occupations, of care and at all, require it; outside ESCO one counts as doing so."""
    concept = _concept(row)
    counts = (care, every) if concept.scheme == Scheme.ESCO else ({concept.name: 1}, {concept.name: 1})
    of_care, of_all = (count.get(concept.name, 0) for count in counts)
    return replace(concept, care_occupations=of_care, occupations=of_all)


def _texts(value: object) -> list[str]:
    return [str(text) for text in value] if isinstance(value, list) else []
