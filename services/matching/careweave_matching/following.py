"""The read model: the index that is served, what keeps it current, and another one when it must be made again.

An index is built from a snapshot and followed from positions taken before it. It is made again, beside the one that
serves and is followed on, when the taxonomy changes, when somebody asks, and when its place in the log is lost; it
takes over once it has caught up. An index that is further behind than the limit is not served.
"""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Final

from careweave.errors import Unavailable
from careweave.events.port import Delivered
from careweave.events.wakeup import Wakeup
from careweave.patience import patiently
from careweave_matching.applying import Application
from careweave_matching.building import Building, build, rehearse
from careweave_matching.entries import PersonEntry
from careweave_matching.follower import TOPICS, Follower, Lost
from careweave_matching.freshness import DEFAULT, Limits
from careweave_matching.index import Index
from careweave_matching.model import Opportunity
from careweave_matching.ports import Ports
from careweave_matching.shards.plan import Shard
from careweave_matching.taking_in import fetch_people, put_opportunities, set_aside, visiting
from careweave_matching.weights import CURRENT, Weights

_LOG: Final = logging.getLogger(__name__)
TAXONOMY_EVERY: Final = 2.0
"""Seconds between two looks at the version of the taxonomy."""
BOARD_EVERY: Final = 1.0
"""Seconds between two looks at whether a board is due."""
WAKE_SECONDS: Final = 1.0
"""How long a wait goes without looking again."""


@dataclass(frozen=True, slots=True)
class Built:
    """How the index that is served came to be: how many were built before it and with it, why, and when."""

    generation: int
    cause: str
    began: datetime
    done: datetime


