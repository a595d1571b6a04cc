"""How current an index is: what of the log it has certainly taken in, and of which moment that was all there was.

The end of the log is looked at again and again and noted with the time: a mark. An index that has come past a mark
held, at the time of the mark, all that the log held. So its age is found without trusting the clocks of those who
write, without guessing from the last event, and a log in which nothing happens makes no index old.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final, TypeAlias

Place: TypeAlias = tuple[str, int]
"""Topic and partition."""
Offsets: TypeAlias = Mapping[Place, int]
"""Partition to the offset of the next event to take in; a partition that is missing is at its start."""

MOST_MARKS: Final = 512
"""Marks kept at most; with fewer an index that has been away is known to be current a little later."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How far behind an index may be.

    served: and still be served.
    forgotten: and still be brought up to date instead of being built again; well below the time for which the log
        keeps that somebody was erased.
    silent: without an event though the log goes on, before it is followed anew.
    given_up: the same, before the index is built again.
    """

    served: timedelta = timedelta(seconds=5)
    forgotten: timedelta = timedelta(hours=12)
    silent: timedelta = timedelta(seconds=10)
    given_up: timedelta = timedelta(seconds=60)


DEFAULT: Final = Limits()


@dataclass(frozen=True, slots=True)
class Mark:
    """Where the log ended at a moment."""

    at: datetime
    end: Offsets

    def is_reached(self, taken: Offsets) -> bool:
        """Say whether whoever has taken in `taken` had, at that moment, all there was."""
        return all(taken.get(place, 0) >= offset for place, offset in self.end.items())


class Freshness:
    """The marks that an index has come past, and those that it has still to reach."""

    def __init__(self) -> None:
        """Begin without any."""
        self.reached: Mark | None = None
        """The newest mark that was reached."""
        self._ahead: deque[Mark] = deque()

    def note(self, mark: Mark) -> None:
        """Note where the log ends now."""
        if self._ahead and self._ahead[-1].end == mark.end:
            self._ahead.pop()  # nothing was appended between the two: to reach one is to reach the other
        self._ahead.append(mark)
        if len(self._ahead) > MOST_MARKS:
            newest = self._ahead[-1]
            self._ahead = deque(islice(self._ahead, 0, MOST_MARKS, 2))
            self._ahead.append(newest)

    def come_to(self, taken: Offsets) -> bool:
        """Say whether `taken` reaches a mark that was not reached before."""
        further = False
        while self._ahead and self._ahead[0].is_reached(taken):
            self.reached = self._ahead.popleft()
            further = True
        return further


def between(taken: Offsets, end: Offsets) -> int:
    """Return how many events lie between the two."""
    return sum(max(0, offset - taken.get(place, 0)) for place, offset in end.items())
