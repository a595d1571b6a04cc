"""The question that FindOpportunities answers, put so that a database can answer it alone.

A person's districts within their limit of travel, their hours, their skills and their vector; of each opportunity the
same. Score: half for essential and 0.15 for optional skills held, by weight, and 0.35 for the cosine of the two
vectors, which is suitability without levels, evidence, skills close by, credentials and related occupations, and
without preference: less work.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from careweave_matching.entries import CODE_BITS, OpportunityEntry, PersonEntry
from careweave_matching.index import Index

from benchmarks.generated import TODAY

ESSENTIAL, OPTIONAL, SEMANTIC = 0.50, 0.15, 0.35
SHOWN = 20
Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Offer:
    """An opportunity. shares: skill → how much of the score it makes up. Hours are 0 where it says nothing."""

    number: int
    place: int
    least_hours: float
    most_hours: float
    unsocial: bool
    shares: dict[int, float]
    vector: Vectors


@dataclass(frozen=True, slots=True)
class Asker:
    """A person. places: numbers of those within reach. most_hours: 0 for no limit. vector: of length 1."""

    number: int
    places: list[int]
    least_hours: float
    most_hours: float
    unsocial: bool
    skills: list[int]
    vector: Vectors


def offers_of(index: Index) -> list[Offer]:
    """Return all opportunities, numbered in order of name."""
    entries = sorted(index.opportunities(), key=lambda entry: entry.opportunity.name)
    geography = index.surroundings.geography
    return [_offer(number, geography.index(e.opportunity.place), e) for number, e in enumerate(entries)]


def _offer(number: int, place: int, entry: OpportunityEntry) -> Offer:
    cut, weights = entry.essential, entry.weights.tolist()
    essential, optional = sum(weights[:cut]), sum(weights[cut:])
    shares = {
        skill: ESSENTIAL * weight / essential if at < cut else OPTIONAL * weight / optional
        for at, (skill, weight) in enumerate(zip(entry.skills, weights, strict=True))
    }
    hours = entry.hours
    return Offer(number, place, hours.minimum, hours.maximum, hours.unsocial, shares, entry.vector)


def askers_of(index: Index) -> list[Asker]:
    """Return everyone, numbered in order of name."""
    people = sorted(index.people(TODAY), key=lambda entry: entry.person.name)
    screener = index.board(TODAY).screener
    return [
        _asker(number, person, screener.screen(person, index.place(person)).minutes)
        for number, person in enumerate(people)
    ]


def _asker(number: int, person: PersonEntry, minutes: npt.NDArray[np.int64]) -> Asker:
    wishes = person.person.wishes
    return Asker(
        number,
        np.flatnonzero(minutes[:-1] <= wishes.maximum_minutes).tolist(),
        wishes.minimum_hours,
        wishes.maximum_hours,
        wishes.unsocial_hours,
        sorted({code >> CODE_BITS for code in person.codes}),
        person.vector / np.linalg.norm(person.vector),
    )


class Exact:
    """The exact answers, against which recall is told."""

    def __init__(self, offers: list[Offer]) -> None:
        """Hold `offers` as arrays."""
        self._offers = offers
        self._vectors = np.stack([offer.vector for offer in offers])
        self._places = np.array([offer.place for offer in offers])
        self._least = np.array([offer.least_hours for offer in offers])
        self._most = np.array([offer.most_hours for offer in offers])
        self._unsocial = np.array([offer.unsocial for offer in offers])

    def candidates(self, asker: Asker) -> npt.NDArray[np.int64]:
        """Return the numbers of those within reach whose hours fit."""
        fits = np.isin(self._places, asker.places) & (asker.unsocial | ~self._unsocial)
        says = self._most > 0
        fits &= ~says | (self._most >= asker.least_hours)
        if asker.most_hours:
            fits &= ~says | (self._least <= asker.most_hours)
        return np.flatnonzero(fits)

    def scores(self, asker: Asker) -> dict[int, float]:
        """Return the score of each candidate."""
        held = set(asker.skills)
        rows = self.candidates(asker)
        cosines = (self._vectors[rows] @ asker.vector).tolist()
        return {
            row: SEMANTIC * cosine + sum(share for skill, share in self._offers[row].shares.items() if skill in held)
            for row, cosine in zip(rows.tolist(), cosines, strict=True)
        }

    def recall(self, asker: Asker, found: list[int]) -> float:
        """Return how many of the 20 best are among `found`; whatever scores as the twentieth does counts as one."""
        scores = self.scores(asker)
        wanted = min(SHOWN, len(scores))
        if not wanted:
            return 1.0
        bar = sorted(scores.values(), reverse=True)[wanted - 1] - 1e-5  # databases reckon in single precision
        return sum(scores.get(number, -1.0) >= bar for number in found[:wanted]) / wanted


def write_numbers(file: Path, count: int) -> None:
    """Write the numbers of people in the order in which clients ask for them."""
    file.write_text(json.dumps(list(range(count))))
