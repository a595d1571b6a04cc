"""Feed records as they are kept, and the queries that read and write them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from careweave.graph.port import Query, Reads, Row, UnitOfWork
from careweave.v1.profiles_pb2 import Person
from careweave_profiles.feeds.sections import NEVER, SECTIONS, OrderKind, Stamp

_COLUMNS: Final = (
    "f.name AS name, f.source_system AS source_system, f.person AS person, f.joined AS joined, "
    "f.order_kind AS order_kind, f.orders AS orders, f.digests AS digests, f.claims AS claims, f.raised AS raised, "
    "f.unresolved AS unresolved, f.erased AS erased"
)
RECORDS: Final = Query(
    "feed_records", f"UNWIND $names AS wanted MATCH (f:FeedRecord {{name: wanted}}) RETURN {_COLUMNS}"
)
RECORDS_OF_PEOPLE: Final = Query(
    "feed_records_of_people",
    "UNWIND $names AS wanted MATCH (p:Person {name: wanted}) OPTIONAL MATCH (p)-[:FED_BY]->(f:FeedRecord) "
    f"WITH p, f WHERE f.name IS NOT NULL RETURN {_COLUMNS}",
)
LEAVE: Final = Query(
    "leave_person",
    "MATCH (p:Person {name: $person}) OPTIONAL MATCH (p)-[r:FED_BY]->(f:FeedRecord) "
    "WITH r, f WHERE f.name = $record DELETE r",
)
_NOTHING_KNOWN: Final = (NEVER,) * len(SECTIONS)


@dataclass(frozen=True, slots=True)
class FeedRecord:
    """A record of an HR system.

    name: see `RecordKeys`.
    person: `people/…` whose it is.
    joined: 0 for the record that the profile was made from; of those confirmed later 1 and so on.
    kind: by what its updates are ordered.
    known: one stamp for each of SECTIONS.
    claims: what it says of the person, skills with label.
    raised: skills alone, which its credentials raise.
    unresolved: how many of its skills could not be resolved.
    """

    name: str
    source_system: str
    person: str
    kind: OrderKind
    joined: int = 0
    known: tuple[Stamp, ...] = _NOTHING_KNOWN
    claims: Person = field(default_factory=Person)
    raised: Person = field(default_factory=Person)
    unresolved: int = 0
    erased: bool = False


async def read_records(reads: Reads, names: Sequence[str]) -> dict[str, FeedRecord]:
    """Return those of the records `names` that are kept, by name."""
    rows = await reads.run(RECORDS, names=list(names)) if names else []
    return {record.name: record for record in map(_record, rows)}


async def records_of(reads: Reads, people: Sequence[str]) -> dict[str, dict[str, FeedRecord]]:
    """Return the records of each of `people`, by person and name."""
    found: dict[str, dict[str, FeedRecord]] = {name: {} for name in people}
    for row in await reads.run(RECORDS_OF_PEOPLE, names=list(people)) if people else []:
        record = _record(row)
        found[record.person][record.name] = record
    return found


async def write_records(unit: UnitOfWork, records: Sequence[FeedRecord], joining: Sequence[FeedRecord]) -> None:
    """Keep `records`; `joining` are those of them that are their person's from now on."""
    if records:
        await unit.merge_nodes("FeedRecord", [_row(record) for record in records])
    if joining:
        links = [{"source": record.person, "target": record.name} for record in joining]
        await unit.merge_relationships("FED_BY", "Person", "FeedRecord", links)


def _row(record: FeedRecord) -> Mapping[str, object]:
    return {
        "name": record.name,
        "source_system": record.source_system,
        "person": record.person,
        "joined": record.joined,
        "order_kind": int(record.kind),
        "orders": [stamp.order for stamp in record.known],
        "digests": [stamp.digest for stamp in record.known],
        "claims": record.claims.SerializeToString(deterministic=True),
        "raised": record.raised.SerializeToString(deterministic=True),
        "unresolved": record.unresolved,
        "erased": record.erased,
    }


def _record(row: Row) -> FeedRecord:
    orders, digests = cast("list[int]", row["orders"]), cast("list[str]", row["digests"])
    return FeedRecord(
        name=str(row["name"]),
        source_system=str(row["source_system"]),
        person=str(row["person"]),
        joined=cast("int", row["joined"]),
        kind=OrderKind(cast("int", row["order_kind"])),
        known=tuple(Stamp(order, digest) for order, digest in zip(orders, digests, strict=True)),
        claims=Person.FromString(cast("bytes", row["claims"])),
        raised=Person.FromString(cast("bytes", row["raised"])),
        unresolved=cast("int", row["unresolved"]),
        erased=bool(row["erased"]),
    )
