"""What closes a missing skill.

A course, a standard or an opportunity in the graph that develops it, or the same skill under another taxonomy's
name.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from heapq import nsmallest

from careweave_matching.entries import OpportunityEntry
from careweave_matching.notices import Notice
from careweave_matching.taxonomy import Closer

SHOWN = 3
"""At most this many for a skill."""
DECLARED = 1.0
"""Confidence that an opportunity develops what the organisation says it does."""


class Gaps:
    """Closers by skill index: those of the taxonomy, and the opportunities on offer."""

    def __init__(self, closers: Mapping[int, tuple[Closer, ...]], offered: Iterable[OpportunityEntry | Notice]) -> None:
        """Gather what `offered` opportunities teach; `closers` is shared."""
        self._closers = closers
        self._taught: dict[int, dict[str, str]] = defaultdict(dict)  # skill → name of what teaches it → its title
        for entry in offered:
            self.add(entry)

    def add(self, entry: OpportunityEntry | Notice) -> None:
        """Let what the opportunity teaches count."""
        for skill in entry.taught:
            self._taught[skill][entry.opportunity.name] = entry.opportunity.title

    def drop(self, entry: OpportunityEntry | Notice) -> None:
        """Let it count no longer; it was added before."""
        for skill in entry.taught:
            del self._taught[skill][entry.opportunity.name]

    def closers(self, skill: int) -> tuple[Closer, ...]:
        """Return at most three that develop the skill of that index, the surest first, ties by name.

        One of each sort (course, standard, opportunity) comes before a second of any.
        """
        first = nsmallest(SHOWN, self._taught.get(skill, {}).items())  # no more of one sort can be chosen
        candidates = sorted(
            (*self._closers.get(skill, ()), *(Closer(name, title, DECLARED) for name, title in first)),
            key=lambda c: (-c.confidence, c.resource),
        )
        seen: dict[str, int] = defaultdict(int)
        ranked: list[tuple[int, int]] = []
        for position, closer in enumerate(candidates):
            sort = closer.resource.partition("/")[0]
            ranked.append((seen[sort], position))
            seen[sort] += 1
        chosen = sorted(position for _, position in sorted(ranked)[:SHOWN])
        return tuple(candidates[position] for position in chosen)
