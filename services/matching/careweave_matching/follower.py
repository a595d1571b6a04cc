"""One index and what keeps it current: it follows the event log from where its snapshot was taken.

Events of opportunities and applications carry all there is to know. An event of a person names them, and their
profile is fetched: many changes that come together need one call. An event counts as taken in when what it tells of is
in the index.
"""

import asyncio
import logging
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from careweave.errors import FailedPrecondition, Unavailable
from careweave.events.port import POSITIONS_LOST, Delivered, Positions, Topic
from careweave.events.wakeup import Wakeup
from careweave.patience import FIRST_PAUSE, LONGEST_PAUSE, patiently
from careweave_matching.freshness import Freshness, Limits, Mark, Offsets, Place
from careweave_matching.index import Index
from careweave_matching.messages import read_advanced, read_published
from careweave_matching.ports import Ports
from careweave_matching.taking_in import fetch_people, put_opportunities

_LOG: Final = logging.getLogger(__name__)
TOPICS: Final = (Topic.PROFILES, Topic.OPPORTUNITIES, Topic.APPLICATIONS)
BATCH: Final = 500
"""People fetched at once."""
LOOK_EVERY: Final = 0.5
"""Seconds between two looks at the end of the log, if nobody is in a hurry."""


class Lost(Exception):
    """The place in the log is lost: what lies between it and now may be gone. The index must be built again."""


