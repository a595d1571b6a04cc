"""A member of a consumer group at work."""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Callable
from typing import Protocol, TypeVar

from careweave.errors import CareweaveError
from careweave.events.port import Handle
from careweave.events.sqlite import groups, records
from careweave.events.sqlite.groups import Membership, Place
from careweave.events.wakeup import Wakeup

T = TypeVar("T")
_log = logging.getLogger(__name__)


class OpenLog(Protocol):
    """What a member needs of the log it reads."""

    appended: Wakeup
    """Notified when there may be something new to read or to take."""
    closed: bool
    poll_seconds: float
    """How often to look for what other processes did."""

    def now(self) -> float:
        """Return the time, in seconds, by which leases are kept."""
        ...

    async def read(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `job` returns."""
        ...

    async def write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `job` returns once its changes are durable."""
        ...


class Member:
    """Handles the events of the partitions that fall to it, until cancelled or an error ends it."""

    def __init__(self, log: OpenLog, who: Membership, handle: Handle, most: int) -> None:
        """Begin with no partition. most: events given to `handle` at once."""
        self._log = log
        self._who = who
        self._handle = handle
        self._most = most
        self._held: set[Place] = set()

    async def run(self) -> None:
        """Consume without end; leave the group on the way out."""
        renewing = asyncio.create_task(self._renew())
        try:
            while not self._log.closed:
                seen = self._log.appended.count
                await self._settle_share()
                handled = [await self._handle_some(place) for place in sorted(self._held)]
                if not any(handled):
                    await self._log.appended.wait(seen, self._log.poll_seconds)
        finally:
            renewing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await renewing
            if not self._log.closed:
                await asyncio.shield(self._leave())

    async def _leave(self) -> None:
        await self._log.write(lambda connection: groups.leave(connection, self._who))
        self._log.appended.notify()  # Those who stay look at once at what has become free.

    async def _settle_share(self) -> None:
        now = self._log.now()
        live = await self._log.read(lambda connection: groups.members(connection, self._who, now))
        joins = any(self._who.member not in live[topic] for topic in self._who.topics)
        if not joins and groups.share_of(self._who, live) == self._held:
            return
        held = await self._log.write(lambda connection: groups.claim(connection, self._who, now))
        if joins or self._held - held:
            self._log.appended.notify()  # Others of this process look at once at what they must give or may take.
        self._held = held

    async def _handle_some(self, place: Place) -> bool:
        group = self._who.group
        start = await self._log.read(lambda connection: groups.position(connection, group, place))
        batch = await self._log.read(lambda connection: records.read(connection, *place, start, self._most))
        if batch and place in self._held:  # Its lease may have been lost meanwhile.
            await self._handle(batch)
            await asyncio.shield(self._commit(place, batch[-1].offset + 1))
        return bool(batch)

    async def _commit(self, place: Place, following: int) -> None:
        kept = await self._log.write(lambda connection: groups.commit_position(connection, self._who, place, following))
        if not kept:
            self._held.discard(place)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._who.lease_seconds / 3)
            try:
                held = await self._log.write(self._renewed)
            except CareweaveError as error:
                # What is not renewed runs out, and another member may then take it.
                _log.warning("group %s: leases were not renewed: %s", self._who.group, error)
            else:
                self._held &= held

    def _renewed(self, connection: sqlite3.Connection) -> set[Place]:
        return groups.renew(connection, self._who, self._log.now())
