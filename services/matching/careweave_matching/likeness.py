"""How alike occupations and job titles are: one vector for each, whose dot product is their likeness.

An occupation is described three ways: by the skills it needs, by what is written about it, and by the names it goes by.
What is known of one occupation is thin, so each description leans on the occupations of its ISCO-08 groups. A job
title, which no taxonomy need know, takes its place among the occupations whose names come closest to it. The shares
below were chosen on the fitting half of the next-occupation set and on the job titles of apprenticeship standards;
`careweave bench quality` measures them on what they were not chosen on. See docs/quality.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from careweave.embedding.port import Vectors
from careweave.grams import GramIndex
from careweave.wording import distinct_wordings

Embed: TypeAlias = Callable[[Sequence[str]], Vectors]


@dataclass(frozen=True, slots=True)
class Shares:
    """What counts for how much. Each group sums to 1.

    skills, description, names: the three descriptions of an occupation.
    own, unit, minor: the occupation itself, its ISCO unit group (four digits), its minor group (three).
    optional: weight of an optional skill beside an essential one, which has 1.
    meaning, place, letters: of two titles: likeness in meaning, of their places among occupations, in letters.
    """

    skills: float = 0.5
    description: float = 0.2
    names: float = 0.3
    own: float = 0.7
    unit: float = 0.2
    minor: float = 0.1
    optional: float = 0.75
    meaning: float = 0.5
    place: float = 0.3
    letters: float = 0.2


SHARES: Final = Shares()
NEIGHBOURS: Final = 20
"""Occupations among which a title takes its place."""
SHARPNESS: Final = 25.0
"""How fast their weight falls with the cosine of title and name: a tenth less, twelve times lighter."""
_UNIT_DIGITS: Final = 4
_MINOR_DIGITS: Final = 3
_TITLES_AT_ONCE: Final = 256


@dataclass(frozen=True, slots=True)
class OccupationText:
    """What the likeness of an occupation rests on.

    essential, optional: labels of the skills that it needs.
    """

    name: str
    label: str
    alternative_labels: tuple[str, ...]
    description: str
    isco_group: str
    essential: tuple[str, ...]
    optional: tuple[str, ...]


class OccupationSpace:
    """Occupations as vectors.

    names: of the occupations, in order.
    vectors: (len(names), 3 · dimension of the model, or the axes of the metric), of length 1; a dot product is a
    likeness, -1 to 1.
    """

    def __init__(
        self,
        occupations: Sequence[OccupationText],
        embed: Embed,
        shares: Shares = SHARES,
        metric: Vectors | None = None,
    ) -> None:
        """Place `occupations`; `embed` gets every text that this needs, each once.

        metric: what was learned of the model that embeds, see `metric.read_metric`; None compares vectors as they are.
        It needs all three descriptions.
        """
        self.names = tuple(occupation.name for occupation in occupations)
        self._rows = {name: row for row, name in enumerate(self.names)}
        self._wordings = [_wordings(occupation) for occupation in occupations]
        counts = np.array([len(wordings) for wordings in self._wordings], dtype=np.int64)
        self._firsts = np.concatenate(([0], np.cumsum(counts)[:-1])) if len(counts) else counts
        self._labels = embed([wording for wordings in self._wordings for wording in wordings])
        blocks: list[tuple[float, Vectors]] = [
            (shares.skills, _skill_means(occupations, embed, shares.optional)),
            (shares.description, embed([occupation.description for occupation in occupations])),
            (shares.names, _unit(np.add.reduceat(self._labels, self._firsts, axis=0))),
        ]
        groups = [occupation.isco_group for occupation in occupations]
        joined = np.concatenate(
            [
                np.sqrt(np.float32(share)) * _leaning(_centred(block), groups, shares)
                for share, block in blocks
                if share or metric is not None
            ],
            axis=1,
        )
        self.vectors = joined if metric is None else _unit(joined @ metric)

    def vector(self, occupation: str) -> Vectors:
        """Return the vector of an occupation by name; KeyError if it is not in the space."""
        found: Vectors = self.vectors[self._rows[occupation]]
        return found

    def likeness(self, ones: Sequence[str], others: Sequence[str]) -> Vectors:
        """Return an array (len(ones), len(others)) of the likeness of occupations by name, -1 to 1."""
        left = self.vectors[[self._rows[name] for name in ones]]
        found: Vectors = left @ self.vectors[[self._rows[name] for name in others]].T
        return found

    def place(self, titles: Vectors, neighbours: int = NEIGHBOURS, sharpness: float = SHARPNESS) -> Vectors:
        """Return the places of job titles, an array (len(titles), width of the space) of vectors of length 1.

        titles: unit vectors of the same model, (count, dimension). A place is the mean of the `neighbours` occupations
        with the closest name, each weighted by exp(sharpness · cosine).
        """
        closest = self._closest_names(titles)
        few = min(neighbours, closest.shape[1])
        near = np.argsort(-closest, axis=1, kind="stable")[:, :few]
        cosines = np.take_along_axis(closest, near, axis=1)
        weights = np.exp(sharpness * (cosines - cosines[:, :1]))
        places = np.einsum("tn,tnw->tw", weights, self.vectors[near], optimize=True)
        return _unit(places.astype(np.float32))

    def _closest_names(self, titles: Vectors) -> Vectors:
        """Return (len(titles), occupations): the greatest cosine of a title and any name of the occupation."""
        parts = [
            np.maximum.reduceat(titles[start : start + _TITLES_AT_ONCE] @ self._labels.T, self._firsts, axis=1)
            for start in range(0, len(titles), _TITLES_AT_ONCE)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.names)), np.float32)


def title_likeness(
    queries: Sequence[str], titles: Sequence[str], space: OccupationSpace, embed: Embed, shares: Shares = SHARES
) -> Vectors:
    """Return an array (len(queries), len(titles)) of the likeness of job titles, about 0 to 1.

    It sums the cosine of their meanings, the likeness of their places among occupations, and the cosine of their words
    and letters.
    """
    left, right = embed(queries), embed(titles)
    found: Vectors = shares.meaning * (left @ right.T)
    if shares.place:
        found = found + shares.place * (space.place(left) @ space.place(right).T)
    if shares.letters:
        found = found + shares.letters * GramIndex(titles).matrix(queries)
    return found


def _wordings(occupation: OccupationText) -> tuple[str, ...]:
    return (occupation.label, *distinct_wordings(occupation.label, occupation.alternative_labels))


def _skill_means(occupations: Sequence[OccupationText], embed: Embed, optional: float) -> Vectors:
    """Return the mean vector of each occupation's skills, weighted by how telling they are.

    The weight is ln(N / n) for a skill that n of N occupations need (K. Spärck Jones, 1972).
    """
    uses: dict[str, int] = {}
    for occupation in occupations:
        for skill in {*occupation.essential, *occupation.optional}:
            uses[skill] = uses.get(skill, 0) + 1
    rows = {skill: row for row, skill in enumerate(uses)}
    vectors = embed(list(uses))
    telling = np.log(len(occupations) / np.maximum(1, np.fromiter(uses.values(), np.float32, len(uses))))
    means = np.zeros((len(occupations), vectors.shape[1]), np.float32)
    for row, occupation in enumerate(occupations):
        for skills, weight in ((occupation.essential, 1.0), (occupation.optional, optional)):
            if skills:
                held = [rows[skill] for skill in skills]
                means[row] += weight * (telling[held] @ vectors[held])
    return _unit(means)


def _centred(vectors: Vectors) -> Vectors:
    """Return unit vectors about the mean of all, so that what every occupation shares counts for nothing."""
    return _unit(vectors - vectors.mean(axis=0))


def _leaning(vectors: Vectors, groups: Sequence[str], shares: Shares) -> Vectors:
    unit = _group_means(vectors, [group[:_UNIT_DIGITS] for group in groups])
    minor = _group_means(vectors, [group[:_MINOR_DIGITS] for group in groups])
    return _unit(shares.own * vectors + shares.unit * unit + shares.minor * minor)


def _group_means(vectors: Vectors, groups: Sequence[str]) -> Vectors:
    """Return for each row the mean of the rows of its group, at length 1."""
    _, row_groups = np.unique(np.array(groups), return_inverse=True)
    sums = np.zeros((int(row_groups.max(initial=-1)) + 1, vectors.shape[1]), np.float32)
    np.add.at(sums, row_groups, vectors)
    found: Vectors = _unit(sums)[row_groups]
    return found


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: Vectors = (vectors / np.maximum(lengths, np.finfo(np.float32).tiny)).astype(np.float32)
    return found
