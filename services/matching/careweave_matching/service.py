"""How the matching service is put together; the one place where its parts meet."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from types import MappingProxyType
from typing import Any, Final

import grpc

from careweave.config import Settings
from careweave.events.outbox import Relay
from careweave.events.wakeup import Wakeup
from careweave.graph.port import Graph
from careweave.keeping import keep_to_rules
from careweave.rpc.channels import Channels
from careweave.rpc.errors import error_of
from careweave.rpc.paging import token_key
from careweave.rpc.parts import Answer, Ask
from careweave.v1 import matching_pb2, profiles_pb2, skills_pb2
from careweave.v1.matching_pb2_grpc import add_MatchingServiceServicer_to_server
from careweave.wiring import Adapters
from careweave_matching import aspirations, earlier
from careweave_matching.alerting import GROUP, Alerting
from careweave_matching.decisions import Decisions
from careweave_matching.following import ReadModel
from careweave_matching.forgetting import forget_the_erased
from careweave_matching.freshness import Limits
from careweave_matching.geography import Geography
from careweave_matching.messages import read_person
from careweave_matching.model import Person
from careweave_matching.pathways.plans import Careers
from careweave_matching.ports import EVENT_SOURCE, Fetched, Ports, everything
from careweave_matching.retention import apply_rules
from careweave_matching.servicer import MatchingServicer
from careweave_matching.shards.peers import PeersOverGrpc
from careweave_matching.shards.servicer import ShardServicer
from careweave_matching.shards.share import share_of

KEEP_PLACES: Final = "KeepPlaces"
"""What workers ask to have kept where the places are, before a ranking names that."""
NAME: Final = matching_pb2.DESCRIPTOR.services_by_name["MatchingService"].full_name

_SURE: Final = 0.30
"""Confidence from which a skill that a description speaks of becomes a requirement that nobody stated."""


class MatchingPart:
    """The matching service on a server; see `careweave.rpc.parts.ServicePart`."""

    name = NAME
    worker = "careweave_matching.worker"

    def __init__(
        self,
        servicer: MatchingServicer,
        model: ReadModel,
        decisions: Decisions,
        relay: Relay,
        *beside: Callable[[], Awaitable[None]],
        answers: Mapping[str, Answer] = MappingProxyType({}),
        closing: Sequence[Callable[[], Awaitable[None]]] = (),
    ) -> None:
        """Take what `build` made.

        beside: what else goes on beside calls, until cancelled. answers: to workers. closing: what is done at last.
        """
        self.answers = answers
        self._servicer = servicer
        self._model = model
        self._decisions = decisions
        self._relay = relay
        self._beside = beside
        self._closing = closing

    def register(self, server: grpc.aio.Server) -> None:
        """Add the servicer to `server`, FindOpportunities with a serialiser that takes its bytes as they are."""
        add_MatchingServiceServicer_to_server(self._servicer, server)
        # The handler that was registered for a method last is the one that answers it.
        server.add_registered_method_handlers(NAME, finding(self._servicer))

    @property
    def renewals(self) -> Wakeup:
        """Notified when somebody asks for the index to be built from nothing."""
        return self._model.renewals

    async def run(self) -> None:
        """Keep the index current, publish events, record decisions and what else goes on beside, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._relay.run())
            tasks.create_task(self._decisions.run())
            tasks.create_task(self._model.run())
            for work in self._beside:
                tasks.create_task(_done(work))

    def ready(self) -> bool:
        """Say whether the index has been built and is not further behind the event log than the limit."""
        return self._model.current()

    async def close(self) -> None:
        """Record the decisions that still wait, and let go of what was opened."""
        await self._decisions.flush()
        for work in self._closing:
            await work()


def finding(servicer: MatchingServicer) -> "dict[str, grpc.RpcMethodHandler[Any, Any]]":
    """Return the handler of FindOpportunities, with a serialiser that takes its bytes as they are."""
    find: grpc.RpcMethodHandler[Any, Any] = grpc.unary_unary_rpc_method_handler(
        servicer.find_opportunities,
        request_deserializer=matching_pb2.FindOpportunitiesRequest.FromString,
        response_serializer=None,
    )
    return {"FindOpportunities": find}


async def _done(work: Callable[[], Awaitable[None]]) -> None:
    await work()


