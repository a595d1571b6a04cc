"""What the use-cases of this service stand on, passed in so that every result can be reproduced."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from careweave.embedding.port import Embedder, Vectors
from careweave.events.port import EventLog
from careweave.graph.port import Graph
from careweave_matching.aspirations import Kept
from careweave_matching.geography import Geography
from careweave_matching.model import Person
from careweave_matching.shards.territory import Territory

EVENT_SOURCE: Final = "/careweave/matching"
"""CloudEvents source of every event of this service."""

Fetched: TypeAlias = tuple[list[Person], list[str]]
"""People found, and names of those that are gone."""
KeepPlaces: TypeAlias = Callable[[Geography], Awaitable[None]]
KeepWritten: TypeAlias = Callable[[str, Kept, Sequence[Person], Mapping[str, Vectors]], Awaitable[None]]


def everything(geography: Geography) -> Territory | None:
    """Return what a process holds that shares people and opportunities with no other."""
    del geography
    return None


@dataclass(frozen=True, slots=True)
class Ports:
    """Stores, other services, time and chance.

    clock: the present, with a zone.
    new_id: 20 random characters of [a-z0-9].
    extract: text → names of the skills that it speaks of.
    fetch_people: at most 1000 names → snapshots.
    stream_people: snapshots of everyone, in batches.
    fetch_person_version: name and version → what a ranking reads of that version of a person.
    decisions_kept: how long rankings are kept; None if no time ends that.
    taxonomy_version: digest of what the skills service has loaded; empty if nothing.
    keep_places: see `earlier.keep_places`; done when it returns, whichever process of the server does it.
    keep_written: see `aspirations.write`; one process of a server does it, the others leave it to that one.
    territory: places → what this process holds of people and opportunities; None for all.
    """

    graph: Graph
    events: EventLog
    embedder: Embedder
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    extract: Callable[[str], Awaitable[Sequence[str]]]
    fetch_people: Callable[[Sequence[str]], Awaitable[Fetched]]
    stream_people: Callable[[], AsyncIterator[list[Person]]]
    fetch_person_version: Callable[[str, int], Awaitable[Person]]
    decisions_kept: timedelta | None
    taxonomy_version: Callable[[], Awaitable[str]]
    keep_places: KeepPlaces
    keep_written: KeepWritten
    territory: Callable[[Geography], Territory | None] = everything
