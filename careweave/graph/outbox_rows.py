"""Events as rows of the outbox, and back; the same on every engine."""

from datetime import datetime
from typing import cast

from careweave.events.port import Event
from careweave.graph.port import Row


def outbox_row(event: Event, position: int) -> Row:
    """Return the outbox node of `event`, the one at `position` of its unit of work."""
    return {
        "id": f"{event.source} {event.id}",
        "event_id": event.id,
        "topic": str(event.topic),
        "type": event.type,
        "source": event.source,
        "key": event.key,
        "version": event.version,
        "position": position,
        "time": event.time,
        "payload": event.payload,
        "traceparent": event.traceparent,
    }


def event_of(row: Row) -> Event:
    """Return the event that `row`, with the columns of an outbox node, holds."""
    return Event(
        topic=cast("str", row["topic"]),
        id=cast("str", row["event_id"]),
        type=cast("str", row["type"]),
        source=cast("str", row["source"]),
        key=cast("str", row["key"]),
        version=cast("int", row["version"]),
        time=cast("datetime", row["time"]),
        payload=cast("bytes | None", row["payload"]),
        traceparent=cast("str", row["traceparent"]),
    )