class OtherServices:
    """What matching asks of skills and profiles, over their stubs."""

    def __init__(self, channels: Channels) -> None:
        """Call through `channels`."""
        self._channels = channels

    async def extract(self, text: str) -> Sequence[str]:
        """Return the names of the skills that `text` speaks of, the surest first.

        Raises:
            CareweaveError: as the skills service answers.
        """
        try:
            reply = await self._channels.skills.ExtractSkills(
                skills_pb2.ExtractSkillsRequest(text=text, minimum_confidence=_SURE)
            )
        except grpc.aio.AioRpcError as failure:
            raise error_of(failure) from failure
        return [each.skill for each in reply.skills]

    async def fetch_people(self, names: Sequence[str]) -> Fetched:
        """Return the snapshots of `names`, and who is gone.

        Raises:
            CareweaveError: as the profiles service answers.
        """
        request = profiles_pb2.BatchGetPersonSnapshotsRequest(names=names)
        try:
            reply = await self._channels.profiles.BatchGetPersonSnapshots(request)
        except grpc.aio.AioRpcError as failure:
            raise error_of(failure) from failure
        return [read_person(each) for each in reply.people], list(reply.missing)

    async def fetch_person_version(self, name: str, version: int) -> Person:
        """Return what a ranking reads of a version of the person called `name`.

        Raises:
            CareweaveError: as the profiles service answers.
        """
        request = profiles_pb2.GetPersonVersionRequest(name=name, version=version)
        try:
            return read_person(await self._channels.profiles.GetPersonVersion(request))
        except grpc.aio.AioRpcError as failure:
            raise error_of(failure) from failure

    async def stream_people(self) -> AsyncIterator[list[Person]]:
        """Yield the snapshots of everyone.

        Raises:
            CareweaveError: as the profiles service answers.
        """
        try:
            async for reply in self._channels.profiles.StreamPersonSnapshots(
                profiles_pb2.StreamPersonSnapshotsRequest()
            ):
                yield [read_person(each) for each in reply.people]
        except grpc.aio.AioRpcError as failure:
            raise error_of(failure) from failure

    async def taxonomy_version(self) -> str:
        """Return the digest of what the skills service has loaded; empty if nothing.

        Raises:
            CareweaveError: as the skills service answers.
        """
        try:
            reply = await self._channels.skills.GetTaxonomyStatus(skills_pb2.GetTaxonomyStatusRequest())
        except grpc.aio.AioRpcError as failure:
            raise error_of(failure) from failure
        return reply.version


def ports_over(adapters: Adapters, channels: Channels) -> Ports:
    """Return what the use-cases stand on: `adapters`, and the other services through `channels`."""
    others = OtherServices(channels)
    return Ports(
        territory=share.territory if (share := share_of(adapters.settings)) else everything,
        graph=adapters.graph,
        events=adapters.events,
        embedder=adapters.embedder,
        clock=adapters.clock,
        new_id=adapters.new_id,
        extract=others.extract,
        fetch_people=others.fetch_people,
        stream_people=others.stream_people,
        fetch_person_version=others.fetch_person_version,
        decisions_kept=timedelta(days=kept) if (kept := adapters.settings.events_keep_days) else None,
        taxonomy_version=others.taxonomy_version,
        keep_places=partial(earlier.keep_places, adapters.graph),
        keep_written=partial(aspirations.write, adapters.graph),
    )


def limits_of(settings: Settings) -> Limits:
    """Return how far behind an index may be."""
    return Limits(
        served=timedelta(seconds=settings.index_staleness_seconds),
        # Half of what is kept: then there is time left to read it.
        forgotten=timedelta(hours=settings.tombstones_kept_hours) / 2,
    )


def servicer_over(
    settings: Settings, ports: Ports, model: ReadModel, decisions: Decisions, careers: Careers
) -> tuple[MatchingServicer, Sequence[Callable[[], Awaitable[None]]]]:
    """Return what answers in every process of a server alike, and what is done when it has answered its last call."""
    share, key = share_of(settings), token_key(settings)
    if share is None:
        return MatchingServicer(ports, model, decisions, key, careers), ()
    peers = PeersOverGrpc(share.plan, share.own, settings)
    return ShardServicer(ports, model, decisions, key, careers, peers=peers), (peers.close,)


async def build(adapters: Adapters, channels: Channels) -> MatchingPart:
    """Return the service on `adapters`, calling the others through `channels`."""
    ports = ports_over(adapters, channels)
    settings = adapters.settings
    model = ReadModel(ports, limits=limits_of(settings))
    decisions = Decisions(adapters.events, adapters.new_id, adapters.clock)
    relay = Relay(adapters.graph, adapters.events, EVENT_SOURCE, adapters.clock, adapters.new_id)
    careers = Careers(adapters.graph)
    servicer, closing = servicer_over(settings, ports, model, decisions, careers)
    group = f"{GROUP}-{settings.shard}" if settings.shard else GROUP
    daily = partial(keep_to_rules, partial(apply_rules, ports))
    beside = (
        Alerting(ports, model, group).run,
        partial(forget_the_erased, ports),
        daily,
        partial(careers.keep_ready, model),
    )
    answers = {KEEP_PLACES: partial(_keep_places, ports.graph)}
    return MatchingPart(servicer, model, decisions, relay, *beside, answers=answers, closing=closing)


async def _keep_places(graph: Graph, positions: bytes) -> bytes:
    """Keep where places are, for a worker; see `Geography.positions`."""
    await earlier.keep_places(graph, Geography.at(positions))
    return b""


def worker_ports(ports: Ports, ask: Ask) -> Ports:
    """Return `ports` for a process that writes nothing to the graph: the first process does, which `ask` asks.

    That one takes in the same events, and keeps what people wrote of their aspirations by itself.
    """

    async def keep_places(geography: Geography) -> None:
        await ask(KEEP_PLACES, geography.positions)

    async def keep_written(*_: object) -> None:
        pass

    return replace(ports, keep_places=keep_places, keep_written=keep_written)
