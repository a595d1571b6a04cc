"""Creating, reading, changing and deleting people."""

import re
from typing import Final

from google.protobuf.empty_pb2 import Empty

from careweave import masks
from careweave.audit.asked import note_people
from careweave.errors import AlreadyExists, Conflict, NotFound
from careweave.etags import check_etag
from careweave.graph.port import Reads, UnitOfWork
from careweave.policy import Action, Caller, Resource, authorise
from careweave.v1.profiles_pb2 import (
    CreatePersonRequest,
    DeletePersonRequest,
    ErasePersonRequest,
    ErasePersonResponse,
    GetPersonRequest,
    Person,
    UpdatePersonRequest,
)
from careweave_profiles import erasure, store
from careweave_profiles.normal_form import new_person
from careweave_profiles.once import Once
from careweave_profiles.ports import Ports
from careweave_profiles.preparation import Draft, prepare
from careweave_profiles.saving import Change, save
from careweave_profiles.violations import refuse

_NAME: Final = re.compile(r"people/[a-z0-9][a-z0-9-]{3,62}")


def no_such_person(name: str) -> NotFound:
    """Return the error that says that there is no person called `name`."""
    return NotFound(f"There is no {name}.", reason="PERSON_NOT_FOUND", metadata={"resource": name})


async def existing_person(reads: Reads, name: str) -> Person:
    """Return the person called `name`.

    Raises:
        NotFound: there is none.
    """
    person = await store.person(reads, name)
    if person is None:
        raise no_such_person(name)
    return person


async def create_person(ports: Ports, caller: Caller, request: CreatePersonRequest) -> Person:
    """Create a person under the id that `request` gives, or a random one.

    Raises:
        Forbidden: `caller` may not.
        AlreadyExists: the id is taken.
        InvalidArgument: the profile breaks a rule or names what does not exist, or the request id
            was used for another request.
    """
    name = f"people/{request.person_id or ports.new_id()}"
    authorise(caller, Action.CREATE_PERSON, Resource(person=name))
    async with ports.graph.unit_of_work() as unit:
        once = Once(ports, unit, caller, request.request_id, request)
        answered = await once.answer(Person)
        if answered is not None:
            return answered
        if await store.versions(unit, [name]):
            raise AlreadyExists(f"{name} exists already.", reason="PERSON_EXISTS", metadata={"resource": name})
        return await once.remember(await _create(unit, ports, caller, request.person, name), name)


async def get_person(ports: Ports, caller: Caller, request: GetPersonRequest) -> Person:
    """Return one person.

    Raises:
        Forbidden: `caller` may not.
        NotFound: there is none of that name.
    """
    authorise(caller, Action.GET_PERSON, Resource(person=request.name))
    return await existing_person(ports.graph, request.name)


async def list_people(
    ports: Ports, caller: Caller, organisation: str, after: str, limit: int
) -> tuple[list[Person], str]:
    """Return at most `limit` people past the name `after`, in order of name, and where the next page begins.

    organisation: only who works there today; empty for everyone.
    The second result is empty at the end.

    Raises:
        Forbidden: `caller` may not.
        InvalidArgument: there is no such organisation.
    """
    authorise(caller, Action.LIST_PEOPLE, Resource(organisation=organisation))
    if organisation:
        if not await store.known_names(ports.graph, "Organisation", [organisation]):
            raise refuse("organisation", f"there is no {organisation}", "ORGANISATION_UNKNOWN")
        today = ports.clock().date()
        names = await store.employed_names_after(ports.graph, organisation, today, after, limit + 1)
    else:
        names = await store.names_after(ports.graph, after, limit + 1)
    people = await store.people(ports.graph, names[:limit])
    note_people(names[:limit])
    return people, names[limit - 1] if len(names) > limit else ""


