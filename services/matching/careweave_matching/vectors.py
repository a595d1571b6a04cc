"""Vectors of skills, occupations, opportunities and people, made once and held in memory.

What people write leaves no trace in the embedder's cache, which keeps labels and descriptions; see `aspirations`.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from careweave.embedding.port import Embedder, Vectors
from careweave_matching.aims import parts_of
from careweave_matching.model import Opportunity, Person, Work
from careweave_matching.taxonomy import Taxonomy

DESCRIPTION, SKILLS, OCCUPATION = 0.5, 0.3, 0.2
"""Shares of an opportunity's description, required skills and occupation in its vector."""
LONGEST_TEXT = 2000
"""Characters of a description that are embedded; the model reads no more than about 256 words."""


class VectorBook:
    """Vectors by skill index and by text. Skills and roles stay; the rest is returned."""

    def __init__(self, embedder: Embedder, taxonomy: Taxonomy) -> None:
        """Begin without any; rows of `skills` are zero until `learn_skills` fills them."""
        self._embedder = embedder
        self._taxonomy = taxonomy
        self.skills: Vectors = np.zeros((len(taxonomy.names), embedder.dimension), np.float32)
        self._known = np.zeros(len(taxonomy.names), np.bool_)
        self._roles: dict[str, Vectors] = {}

    async def learn_skills(self, names: Iterable[str]) -> None:
        """Fill the rows of those of `names` that the taxonomy knows."""
        index = self._taxonomy.index
        fresh = sorted({index[name] for name in names if name in index and not self._known[index[name]]})
        if fresh:
            self.skills[fresh] = await asyncio.to_thread(
                self._embedder.embed, [self._taxonomy.labels[skill] for skill in fresh]
            )
            self._known[fresh] = True

    async def learn_roles(self, people: Sequence[Person], opportunities: Sequence[Opportunity]) -> None:
        """Embed the occupations that are worked in, aimed at or offered."""
        texts = {text for person in people if (text := self._role_text(person.work))}
        texts |= {self._occupation_text(name) for person in people for name in person.wishes.aspired_occupations}
        texts |= {self._occupation_text(opportunity.occupation) for opportunity in opportunities}
        fresh = sorted(texts - self._roles.keys() - {""})
        if fresh:
            vectors = await asyncio.to_thread(self._embedder.embed, fresh)
            self._roles.update(zip(fresh, vectors, strict=True))

    def role(self, person: Person) -> Vectors | None:
        """Return the vector of the role `person` has, or had last; None if there was none."""
        return self._roles.get(self._role_text(person.work))

    async def read_written(self, texts: Iterable[str]) -> dict[str, Vectors]:
        """Return the vectors of `texts`, which people wrote, by text."""
        distinct = list(dict.fromkeys(texts))
        if not distinct:
            return {}
        return dict(zip(distinct, await asyncio.to_thread(self._embedder.embed_transient, distinct), strict=True))

    async def aspirations(self, people: Sequence[Person], written: Mapping[str, Vectors]) -> list[Vectors | None]:
        """Return, for each of `people`, the vectors (m, d) of what they aim at; None if they state nothing.

        written: vectors of what people wrote, by text, as far as they are known already.
        """
        texts = {part for person in people for part in parts_of(person.wishes.aspiration)}
        known = {**written, **await self.read_written(sorted(texts - written.keys()))}
        return [self._aims(person, known) for person in people]

    def _aims(self, person: Person, written: Mapping[str, Vectors]) -> Vectors | None:
        aims = [written[part] for part in parts_of(person.wishes.aspiration)]
        for name in person.wishes.aspired_occupations:
            vector = self._roles.get(self._occupation_text(name))
            if vector is not None:
                aims.append(vector)
        return np.stack(aims) if aims else None

    async def describe(self, opportunities: Sequence[Opportunity]) -> list[Vectors]:
        """Return the unit vector of each opportunity, whose skills and occupation are learnt already."""
        if not opportunities:
            return []
        texts = [f"{each.title}. {each.description}"[:LONGEST_TEXT] for each in opportunities]
        written = await asyncio.to_thread(self._embedder.embed, texts)
        return [self._blended(each, vector) for each, vector in zip(opportunities, written, strict=True)]

    def _blended(self, opportunity: Opportunity, written: Vectors) -> Vectors:
        vector = (DESCRIPTION * written).astype(np.float32)
        known = [self._taxonomy.index[r.skill] for r in opportunity.requirements if self._taxonomy.knows(r.skill)]
        if known:
            telling = self._taxonomy.weights[known].astype(np.float32)[:, None]
            vector += np.float32(SKILLS) * unit((telling * self.skills[known]).sum(axis=0))
        role = self._roles.get(self._occupation_text(opportunity.occupation))
        if role is not None:
            vector += np.float32(OCCUPATION) * role
        return unit(vector)

    def _role_text(self, work: Work | None) -> str:
        if work is None:
            return ""
        return self._occupation_text(work.occupation) or work.job_title.strip()

    def _occupation_text(self, occupation: str) -> str:
        known = self._taxonomy.occupations.get(occupation)
        return known.text if known else ""


def unit(vector: Vectors) -> Vectors:
    """Return `vector` scaled to length 1; unchanged if it is zero."""
    length = np.sqrt((vector * vector).sum())
    return (vector / length).astype(np.float32) if length > 0 else vector
