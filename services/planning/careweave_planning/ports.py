"""What the use-cases of this service stand on, passed in so that every result can be reproduced."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from careweave.v1.planning_pb2 import EqualityDeclaration

Rewrite: TypeAlias = Callable[[EqualityDeclaration | None], EqualityDeclaration]
"""Returns the declaration as it shall be kept, of the one that is kept, if any. May be called again, so it is pure."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What an event says of a person: that they are there, or that they were erased.

    person: `people/…`.
    version: of their profile, which grows over erasure, too.
    """

    person: str
    version: int
    erased: bool


class DeclarationStore(Protocol):
    """Where equality declarations are kept. Every adapter passes `tests/contract/test_equality_store.py`.

    What a call changes is durable when it returns; if it raises, nothing of it was kept, unless the connection broke
    as it was committed. Calls about one person take effect one after the other. Whoever has what the store writes,
    and not its key, learns neither whose a declaration is nor what it says.

    Every method raises:
        Unavailable: the database does not answer.
        Exhausted: its disk is full.
        DataLoss: what is kept cannot be read back as it was written.
        Conflict: others wrote at the same time, again and again.
    """

    async def read(self, person: str) -> EqualityDeclaration | None:
        """Return the declaration of `person` (`people/…`), None if there is none."""
        ...

    async def change(self, person: str, rewrite: Rewrite) -> EqualityDeclaration:
        """Keep what `rewrite` makes of the declaration of `person`, under their name, and return it.

        Raises:
            FailedPrecondition: reason `PERSON_ERASED`; nothing is kept of somebody who was erased.
            whatever `rewrite` raises; then nothing is changed.
        """
        ...

    async def remove(self, person: str) -> bool:
        """Remove the declaration of `person`; says whether there was one."""
        ...

    async def take_note(self, standings: Sequence[Standing]) -> None:
        """Remove the declarations of those who were erased, and keep none of them until they are there again.

        A standing that is no newer than one of the same person that was noted before says nothing.
        """
        ...

    async def close(self) -> None:
        """Release files and connections."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """Where declarations are kept, and what time it is.

    clock: the present, with a zone.
    """

    store: DeclarationStore
    clock: Callable[[], datetime]