async def update_person(ports: Ports, caller: Caller, request: UpdatePersonRequest) -> Person:
    """Change the fields that the mask of `request` names; nothing happens if all are so already.

    Raises:
        Forbidden: `caller` may not.
        NotFound: there is no such person, and it shall not be created.
        Conflict: the etag is stale.
        InvalidArgument: the mask, or the profile as it would become, is wrong.
    """
    name = request.person.name
    authorise(caller, Action.UPDATE_PERSON, Resource(person=name))
    async with ports.graph.unit_of_work() as unit:
        once = Once(ports, unit, caller, request.request_id, request)
        answered = await once.answer(Person)
        if answered is not None:
            return answered
        before = await store.person(unit, name)
        if before is None:
            return await once.remember(await _create_missing(unit, ports, caller, request), name)
        check_etag(request.person.etag, before.version, name)
        after = masks.merge(before, request.person, request.update_mask)
        now = ports.clock()
        await prepare(unit, caller, [Draft(after, before)], now)
        saved = await save(unit, ports, [Change(before, after)], now)
        return await once.remember(saved[0], name)


async def delete_person(ports: Ports, caller: Caller, request: DeletePersonRequest) -> None:
    """Delete a person with everything about them; see `erasure`.

    Raises:
        Forbidden: `caller` may not.
        NotFound: there is no such person, and that is not allowed for.
        Conflict: the etag is stale.
    """
    authorise(caller, Action.DELETE_PERSON, Resource(person=request.name))
    async with ports.graph.unit_of_work() as unit:
        once = Once(ports, unit, caller, request.request_id, request)
        if await once.answer(Empty) is not None:
            return
        versions = await store.versions(unit, [request.name])
        if request.name in versions:
            check_etag(request.etag, versions[request.name], request.name)
            await erasure.erase(unit, ports, request.name, versions[request.name], ports.clock())
        elif not request.allow_missing:
            raise no_such_person(request.name)
        await once.remember(Empty(), "")


async def erase_person(ports: Ports, caller: Caller, request: ErasePersonRequest) -> ErasePersonResponse:
    """Say what erasing a person removes and what remains, and do it if `request` says so; see `erasure`.

    Raises:
        Forbidden: `caller` may not.
        NotFound: there is no such person, and that is not allowed for.
        Conflict: the etag is stale.
    """
    authorise(caller, Action.ERASE_PERSON, Resource(person=request.name))
    if not request.force:
        return await _erasure(ports, ports.graph, request)
    async with ports.graph.unit_of_work() as unit:
        once = Once(ports, unit, caller, request.request_id, request)
        answered = await once.answer(ErasePersonResponse)
        if answered is not None:
            return answered
        reply = await _erasure(ports, unit, request)
        if reply.removed:
            version = (await store.versions(unit, [request.name]))[request.name]
            await erasure.erase(unit, ports, request.name, version, ports.clock())
        reply.erased = True
        return await once.remember(reply, "")


async def _erasure(ports: Ports, reads: Reads, request: ErasePersonRequest) -> ErasePersonResponse:
    person = await store.person(reads, request.name)
    if person is None:
        if not request.allow_missing:
            raise no_such_person(request.name)
        return ErasePersonResponse()
    check_etag(request.etag, person.version, request.name)
    return ErasePersonResponse(
        removed=await erasure.removed_with(reads, person), remaining=erasure.remaining_after(ports, ports.clock())
    )


async def _create_missing(unit: UnitOfWork, ports: Ports, caller: Caller, request: UpdatePersonRequest) -> Person:
    name = request.person.name
    if not request.allow_missing:
        raise no_such_person(name)
    if request.person.etag:
        raise Conflict(f"{name} has been deleted since it was read.", reason="ETAG_STALE", metadata={"resource": name})
    if not _NAME.fullmatch(name):
        raise refuse("person.name", f"must match {_NAME.pattern}", "NAME_INVALID")
    return await _create(unit, ports, caller, request.person, name)


async def _create(unit: UnitOfWork, ports: Ports, caller: Caller, given: Person, name: str) -> Person:
    now = ports.clock()
    person = new_person(given, name)
    await prepare(unit, caller, [Draft(person, None)], now)
    saved = await save(unit, ports, [Change(None, person)], now)
    return saved[0]
