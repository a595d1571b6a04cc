"""Events as records of Kafka, and back."""

import logging
from dataclasses import dataclass
from typing import Any

from careweave.errors import InvalidArgument
from careweave.events.broker.cluster import Cluster
from careweave.events.cloudevents import event_from, headers_of
from careweave.events.port import Delivered, Event

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    """An event as it is sent.

    name: source and id, by which it is told from all others.
    """

    name: tuple[str, str]
    topic: str
    key: bytes
    headers: list[tuple[str, bytes]]
    payload: bytes | None


def message_of(event: Event, cluster: Cluster) -> Message:
    """Return `event` as it is sent to `cluster`.

    Raises:
        InvalidArgument: its time has no zone, or it lacks a key, an id or a topic.
    """
    if event.time.tzinfo is None:
        raise InvalidArgument(f"the time of event {event.id} has no zone; give one", reason="TIME_WITHOUT_ZONE")
    if not (event.topic and event.id and event.key):
        raise InvalidArgument("an event needs a topic, an id and a key", reason="EVENT_REFUSED")
    return Message(
        (event.source, event.id), cluster.named(event.topic), event.key.encode(), headers_of(event), event.payload
    )


def delivered(record: Any, cluster: Cluster) -> Delivered | None:
    """Return the event that `record` carries; None, saying so in the log, if it carries none.

    Anyone may write to a topic. What is no event of ours must not stop those behind it.
    """
    try:
        event = event_from(cluster.name_of(record.topic), record.key, record.headers, record.value)
    except InvalidArgument as error:
        _log.warning(
            "left out a message that is no event, at %s partition %d offset %d: %s",
            record.topic,
            record.partition,
            record.offset,
            error,
        )
        return None
    return Delivered(event, record.partition, record.offset)
