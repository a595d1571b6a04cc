"""Which required skills a skill held gives credit for, ready to be looked up by number."""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
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
_FEW_DEAD: Final = 1 << 16
"""Entries that are not worth making all rows anew for."""


@dataclass(frozen=True, slots=True)
class Reached:
    """What one skill held gives credit for.

    keys, packed: key numbers and packed credits. direct: how many of them, the first ones, ask for the very skill.
    """

    keys: Integers
    packed: Integers
    direct: int


class GrantRows:
    """What skills held give credit for, one row each, in arrays that compiled code reads.

    Rows keep their numbers. An array that is being read is never changed but behind what has been read of it: what
    takes the place of a row is written at the end, and a copy says where it begins.
    """

    def __init__(self) -> None:
        """Begin without any."""
        self.generation = next(_GENERATIONS)
        self._rows: dict[int, int] = {}
        self._used = self._dead = 0
        self._kept: tuple[Grants, Grants] | None = None
        nothing = np.zeros(0, np.int64)
        self.grants = Grants(nothing, nothing, nothing, nothing, nothing, nothing)

    @property
    def crowded(self) -> bool:
        """Whether most entries are of rows that others took the place of."""
        return self._dead > max(_FEW_DEAD, self._used // 2)

    def row_of(self, code: int) -> int | None:
        """Return the row of the skill `code`; None if there is none yet."""
        return self._rows.get(code)

    def codes(self) -> list[int]:
        """Return the skills that have a row."""
        return list(self._rows)

    def add(self, code: int, reached: Reached) -> int:
        """Add a row and return its number."""
        row = self._rows[code] = len(self._rows)
        self.grants = self._with_room(row + 1, self._used + len(reached.keys))
        self._write(row, reached)
        return row

    def replace(self, fresh: Mapping[int, Reached], telling: Integers) -> None:
        """Take in what skills that have a row, given by code, now give credit for. telling: of every key there is."""
        starts, counts, directs, keys, packed, _ = self.grants
        self.grants = Grants(starts.copy(), counts.copy(), directs.copy(), keys, packed, telling)
        self.grants = self._with_room(len(self._rows), self._used + sum(len(each.keys) for each in fresh.values()))
        for code, reached in fresh.items():
            row = self._rows[code]
            self._dead += int(self.grants.counts[row])
            self._write(row, reached)

    def _write(self, row: int, reached: Reached) -> None:
        grants, start, end = self.grants, self._used, self._used + len(reached.keys)
        grants.keys[start:end], grants.packed[start:end] = reached.keys, reached.packed
        grants.starts[row], grants.counts[row], grants.directs[row] = start, end - start, reached.direct
        self._used = end

    def _with_room(self, rows: int, entries: int) -> Grants:
        """Return the grants, the same if there is room, else a longer copy."""
        starts, counts, directs, keys, packed, telling = self.grants
        if rows <= len(starts) and entries <= len(keys):
            return self.grants
        return Grants(
            longer(starts, rows),
            longer(counts, rows),
            longer(directs, rows),
            longer(keys, entries),
            longer(packed, entries),
            telling,
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
            changed = self._keys.skills[self._entered :]
            self._entered = len(self._keys)
            self._compare(fresh, list(self._held))
            self._grant_anew(self.sources(changed))

    def _grant_anew(self, skills: set[int]) -> None:
        """Reckon anew what holding any of `skills` gives credit for, as far as it was reckoned before."""
        for code in [code for code in self._memo if decode(code)[0] in skills]:
            del self._memo[code]
        if self._grant_rows.crowded:
            self._grant_rows = GrantRows()
        stale = [code for code in self._grant_rows.codes() if code not in self._memo]
        self._grant_rows.replace({code: self.of(code) for code in stale}, self._taxonomy.weights[self._keys.skills])

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

    def keys_of(self, skill: int) -> Sequence[int]:
        """Return the keys that ask for the skill of that index."""
        return self._required.get(skill, ())

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
