"""Writing, reading and withdrawing one's own equality declaration."""

import hashlib
from datetime import UTC, datetime
from typing import Final

from careweave import masks
from careweave.errors import Conflict, NotFound
from careweave.policy import Action, Caller, Resource, authorise
from careweave.v1.common_pb2 import Date
from careweave.v1.planning_pb2 import (
    EqualityDeclaration,
    GetEqualityDeclarationRequest,
    UpdateEqualityDeclarationRequest,
    WithdrawEqualityDeclarationRequest,
)
from careweave_planning.ports import Ports

_ETAG_DIGITS: Final = 24


async def update_declaration(
    ports: Ports, caller: Caller, request: UpdateEqualityDeclarationRequest
) -> EqualityDeclaration:
    """Write the answers that the mask of `request` names, as of today.

    Raises:
        Forbidden: it is not the caller's own.
        NotFound: there is none, and it shall not be made.
        Conflict: the etag is stale.
        FailedPrecondition: the person was erased.
        InvalidArgument: the mask is wrong.
    """
    given = request.equality_declaration
    person = person_of(given.name)
    authorise(caller, Action.UPDATE_EQUALITY_DECLARATION, Resource(person=person))
    today = ports.clock()

    def rewrite(kept: EqualityDeclaration | None) -> EqualityDeclaration:
        if kept is None and not request.allow_missing:
            raise _no_declaration(given.name)
        if given.etag and (kept is None or given.etag != etag_of(kept)):
            raise _stale(given.name)
        merged = masks.merge(kept or EqualityDeclaration(), given, request.update_mask)
        merged.name = given.name
        merged.ClearField("etag")
        merged.declare_date.CopyFrom(_date(today))
        return merged

    return _shown(await ports.store.change(person, rewrite))


async def get_declaration(ports: Ports, caller: Caller, request: GetEqualityDeclarationRequest) -> EqualityDeclaration:
    """Return the caller's own declaration.

    Raises:
        Forbidden: it is not the caller's own.
        NotFound: there is none.
    """
    person = person_of(request.name)
    authorise(caller, Action.GET_EQUALITY_DECLARATION, Resource(person=person))
    kept = await ports.store.read(person)
    if kept is None:
        raise _no_declaration(request.name)
    return _shown(kept)


async def withdraw_declaration(ports: Ports, caller: Caller, request: WithdrawEqualityDeclarationRequest) -> None:
    """Remove the caller's own declaration; nothing of it is kept.

    Raises:
        Forbidden: it is not the caller's own.
        NotFound: there is none, and that is not allowed for.
    """
    person = person_of(request.name)
    authorise(caller, Action.WITHDRAW_EQUALITY_DECLARATION, Resource(person=person))
    if not await ports.store.remove(person) and not request.allow_missing:
        raise _no_declaration(request.name)


def person_of(name: str) -> str:
    """Return whose the declaration called `name` is: `people/…`."""
    return name.rpartition("/")[0]


def etag_of(declaration: EqualityDeclaration) -> str:
    """Return the etag of a declaration, a digest of what it says: no count of changes need be kept for it."""
    content = EqualityDeclaration()
    content.CopyFrom(declaration)
    content.ClearField("etag")
    return f'"{hashlib.sha256(content.SerializeToString(deterministic=True)).hexdigest()[:_ETAG_DIGITS]}"'


def _shown(kept: EqualityDeclaration) -> EqualityDeclaration:
    shown = EqualityDeclaration(etag=etag_of(kept))
    shown.MergeFrom(kept)
    return shown


def _date(time: datetime) -> Date:
    day = time.astimezone(UTC).date()
    return Date(year=day.year, month=day.month, day=day.day)


def _no_declaration(name: str) -> NotFound:
    return NotFound(f"There is no {name}.", reason="DECLARATION_NOT_FOUND", metadata={"resource": name})


def _stale(name: str) -> Conflict:
    return Conflict(
        f"{name} has changed since it was read; read it again and repeat the change.",
        reason="ETAG_STALE",
        metadata={"resource": name},
    )
