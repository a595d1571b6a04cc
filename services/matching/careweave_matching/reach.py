"""Which required skills a skill held gives credit for, ready to be looked up by number."""

import itertools
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from careweave.embedding.port import Vectors
from careweave_matching.adjacency import near_pairs, strongest
from careweave_matching.compiled.book import longer
from careweave_matching.compiled.credits import Grants
from careweave_matching.compiled.kept import keep
from careweave_matching.entries import Integers, KeyBook, PersonEntry, decode
from careweave_matching.scoring import packed_direct, packed_transfer
from careweave_matching.taxonomy import Taxonomy
from careweave_matching.weights import Weights

_GENERATIONS: Final = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Reached:
    """What one skill held gives credit for.

    keys, packed: key numbers and packed credits. direct: how many of them, the first ones, ask for the very skill.
    """

    keys: Integers
    packed: Integers
    direct: int


class GrantRows:
    """What skills held give credit for, one row each, in arrays that compiled code reads."""

    def __init__(self) -> None:
        """Begin without any."""
        self.generation = next(_GENERATIONS)
        self._rows: dict[int, int] = {}
        self._used = 0
        self._kept: tuple[Grants, Grants] | None = None
        nothing = np.zeros(0, np.int64)
        self.grants = Grants(nothing, nothing, nothing, nothing, nothing)

    def row_of(self, code: int) -> int | None:
        """Return the row of the skill `code`; None if there is none yet."""
        return self._rows.get(code)

    def add(self, code: int, reached: Reached) -> int:
        """Add a row and return its number."""
        row, start, end = len(self._rows), self._used, self._used + len(reached.keys)
        grants = self.grants = self._with_room(row + 1, end)
        grants.starts[row], grants.counts[row], grants.directs[row] = start, end - start, reached.direct
        grants.keys[start:end], grants.packed[start:end] = reached.keys, reached.packed
        self._rows[code], self._used = row, end
        return row

    def _with_room(self, rows: int, entries: int) -> Grants:
        """Return the grants, the same if there is room, else a longer copy."""
        starts, counts, directs, keys, packed = self.grants
        if rows <= len(starts) and entries <= len(keys):
            return self.grants
        return Grants(
            *(longer(each, rows) for each in (starts, counts, directs)),
            *(longer(each, entries) for each in (keys, packed)),
        )

    def kept(self) -> Grants:
        """Return `grants` for compiled code, made again when an array was replaced."""
        if self._kept is None or self._kept[0] is not self.grants:
            self._kept = self.grants, keep(self.grants)
        return self._kept[1]


class Reach:
    """Credits by skill held, for the skills that opportunities ask for and people have.

    Pairs of skills are compared once, when the second of the two comes into use.
    """

    def __init__(self, taxonomy: Taxonomy, keys: KeyBook, weights: Weights, skill_vectors: Vectors) -> None:
        """Begin with nothing asked for and nothing held; the arguments are shared, not copied."""
        self._taxonomy = taxonomy
        self._keys = keys
        self._weights = weights
        self._vectors = skill_vectors
        self._required: dict[int, list[int]] = {}  # skill asked for → its keys
        self._held: dict[int, None] = {}
        self._alike: dict[int, dict[int, int]] = defaultdict(dict)  # asked for → held → strength
        self._grants: dict[int, dict[int, int]] = defaultdict(dict)  # held → asked for → strength
        self._memo: dict[int, Reached] = {}
        self._grant_rows = GrantRows()
        self._entered = 0

    def ask_for_new_keys(self) -> None:
        """Take in the keys that were numbered since the last call."""
        fresh: list[int] = []
        for key in range(self._entered, len(self._keys)):
            skill = self._keys.skills[key]
            if skill not in self._required:
                self._required[skill] = []
                fresh.append(skill)
            self._required[skill].append(key)
        if self._entered != len(self._keys):
            self._entered = len(self._keys)
            self._compare(fresh, list(self._held))
            self._memo.clear()
            self._grant_rows = GrantRows()

    def hold(self, skills: Iterable[int]) -> None:
        """Take in skills that somebody has; their vectors must be there."""
        fresh = [skill for skill in dict.fromkeys(skills) if skill not in self._held]
        if fresh:
            self._held.update(dict.fromkeys(fresh))
            self._compare(list(self._required), fresh)

    def of(self, code: int) -> Reached:
        """Return what holding the skill `code` gives credit for."""
        found = self._memo.get(code)
        if found is None:
            found = self._memo[code] = self._reached(code)
        return found

    @property
    def grants(self) -> Grants:
        """What the skills that `rows_of` has met give credit for, for compiled code."""
        return self._grant_rows.kept()

    def rows_of(self, entry: PersonEntry) -> Integers:
        """Return the rows of `grants` for the skills that the person has."""
        rows = self._grant_rows
        if entry.granted is None or entry.granted[0] != rows.generation:
            entry.granted = rows.generation, np.array([self._row_of(code) for code in entry.codes], np.int64)
        return entry.granted[1]

    def _row_of(self, code: int) -> int:
        row = self._grant_rows.row_of(code)
        return self._grant_rows.add(code, self.of(code)) if row is None else row

    @property
    def key_count(self) -> int:
        """How many keys there are."""
        return len(self._keys)

    def skill_of_key(self, key: int) -> int:
        """Return the index of the skill that `key` asks for."""
        return self._keys.skills[key]

    def sources(self, required: Iterable[int]) -> set[int]:
        """Return the skills in use that give credit for any of the skills `required`, these included."""
        wanted = set(required)
        return wanted | {held for held, row in self._grants.items() if not wanted.isdisjoint(row)}

    def _compare(self, required: list[int], held: list[int]) -> None:
        if not required or not held:
            return
        for row, column, strength in near_pairs(self._vectors[required], self._vectors[held]):
            self._alike[required[row]][held[column]] = strength
        fresh = set(held)
        for skill in required:
            for source, strength in strongest(self._taxonomy.strengths, self._alike[skill], skill).items():
                if source in fresh:
                    self._grants[source][skill] = strength

    def _reached(self, code: int) -> Reached:
        skill, level, trust = decode(code)
        levels = self._keys.levels
        direct = self._required.get(skill, [])
        pairs = [(key, packed_direct(level, trust, levels[key], self._weights)) for key in direct]
        for required, strength in self._grants.get(skill, {}).items():
            pairs += [
                (key, packed_transfer(skill, strength, level, trust, asked=levels[key], weights=self._weights))
                for key in self._required[required]
            ]
        keys, packed = zip(*pairs, strict=True) if pairs else ((), ())
        return Reached(np.array(keys, np.int64), np.array(packed, np.int64), len(direct))
