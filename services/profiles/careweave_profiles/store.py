"""The queries of this service about people, and functions that run them.

A profile is kept twice, in one transaction: as nodes and relationships, for questions across people,
and as one serialised message on the person's node, which is read wherever a whole profile is wanted.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final, cast

from careweave.graph.port import Query, Reads
from careweave.v1.profiles_pb2 import Person

PEOPLE: Final = Query(
    "people", "UNWIND $names AS wanted MATCH (p:Person {name: wanted}) RETURN p.name AS name, p.snapshot AS snapshot"
)
VERSIONS: Final = Query(
    "versions", "UNWIND $names AS wanted MATCH (p:Person {name: wanted}) RETURN p.name AS name, p.version AS version"
)
NAMES_AFTER: Final = Query(
    "names_after", "MATCH (p:Person) WHERE p.name > $after RETURN p.name AS name ORDER BY name LIMIT $limit"
)
EMPLOYED_NAMES_AFTER: Final = Query(
    "employed_names_after",
    "MATCH (o:Organisation {name: $organisation}) MATCH (p:Person)-[r:EMPLOYED_BY]->(o) "
    "WHERE p.name > $after AND (r.start_date IS NULL OR r.start_date <= $today) "
    "AND (r.end_date IS NULL OR r.end_date >= $today) RETURN DISTINCT p.name AS name ORDER BY name LIMIT $limit",
)
IS_EMPLOYED_BY: Final = Query(
    "is_employed_by",
    "MATCH (p:Person {name: $person}) MATCH (p)-[r:EMPLOYED_BY]->(o:Organisation) "
    "WHERE o.name = $organisation AND (r.start_date IS NULL OR r.start_date <= $today) "
    "AND (r.end_date IS NULL OR r.end_date >= $today) RETURN count(*) AS times",
)
KNOWN_NAMES: Final[Mapping[str, Query]] = {
    label: Query(
        f"known_{label.lower()}s", f"UNWIND $names AS wanted MATCH (n:{label} {{name: wanted}}) RETURN n.name AS name"
    )
    for label in ("Person", "Skill", "Occupation", "Organisation", "Place", "Hub")
}
SKILL_LABELS: Final = Query(
    "skill_labels", "UNWIND $names AS wanted MATCH (s:Skill {name: wanted}) RETURN s.name AS name, s.label AS label"
)


async def people(reads: Reads, names: Sequence[str]) -> list[Person]:
    """Return the people of `names` that exist, in that order; each is whole, as it was at one version."""
    if not names:
        return []
    found = {row["name"]: cast("bytes", row["snapshot"]) for row in await reads.run(PEOPLE, names=list(names))}
    return [Person.FromString(found[name]) for name in names if name in found]


async def person(reads: Reads, name: str) -> Person | None:
    """Return the person of that name, None if there is none."""
    return next(iter(await people(reads, [name])), None)


async def versions(reads: Reads, names: Sequence[str]) -> dict[str, int]:
    """Return the present version of each of `names` that exists."""
    return {str(row["name"]): cast("int", row["version"]) for row in await reads.run(VERSIONS, names=list(names))}


async def names_after(reads: Reads, after: str, limit: int) -> list[str]:
    """Return the first `limit` names of people past `after`, in order."""
    return [str(row["name"]) for row in await reads.run(NAMES_AFTER, after=after, limit=limit)]


async def employed_names_after(reads: Reads, organisation: str, today: date, after: str, limit: int) -> list[str]:
    """Return as `names_after`, only of people who work for `organisation` on the date `today`."""
    answer = await reads.run(EMPLOYED_NAMES_AFTER, organisation=organisation, today=today, after=after, limit=limit)
    return [str(row["name"]) for row in answer]


async def is_employed_by(reads: Reads, person_name: str, organisation: str, today: date) -> bool:
    """Tell whether the person works for `organisation` on the date `today`."""
    answer = await reads.run(IS_EMPLOYED_BY, person=person_name, organisation=organisation, today=today)
    return any(row["times"] for row in answer)


async def known_names(reads: Reads, label: str, names: Sequence[str]) -> set[str]:
    """Return those of `names` that are nodes of `label`."""
    return {str(row["name"]) for row in await reads.run(KNOWN_NAMES[label], names=list(names))} if names else set()


async def skill_labels(reads: Reads, names: Sequence[str]) -> dict[str, str]:
    """Return the preferred label of each of the skills `names` that exists."""
    answer = await reads.run(SKILL_LABELS, names=list(names)) if names else []
    return {str(row["name"]): str(row["label"] or "") for row in answer}
