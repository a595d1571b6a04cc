"""The people behind feed records: their profiles as they are kept, what is displaced in them, and all their records."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from careweave.graph.port import Query, Reads, UnitOfWork
from careweave.v1.profiles_pb2 import Person
from careweave_profiles.feeds.records import FeedRecord, records_of

STANDINGS: Final = Query(
    "standings",
    "UNWIND $names AS wanted MATCH (p:Person {name: wanted}) "
    "RETURN p.name AS name, p.snapshot AS snapshot, p.displaced AS displaced",
)


@dataclass(slots=True)
class Standing:
    """A person as far as feeds are concerned.

    before: the profile as it is kept; None if it is new.
    displaced: see `weaving`.
    records: all that are the person's, by name.
    """

    name: str
    before: Person | None = None
    displaced: Person = field(default_factory=Person)
    records: dict[str, FeedRecord] = field(default_factory=dict)


async def read_standings(reads: Reads, names: Sequence[str]) -> dict[str, Standing]:
    """Return those of the people `names` that exist, by name."""
    if not names:
        return {}
    records = await records_of(reads, names)
    found: dict[str, Standing] = {}
    for row in await reads.run(STANDINGS, names=list(names)):
        name = str(row["name"])
        displaced = Person.FromString(cast("bytes | None", row["displaced"]) or b"")
        found[name] = Standing(name, Person.FromString(cast("bytes", row["snapshot"])), displaced, records[name])
    return found


async def write_displaced(unit: UnitOfWork, standings: Sequence[Standing]) -> None:
    """Keep what is displaced in the profiles of `standings`, which exist."""
    rows = [
        {"name": each.name, "displaced": each.displaced.SerializeToString(deterministic=True)} for each in standings
    ]
    if rows:
        await unit.merge_nodes("Person", rows)
