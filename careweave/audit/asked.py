"""What a call has asked of the policy and whom it has touched, noted while it runs.

The server begins a note with each call; the policy and whatever shows or changes people add to it. Where
no call runs, as in a unit test of a use-case, nothing is noted.
"""

from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final


@dataclass(slots=True)  # not frozen: made and filled on the hot path
class Asked:
    """The note of one call.

    action: the last that was asked for; empty if none was. granted: whether it was.
    people: names of those whom the call was about, in order of mention.
    pseudonyms: of people who will have none any more when the entry is written.
    """

    action: str = ""
    granted: bool = False
    people: dict[str, None] = field(default_factory=dict)
    pseudonyms: dict[str, str] = field(default_factory=dict)


_CURRENT: Final[ContextVar[Asked]] = ContextVar("careweave_asked")


def begin() -> Asked:
    """Begin the note of the call that this task runs, and return it."""
    asked = Asked()
    _CURRENT.set(asked)
    return asked


def note_asked(action: str, person: str, *, granted: bool) -> None:
    """Note that `action` was asked for, about `person` if that is not empty, and whether it was granted."""
    asked = _CURRENT.get(None)
    if asked is not None:
        asked.action, asked.granted = action, granted
        if person:
            asked.people[person] = None


def note_people(names: Iterable[str]) -> None:
    """Note that the call shows or changes what is held about these people."""
    asked = _CURRENT.get(None)
    if asked is not None:
        asked.people.update(dict.fromkeys(names))


def note_pseudonym(person: str, pseudonym: str) -> None:
    """Note by which pseudonym the trail knows somebody whom the call is about to erase."""
    asked = _CURRENT.get(None)
    if asked is not None:
        asked.pseudonyms[person] = pseudonym