class ReadModel:
    """The current index, and what keeps it current."""

    def __init__(self, ports: Ports, weights: Weights = CURRENT, limits: Limits = DEFAULT) -> None:
        """Begin without an index; `run` builds it."""
        self.limits = limits
        self.stirred = Wakeup()
        """Notified as an index is built and as the one that is served comes further."""
        self.building: Building | None = None
        self.built: Built | None = None
        self.follower: Follower | None = None
        self.renewals = Wakeup()
        """Notified when somebody asks for the index to be built from nothing."""
        self._ports = ports
        self._weights = weights
        self._index: Index | None = None
        self._asked = asyncio.Event()
        self._generation = 0
        """Of the last index that was begun."""

    @property
    def index(self) -> Index:
        """The index, as one to answer from.

        Raises:
            Unavailable: it is being built for the first time, or is further behind than the limit.
        """
        if self._index is None:
            raise Unavailable("The matching index is being built; try again in a moment.", reason="INDEX_NOT_READY")
        if not self.current():
            raise Unavailable(
                "The matching index has fallen behind and is catching up; try again in a moment, or ask another "
                "replica.",
                reason="INDEX_BEHIND",
            )
        return self._index

    @property
    def held(self) -> Index | None:
        """The index, however far behind it is; None while the first one is being built."""
        return self._index

    def adopt(self, index: Index) -> None:
        """Serve `index`, which was filled elsewhere and is not followed, until `run` builds another."""
        self._index = index
        gc.collect()
        gc.freeze()

    def current(self) -> bool:
        """Say whether there is an index that may be served."""
        if self.follower is None:
            return self._index is not None
        age = self.follower.age()
        return age is not None and age <= self.limits.served

    def now(self) -> datetime:
        """Return the present."""
        return self._ports.clock()

    def today(self) -> date:
        """Return the day as of which dates are judged."""
        return self._ports.clock().date()

    async def until_current(self) -> Index:
        """Return the index as soon as it may be served."""
        while not self.current():
            await self._stir()
        return self.index

    async def until_taken_in(self, delivered: Delivered) -> Index:
        """Return the index as soon as it holds `delivered`, and all that was appended before it to any partition."""
        while self.follower is None or not self.follower.contains(delivered):
            if self.follower is not None:
                self.follower.hurry()
            await self._stir()
        return self.follower.index

    async def _stir(self) -> None:
        await self.stirred.wait(self.stirred.count, WAKE_SECONDS)

    async def take_opportunities(self, opportunities: Sequence[Opportunity]) -> None:
        """Take in what was just written here, so that the reply to the writer is true at once."""
        if self._index is not None:
            await put_opportunities(self._ports, self._index, opportunities)

    def take_application(self, application: Application) -> None:
        """Take in how far an application has just come here, so that the next list marks it."""
        if self._index is not None:
            self._index.applied.take(application.progress)

    async def person_appears(self, name: str) -> bool:
        """Fetch one person whom the index lacks, as right after their creation; says whether there is one."""
        await fetch_people(self._ports, self.index, [name])
        return self.index.person(name, self.today()) is not None

    async def home_elsewhere(self, name: str) -> Shard | None:
        """Return the shard that a person lives in; None if that is this one, or there is no such person.

        The profile is fetched of whom the index does not hold, and taken in if they live here.
        """
        index = self.index
        territory = index.territory
        if territory is None or index.person(name, self.today()) is not None:
            return None
        people = await fetch_people(self._ports, index, [name])
        return next((territory.home_of(each) for each in people if not territory.is_resident(each)), None)

    async def set_aside(self, opportunity: str) -> None:
        """Have an opportunity ready for single questions if another shard holds it."""
        await set_aside(self._ports, self.index, opportunity)

    async def visitor(self, name: str, version: int) -> PersonEntry | None:
        """Return the entry of somebody who lives in another shard; None if there is no such person.

        version: of the profile, at least; fetched if what is held is older.
        """
        held = self.index.guest(name, self.today())
        if held is not None and held.person.version >= version:
            return held
        people = await fetch_people(self._ports, self.index, [name])
        held = self.index.guest(name, self.today())
        if held is not None:
            return held
        return await visiting(self._ports, self.index, people[0]) if people else None

    async def rebuild(self) -> AsyncIterator[Building | None]:
        """Have the index built from nothing, and yield how far it has come, again and again until it is served.

        None stands for moments in which nothing is being built yet.
        """
        wanted = self._generation + 1
        self.renew()
        while self.built is None or self.built.generation < wanted:
            yield self.building
            await self._stir()

    def renew(self) -> None:
        """Have the index built from nothing; the one there is serves meanwhile."""
        self._asked.set()
        self.renewals.notify()

    async def run(self) -> None:
        """Build, serve and follow until cancelled, and again for every reason to."""
        cause = "start"
        version = await patiently(self._ports.taxonomy_version, "the index")
        following: asyncio.Task[None] | None = None
        preparing = asyncio.create_task(self._prepare_boards())
        try:
            while True:
                following = await self._change_over(version, cause, following)
                cause, version = await self._until_reason(following, version)
        finally:
            await _ended(preparing)
            await _ended(following)

    async def _prepare_boards(self) -> None:
        """Make boards before they are needed, in a thread: a table of 100,000 opportunities takes seconds."""
        while True:
            await asyncio.sleep(BOARD_EVERY)
            index = self._index
            due = index.next_due(self.now()) if index is not None else None
            if index is not None and due is not None:
                coming = index.begin_next(due)
                try:
                    index.serve_next(coming, await asyncio.to_thread(coming.make))
                except Exception:  # noqa: BLE001  it is made when it is asked for, and fails where somebody sees it
                    _LOG.exception("a board could not be made ahead", extra={"day": str(due)})

    async def _change_over(self, version: str, cause: str, before: "asyncio.Task[None] | None") -> "asyncio.Task[None]":
        """Build an index and serve it once it has caught up; `before` follows the one that serves until then."""
        while True:
            self._asked.clear()
            self._generation += 1
            self.building = Building(cause, self._ports.clock())
            positions = await patiently(partial(self._ports.events.end, TOPICS), "the index")
            index = await patiently(
                partial(build, self._ports, self._weights, version, self.building, self.stirred.notify), "the index"
            )
            self.building.activity = "rehearsing a ranking"
            await asyncio.to_thread(rehearse, index, self.today())  # nothing else touches it yet
            follower = Follower(self._ports, index, positions, self.stirred)
            following = asyncio.create_task(follower.run(self.limits))
            self.building.activity = "catching up with the event log"
            try:
                if await self._caught_up(follower, following):
                    await _ended(before)
                    self._serve(follower, self.building)
                    return following
            except BaseException:
                await _ended(following)
                raise

    async def _caught_up(self, follower: Follower, following: "asyncio.Task[None]") -> bool:
        """Say whether `follower` has caught up; False if it has lost its place before."""
        while follower.current_at is None:
            if following.done():
                return _went_on(following)
            follower.hurry()
            await self._stir()
        return True

    def _serve(self, follower: Follower, building: Building) -> None:
        self._index, self.follower = follower.index, follower
        self.built = Built(self._generation, building.cause, building.began, self._ports.clock())
        self.building = None
        _set_apart(first=self._generation == 1)
        _LOG.info(
            "index built",
            extra={"people": building.people, "opportunities": building.opportunities, "cause": building.cause},
        )
        self.stirred.notify()

    async def _until_reason(self, following: "asyncio.Task[None]", version: str) -> tuple[str, str]:
        """Return why the index must be built again, and with which taxonomy, as soon as there is a reason."""
        other = asyncio.create_task(self._another_taxonomy(version))
        asked = asyncio.create_task(self._asked.wait())
        try:
            await asyncio.wait((following, other, asked), return_when=asyncio.FIRST_COMPLETED)
            if other.done():
                return "another taxonomy", other.result()
            if following.done():
                _went_on(following)
                return "the place in the event log was lost", version
            return "an operator asked for it", version
        finally:
            await _ended(other)
            await _ended(asked)

    async def _another_taxonomy(self, version: str) -> str:
        while (found := await patiently(self._ports.taxonomy_version, "the index")) == version:  # noqa: ASYNC110  another service
            await asyncio.sleep(TAXONOMY_EVERY)
        return found


def _set_apart(*, first: bool) -> None:
    """Spare what lives as long as the index from being searched for garbage again and again.

    At the first index nearly everything there is has been made to stay: searching all of it once took a quarter of
    the interpreter's time until a server was ready. Later there is an index before it to be rid of.
    """
    if not first:
        gc.collect()
    gc.freeze()


def _went_on(following: "asyncio.Task[None]") -> bool:
    """Return False for a task that has ended since its place was lost; raise what else has ended it."""
    try:
        following.result()
    except Lost as lost:
        _LOG.warning("the index must be built again: %s", lost)
    return False


async def _ended(task: "asyncio.Task[object] | None") -> None:
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
