"""What is set aside in `careweave.hr-updates.v1.dlq`, and putting it back into its topic, once each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from google.rpc.error_details_pb2 import ErrorInfo

from careweave.events.port import Event, EventLog, Positions, Topic
from careweave.events.reading import until
from careweave.v1.events_pb2 import ProfileUpdateRejected, ProfileUpdateReplayed
from careweave.v1.hr_pb2 import ProfileUpdate

SOURCE: Final = "/careweave/hr-replay"
_UPDATE: Final = ProfileUpdate.DESCRIPTOR.full_name
_REJECTED: Final = ProfileUpdateRejected.DESCRIPTOR.full_name
_REPLAYED: Final = ProfileUpdateReplayed.DESCRIPTOR.full_name


@dataclass(frozen=True, slots=True)
class Rejection:
    """An update that was set aside and has not been put back.

    id: of its event in the dead-letter topic. reason: of its ErrorInfo.
    """

    id: str
    reason: str
    rejected: ProfileUpdateRejected

    @property
    def is_whole(self) -> bool:
        """Whether the update is kept with it; one that was too large, or said nothing, is not."""
        return bool(self.rejected.payload)


async def read_rejections(log: EventLog) -> list[Rejection]:
    """Return all that is set aside and not put back yet, in order of its place in the log."""
    topics = [Topic.HR_REJECTED]
    found: dict[str, Rejection] = {}
    replayed: set[str] = set()
    async for delivered in until(log, topics, Positions(), await log.end(topics)):
        event = delivered.event
        if event.type == _REJECTED and event.payload is not None:
            rejected = ProfileUpdateRejected.FromString(event.payload)
            found[event.id] = Rejection(event.id, _reason(rejected), rejected)
        elif event.type == _REPLAYED and event.payload is not None:
            replayed.add(ProfileUpdateReplayed.FromString(event.payload).rejection)
    return [each for name, each in found.items() if name not in replayed]


async def replay(log: EventLog, rejections: Sequence[Rejection], now: datetime) -> None:
    """Put the updates of `rejections`, which are whole, back into their topic, and note of each that this was done.

    If it ends between the two, the update is put back again next time, and is answered as a duplicate.
    """
    for each in rejections:
        update = _update(each, now)
        await log.append([update])
        await log.append([_note(each, update.id, now)])


def _reason(rejected: ProfileUpdateRejected) -> str:
    info = ErrorInfo()
    for detail in rejected.status.details:
        if detail.Unpack(info):
            break
    return str(info.reason)


def _update(rejection: Rejection, now: datetime) -> Event:
    rejected = rejection.rejected
    return Event(
        topic=rejected.topic,
        id=f"replay {rejection.id}",
        type=_UPDATE,
        source=rejected.event_source,
        key=rejected.event_key,
        version=rejected.event_version,
        time=now,
        payload=rejected.payload,
    )


def _note(rejection: Rejection, event_id: str, now: datetime) -> Event:
    payload = ProfileUpdateReplayed(rejection=rejection.id, event_id=event_id)
    return Event(
        topic=Topic.HR_REJECTED,
        id=f"replayed {rejection.id}",
        type=_REPLAYED,
        source=SOURCE,
        key=rejection.rejected.event_key,
        version=rejection.rejected.event_version,
        time=now,
        payload=payload.SerializeToString(deterministic=True),
    )
