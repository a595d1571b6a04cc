"""How every occupation on the map stands to every other: the part of a search that is the same for everybody."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from careweave_matching.pathways.career import CareerMap, Matrix, Work
from careweave_matching.pathways.rules import Flags, Integers, Numbers

MOST_KEPT: Final = 64


@dataclass(frozen=True)
class Ground:
    """Occupations that a search goes through, and tables of them; from is the row, to is the column.

    names, works: the occupations, in order of name. related, covered: (n, n), 0 to 1. missing: (n, n), essential skills
    of the column that the row's work does not give. rung: (n, n), months of practice, 0 where there is no rung.
    same: (n, n), whether they are the same work. levels, registers: (n,); registers by number, 0 for none.
    needs, gives: (n, skills). asked: (n,), the weights of what is needed, summed. telling: (skills,).
    """

    career: CareerMap
    works: tuple[Work, ...]
    rows: dict[str, int]
    related: Numbers
    covered: Numbers
    missing: Numbers
    rung: Integers
    same: Flags
    levels: Integers
    registers: Integers
    needs: Matrix
    gives: Matrix
    asked: Numbers
    telling: Numbers

    def only(self, rows: Integers) -> "Ground":
        """Return the ground of some of the occupations, in the order of `rows`."""
        square = np.ix_(rows, rows)
        works = tuple(self.works[row] for row in rows.tolist())
        return Ground(
            career=self.career,
            works=works,
            rows={work.name: row for row, work in enumerate(works)},
            related=self.related[square],
            covered=self.covered[square],
            missing=self.missing[square],
            rung=self.rung[square],
            same=self.same[square],
            levels=self.levels[rows],
            registers=self.registers[rows],
            needs=self.needs[rows],
            gives=self.gives[rows],
            asked=self.asked[rows],
            telling=self.telling,
        )

    def __len__(self) -> int:
        """Return how many occupations there are."""
        return len(self.works)


def register_numbers(career: CareerMap) -> dict[str, int]:
    """Return a number from 1 for each register, in order of name."""
    return {name: number for number, name in enumerate(sorted(career.registers), start=1)}


class Grounds:
    """The grounds of one map that were asked for, each made once."""

    def __init__(self, career: CareerMap) -> None:
        """Begin without any."""
        self.career = career
        self._made: dict[frozenset[str], Ground] = {}

    def of(self, beside: frozenset[str]) -> Ground:
        """Return the ground of health and social care and of the occupations `beside` it."""
        further = frozenset(name for name in beside if name in self.career.works) - frozenset(self.career.between)
        found = self._made.get(further)
        if found is None:
            if len(self._made) >= MOST_KEPT:
                self._made.clear()
            found = self._made[further] = ground_of(self.career, further)
        return found


def ground_of(career: CareerMap, beside: frozenset[str]) -> Ground:
    """Return the ground of health and social care and of the occupations `beside` it, new each time."""
    names = sorted({*career.between, *(name for name in beside if name in career.works)})
    works = tuple(career.works[name] for name in names)
    places = [career.rows[name] for name in names]
    needs, gives = career.needs[places], career.gives[places]
    weighed = needs.multiply(career.telling).tocsr()
    asked = np.asarray(weighed.sum(axis=1)).ravel()
    covered = (needs @ weighed.T).toarray() / np.maximum(asked, 1.0)
    counts = np.asarray(needs.sum(axis=1)).ravel()
    numbers = register_numbers(career)
    rows = {name: row for row, name in enumerate(names)}
    rung = np.zeros((len(names), len(names)), np.int64)
    for (start, end), each in career.rungs.items():
        if start in rows and end in rows:
            rung[rows[start], rows[end]] = each.months
    same = np.eye(len(names), dtype=np.bool_)
    for one, other in career.same:
        if one in rows and other in rows:
            same[rows[one], rows[other]] = True
    return Ground(
        career=career,
        works=works,
        rows=rows,
        related=np.stack([relatedness(career, work, works) for work in works]),
        covered=covered,
        missing=counts[None, :] - (gives @ needs.T).toarray(),
        rung=rung,
        same=same,
        levels=np.array([work.level for work in works], np.int64),
        registers=np.array([numbers[work.register.name] if work.register else 0 for work in works], np.int64),
        needs=needs,
        gives=gives,
        asked=asked,
        telling=career.telling,
    )


def relatedness(career: CareerMap, work: Work, others: tuple[Work, ...]) -> Numbers:
    """Return how related `work` is to each of `others`, 0 to 1; 0 where one of them is not in the table."""
    table = career.taxonomy.relatedness
    found = np.zeros(len(others))
    for own in work.rows:
        row = table.of(own)
        found = np.maximum(found, [max((row[each] for each in other.rows), default=0.0) for other in others])
    return np.clip(found, 0.0, 1.0)
