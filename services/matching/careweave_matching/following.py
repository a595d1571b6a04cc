"""Keeps the index current: a snapshot first, then every event from before the snapshot on.

The positions are taken before the snapshot, so nothing is missed; what comes twice is told by its version. A
profile event names a person, whose snapshot is fetched; one that is gone is forgotten. When the skills service
reports another taxonomy, a new index is built beside the old one, which serves until it is done.
"""

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime
from functools import partial
from typing import Final, TypeVar

from careweave.errors import Unavailable
from careweave.events.port import Delivered, Positions, Topic
from careweave_matching import reading, store
from careweave_matching.index import Index
from careweave_matching.messages import read_published
from careweave_matching.model import Opportunity, Person
from careweave_matching.ports import Ports
from careweave_matching.weights import CURRENT, Weights

_LOG: Final = logging.getLogger(__name__)
_T = TypeVar("_T")
TOPICS: Final = (Topic.PROFILES, Topic.OPPORTUNITIES)
BATCH: Final = 500
"""Opportunities read, or people fetched, at once."""
TAXONOMY_EVERY: Final = 2.0
"""Seconds between two looks at the version of the taxonomy."""
FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 10.0
"""Seconds to wait before trying again when a store or service does not answer; doubles each time."""


class ReadModel:
    """The current index, and what keeps it current."""

    def __init__(self, ports: Ports, weights: Weights = CURRENT) -> None:
        """Begin without an index; `run` builds it."""
        self._ports = ports
        self._weights = weights
        self._index: Index | None = None
        self._positions = Positions()
        self._changed: dict[str, None] = {}
        self._work = asyncio.Event()

    @property
    def index(self) -> Index:
        """The index.

        Raises:
            Unavailable: it is being built for the first time.
        """
        if self._index is None:
            raise Unavailable("The matching index is being built; try again in a moment.", reason="INDEX_NOT_READY")
        return self._index

    def adopt(self, index: Index) -> None:
        """Serve `index`, which was filled elsewhere, until `run` builds another."""
        self._index = index
        gc.collect()
        gc.freeze()

    def ready(self) -> bool:
        """Say whether there is an index."""
        return self._index is not None

    def now(self) -> datetime:
        """Return the present."""
        return self._ports.clock()

    def today(self) -> date:
        """Return the day as of which dates are judged."""
        return self._ports.clock().date()

    async def behind(self) -> int:
        """Return how many events of the log the index has not taken in yet."""
        end = await self._ports.events.end(TOPICS)
        waiting = sum(offset - self._positions.offsets.get(place, 0) for place, offset in end.offsets.items())
        return max(0, waiting) + len(self._changed)

    async def take_opportunities(self, opportunities: Sequence[Opportunity]) -> None:
        """Take in what was just written here, so that the reply to the writer is true at once."""
        if self._index is not None:
            await self._put_opportunities(self._index, opportunities)

    async def person_appears(self, name: str) -> bool:
        """Fetch one person whom the index lacks, as right after their creation; says whether there is one."""
        await self._fetch(self.index, [name])
        return self.index.person(name, self.today()) is not None

    async def run(self) -> None:
        """Build and follow until cancelled; builds again when the taxonomy changes."""
        while True:
            version = await _patiently(self._ports.taxonomy_version)
            positions = await _patiently(partial(self._ports.events.end, TOPICS))
            index = await _patiently(partial(self._build, version))
            self._index, self._positions = index, positions
            gc.collect()
            gc.freeze()  # what lives as long as the index need not be searched for garbage again and again
            _LOG.info("index built", extra={"people": len(index), "opportunities": len(list(index.opportunities()))})
            await self._follow_until_another_taxonomy(version)

    async def _build(self, version: str) -> Index:
        graph = self._ports.graph
        taxonomy = await reading.read_taxonomy(graph, version)
        index = Index(taxonomy, await reading.read_surroundings(graph), self._ports.embedder, self._weights)
        after = ""
        while names := await store.names_after(graph, after, BATCH):
            await index.put_opportunities(await store.opportunities(graph, names))
            after = names[-1]
        async for people in self._ports.stream_people():
            await index.put_people(people, self.today())
        return index

    async def _follow_until_another_taxonomy(self, version: str) -> None:
        tasks = [
            asyncio.create_task(self._follow()),
            asyncio.create_task(self._fetch_changed()),
            asyncio.create_task(self._another_taxonomy(version)),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _another_taxonomy(self, version: str) -> None:
        while await _patiently(self._ports.taxonomy_version) == version:  # noqa: ASYNC110  another service's state
            await asyncio.sleep(TAXONOMY_EVERY)

    async def _follow(self) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                async for delivered in self._ports.events.follow(TOPICS, self._positions):
                    await self._take(delivered)
                    self._positions = self._positions.after(delivered)
                    pause = FIRST_PAUSE
            except Unavailable:
                _LOG.warning("the event log does not answer; trying again", extra={"pause_seconds": pause})
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, 2 * pause)

    async def _take(self, delivered: Delivered) -> None:
        event = delivered.event
        if event.topic == Topic.PROFILES:
            self._changed[event.key] = None
            self._work.set()
        elif event.payload is not None:
            await self._put_opportunities(self.index, [read_published(event.type, event.payload)])

    async def _fetch_changed(self) -> None:
        """Fetch those whose profiles changed; many changes that come together need one call."""
        while True:
            await self._work.wait()
            self._work.clear()
            while names := list(self._changed)[:BATCH]:
                # Out before the fetch: whoever changes during it is noted, and fetched, again.
                for name in names:
                    del self._changed[name]
                await _patiently(partial(self._fetch, self.index, names))

    async def _fetch(self, index: Index, names: Sequence[str]) -> None:
        people, missing = await self._ports.fetch_people(names)
        if _names_unknown_place(index, people):
            index.move(await reading.read_surroundings(self._ports.graph))
        await index.put_people(people, self.today())
        for name in missing:
            index.forget_person(name)

    async def _put_opportunities(self, index: Index, opportunities: Sequence[Opportunity]) -> None:
        known = index.surroundings
        if any(
            each.organisation not in known.organisations or (each.place and not known.geography.knows(each.place))
            for each in opportunities
        ):
            index.move(await reading.read_surroundings(self._ports.graph))
        await index.put_opportunities(opportunities)


def _names_unknown_place(index: Index, people: Sequence[Person]) -> bool:
    return any(each.place and not index.surroundings.geography.knows(each.place) for each in people)


async def _patiently(attempt: Callable[[], Awaitable[_T]]) -> _T:
    """Return what `attempt` returns, trying again while a store or service does not answer."""
    pause = FIRST_PAUSE
    while True:
        try:
            return await attempt()
        except Unavailable:
            _LOG.warning("a store or service does not answer; trying again", extra={"pause_seconds": pause})
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, 2 * pause)
