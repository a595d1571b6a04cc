"""What people were told of, kept as a relationship from the person to the opportunity.

It goes with the person: erasure deletes it in its own transaction, whoever reads the tombstone and whenever.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from careweave.graph.port import Query, Reads, Row, UnitOfWork

_COLUMNS: Final = (
    "p.name AS person, o.name AS opportunity, r.reason AS reason, r.number AS number, "
    "r.profile_version AS profile_version, r.opportunity_version AS opportunity_version"
)
TOLD_OF: Final = Query(
    "alerted_of_opportunity",
    "MATCH (o:Opportunity {name: $opportunity}) OPTIONAL MATCH (p:Person)-[r:ALERTED]->(o) "
    f"WITH o, p, r WHERE p.name IS NOT NULL RETURN {_COLUMNS}",
)
TOLD: Final = Query(
    "alerted_person",
    "MATCH (p:Person {name: $person}) OPTIONAL MATCH (p)-[r:ALERTED]->(o:Opportunity) "
    f"WITH o, p, r WHERE o.name IS NOT NULL RETURN {_COLUMNS}",
)
FORGET: Final = Query(
    "forget_alerted",
    "MATCH (o:Opportunity {name: $opportunity}) OPTIONAL MATCH (p:Person)-[r:ALERTED]->(o) DELETE r",
)


@dataclass(frozen=True, slots=True)
class Telling:
    """That a person is told of an opportunity.

    reason: digest of why. number: how many times they were told of it, this time included.
    """

    person: str
    opportunity: str
    reason: str
    number: int
    profile_version: int
    opportunity_version: int


async def told_of(reads: Reads, opportunity: str) -> list[Telling]:
    """Return what everyone was told last of `opportunity`."""
    return [_telling(row) for row in await reads.run(TOLD_OF, opportunity=opportunity)]


async def told(reads: Reads, person: str) -> list[Telling]:
    """Return what `person` was told last of each opportunity."""
    return [_telling(row) for row in await reads.run(TOLD, person=person)]


async def hold(unit: UnitOfWork, pairs: Sequence[tuple[str, str]], now: datetime) -> None:
    """Hold what is kept of `pairs` (person, opportunity) against other writers until `unit` ends.

    It is made where there is none; nothing is made of a person or an opportunity that is gone.
    """
    rows = [{"source": person, "target": opportunity, "judge_time": now} for person, opportunity in pairs]
    await unit.merge_relationships("ALERTED", "Person", "Opportunity", rows)


async def keep(unit: UnitOfWork, tellings: Sequence[Telling]) -> None:
    """Write `tellings`."""
    rows = [
        {
            "source": each.person,
            "target": each.opportunity,
            "reason": each.reason,
            "number": each.number,
            "profile_version": each.profile_version,
            "opportunity_version": each.opportunity_version,
        }
        for each in tellings
    ]
    await unit.merge_relationships("ALERTED", "Person", "Opportunity", rows)


async def forget(unit: UnitOfWork, opportunity: str) -> None:
    """Delete what was kept of `opportunity`."""
    await unit.run(FORGET, opportunity=opportunity)


def _telling(row: Row) -> Telling:
    facts: dict[str, Any] = row
    return Telling(
        facts["person"],
        facts["opportunity"],
        facts["reason"] or "",
        facts["number"] or 0,
        facts["profile_version"] or 0,
        facts["opportunity_version"] or 0,
    )
