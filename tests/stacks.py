"""The two stacks that scenarios run on: embedded engines, and the servers that all tests of a run share."""

import asyncio
import base64
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from careweave.config import Settings
from careweave.events.topics import Sizes
from careweave.wiring import prepare_topics, random_id
from tests.contract.engines import emptied_neo4j, running_kafka
from tests.postgres import running_postgres

EMBEDDED: Final = "embedded"
SERVERS: Final = "servers"
PARTITIONS: Final = 3

on_both_stacks: Callable[..., Any] = pytest.mark.parametrize("stack", [EMBEDDED, SERVERS], indirect=True)
"""For tests and modules whose fixtures take `settings`."""
on_servers: Callable[..., Any] = pytest.mark.parametrize("stack", [SERVERS], indirect=True)


async def settings_of(stack: str, place: Path) -> Settings:
    """Return settings of an installation of its own, with what it keeps on this machine in `place`, on any free port.

    On servers: the one graph, emptied, and topics and a database of its own.
    """
    if stack == EMBEDDED:
        return Settings(
            graph=f"ladybug:{place / 'graph'}",
            events=f"sqlite:{place / 'events.db'}",
            equality=f"sqlite:{place / 'equality.db'}",
            cache=place / "cache",
            listen="127.0.0.1:0",
            trial="yes",
        )
    neo4j = await asyncio.to_thread(emptied_neo4j)
    kafka = await asyncio.to_thread(running_kafka)
    postgres = await asyncio.to_thread(running_postgres)
    key = place / "equality.key"
    key.write_bytes(base64.b64encode(secrets.token_bytes(32)))
    settings = Settings(
        graph=neo4j.url,
        graph_password_file=str(neo4j.password_file),
        events=f"{kafka.url}/{random_id()}",
        equality=postgres.make_database(random_id()),
        equality_key_file=str(key),
        cache=place / "cache",
        listen="127.0.0.1:0",
        trial="yes",
    )
    await prepare_topics(settings, Sizes(partitions=PARTITIONS), dry_run=False)
    return settings
