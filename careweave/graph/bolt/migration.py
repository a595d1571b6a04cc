"""Constraints, indexes and names that the schema declares, brought into being step by step.

Each step that was taken is a node `GraphMigration` with its text and time. A step is never undone, so
that replicas of an older version go on beside newer ones. Any number of replicas may start at once:
whoever holds the node `GraphMigration {id: 'turn'}` takes the missing steps, the others wait and find
them taken; a holder that dies lets go of it with its connection.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

import neo4j

from careweave.graph.schema import Schema

LOCK_LABEL: Final = "WriteTurn"
"""Label of the node that a unit of work holds while it lasts."""
LEDGER: Final = "GraphMigration"
_PAUSES: Final = (0.1, 0.3, 1.0, 2.0, 4.0, 8.0, 16.0, 16.0)
_PATIENT: Final = 4
"""Attempts after which an index that belongs to no constraint is taken to be left over."""

_TAKEN: Final = f"MATCH (m:{LEDGER}) RETURN m.id AS id"
_TURN: Final = f"MERGE (m:{LEDGER} {{id: 'turn'}}) SET m.time = datetime()"
_NOTE: Final = f"MERGE (m:{LEDGER} {{id: $id}}) SET m.text = $text, m.time = datetime()"
_LEFT_OVER: Final = (
    "SHOW INDEXES YIELD name, owningConstraint WHERE name = $index AND owningConstraint IS NULL RETURN name"
)
_NAMES: Final = (
    "UNWIND $labels AS name CALL db.createLabel(name) RETURN count(*)",
    "UNWIND $kinds AS name CALL db.createRelationshipType(name) RETURN count(*)",
    "UNWIND $properties AS name CALL db.createProperty(name) RETURN count(*)",
)


@dataclass(frozen=True, slots=True)
class Step:
    """Statements that can be run again without harm, under an id that changes with them.

    makes: name of the constraint or index that they make, if any.
    """

    id: str
    statements: tuple[str, ...]
    parameters: dict[str, Any] = field(default_factory=dict)
    makes: str = ""


def _key(label: str, name: str) -> Step:
    made = f"careweave_{label.lower()}_{name}"
    text = f"CREATE CONSTRAINT {made} IF NOT EXISTS FOR (n:`{label}`) REQUIRE n.`{name}` IS UNIQUE"
    return Step(f"key {label}.{name}", (text,), makes=made)


def _index(label: str, name: str) -> Step:
    made = f"careweave_{label.lower()}_{name}"
    text = f"CREATE INDEX {made} IF NOT EXISTS FOR (n:`{label}`) ON (n.`{name}`)"
    return Step(f"index {label}.{name}", (text,), makes=made)


def steps(schema: Schema) -> Iterator[Step]:
    """Yield what `schema` asks for: a constraint for each key, an index for each property looked up by, all names."""
    for label, table in schema.nodes.items():
        yield _key(label, table.key)
        for indexed in table.indexed:
            yield _index(label, indexed)
    # A query that names what no write has used yet is right; one that names what is not declared is not.
    names = {
        "labels": sorted(schema.nodes),
        "kinds": sorted(schema.relationships),
        "properties": sorted(
            {name for node in schema.nodes.values() for name in node.properties}
            | {name for link in schema.relationships.values() for name in link.properties}
        ),
    }
    yield Step(f"names {sha256(repr(names).encode()).hexdigest()[:12]}", _NAMES, names)


async def migrate(driver: neo4j.AsyncDriver, schema: Schema, **session: Any) -> None:
    """Take the steps that have not been taken.

    session: how to open sessions of `driver`.

    Raises:
        Neo4jError: the server refuses, for want of rights or of unique keys.
        DriverError: it does not answer.
    """
    wanted = list(steps(schema))
    quiet = {**session, "notifications_min_severity": neo4j.NotificationMinimumSeverity.OFF}
    async with driver.session(**quiet) as turn:
        if not await _missing(turn, wanted):
            return
        for label in (LEDGER, LOCK_LABEL):
            # Without turns, since turns rest on them: with others who do the same at this moment.
            await _take(turn, _key(label, "id"))
        transaction = await turn.begin_transaction()
        async with transaction:
            await (await transaction.run(_TURN)).consume()
            async with driver.session(**quiet) as worker:
                for step in await _missing(worker, wanted):
                    await _take(worker, step)
                    await _run(worker, _NOTE, id=step.id, text="; ".join(step.statements))
                await _run(worker, "CALL db.awaitIndexes(600)")
            await transaction.commit()


async def _take(session: neo4j.AsyncSession, step: Step) -> None:
    """Take `step`; another replica may be making the same, or one may have died over it.

    `IF NOT EXISTS` does not look at what is being made. Who dies over a constraint leaves its index
    behind, which belongs to none and has to go.
    """
    for attempt, pause in enumerate((*_PAUSES, None)):
        try:
            if attempt > _PATIENT and await session.execute_read(_is_left_over, step.makes):
                await _run(session, f"DROP INDEX {step.makes} IF EXISTS")
            for statement in step.statements:
                await _run(session, statement, **step.parameters)
        except neo4j.exceptions.Neo4jError as error:
            if pause is None or ".Schema." not in (error.code or ""):
                raise
            await asyncio.sleep(pause)
        else:
            return


async def _is_left_over(transaction: neo4j.AsyncManagedTransaction, index: str) -> bool:
    result = await transaction.run(_LEFT_OVER, index=index)
    return [record async for record in result] != []


async def _missing(session: neo4j.AsyncSession, wanted: list[Step]) -> list[Step]:
    async def read(transaction: neo4j.AsyncManagedTransaction) -> set[str]:
        return {record["id"] async for record in await transaction.run(_TAKEN)}

    taken = await session.execute_read(read)
    return [step for step in wanted if step.id not in taken]


async def _run(session: neo4j.AsyncSession, statement: str, **parameters: Any) -> None:
    """Run `statement`, again on transient failures: statements about constraints of one label may deadlock."""

    async def work(transaction: neo4j.AsyncManagedTransaction) -> None:
        await (await transaction.run(statement, parameters)).consume()

    await session.execute_write(work)
