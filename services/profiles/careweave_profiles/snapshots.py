"""Whole profiles, each as it was at one version, for the read models of other services."""

from collections.abc import AsyncIterator
from typing import Final

from careweave.audit.asked import note_people
from careweave.policy import Action, Caller, authorise
from careweave.v1.profiles_pb2 import BatchGetPersonSnapshotsRequest, BatchGetPersonSnapshotsResponse, Person
from careweave_profiles import store
from careweave_profiles.normal_form import unique
from careweave_profiles.ports import Ports

PAGE: Final = 250
"""People in one message of the stream: some hundred kilobytes."""
_NAMES: Final = 40 * PAGE
"""Names read at a time: to find where they go on, the embedded engine looks through all."""


async def batch_get(
    ports: Ports, caller: Caller, request: BatchGetPersonSnapshotsRequest
) -> BatchGetPersonSnapshotsResponse:
    """Return the people that `request` names, each once in order of first mention, and who is missing.

    Raises:
        Forbidden: `caller` may not.
    """
    authorise(caller, Action.BATCH_GET_PERSON_SNAPSHOTS)
    names = unique(request.names)
    people = await store.people(ports.graph, names)
    present = {person.name for person in people}
    note_people(present)
    return BatchGetPersonSnapshotsResponse(people=people, missing=[name for name in names if name not in present])


async def stream(ports: Ports, caller: Caller) -> AsyncIterator[list[Person]]:
    """Yield everyone in order of name, `PAGE` at a time.

    Each profile is whole. Changes that are made while the stream runs may or may not be in it: take
    the positions of the profiles topic first, and follow from there.

    Raises:
        Forbidden: `caller` may not.
    """
    authorise(caller, Action.STREAM_PERSON_SNAPSHOTS)
    after = ""
    while names := await store.names_after(ports.graph, after, _NAMES):
        for start in range(0, len(names), PAGE):
            note_people(names[start : start + PAGE])
            yield await store.people(ports.graph, names[start : start + PAGE])
        after = names[-1]
