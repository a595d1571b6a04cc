"""The declared schema as Ladybug's tables: what to create or alter so that a database has it."""

from collections.abc import Mapping
from typing import Any

import ladybug

from careweave.errors import FailedPrecondition
from careweave.graph.ladybug.values import TYPES, answer_of
from careweave.graph.schema import NodeTable, RelationshipTable, Schema, Value


def migrate(connection: ladybug.Connection, schema: Schema) -> None:
    """Add what `schema` declares and the database lacks, in one transaction.

    Raises:
        FailedPrecondition: a property exists with another type.
    """
    statements = missing_statements(connection, schema)
    if statements:
        for statement in ("BEGIN TRANSACTION", *statements, "COMMIT"):
            connection.execute(statement)
    if "Lease" in schema.nodes:
        # Who held a lease was in a process that is gone, since this one has the folder to itself.
        connection.execute("MATCH (l:Lease) SET l.expire_time = NULL")


def missing_statements(connection: ladybug.Connection, schema: Schema) -> list[str]:
    """Return the statements that add what `schema` declares and the database lacks, in order.

    Raises:
        FailedPrecondition: a property exists with another type.
    """
    present = {str(row[0]) for row in _ask(connection, "CALL show_tables() RETURN name")}
    statements: list[str] = []
    for table in schema.nodes.values():
        if table.label in present:
            statements += _missing_properties(connection, table.label, table.properties)
        else:
            statements.append(_create_nodes(table))
    for link in schema.relationships.values():
        if link.kind in present:
            statements += _missing_pairs(connection, link)
            statements += _missing_properties(connection, link.kind, link.properties)
        else:
            statements.append(_create_relationships(link))
    return statements


def _ask(connection: ladybug.Connection, text: str) -> list[list[Any]]:
    return answer_of(connection, text)[1]


def _columns(properties: Mapping[str, Value]) -> list[str]:
    return [f"`{name}` {TYPES[kind]}" for name, kind in properties.items()]


def _create_nodes(table: NodeTable) -> str:
    return f"CREATE NODE TABLE `{table.label}`({', '.join(_columns(table.properties))}, PRIMARY KEY(`{table.key}`))"


def _create_relationships(link: RelationshipTable) -> str:
    pairs = [f"FROM `{source}` TO `{target}`" for source, target in link.pairs]
    return f"CREATE REL TABLE `{link.kind}`({', '.join(pairs + _columns(link.properties))})"


def _missing_pairs(connection: ladybug.Connection, link: RelationshipTable) -> list[str]:
    present = {(row[0], row[1]) for row in _ask(connection, f"CALL show_connection('{link.kind}') RETURN *")}
    return [
        f"ALTER TABLE `{link.kind}` ADD FROM `{source}` TO `{target}`"
        for source, target in link.pairs
        if (source, target) not in present
    ]


def _missing_properties(connection: ladybug.Connection, name: str, properties: Mapping[str, Value]) -> list[str]:
    present = {str(row[1]): str(row[2]) for row in _ask(connection, f"CALL table_info('{name}') RETURN *")}
    for property_name, kind in properties.items():
        if present.get(property_name, TYPES[kind]) != TYPES[kind]:
            raise FailedPrecondition(
                f"{name}.{property_name} is {present[property_name]} in this database and {TYPES[kind]} in the schema; "
                "use a new property name, or load into a new folder.",
                reason="PROPERTY_RETYPED",
            )
    return [
        f"ALTER TABLE `{name}` ADD `{property_name}` {TYPES[kind]}"
        for property_name, kind in properties.items()
        if property_name not in present
    ]
