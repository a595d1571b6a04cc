"""Which required skills a skill held gives credit for, ready to be looked up by number."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from careweave.embedding.port import Vectors
from careweave_matching.adjacency import near_pairs, strongest
from careweave_matching.entries import Integers, KeyBook, decode
from careweave_matching.scoring import packed_direct, packed_transfer
from careweave_matching.taxonomy import Taxonomy
from careweave_matching.weights import Weights


@dataclass(frozen=True, slots=True)
class Reached:
    """What one skill held gives credit for.

    keys, packed: key numbers and packed credits. direct: the keys that ask for the very skill.
    """

    keys: Integers
    packed: Integers
    direct: Integers


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
        return Reached(np.array(keys, np.int64), np.array(packed, np.int64), np.array(direct, np.int64))
