"""The shortest paths of a network, and the steps that they are.

K shortest simple paths are SciPy's (`scipy.sparse.csgraph.yen`; J. Y. Yen, "Finding the K shortest loopless paths in a
network", Management Science 17(11), 1971), on a network that is first cut down to what lies on any path short enough:
docs/adr/0013 says why there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra, yen

from careweave_matching.pathways.network import COUNT, START, Link, Network
from careweave_matching.pathways.rules import Flags, Integers, Numbers

PATHS: Final = 24
"""Shortest paths looked at for a preference; ways alike are dropped afterwards."""
MOST_STEPS: Final = 6
_NOWHERE: Final = -9999
"""What SciPy writes for no predecessor."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a way. origin, target: rows of occupations in the ground, `START` for where one stands.

    kind: `MOVE`, `FINISH` (through a programme) or `QUALIFY`. programme: place in the map's, -1 for none.
    months: what it takes. hours: of learning.
    """

    kind: Link
    origin: int
    target: int
    programme: int
    months: float
    hours: float


@dataclass(frozen=True)
class Paths:
    """A network under one cost, ready to be searched.

    cost: of each link. links: index of the cheapest link for (tail, head).
    """

    network: Network
    matrix: csr_array
    links: dict[tuple[int, int], int]
    cost: Numbers
    limit: float

    def shortest(self, count: int = PATHS) -> list[tuple[Step, ...]]:
        """Return at most `count` ways from the start to the end, cheapest first; ties by what they go through."""
        if not self.matrix.nnz:
            return []
        found, before = yen(self.matrix, self.network.start, self.network.end, count, return_predecessors=True)
        ways: dict[tuple[Step, ...], float] = {}
        for cost, row in zip(found.tolist(), before, strict=True):
            if cost <= self.limit:
                way = self._way(_states(row, self.network.end))
                if is_sensible(way):
                    ways.setdefault(way, cost)
        return _ordered(ways)

    def through(self, rows: frozenset[int]) -> list[tuple[Step, ...]]:
        """Return the cheapest way through each state of work in one of `rows`, cheapest first."""
        if not self.matrix.nnz:
            return []
        out, before = dijkstra(self.matrix, indices=self.network.start, return_predecessors=True)
        back, after = dijkstra(self.matrix.T.tocsr(), indices=self.network.end, return_predecessors=True)
        ways: dict[tuple[Step, ...], float] = {}
        for state in (row * COUNT + band for row in sorted(rows) for band in range(COUNT)):
            cost = float(out[state] + back[state])
            if cost <= self.limit:
                onward = _states(after, state)[::-1]
                way = self._way([*_states(before, state), *onward[1:]])
                if is_sensible(way):
                    ways.setdefault(way, cost)
        return _ordered(ways)

    def reached(self) -> tuple[Numbers, Integers]:
        """Return what it costs to reach each state, infinite where it cannot be, and what comes before each."""
        if not self.matrix.nnz:
            return np.full(self.network.size, np.inf), np.full(self.network.size, _NOWHERE)
        cost, before = dijkstra(self.matrix, indices=self.network.start, return_predecessors=True)
        return cost, before

    def way_to(self, state: int, before: Integers) -> tuple[Step, ...]:
        """Return the way to a state; before: see `reached`."""
        return self._way(_states(before, state))

    def _way(self, states: list[int]) -> tuple[Step, ...]:
        """Return the steps along `states`: what goes into a programme and out of it again is one."""
        links = self.network.links
        steps: list[Step] = []
        origin = START
        for tail, head in pairwise(states):
            link = self.links[tail, head]
            kind = Link(int(links.kind[link]))
            if kind in {Link.MOVE, Link.FINISH, Link.QUALIFY}:
                target = int(links.target[link])
                steps.append(
                    Step(kind, origin, target, int(links.programme[link]), float(links.months[link]),
                         float(links.hours[link]))
                )  # fmt: skip
                origin = target
        return tuple(steps)


def paths_of(network: Network, cost: Numbers, allowed: Flags, limit: float) -> Paths:
    """Return `network` under a cost for each link, over the links that are allowed, up to a limit of cost.

    What lies on no path from the start to the end within the limit is cut off.
    """
    links = network.links
    kept = np.flatnonzero(allowed)
    order = kept[np.lexsort((kept, cost[kept], links.head[kept], links.tail[kept]))]
    pairs = links.tail[order] * network.size + links.head[order]
    first = order[np.concatenate(([True], pairs[1:] != pairs[:-1]))] if len(order) else order
    matrix = _matrix(network, cost, first)
    out = dijkstra(matrix, indices=network.start, limit=limit)
    back = dijkstra(matrix.T.tocsr(), indices=network.end, limit=limit)
    if np.isfinite(out[network.end]):
        useful = out[links.tail[first]] + cost[first] + back[links.head[first]] <= limit
        first = first[useful]
        matrix = _matrix(network, cost, first)
    chosen = {(int(tail), int(head)): int(link) for tail, head, link in
              zip(links.tail[first], links.head[first], first, strict=True)}  # fmt: skip
    return Paths(network, matrix, chosen, cost, limit)


def _matrix(network: Network, cost: Numbers, links: Integers) -> csr_array:
    # Yen's algorithm in SciPy takes 32 bits alone.
    ends = (network.links.tail[links].astype(np.int32), network.links.head[links].astype(np.int32))
    return csr_array((cost[links], ends), shape=(network.size, network.size))


def _states(before: Integers, last: int) -> list[int]:
    """Return the states that lead to `last`, it included, in order."""
    found = [last]
    while (state := int(before[found[-1]])) != _NOWHERE:
        found.append(state)
    return found[::-1]


def _ordered(ways: dict[tuple[Step, ...], float]) -> list[tuple[Step, ...]]:
    """Return ways by cost, then by how few steps they have, then by what they go through."""
    return sorted(ways, key=lambda way: (round(ways[way], 2), len(way), [(s.target, s.programme) for s in way]))


def is_sensible(way: tuple[Step, ...]) -> bool:
    """Say whether a way has few enough steps and comes back to no work that it has left."""
    return 0 < len(way) <= MOST_STEPS and not any(_comes_back(way))


def _comes_back(way: tuple[Step, ...]) -> Iterator[bool]:
    left: set[int] = set()
    present = way[0].origin
    for step in way:
        if step.target != present:
            left.add(present)
            yield step.target in left
            present = step.target
