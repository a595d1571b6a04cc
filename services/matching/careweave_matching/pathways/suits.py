"""How somebody suits an occupation: as they suit an opportunity that asks for just what the occupation asks for.

One engine judges both (`pair.score_with`), so that the fit of a step is one measure with the suitability of what is on
offer. Occupations are held in an index apart: what they ask for is neither ranked nor carried over to what is.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from careweave_matching import model
from careweave_matching.entries import PersonEntry
from careweave_matching.index import Index
from careweave_matching.pair import best_credits, score_with
from careweave_matching.pathways.career import Work
from careweave_matching.scoring import Components
from careweave_matching.taxonomy import Taxonomy
from careweave_matching.terms import OpportunityKind, Trust

_AT_ONCE = 50
"""Occupations taken in between two looks at what else waits."""


@dataclass(frozen=True, slots=True)
class Stood:
    """Somebody at a point of a way. best: their best packed credit by key."""

    entry: PersonEntry
    best: dict[int, int]


class Suits:
    """Judges people by the occupations that it has learnt."""

    def __init__(self, index: Index) -> None:
        """Begin without any, under the taxonomy, model and weights of `index`, whose vectors are shared."""
        self._index = index.apart(index.surroundings.geography, index.weights)

    async def learn(self, works: Iterable[Work]) -> None:
        """Take in `works`; those that are known cost nothing, the others have labels and a description embedded.

        Raises:
            Unavailable: the model does not answer.
        """
        fresh = [work for work in works if self._index.opportunity(work.name) is None]
        for start in range(0, len(fresh), _AT_ONCE):
            some = [modelled(work, self._index.taxonomy) for work in fresh[start : start + _AT_ONCE]]
            await self._index.put_opportunities(some)
            await asyncio.sleep(0)

    def stood(
        self, person: model.Person, held: Mapping[int, tuple[int, Trust]], work: Work | None, as_of: date
    ) -> Stood:
        """Return `person` with what is `held`, by index of skill, in `work`; as they are employed if that is None."""
        names = self._index.taxonomy.names
        skills = tuple(model.HeldSkill(names[skill], level, trust) for skill, (level, trust) in sorted(held.items()))
        employed = model.Work("", work.name) if work else person.work
        entry = self._index.imagined(replace(person, skills=skills, work=employed, wishes=model.Wishes()), as_of)
        return Stood(entry, best_credits(entry, self._index.reach))

    def components(self, stood: Stood, work: Work, as_of: date) -> Components:
        """Return the parts of suitability for `work`, which is learnt; preference is left out."""
        entry = self._index.opportunity(work.name)
        if entry is None:
            raise LookupError(f"{work.name} was not learnt")
        parts = score_with(stood.entry, entry, stood.best, self._index.board(as_of).frame)[1]
        return Components(
            parts.essential_coverage, parts.optional_coverage, parts.semantic_similarity, parts.suitability
        )


def modelled(work: Work, taxonomy: Taxonomy) -> model.Opportunity:
    """Return `work` as an opportunity: its label and description, and its skills at any level."""
    known = taxonomy.occupations.get(work.name)
    description = known.text.removeprefix(f"{work.label}. ") if known else ""
    asked = [(skill, True) for skill in work.essential] + [(skill, False) for skill in work.optional]
    return model.Opportunity(
        name=work.name,
        title=work.label,
        kind=OpportunityKind.JOB,
        organisation="",
        description=description,
        occupation=work.name,
        requirements=tuple(model.Requirement(taxonomy.names[skill], essential) for skill, essential in asked),
    )
