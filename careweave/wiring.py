"""From settings to adapters. The only module that names an adapter."""

import base64
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from careweave.audit.trail import AuditTrail
from careweave.config import Settings
from careweave.embedding.port import Embedder
from careweave.errors import InvalidArgument
from careweave.events.port import EventLog
from careweave.events.topics import Sizes, TopicState
from careweave.graph import copying
from careweave.graph.copying import Report
from careweave.graph.port import Graph
from careweave.graph.schema import SCHEMA

if TYPE_CHECKING:
    from careweave.events.kafka import KafkaEventLog, Security
    from careweave.graph.remote import Read

_ID_LENGTH: Final = 20
_ID_BYTES: Final = 13
"""Random bytes of an id: 20 digits of base 32 take 100 of their 104 bits."""
_EMBEDDERS: Final = {
    "onnx": "onnx:careweave-minilm or onnx:FOLDER",
    "sentence-transformers": "sentence-transformers:NAME or sentence-transformers:PATH",
}
_EVENT_LOGS: Final = {"sqlite": "sqlite:FILE", "kafka": "kafka://HOST:PORT,HOST:PORT"}
_NEO4J: Final = ("neo4j", "neo4j+s", "neo4j+ssc", "bolt", "bolt+s", "bolt+ssc")
_GRAPHS: Final = {"ladybug": "ladybug:FOLDER", **dict.fromkeys(_NEO4J, "neo4j://HOST:PORT")}


@dataclass(frozen=True, slots=True)
class Adapters:
    """What services stand on."""

    settings: Settings
    graph: Graph
    events: EventLog
    embedder: Embedder
    audit: AuditTrail
    clock: Callable[[], datetime]
    """Returns the time, in UTC."""
    new_id: Callable[[], str]
    """Returns a new random id of 20 lower-case letters and digits (100 bits)."""


def utc_now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


def random_id() -> str:
    """Return a new random id of 20 lower-case letters and digits."""
    return base64.b32encode(secrets.token_bytes(_ID_BYTES))[:_ID_LENGTH].decode().lower()


async def open_graph(settings: Settings) -> Graph:
    """Open the graph that `settings.graph` names, its schema brought up to date.

    Raises:
        InvalidArgument: the scheme is not known.
        FailedPrecondition: another process has the folder open.
        CareweaveError: see the adapter.
    """
    scheme, place = _split("CAREWEAVE_GRAPH", settings.graph, _GRAPHS)
    graph = _neo4j(settings) if scheme in _NEO4J else await _ladybug(place)
    try:
        await graph.migrate()
    except BaseException:
        await graph.close()
        raise
    return graph


async def compact_graph(settings: Settings, report: Report) -> tuple[int, int]:
    """Write the embedded graph of `settings` anew, without what was deleted; returns bytes before and after.

    Raises:
        InvalidArgument: the graph is on a server.
        FailedPrecondition: another process has the folder open.
        CareweaveError: see the adapter.
    """
    scheme, place = _split("CAREWEAVE_GRAPH", settings.graph, _GRAPHS)
    if scheme in _NEO4J:
        raise InvalidArgument(
            "Neo4j's own files cannot be rewritten from here; copy the graph to an empty server: careweave graph copy.",
            reason="GRAPH_ON_SERVER",
        )
    from careweave.graph.embedded import compact_embedded

    return await compact_embedded(Path(place), report)


async def copy_graph(settings: Settings, target: Settings, report: Report) -> None:
    """Copy the graph of `settings`, to which nobody writes meanwhile, to that of `target`, which is empty.

    Raises:
        FailedPrecondition: the target holds something, or another process has a folder open.
        CareweaveError: see the adapters, and `careweave.graph.copying`.
    """
    source = await open_graph(settings)
    try:
        copy = await open_graph(target)
        try:
            await copying.copy_graph(source, copy, SCHEMA, report)
        finally:
            await copy.close()
    finally:
        await source.close()


def local_stores(settings: Settings) -> dict[str, list[Path]]:
    """Return the files and folders of the stores of `settings` that are on this machine, by what they hold."""
    graph, place = _split("CAREWEAVE_GRAPH", settings.graph, _GRAPHS)
    events, file = _split("CAREWEAVE_EVENTS", settings.events, _EVENT_LOGS)
    stores = {"cache": [settings.cache]}
    if graph == "ladybug":
        stores["graph"] = [Path(place)]
    if events == "sqlite":
        stores["events"] = _sqlite_files(file)
    if settings.equality.startswith("sqlite:"):
        stores["equality"] = _sqlite_files(settings.equality.removeprefix("sqlite:"))
    return stores


def _sqlite_files(place: str) -> list[Path]:
    return [Path(f"{place}{end}") for end in ("", "-wal", "-shm", "-journal")]


async def _ladybug(place: str) -> Graph:
    from careweave.graph.embedded import open_embedded

    return await open_embedded(Path(place))


