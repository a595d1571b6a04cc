"""Deleting a person so that nothing about them is left here.

What goes: the node; its relationships of every kind with their history, applications included; the nodes of
credentials and consents; earlier versions of the profile; what HR systems said; remembered replies that hold the
profile; and the endorsements that the person gave, which changes the profiles of those who got them. What stays is
described in `erasures` and `feeds.forgetting`. The tombstone waits in the outbox until it is published.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, cast

from careweave.graph import requests
from careweave.graph.port import Query, Reads, UnitOfWork
from careweave.v1.profiles_pb2 import Person, RemainingData, RemovedData
from careweave_profiles import erasures, pseudonyms, store, versions
from careweave_profiles.changes import profile_erased
from careweave_profiles.dates import put_time
from careweave_profiles.feeds.forgetting import forget_records
from careweave_profiles.holdings import holdings
from careweave_profiles.ports import Ports
from careweave_profiles.saving import CLEAR_CREDENTIALS, Change, save

ENDORSED_PEOPLE: Final = Query(
    "endorsed_people",
    "MATCH (p:Person {name: $name}) MATCH (other:Person)-[r:ENDORSED_BY]->(p) "
    "RETURN DISTINCT other.name AS name ORDER BY name",
)
CLEAR_CONSENTS: Final = Query(
    "clear_consents",
    "UNWIND $names AS wanted MATCH (p:Person {name: wanted}) OPTIONAL MATCH (p)-[:GIVES]->(c:Consent) DETACH DELETE c",
)
DELETE_PERSON: Final = Query("delete_person", "MATCH (p:Person {name: $name}) DETACH DELETE p")


HELD_BY_MATCHING: Final[Mapping[str, tuple[str, Query]]] = {
    kind: (
        title,
        Query(
            f"count_{kind.replace('-', '_')}_of_person",
            f"MATCH (p:Person {{name: $person}}) OPTIONAL MATCH (p)-[r:{link}]->(o:{label}) "
            "WITH r, o WHERE o.name IS NOT NULL RETURN count(r) AS times",
        ),
    )
    for kind, title, link, label in (
        ("applications", "Interest in opportunities", "APPLIED", "Opportunity"),
        ("alerts", "Of what the person was told", "ALERTED", "Opportunity"),
        ("reviews", "Reviews of rankings", "ASKS", "DecisionReview"),
        ("aspiration-vectors", "Numbers made of aspirations", "ASPIRES", "EmbeddingModel"),
    )
}
"""What hangs on a person and another service writes: it goes in the same transaction, reviews with the tombstone."""


async def erase(unit: UnitOfWork, ports: Ports, name: str, version: int, now: datetime) -> None:
    """Delete the person called `name`, who is at `version`, and emit the tombstone."""
    await _take_back_endorsements(unit, ports, name, now)
    await forget_records(unit, name)
    await unit.run(CLEAR_CREDENTIALS, names=[name])
    await unit.run(CLEAR_CONSENTS, names=[name])
    await versions.forget(unit, name, version)
    await unit.run(DELETE_PERSON, name=name)
    await requests.forget(unit, name)
    await pseudonyms.destroy(unit, name)
    await erasures.remember(unit, name, version + 1)
    unit.emit(profile_erased(name, version + 1, now, ports.new_id))


async def removed_with(reads: Reads, person: Person) -> list[RemovedData]:
    """Return how much of each kind goes with `person`, who is kept; kinds of which there is nothing are left out."""
    counts = [(each.kind, each.title, len(each.rows)) for each in await holdings(reads, person)]
    for kind, (title, query) in HELD_BY_MATCHING.items():
        counts.append((kind, title, cast("int", (await reads.run(query, person=person.name))[0]["times"])))
    return [RemovedData(kind=kind, title=title, count=count) for kind, title, count in counts if count]


def remaining_after(ports: Ports, now: datetime) -> list[RemainingData]:
    """Return what an erasure at `now` leaves, by the retention rules, and until when."""
    remaining = []
    for rule in ports.rules:
        if rule.outlives:
            data = RemainingData(kind=rule.kind, title=rule.holds, reason=rule.why, removed_by=rule.enforced)
            put_time(data.remove_time, rule.ends(now))
            remaining.append(data)
    return remaining


async def _take_back_endorsements(unit: UnitOfWork, ports: Ports, endorser: str, now: datetime) -> None:
    names = [str(row["name"]) for row in await unit.run(ENDORSED_PEOPLE, name=endorser)]
    changes = [Change(before, _without(before, endorser)) for before in await store.people(unit, names)]
    await save(unit, ports, changes, now)
    for name in names:
        await requests.forget(unit, name)  # a remembered reply may show the endorsement


def _without(before: Person, endorser: str) -> Person:
    after = Person()
    after.CopyFrom(before)
    for skill in after.skills:
        kept = [each for each in skill.endorsements if each.endorser != endorser]
        del skill.endorsements[:]
        skill.endorsements.extend(kept)
    return after
