"""What the index of this replica holds, how far behind the event log it is, and building it again."""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration

from careweave.errors import Unavailable
from careweave.policy import Action, Caller, authorise
from careweave.v1 import common_pb2, matching_pb2
from careweave_matching.building import Building
from careweave_matching.follower import Follower
from careweave_matching.following import ReadModel
from careweave_matching.freshness import between
from careweave_matching.index import Index
from careweave_matching.messages import time_message


async def get(model: ReadModel, caller: Caller, replica: str) -> matching_pb2.IndexStatus:
    """Return how the index stands now, of which the log is asked.

    replica: id of this process.

    Raises:
        Forbidden: the caller may not.
    """
    authorise(caller, Action.GET_INDEX_STATUS)
    return await _status(model, replica)


async def rebuild(model: ReadModel, caller: Caller, replica: str) -> AsyncIterator[matching_pb2.RebuildIndexResponse]:
    """Have the index built from nothing; yield how far that is, and at last how the new one stands.

    Raises:
        Forbidden: the caller may not.
    """
    authorise(caller, Action.REBUILD_INDEX)
    async for building in model.rebuild():
        if building is not None:
            yield matching_pb2.RebuildIndexResponse(building=_building(building))
    yield matching_pb2.RebuildIndexResponse(status=await _status(model, replica))


async def _status(model: ReadModel, replica: str) -> matching_pb2.IndexStatus:
    status = matching_pb2.IndexStatus(replica=replica, behind_limit=_duration(model.limits.served))
    if model.building is not None:
        status.building.CopyFrom(_building(model.building))
    if model.follower is not None:
        with suppress(Unavailable):  # then what was seen last is told, and the index grows older
            await model.follower.look()
        _put_place(status, model, model.follower)
    if model.held is None:
        status.state = matching_pb2.INDEX_STATE_BUILDING
    else:
        _put_content(status, model, model.held)
        status.state = matching_pb2.INDEX_STATE_CURRENT if model.current() else matching_pb2.INDEX_STATE_BEHIND
    return status


def _put_place(status: matching_pb2.IndexStatus, model: ReadModel, follower: Follower) -> None:
    taken, end = follower.taken(), follower.end
    status.events_behind = between(taken, end)
    status.people_to_fetch = follower.to_fetch
    for topic, partition in sorted(end):
        place = (topic, partition)
        status.partitions.add(topic=topic, partition=partition, next_offset=taken.get(place, 0), end_offset=end[place])
    at = follower.current_at
    if at is not None:
        status.current_time.CopyFrom(time_message(at))
        age = follower.age() or timedelta()
        status.behind.CopyFrom(_duration(age if status.events_behind or age > model.limits.served else timedelta()))


def _put_content(status: matching_pb2.IndexStatus, model: ReadModel, index: Index) -> None:
    status.people, status.opportunities = len(index), index.opportunity_count
    status.versions.CopyFrom(
        common_pb2.Versions(model=index.model, taxonomy=index.taxonomy.version, weights=index.weights.version)
    )
    if model.built is not None:
        status.generation, status.build_cause = model.built.generation, model.built.cause
        status.build_time.CopyFrom(time_message(model.built.done))
        status.build_duration.CopyFrom(_duration(model.built.done - model.built.began))


def _building(building: Building) -> matching_pb2.IndexBuild:
    return matching_pb2.IndexBuild(
        cause=building.cause,
        activity=building.activity,
        people=building.people,
        opportunities=building.opportunities,
        begin_time=time_message(building.began),
    )


def _duration(length: timedelta) -> Duration:
    message = Duration()
    message.FromTimedelta(length)
    return message
