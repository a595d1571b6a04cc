"""The sections of an update, and which of them are news: last writer wins, by the source's own order."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from typing import Final

from careweave.v1.hr_pb2 import ProfileUpdate

SECTIONS: Final = ("identity", "employments", "skills", "credentials")
"""Fields of ProfileUpdate, in the order in which a record's orders and digests are kept."""
SKILLS: Final = SECTIONS.index("skills")
_DIGEST_DIGITS: Final = 32


class OrderKind(IntEnum):
    """By what a source orders its updates; kept as a number."""

    VERSION = 1
    TIME = 2


@dataclass(frozen=True, slots=True)
class Stamp:
    """When, in the source's order, something was said, and a digest of it.

    Stamps compare by order; two that differ at the same order compare by digest, so that the same one
    wins wherever both arrive.
    """

    order: int
    digest: str

    def after(self, other: "Stamp") -> bool:
        """Tell whether this is news to whoever knows `other`."""
        return (self.order, self.digest) > (other.order, other.digest)


NEVER: Final = Stamp(0, "")
"""Of a section that was never said."""


@dataclass(frozen=True, slots=True)
class Stated:
    """An update's order and its sections.

    kind: by what it is ordered.
    stamps: one for each of SECTIONS; None if the update does not have it.
    """

    kind: OrderKind
    stamps: tuple[Stamp | None, ...]


def stated(update: ProfileUpdate) -> Stated:
    """Return what `update`, which has passed its field rules, states and when."""
    by_version = update.WhichOneof("order") == "source_version"
    order = update.source_version if by_version else update.source_time.ToNanoseconds()
    stamps = tuple(
        Stamp(order, _digest(getattr(update, section).SerializeToString(deterministic=True)))
        if update.HasField(section)
        else None
        for section in SECTIONS
    )
    return Stated(OrderKind.VERSION if by_version else OrderKind.TIME, stamps)


def news(said: Stated, known: Sequence[Stamp]) -> list[int]:
    """Return the places in SECTIONS of what `said` is news of to a record that knows `known`."""
    return [place for place, stamp in enumerate(said.stamps) if stamp is not None and stamp.after(known[place])]


def repeated(said: Stated, known: Sequence[Stamp]) -> list[int]:
    """Return the places in SECTIONS of what `said` says again, exactly as `known` has it."""
    return [place for place, stamp in enumerate(said.stamps) if stamp is not None and stamp == known[place]]


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()[:_DIGEST_DIGITS]