class Follower:
    """Keeps `index` current by following the log from `positions`.

    stirred: notified when the index has come further.
    """

    def __init__(self, ports: Ports, index: Index, positions: Positions, stirred: Wakeup) -> None:
        """Begin at `positions`, which were taken before the snapshot that `index` holds."""
        self.index = index
        self._ports = ports
        self._stirred = stirred
        self._positions = positions
        self._freshness = Freshness()
        self._end: Offsets = positions.offsets
        self._looked_at: datetime | None = None
        """When the log last said where it ends; None while it is asked and as long as it does not answer."""
        self._changed: dict[str, tuple[Place, int]] = {}
        """Whose profile must be fetched, and the first event that says so."""
        self._fetching: dict[str, tuple[Place, int]] = {}
        self._work = asyncio.Event()
        self._hurry = asyncio.Event()
        self._stalled = asyncio.Event()
        self._taking = False
        self._restarted = False
        self._began = self._quiet_since = ports.clock()

    def age(self) -> timedelta | None:
        """Return how far behind the index was when the log was last looked at; None if that is not known.

        Where the log does not answer, the time since then counts too; where this process was merely busy, it does not.
        """
        if self.current_at is None:
            return None
        return (self._looked_at or self._ports.clock()) - self.current_at

    @property
    def current_at(self) -> datetime | None:
        """The last moment of which it is known that the index held all there was; None if none is known."""
        return self._freshness.reached.at if self._freshness.reached else None

    @property
    def end(self) -> Offsets:
        """Where the log ended when it was last looked at."""
        return self._end

    @property
    def to_fetch(self) -> int:
        """How many people have changed and are not fetched yet."""
        return len(self._changed.keys() | self._fetching.keys())

    def taken(self) -> Offsets:
        """Return, for each partition, the offset of the first event that is not in the index yet."""
        taken = dict(self._positions.offsets)
        for place, offset in (*self._fetching.values(), *self._changed.values()):
            taken[place] = min(taken.get(place, 0), offset)
        return taken

    def contains(self, delivered: Delivered) -> bool:
        """Say whether the index certainly holds `delivered`, and all that was appended before it anywhere."""
        reached = self._freshness.reached
        place = (delivered.event.topic, delivered.partition)
        return reached is not None and reached.end.get(place, 0) > delivered.offset

    def hurry(self) -> None:
        """Look at the end of the log at once: somebody waits to know how current the index is."""
        self._hurry.set()

    async def look(self) -> None:
        """Note where the log ends now, and how far the index has come.

        Raises:
            Unavailable: the log does not answer.
        """
        at = self._ports.clock()
        self._looked_at = None
        end = (await self._ports.events.end(TOPICS)).offsets
        self._looked_at, self._end = at, end
        self._freshness.note(Mark(at, end))
        self._come_further()

    async def run(self, limits: Limits) -> None:
        """Follow until cancelled.

        Raises:
            Lost: the place in the log is lost.
        """
        tasks = [
            asyncio.create_task(self._keep_following()),
            asyncio.create_task(self._keep_fetching()),
            asyncio.create_task(self._keep_looking(limits)),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._looked_at = None

    async def _keep_following(self) -> None:
        """Follow, and begin again from the same place if nothing comes though there is something."""
        while True:
            self._stalled.clear()
            following = asyncio.create_task(self._follow())
            stalled = asyncio.create_task(self._stalled.wait())
            try:
                await asyncio.wait((following, stalled), return_when=asyncio.FIRST_COMPLETED)
                if following.done():
                    following.result()
            finally:
                for task in (following, stalled):
                    task.cancel()
                await asyncio.gather(following, stalled, return_exceptions=True)
            _LOG.warning("the event log went silent though it holds more; following it anew")

    async def _follow(self) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                async for delivered in self._ports.events.follow(TOPICS, self._positions):
                    self._taking = True
                    await self._take(delivered)
                    self._positions = self._positions.after(delivered)
                    self._taking, self._restarted, self._quiet_since = False, False, self._ports.clock()
                    self._come_further()
                    pause = FIRST_PAUSE
            except Unavailable:
                _LOG.warning("the event log does not answer; trying again", extra={"pause_seconds": pause})
            except FailedPrecondition as error:
                if error.reason != POSITIONS_LOST:
                    raise
                raise Lost(error.message) from error
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, 2 * pause)

    async def _take(self, delivered: Delivered) -> None:
        event = delivered.event
        if event.topic == Topic.PROFILES:
            self._changed.setdefault(event.key, ((event.topic, delivered.partition), delivered.offset))
            self._work.set()
        elif event.payload is not None and event.topic == Topic.APPLICATIONS:
            self._take_application(delivered, event.payload)
        elif event.payload is not None:
            await put_opportunities(self._ports, self.index, [read_published(event.type, event.payload)])

    def _take_application(self, delivered: Delivered, payload: bytes) -> None:
        """Take in a stage; whose person is not held, new or erased, is fetched, so that nothing of the erased stays."""
        progress = read_advanced(payload, delivered.event.version)
        self.index.applied.take(progress)
        if self.index.person(progress.person, self._ports.clock().date()) is None:
            place = delivered.event.topic, delivered.partition
            self._changed.setdefault(progress.person, (place, delivered.offset))
            self._work.set()

    async def _keep_fetching(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            while self._changed:
                for name in list(self._changed)[:BATCH]:
                    # Out before the fetch: whoever changes during it is noted, and fetched, again.
                    self._fetching[name] = self._changed.pop(name)
                await patiently(partial(fetch_people, self._ports, self.index, list(self._fetching)), "the index")
                self._fetching.clear()
                self._come_further()

    async def _keep_looking(self, limits: Limits) -> None:
        every = min(LOOK_EVERY, limits.served.total_seconds() / 5)
        while True:
            with suppress(Unavailable):  # then the index grows older, since nothing says that it is current
                await self.look()
                self._require_a_place(limits)
                self._require_events(limits)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), every)
            self._hurry.clear()

    def _come_further(self) -> None:
        if self._freshness.come_to(self.taken()):
            self._stirred.notify()

    def _require_a_place(self, limits: Limits) -> None:
        if any(offset > self._end.get(place, offset) for place, offset in self._positions.offsets.items()):
            raise Lost("the log ends before the place that was reached: it is another one")
        if self._ports.clock() - (self.current_at or self._began) > limits.forgotten:
            raise Lost("the index was behind for longer than the log keeps that somebody was erased")

    def _require_events(self, limits: Limits) -> None:
        """Follow anew where the log goes on and nothing comes; give the place up if that does not help.

        What was compacted away at the very end of a log never comes: then, too, a snapshot is what helps.
        """
        if self._taking or Mark(self._quiet_since, self._end).is_reached(self._positions.offsets):
            self._quiet_since = self._ports.clock()
        silent = self._ports.clock() - self._quiet_since
        if silent > limits.given_up:
            raise Lost("the log goes on, but nothing of it comes")
        if silent > limits.silent and not self._restarted:
            self._restarted = True
            self._stalled.set()
