"""How the profiles service is put together; the one place where its parts meet."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final

import grpc

from careweave.audit.trail import Pseudonyms
from careweave.events.outbox import Relay
from careweave.keeping import keep_to_rules
from careweave.retention import rules
from careweave.rpc.channels import Channels
from careweave.rpc.errors import error_of
from careweave.rpc.paging import token_key
from careweave.v1.profiles_pb2 import DESCRIPTOR
from careweave.v1.profiles_pb2_grpc import add_ProfilesServiceServicer_to_server
from careweave.v1.skills_pb2 import ExtractSkillsRequest, SearchSkillsRequest
from careweave.wiring import Adapters
from careweave_profiles.exchange import reason
from careweave_profiles.feeds.applying import Feeds
from careweave_profiles.feeds.programmes import normal
from careweave_profiles.feeds.topic import TopicFeed
from careweave_profiles.feeds.wordings import Known
from careweave_profiles.ports import EVENT_SOURCE, Ports
from careweave_profiles.pseudonyms import pseudonyms
from careweave_profiles.retention import apply_rules
from careweave_profiles.servicer import ProfilesServicer

_HITS: Final = 5
_SURE: Final = 0.9
"""Least score of a hit whose label is not the one asked for."""


class ProfilesPart:
    """The profiles service on a server; see `careweave.rpc.parts.ServicePart`."""

    name = DESCRIPTOR.services_by_name["ProfilesService"].full_name

    def __init__(
        self,
        servicer: ProfilesServicer,
        relay: Relay,
        topic: TopicFeed,
        pseudonyms: Pseudonyms,
        keep_to_rules: Callable[[], Coroutine[Any, Any, None]],
    ) -> None:
        """Take what `build` made.

        pseudonyms: by which the audit trail knows people, without a call.
        keep_to_rules: applies the retention rules again and again.
        """
        self.pseudonyms = pseudonyms
        self._servicer = servicer
        self._relay = relay
        self._topic = topic
        self._keep_to_rules = keep_to_rules

    def register(self, server: grpc.aio.Server) -> None:
        """Add the servicer to `server`."""
        add_ProfilesServiceServicer_to_server(self._servicer, server)

    async def run(self) -> None:
        """Publish events of profiles, take HR updates from their topic, and keep to retention, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._relay.run())
            tasks.create_task(self._topic.run())
            tasks.create_task(self._keep_to_rules())

    def ready(self) -> bool:
        """Return True: the graph is open, and there is nothing to prepare."""
        return True

    async def close(self) -> None:
        """Release nothing: the adapters belong to whoever opened them."""


class SkillsService:
    """What profiles asks of the skills service, over its stub; see `feeds.wordings.SkillWords`."""

    def __init__(self, channels: Channels) -> None:
        """Call through `channels`."""
        self._channels = channels

    async def labelled(self, label: str) -> list[Known]:
        """Return the skill of that label, exactly or as good as that.

        Raises:
            CareweaveError: as the skills service answers.
        """
        try:
            reply = await self._channels.skills.SearchSkills(SearchSkillsRequest(query=label, page_size=_HITS))
        except grpc.aio.AioRpcError as failure:
            raise error_of(failure) from failure
        exact = [hit for hit in reply.hits if normal(hit.matched_label) == normal(label)]
        hits = exact or [hit for hit in reply.hits if hit.score >= _SURE]
        return [Known(hit.skill.name, hit.skill.label) for hit in hits[:1]]

    async def spoken_of(self, text: str) -> list[Known]:
        """Return the skills that `text` speaks of, the surest first.

        Raises:
            CareweaveError: as the skills service answers.
        """
        try:
            reply = await self._channels.skills.ExtractSkills(ExtractSkillsRequest(text=text))
        except grpc.aio.AioRpcError as failure:
            raise error_of(failure) from failure
        return [Known(each.skill, each.label) for each in reply.skills]


async def build(adapters: Adapters, channels: Channels) -> ProfilesPart:
    """Return the service on `adapters`, asking the skills service through `channels`."""
    ports = Ports(adapters.graph, adapters.clock, adapters.new_id, rules(adapters.settings))
    feeds = Feeds(ports, SkillsService(channels))
    topic = TopicFeed(feeds, adapters.events, adapters.audit, reason)
    relay = Relay(adapters.graph, adapters.events, EVENT_SOURCE, adapters.clock, adapters.new_id)
    servicer = ProfilesServicer(feeds, adapters.events, token_key(adapters.settings))
    daily = partial(keep_to_rules, partial(apply_rules, ports, adapters.events))
    return ProfilesPart(servicer, relay, topic, partial(pseudonyms, ports), daily)
