"""Events as CloudEvents 1.0 messages in Kafka's binary mode: attributes in headers, the payload as it is.

Source: CloudEvents 1.0.2, and its Kafka protocol binding, section 3.2. The message's key is the
event's, which the attribute `partitionkey` (the partitioning extension) repeats. `aggregateversion` is
an extension of ours; names of attributes are lower-case letters and digits.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, TypeAlias

from careweave.errors import InvalidArgument
from careweave.events.port import Event

CONTENT_TYPE: Final = "application/protobuf"

Headers: TypeAlias = Sequence[tuple[str, bytes | None]]
"""Names and values as Kafka carries them; null is what other clients may write."""


def headers_of(event: Event) -> list[tuple[str, bytes]]:
    """Return the headers of `event`; a tombstone has no content type."""
    texts = {
        "ce_specversion": "1.0",
        "ce_id": event.id,
        "ce_source": event.source,
        "ce_type": event.type,
        "ce_time": event.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "ce_partitionkey": event.key,
        "ce_aggregateversion": str(event.version),
    }
    if event.payload is not None:
        texts["content-type"] = CONTENT_TYPE
    if event.traceparent:
        texts["traceparent"] = event.traceparent
    return [(name, text.encode()) for name, text in texts.items()]


def event_from(topic: str, key: bytes | None, headers: Headers, payload: bytes | None) -> Event:
    """Return the event that a message carries.

    Raises:
        InvalidArgument: it is not a CloudEvents 1.0 message in binary mode, or lacks what an event needs.
    """
    texts = _texts(headers)
    if texts.get("ce_specversion") != "1.0":
        raise _refused("ce_specversion must be 1.0")
    content_type = texts.get("content-type", CONTENT_TYPE)
    if payload is not None and content_type != CONTENT_TYPE:
        raise _refused(f"content-type must be {CONTENT_TYPE}, not {content_type}")
    return Event(
        topic=topic,
        id=_needed(texts, "ce_id"),
        type=_needed(texts, "ce_type"),
        source=_needed(texts, "ce_source"),
        key=texts.get("ce_partitionkey") or _decoded("key", key or b"") or _needed(texts, "ce_partitionkey"),
        version=_version(_needed(texts, "ce_aggregateversion")),
        time=_time(_needed(texts, "ce_time")),
        payload=payload,
        traceparent=texts.get("traceparent", ""),
    )


def _texts(headers: Headers) -> Mapping[str, str]:
    try:
        return {name.lower(): (value or b"").decode() for name, value in headers}
    except UnicodeDecodeError:
        return {name.lower(): _decoded(name, value) for name, value in headers}  # Says which one it was.


def _decoded(name: str, value: bytes | None) -> str:
    try:
        return (value or b"").decode()
    except UnicodeDecodeError as error:
        raise _refused(f"{name} is not UTF-8") from error


def _needed(texts: Mapping[str, str], name: str) -> str:
    value = texts.get(name, "")
    if not value:
        raise _refused(f"{name} is missing")
    return value


def _version(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise _refused(f"ce_aggregateversion must be a whole number, not {text}")
    return int(text)


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise _refused(f"ce_time must be as RFC 3339 says, not {text}") from error
    if time.tzinfo is None:
        raise _refused("ce_time must have a zone")
    return time.astimezone(UTC)


def _refused(why: str) -> InvalidArgument:
    return InvalidArgument(f"not a CloudEvents message: {why}", reason="NOT_A_CLOUDEVENT")
