"""The life of an opportunity: published, changed, closed; each change emits the whole public opportunity."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from google.protobuf.message import Message

from careweave import masks
from careweave.errors import AlreadyExists, FieldViolation, InvalidArgument
from careweave.etags import check_etag, etag_of, stale
from careweave.events.port import Event, Topic
from careweave.graph import requests
from careweave.graph.port import Reads, UnitOfWork
from careweave.policy import Action, Caller, Resource, authorise
from careweave.v1 import events_pb2, matching_pb2
from careweave_matching import earlier, store
from careweave_matching.following import ReadModel
from careweave_matching.messages import opportunity_message, read_kept, read_opportunity
from careweave_matching.model import Opportunity, Requirement
from careweave_matching.ports import EVENT_SOURCE, Ports
from careweave_matching.ranking import no_such
from careweave_matching.references import check_references, check_rules
from careweave_matching.terms import OpportunityState

_NAME: Final = re.compile(r"opportunities/[a-z0-9][a-z0-9-]{3,62}")
_MOST_EXTRACTED: Final = 30
"""Requirements read from a description at most, the surest first."""


@dataclass(frozen=True, slots=True)
class Service:
    """What these use-cases work with. model: takes in what is written, so that a reply is true at once."""

    ports: Ports
    model: ReadModel


def as_message(model: ReadModel, opportunity: Opportunity) -> matching_pb2.Opportunity:
    """Return the whole public opportunity, labels filled in as far as the index knows them."""
    held = model.held  # an index without people is false
    return opportunity_message(opportunity, held.label if held is not None else lambda _: "")


async def create(
    service: Service, caller: Caller, request: matching_pb2.CreateOpportunityRequest
) -> matching_pb2.Opportunity:
    """Publish an opportunity under the id that `request` gives, or a random one.

    Raises:
        Forbidden: the caller may not publish for that organisation.
        AlreadyExists: the id is taken.
        InvalidArgument: it breaks a rule or names what does not exist, or the request id came with another content.
    """
    authorise(caller, Action.CREATE_OPPORTUNITY, Resource(organisation=request.opportunity.organisation))
    ports = service.ports
    name = f"opportunities/{request.opportunity_id or ports.new_id()}"
    given = await _with_requirements(ports, replace(read_opportunity(request.opportunity), name=name))
    once = _once("CreateOpportunity", request.request_id, request)
    async with ports.graph.unit_of_work() as unit:
        answered = await _answered(unit, once, ports.clock())
        if answered is not None:
            return answered
        if await store.names_known(unit, [name]):
            raise AlreadyExists(f"{name} exists already.", reason="OPPORTUNITY_EXISTS", metadata={"resource": name})
        await check_references(unit, [given], "opportunity.")
        published = await _publish(service, unit, [given])
        reply = as_message(service.model, published[0])
        await _remember(unit, once, reply, ports.clock())
    await service.model.take_opportunities(published)
    return reply


async def batch_create(
    service: Service, caller: Caller, request: matching_pb2.BatchCreateOpportunitiesRequest
) -> matching_pb2.BatchCreateOpportunitiesResponse:
    """Publish all in one unit of work; those that exist with equal content are left alone.

    Raises:
        as `create`; the violation's field says which of the requests.
    """
    for one in request.requests:
        authorise(caller, Action.BATCH_CREATE_OPPORTUNITIES, Resource(organisation=one.opportunity.organisation))
    ports = service.ports
    wanted: dict[str, Opportunity] = {}
    for position, one in enumerate(request.requests):
        name = f"opportunities/{one.opportunity_id or ports.new_id()}"
        if name in wanted:
            raise _refused(f"requests[{position}].opportunity_id", "must differ from those before it")
        wanted[name] = replace(read_opportunity(one.opportunity), name=name)
    present = {each.name: each for each in await store.opportunities(ports.graph, list(wanted))}
    fresh: list[Opportunity] = []
    for name, each in wanted.items():
        if name not in present:
            fresh.append(await _with_requirements(ports, each))
        elif not _equal_content(each, present[name]):
            raise AlreadyExists(
                f"{name} exists with other content.", reason="OPPORTUNITY_EXISTS", metadata={"resource": name}
            )
    published: list[Opportunity] = []
    if fresh:
        async with ports.graph.unit_of_work() as unit:
            taken = await store.names_known(unit, [each.name for each in fresh])
            fresh = [each for each in fresh if each.name not in taken]  # another caller was quicker
            await check_references(unit, fresh, "requests[].opportunity.")
            published = await _publish(service, unit, fresh)
        await service.model.take_opportunities(published)
    return matching_pb2.BatchCreateOpportunitiesResponse(created=len(published), unchanged=len(wanted) - len(published))


async def get(service: Service, caller: Caller, name: str) -> matching_pb2.Opportunity:
    """Return one opportunity.

    Raises:
        NotFound: there is none of that name.
    """
    found = await store.opportunity(service.ports.graph, name)
    authorise(caller, Action.GET_OPPORTUNITY, Resource(organisation=found.organisation if found else ""))
    if found is None:
        raise no_such("opportunity", name)
    return as_message(service.model, found)


async def list_some(
    service: Service, caller: Caller, request: matching_pb2.ListOpportunitiesRequest, after: str, limit: int
) -> tuple[list[matching_pb2.Opportunity], str]:
    """Return at most `limit` opportunities past the name `after`, and where the next page begins; empty at the end."""
    authorise(caller, Action.LIST_OPPORTUNITIES, Resource(organisation=request.organisation))
    names = await store.names_after(
        service.ports.graph,
        after,
        limit + 1,
        organisation=request.organisation,
        kind=request.kind,
        closed=request.include_closed,
    )
    found = await store.opportunities(service.ports.graph, names[:limit])
    return [as_message(service.model, each) for each in found], names[limit - 1] if len(names) > limit else ""


async def update(
    service: Service, caller: Caller, request: matching_pb2.UpdateOpportunityRequest
) -> matching_pb2.Opportunity:
    """Change the fields that the mask names; nothing happens if all are so already.

    Raises:
        Forbidden: the caller may not. NotFound: there is none, and it shall not be created.
        Conflict: the etag is stale. InvalidArgument: the mask, or what would result, is wrong.
    """
    ports, name = service.ports, request.opportunity.name
    found = await store.opportunity(ports.graph, name)
    owner = found.organisation if found else request.opportunity.organisation if request.allow_missing else ""
    authorise(caller, Action.UPDATE_OPPORTUNITY, Resource(organisation=owner))
    draft = await _with_requirements(ports, _merged(service.model, found, request))
    authorise(caller, Action.UPDATE_OPPORTUNITY, Resource(organisation=draft.organisation))
    once = _once("UpdateOpportunity", request.request_id, request)
    async with ports.graph.unit_of_work() as unit:
        answered = await _answered(unit, once, ports.clock())
        if answered is not None:
            return answered
        before = await store.opportunity(unit, name)
        version = before.version if before else 0
        check_etag(request.opportunity.etag, version, name)
        if version != (found.version if found else 0):
            raise stale(name, version)
        changed: list[Opportunity] = []
        if before is None or not _same(draft, before):
            await check_references(unit, [draft], "opportunity.")
            changed = await (
                _publish(service, unit, [draft]) if before is None else _change(service, unit, draft, before)
            )
        reply = as_message(service.model, changed[0] if changed else draft)
        await _remember(unit, once, reply, ports.clock())
    await service.model.take_opportunities(changed)
    return reply


async def close(
    service: Service, caller: Caller, request: matching_pb2.CloseOpportunityRequest
) -> matching_pb2.Opportunity:
    """Close an opportunity: it is kept and no longer offered. Closing it again changes nothing.

    Raises:
        Forbidden: the caller may not. NotFound: there is none of that name. Conflict: the etag is stale.
    """
    ports = service.ports
    changed: list[Opportunity] = []
    async with ports.graph.unit_of_work() as unit:
        before = await store.opportunity(unit, request.name)
        authorise(caller, Action.CLOSE_OPPORTUNITY, Resource(organisation=before.organisation if before else ""))
        if before is None:
            raise no_such("opportunity", request.name)
        check_etag(request.etag, before.version, request.name)
        if before.state != OpportunityState.CLOSED:
            changed = await _change(service, unit, replace(before, state=OpportunityState.CLOSED), before)
    await service.model.take_opportunities(changed)
    return as_message(service.model, changed[0] if changed else before)


def _merged(model: ReadModel, found: Opportunity | None, request: matching_pb2.UpdateOpportunityRequest) -> Opportunity:
    name = request.opportunity.name
    if found is not None:
        merged = masks.merge(as_message(model, found), request.opportunity, request.update_mask)
        return read_kept(merged)
    if not request.allow_missing:
        raise no_such("opportunity", name)
    if not _NAME.fullmatch(name):
        raise _refused("opportunity.name", f"must match {_NAME.pattern}")
    return replace(read_opportunity(request.opportunity), name=name)


async def _with_requirements(ports: Ports, given: Opportunity) -> Opportunity:
    """Return `given`, its requirements read from the description if it states none."""
    check_rules(given)
    if given.requirements or not given.description.strip():
        return given
    skills = list(dict.fromkeys(await ports.extract(f"{given.title}. {given.description}")))
    return replace(given, requirements=tuple(Requirement(skill, essential=True) for skill in skills[:_MOST_EXTRACTED]))


def _equal_content(given: Opportunity, kept: Opportunity) -> bool:
    if not given.requirements:
        given = replace(given, requirements=kept.requirements)
    return _same(replace(given, state=kept.state), kept)


def _same(one: Opportunity, other: Opportunity) -> bool:
    return (
        replace(
            one,
            version=other.version,
            etag=other.etag,
            create_time=other.create_time,
            update_time=other.update_time,
        )
        == other
    )


async def _publish(service: Service, unit: UnitOfWork, fresh: Sequence[Opportunity]) -> list[Opportunity]:
    now = service.ports.clock()
    published = [
        replace(each, state=OpportunityState.OPEN, version=1, etag=etag_of(1), create_time=now, update_time=now)
        for each in fresh
    ]
    await store.save(unit, published, ())
    for each in published:
        event = events_pb2.OpportunityPublished(opportunity=as_message(service.model, each))
        unit.emit(_event(service.ports, each, event, now))
    return published


async def _change(service: Service, unit: UnitOfWork, draft: Opportunity, before: Opportunity) -> list[Opportunity]:
    now = service.ports.clock()
    version = before.version + 1
    after = replace(draft, version=version, etag=etag_of(version), create_time=before.create_time, update_time=now)
    await earlier.keep_opportunities(unit, [before], now)
    await store.save(unit, [after], [after.name])
    closes = after.state == OpportunityState.CLOSED and before.state != OpportunityState.CLOSED
    kind = events_pb2.OpportunityClosed if closes else events_pb2.OpportunityUpdated
    unit.emit(_event(service.ports, after, kind(opportunity=as_message(service.model, after)), now))
    return [after]


def _event(ports: Ports, opportunity: Opportunity, payload: Message, now: datetime) -> Event:
    return Event(
        topic=Topic.OPPORTUNITIES,
        id=ports.new_id(),
        type=payload.DESCRIPTOR.full_name,
        source=EVENT_SOURCE,
        key=opportunity.name,
        version=opportunity.version,
        time=now,
        payload=payload.SerializeToString(deterministic=True),
    )


def _once(rpc: str, request_id: str, request: Message) -> requests.Request | None:
    if not request_id:
        return None
    digest = requests.digest_of(request.SerializeToString(deterministic=True))
    return requests.Request(f"careweave.v1.MatchingService/{rpc}", request_id, digest)


async def _answered(unit: UnitOfWork, once: requests.Request | None, now: datetime) -> matching_pb2.Opportunity | None:
    body = await requests.recall(unit, once, now) if once else None
    return matching_pb2.Opportunity.FromString(body) if body is not None else None


async def _remember(
    unit: UnitOfWork, once: requests.Request | None, reply: matching_pb2.Opportunity, now: datetime
) -> None:
    if once:
        await requests.remember(unit, once, reply.SerializeToString(deterministic=True), reply.name, now)


def _refused(field: str, description: str) -> InvalidArgument:
    return InvalidArgument(
        f"{field} {description}.", reason="OPPORTUNITY_INVALID", violations=[FieldViolation(field, description)]
    )


async def existing(reads: Reads, name: str) -> Opportunity:
    """Return the opportunity called `name`.

    Raises:
        NotFound: there is none.
    """
    found = await store.opportunity(reads, name)
    if found is None:
        raise no_such("opportunity", name)
    return found
