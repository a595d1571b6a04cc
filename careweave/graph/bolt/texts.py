"""Which text runs for a query, and its answer as rows."""

from collections.abc import Mapping
from typing import Any, Final

import neo4j

from careweave.errors import InvalidArgument
from careweave.graph.bolt.values import parameter, row_of
from careweave.graph.cypher import require_parameters
from careweave.graph.port import Query, Row

ENGINE: Final = "neo4j"

QUIET: Final = [
    each
    for each in neo4j.NotificationDisabledClassification
    if each is not neo4j.NotificationDisabledClassification.UNRECOGNIZED
]
"""What the server need not remark on. That a name is unknown stays: a migration makes all declared ones known."""


def text_of(query: Query) -> str:
    """Return the text that this engine runs for `query`."""
    return query.overrides.get(ENGINE, query.text)


def parameters_of(query: Query, given: Mapping[str, object]) -> dict[str, Any]:
    """Return the parameters `given` as the driver takes them.

    Raises:
        InvalidArgument: one is missing or cannot be sent.
    """
    require_parameters(query, text_of(query), given)
    try:
        return {name: parameter(value) for name, value in given.items()}
    except OverflowError as error:
        raise InvalidArgument(f"{query.name}: a whole number has more than 64 bits", reason="WRONG_TYPE") from error


async def rows_of(result: neo4j.AsyncResult) -> list[Row]:
    """Return all rows of `result`.

    Raises:
        InvalidArgument: the text names a label, kind or property that is not declared.
        Neo4jError: the server cannot answer.
        DriverError: it does not.
    """
    names = result.keys()
    rows = [row_of(names, record.values()) async for record in result]
    statuses = (await result.consume()).gql_status_objects
    unknown = [each.status_description for each in statuses if each.is_notification]
    if unknown:
        raise InvalidArgument(
            f"this names what careweave.graph.schema does not declare: {unknown[0][:400]}", reason="QUERY_REFUSED"
        )
    return rows
