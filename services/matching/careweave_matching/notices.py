"""What an index of some regions knows of the opportunities of others: what they teach and pay, and no more.

Advice on what closes a gap, and what work pays, comes from all there is on offer, wherever it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from careweave_matching.model import Opportunity


@dataclass(frozen=True, slots=True)
class Notice:
    """An opportunity without what it asks for. taught: indices of the skills it teaches, ascending."""

    opportunity: Opportunity
    taught: tuple[int, ...]


def notice_of(opportunity: Opportunity, taught: tuple[int, ...]) -> Notice:
    """Return the notice of an opportunity."""
    slim = replace(opportunity, description="", requirements=(), develops=(), credentials=())
    return Notice(slim, taught)


class NoticeBoard:
    """Notices by name, open or closed. changes: how often something was put up or taken down."""

    def __init__(self) -> None:
        """Begin empty."""
        self.changes = 0
        self._notices: dict[str, Notice] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._notices)

    def get(self, name: str) -> Notice | None:
        """Return the notice of an opportunity; None if there is none."""
        return self._notices.get(name)

    def put(self, notice: Notice) -> Notice | None:
        """Put `notice` up; returns the one it takes the place of."""
        before = self._notices.get(notice.opportunity.name)
        self._notices[notice.opportunity.name] = notice
        self.changes += 1
        return before

    def drop(self, name: str) -> Notice | None:
        """Take a notice down; returns it, None if there was none."""
        found = self._notices.pop(name, None)
        self.changes += found is not None
        return found

    def offered(self, as_of: date) -> Iterator[Notice]:
        """Yield those of what is on offer on a day."""
        return (each for each in self._notices.values() if each.opportunity.is_offered(as_of))