def _neo4j(settings: Settings) -> Graph:
    from careweave.graph.neo4j import Login, open_neo4j

    file = settings.graph_password_file
    return open_neo4j(settings.graph, Login(settings.graph_user, Path(file) if file else None))


async def open_events(
    settings: Settings, clock: Callable[[], datetime] = utc_now, new_id: Callable[[], str] = random_id
) -> EventLog:
    """Open the event log that `settings.events` names.

    Raises:
        InvalidArgument: the scheme is not known.
        CareweaveError: see the adapter.
    """
    scheme, place = _split("CAREWEAVE_EVENTS", settings.events, _EVENT_LOGS)
    if scheme == "kafka":
        return _kafka(settings)
    from careweave.events.embedded import open_embedded

    return await open_embedded(Path(place), clock, new_id)


async def prepare_topics(settings: Settings, sizes: Sizes, *, dry_run: bool) -> list[TopicState]:
    """Make the topics that the event log of `settings` lacks, unless `dry_run`; returns what became of each.

    Nothing is returned where the engine makes topics by itself.

    Raises:
        InvalidArgument: the scheme is not known, or the sizes cannot be had.
        CareweaveError: see the adapter.
    """
    scheme, _ = _split("CAREWEAVE_EVENTS", settings.events, _EVENT_LOGS)
    if scheme != "kafka":
        return []
    log = _kafka(settings)
    try:
        return await log.prepare_topics(sizes, dry_run=dry_run)
    finally:
        await log.close()


def _kafka(settings: Settings) -> "KafkaEventLog":
    from careweave.events.kafka import open_kafka

    return open_kafka(settings.events, security_of(settings))


def security_of(settings: Settings) -> "Security":
    """Return how connections to Kafka are secured."""
    from careweave.events.kafka import Security

    def file(name: str) -> Path | None:
        return Path(name) if name else None

    return Security(
        protocol=settings.events_security,
        mechanism=settings.events_mechanism,
        user=settings.events_user,
        password_file=file(settings.events_password_file),
        ca_file=file(settings.events_ca_file),
        certificate_file=file(settings.events_certificate_file),
        key_file=file(settings.events_key_file),
    )


def open_embedder(settings: Settings) -> Embedder:
    """Return the embedder that `settings.embedder` names, behind the cache; its model loads when first used.

    Raises:
        InvalidArgument: the scheme is not known.
        Unavailable: there is no such model, or what its scheme needs is not installed.
    """
    scheme, model = _split("CAREWEAVE_EMBEDDER", settings.embedder, _EMBEDDERS)
    from careweave.embedding.cache import CachedEmbedder

    inner = _onnx(model) if scheme == "onnx" else _sentence_transformers(model)
    return CachedEmbedder(inner, settings.cache / "embeddings")


def _onnx(model: str) -> Embedder:
    from careweave.embedding.onnx import OnnxEmbedder

    return OnnxEmbedder(model)


def _sentence_transformers(model: str) -> Embedder:
    from careweave.embedding.sentence import SentenceEmbedder

    return SentenceEmbedder(model)


@asynccontextmanager
async def open_adapters(
    settings: Settings, clock: Callable[[], datetime] = utc_now, new_id: Callable[[], str] = random_id
) -> AsyncIterator[Adapters]:
    """Open all that `settings` names for the length of the block."""
    embedder = open_embedder(settings)
    graph = await open_graph(settings)
    async with _opened(settings, embedder, graph, clock, new_id) as adapters:
        yield adapters


@asynccontextmanager
async def open_worker_adapters(
    settings: Settings, read: "Read", clock: Callable[[], datetime] = utc_now, new_id: Callable[[], str] = random_id
) -> AsyncIterator[Adapters]:
    """Open what `settings` names for the length of the block, but for the graph.

    read: answers queries, in another process that has the graph open.
    """
    from careweave.graph.remote import RemoteGraph

    async with _opened(settings, open_embedder(settings), RemoteGraph(read), clock, new_id) as adapters:
        yield adapters


@asynccontextmanager
async def _opened(
    settings: Settings, embedder: Embedder, graph: Graph, clock: Callable[[], datetime], new_id: Callable[[], str]
) -> AsyncIterator[Adapters]:
    try:
        events = await open_events(settings, clock, new_id)
        try:
            audit = AuditTrail(events, new_id, clock)
            try:
                yield Adapters(settings, graph, events, embedder, audit, clock, new_id)
            finally:
                await audit.close()
        finally:
            await events.close()
    finally:
        await graph.close()


def _split(variable: str, setting: str, known: dict[str, str]) -> tuple[str, str]:
    scheme, colon, place = setting.partition(":")
    if scheme not in known or not colon or not place:
        raise InvalidArgument(
            f"{variable}={setting} is of no known kind; use {' or '.join(dict.fromkeys(known.values()))}",
            reason="UNKNOWN_SCHEME",
            metadata={"variable": variable, "known": ", ".join(known)},
        )
    return scheme, place
