"""A small made-up world for tests of the matcher's own functions: skills with given vectors, places, a day."""

import hashlib
from collections.abc import Sequence
from datetime import date

import numpy as np
from careweave_matching.adjacency import link_strengths
from careweave_matching.geography import Geography, Place
from careweave_matching.index import Index, Surroundings
from careweave_matching.model import Opportunity, Person, Requirement, Wishes, Work
from careweave_matching.relatedness import Relatedness
from careweave_matching.taxonomy import Closer, Occupation, Taxonomy
from careweave_matching.terms import OpportunityKind, TravelMode
from careweave_matching.travel import Point
from careweave_matching.weights import CURRENT, Weights

from careweave.embedding.port import Vectors

TODAY = date(2027, 1, 4)
SKILLS = 24
WIDTH = 16


class TextVectors:
    """Vectors drawn from the text alone, so that a world needs no model; meaning plays no part in these tests."""

    model = "text-digest"
    dimension = WIDTH

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return a unit vector for each text."""
        rows = [self._one(text) for text in texts]
        return np.stack(rows) if rows else np.zeros((0, WIDTH), np.float32)

    embed_transient = embed

    def _one(self, text: str) -> Vectors:
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
        drawn = np.random.default_rng(seed).standard_normal(WIDTH)
        vector: Vectors = (drawn / np.linalg.norm(drawn)).astype(np.float32)
        return vector


def skill(number: int) -> str:
    return f"skills/s{number:02d}"


def a_taxonomy() -> Taxonomy:
    names = tuple(skill(number) for number in range(SKILLS))
    return Taxonomy(
        version="test",
        names=names,
        labels=tuple(f"skill number {number}" for number in range(SKILLS)),
        weights=np.array([1000 + 250 * (number % 7) for number in range(SKILLS)], np.int64),
        strengths=link_strengths([(0, 1, 1.0)], [(2, 3, "essential"), (4, 5, "optional")], [(6, 7), (8, 7)]),
        occupations={f"occupations/o{n}": Occupation(f"occupation {n}", f"occupation {n}. Work.", n) for n in range(4)},
        closers={9: (Closer("courses/c1", "Course One", 1.0),), 10: (Closer("standards/ST1", "Standard One", 0.8),)},
        index={name: number for number, name in enumerate(names)},
        relatedness=Relatedness(
            [f"occupations/o{number}" for number in range(3)],
            np.array([[-40, 60, 70], [80, 30, 5], [75, 40, 10]], np.int8),
        ),
    )


def surroundings() -> Surroundings:
    places = {
        "places/A": Place("A", Point(53.20, -2.60)),
        "places/B": Place("B", Point(53.25, -2.50)),
        "places/C": Place("C", Point(54.50, -1.00)),
        "places/Z": Place("Z"),
    }
    return Surroundings(
        Geography(places), {"organisations/o1": "Fictional Care", "organisations/o2": "Fictional Trust"}
    )


def an_index(weights: Weights = CURRENT) -> Index:
    return Index(a_taxonomy(), surroundings(), TextVectors(), weights)


def an_opportunity(number: int = 1, essential: Sequence[int] = (0, 2, 6), **changes: object) -> Opportunity:
    facts: dict[str, object] = {
        "name": f"opportunities/n{number:04d}",
        "title": f"Role {number}",
        "kind": OpportunityKind.JOB,
        "organisation": "organisations/o1",
        "place": "places/A",
        "description": f"Work of kind {number}",
        "requirements": tuple(Requirement(skill(each), essential=True) for each in essential),
        "version": 1,
        "minimum_weekly_hours": 30.0,
    }
    return Opportunity(**{**facts, **changes})  # type: ignore[arg-type]  # the caller names fields of Opportunity


def a_person(name: str = "p1", **changes: object) -> Person:
    facts: dict[str, object] = {
        "name": f"people/{name}",
        "version": 1,
        "place": "places/B",
        "work": Work("organisations/o2", "occupations/o1"),
        "wishes": Wishes(stated=True, travel_mode=TravelMode.CAR, unsocial_hours=True),
    }
    return Person(**{**facts, **changes})  # type: ignore[arg-type]  # the caller names fields of Person
