"""Updates from the topic `careweave.hr-updates.v1`: handled as those of a stream, rejected ones set aside.

Whoever may write to the topic speaks for every source system, so the log must let only HR systems write
to it. What waits in a partition is taken together. The position is committed after the effect, and an event
that comes again is a duplicate. Nothing that the system is at fault for is rejected: such events are tried
again until they can be taken.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeAlias

from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status

from careweave.audit.asked import begin
from careweave.audit.trail import AuditTrail
from careweave.errors import CareweaveError, InvalidArgument
from careweave.events.port import Delivered, Event, EventLog, Topic
from careweave.patience import patiently
from careweave.policy import Action, Caller, Role
from careweave.rpc import validation
from careweave.v1.audit_pb2 import AUDIT_OUTCOME_DONE
from careweave.v1.events_pb2 import ProfileUpdateRejected
from careweave.v1.hr_pb2 import ProfileUpdate
from careweave_profiles.dates import put_time
from careweave_profiles.feeds.answering import Content, in_place
from careweave_profiles.feeds.applying import Answer, Feeds, Outcome, apply_updates
from careweave_profiles.feeds.streaming import BATCH, WAITING
from careweave_profiles.ports import EVENT_SOURCE

GROUP: Final = "profiles.hr-updates"
"""The consumer group; its members share the partitions."""
UPDATE_TYPE: Final = ProfileUpdate.DESCRIPTOR.full_name
REJECTED_TYPE: Final = ProfileUpdateRejected.DESCRIPTOR.full_name
LARGEST_KEPT: Final = 900_000
"""Bytes of a payload beyond which what is set aside goes without it: an event log may take no more than 1 MiB."""
StatusOf: TypeAlias = Callable[[Answer], Status | None]

_TOPIC_CALLER: Final = Caller("", Role.SERVICE)
_LOG: Final = logging.getLogger(__name__)


class TopicFeed:
    """A member of the group that takes the topic's updates in."""

    def __init__(self, feeds: Feeds, events: EventLog, audit: AuditTrail, status_of: StatusOf) -> None:
        """Read from `events` and set rejected updates aside there, with what `status_of` says of them.

        audit: whose profiles the updates change is recorded there.
        """
        self._audit = audit
        self._feeds = feeds
        self._events = events
        self._status_of = status_of

    async def run(self) -> None:
        """Take updates in until cancelled; go on where the group had come to when the log answers again."""
        await patiently(partial(self._events.consume, [Topic.HR_UPDATES], GROUP, self.handle, BATCH), WAITING)

    async def handle(self, batch: Sequence[Delivered]) -> None:
        """Take events in, setting aside those that cannot be; returns when all of that is durable."""
        stating = [each for each in batch if each.event.payload is not None]  # a tombstone states nothing
        answers = await self._answers([_content(each.event) for each in stating])
        rejected = [
            (delivered, answer)
            for delivered, answer in zip(stating, answers, strict=True)
            if answer.outcome is Outcome.REJECTED
        ]
        for delivered, _ in rejected:
            _LOG.info(
                "an HR update was set aside", extra={"partition": delivered.partition, "offset": delivered.offset}
            )
        if rejected:
            await patiently(partial(self._events.append, [self._rejection(*each) for each in rejected]), WAITING)

    async def _answers(self, contents: Sequence[Content]) -> list[Answer]:
        updates = [content for content in contents if isinstance(content, ProfileUpdate)]
        asked = begin()
        asked.action = Action.STREAM_PROFILE_UPDATES
        answers = in_place(
            contents, await patiently(partial(apply_updates, self._feeds, _TOPIC_CALLER, updates), WAITING)
        )
        if asked.people:
            self._audit.record(_TOPIC_CALLER, asked, AUDIT_OUTCOME_DONE)
            if self._audit.full:
                await self._audit.room()
        return answers

    def _rejection(self, delivered: Delivered, answer: Answer) -> Event:
        event, now = delivered.event, self._feeds.ports.clock()
        payload = event.payload or b""
        rejected = ProfileUpdateRejected(
            payload=payload if len(payload) <= LARGEST_KEPT else b"",
            status=self._status_of(answer),
            topic=event.topic,
            partition=delivered.partition,
            offset=delivered.offset,
            event_id=event.id,
            event_source=event.source,
            event_key=event.key,
            event_version=event.version,
        )
        put_time(rejected.reject_time, now)
        return Event(
            topic=Topic.HR_REJECTED,
            id=f"{event.topic} {delivered.partition} {delivered.offset}",  # the same if the event is delivered again
            type=REJECTED_TYPE,
            source=EVENT_SOURCE,
            key=event.key,
            version=event.version,
            time=now,
            payload=rejected.SerializeToString(deterministic=True),
            traceparent=event.traceparent,
        )


def _content(event: Event) -> Content:
    """Return the update that `event` carries, or why it cannot be taken."""
    try:
        return _read(event.type, event.payload or b"")
    except CareweaveError as error:
        return error


def _read(kind: str, payload: bytes) -> ProfileUpdate:
    """Return the update of a payload that keeps the field rules.

    Raises:
        InvalidArgument: it is no update, or breaks a rule.
    """
    if kind != UPDATE_TYPE:
        raise InvalidArgument(f"The type must be {UPDATE_TYPE}.", reason="EVENT_TYPE_UNKNOWN", metadata={"type": kind})
    try:
        update = ProfileUpdate.FromString(payload)
    except DecodeError as error:
        raise InvalidArgument(
            f"The payload cannot be read as {UPDATE_TYPE}: it is cut short, or a text in it is not valid UTF-8.",
            reason="PAYLOAD_UNDECODABLE",
        ) from error
    validation.check(update)
    return update
