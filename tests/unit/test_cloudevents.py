"""Events as CloudEvents messages."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careweave.errors import InvalidArgument
from careweave.events.cloudevents import event_from, headers_of
from careweave.events.port import Event

EVENT = Event(
    topic="careweave.profiles.v1",
    id="e1",
    type="careweave.v1.ProfileChanged",
    source="/careweave/profiles",
    key="people/a",
    version=7,
    time=datetime(2026, 3, 4, 12, 30, 45, 123456, tzinfo=timezone(timedelta(hours=1))),
    payload=b"\x00\xff",
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
events = st.builds(
    Event,
    topic=st.just("careweave.profiles.v1"),
    id=texts,
    type=texts,
    source=texts,
    key=texts,
    version=st.integers(1, 2**63 - 1),
    time=st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds the zone
    payload=st.none() | st.binary(),
    traceparent=st.just("") | texts,
)


def test_the_headers_are_those_of_binary_mode() -> None:
    """As section 3.2 of the Kafka protocol binding has them, with the partitioning extension and ours."""
    assert dict(headers_of(EVENT)) == {
        "ce_specversion": b"1.0",
        "ce_id": b"e1",
        "ce_source": b"/careweave/profiles",
        "ce_type": b"careweave.v1.ProfileChanged",
        "ce_time": b"2026-03-04T11:30:45.123456Z",
        "ce_partitionkey": b"people/a",
        "ce_aggregateversion": b"7",
        "content-type": b"application/protobuf",
        "traceparent": EVENT.traceparent.encode(),
    }


@given(events)
def test_every_event_comes_back_from_its_message(event: Event) -> None:
    assert event_from(event.topic, event.key.encode(), headers_of(event), event.payload) == event


def test_the_message_key_stands_in_for_a_missing_partition_key() -> None:
    headers = [(name, value) for name, value in headers_of(EVENT) if name != "ce_partitionkey"]
    assert event_from(EVENT.topic, b"people/a", headers, b"").key == "people/a"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ce_specversion", b"0.3"),
        ("ce_id", b""),
        ("ce_source", b""),
        ("ce_type", b""),
        ("ce_time", b"yesterday"),
        ("ce_time", b"2026-03-04T11:30:45"),
        ("ce_aggregateversion", b"-1"),
        ("ce_aggregateversion", b""),
        ("ce_id", b"\xff"),
        ("ce_id", None),
        ("content-type", b"application/json"),
    ],
)
def test_a_message_that_is_no_cloudevent_is_refused_by_what_is_wrong(name: str, value: bytes | None) -> None:
    headers = [*((each, given) for each, given in headers_of(EVENT) if each != name), (name, value)]
    with pytest.raises(InvalidArgument, match=name):
        event_from(EVENT.topic, b"people/a", headers, b"payload")
