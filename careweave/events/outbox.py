"""From the graph's outbox to the event log, and effects that happen once.

One relay per source publishes what units of work have emitted. It holds a lease, kept in the graph
with a token that grows with each new holder, and deletes what it has published in a unit of work that
checks the token. If it dies between the two, the next one publishes the same events again, with the
same ids and versions; `apply_once` lets their effects happen once.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, cast

from careweave.errors import CareweaveError
from careweave.events.port import Event, EventLog
from careweave.events.wakeup import Wakeup
from careweave.graph.outbox_rows import event_of
from careweave.graph.port import Graph, Query, Row, UnitOfWork

LEASE: Final = timedelta(seconds=10)
"""How long after its last renewal a relay's lease may be taken over."""
POLL_SECONDS: Final = 0.25
"""How often to look for what other processes emitted; within a process the relay is woken."""
BATCH: Final = 500
_LONGEST_PAUSE: Final = 5.0
_MOST_UNDELETED: Final = 2000

_PENDING: Final = Query(
    "outbox.pending",
    """
    MATCH (o:Outbox) WHERE o.source = $source AND NOT o.id IN $published
    RETURN o.id AS id, o.event_id AS event_id, o.topic AS topic, o.type AS type, o.source AS source,
           o.key AS key, o.version AS version, o.position AS position, o.time AS time,
           o.payload AS payload, o.traceparent AS traceparent
    ORDER BY key, version, position LIMIT $limit
    """,
)
_PUBLISHED: Final = Query("outbox.published", "MATCH (o:Outbox) WHERE o.id IN $ids DELETE o")
_LEASE: Final = Query(
    "outbox.lease",
    "MATCH (l:Lease) WHERE l.id = $id RETURN l.token AS token, l.expire_time AS expire_time",
)
_APPLIED: Final = Query("outbox.applied", "MATCH (r:EffectRecord) WHERE r.id = $id RETURN r.version AS version")

_log = logging.getLogger(__name__)


async def apply_once(unit: UnitOfWork, effect: str, event: Event) -> bool:
    """Return whether `effect` of `event` has yet to happen, noting in `unit` that it now does.

    It has happened when this effect has seen this or a later version of the event's aggregate.

    effect: name of the effect, unique to it, for example `matching.index-profile`.
    """
    record = f"{effect} {event.key}"
    # Merged before it is read, so that an engine with several writers holds it against others.
    await unit.merge_nodes("EffectRecord", [{"id": record}])
    rows = await unit.run(_APPLIED, id=record)
    seen = rows[0]["version"]
    if isinstance(seen, int) and seen >= event.version:
        return False
    await unit.merge_nodes("EffectRecord", [{"id": record, "version": event.version}])
    return True


@dataclass(frozen=True, slots=True)
class _Holding:
    token: int
    expires: datetime


class Relay:
    """Moves one source's events from the graph to the log, in order of version for each key.

    Any number may run for a source; one at a time works, the others wait to take over.
    """

    def __init__(
        self,
        graph: Graph,
        events: EventLog,
        source: str,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        """Relay the events whose `Event.source` is `source`."""
        self._graph = graph
        self._events = events
        self._source = source
        self._clock = clock
        self._holder = new_id()
        self._holding: _Holding | None = None
        self._holding_on = asyncio.Lock()
        self._to_delete = Wakeup()
        self._published: list[str] = []
        """Ids of outbox nodes that the log has and the graph has not yet deleted."""

    async def run(self) -> None:
        """Relay until cancelled; pause and try again when the graph or the log does not answer."""
        pause = POLL_SECONDS
        deleting = asyncio.create_task(self._keep_deleting())
        try:
            while True:
                seen = self._graph.emitted.count
                try:
                    moved = await self._publish()
                except CareweaveError as error:
                    _log.warning("events of %s wait in the outbox: %s", self._source, error)
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE)
                    continue
                pause = POLL_SECONDS
                if not moved:
                    await self._graph.emitted.wait(seen, POLL_SECONDS)
        finally:
            deleting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await deleting
            await asyncio.shield(self._give_up())

    async def relay_once(self) -> int:
        """Publish and delete what is pending, at most a batch; returns how many events went.

        Returns 0, too, when another relay holds the lease.

        Raises:
            CareweaveError: the graph or the log does not answer; nothing is lost.
        """
        moved = await self._publish()
        await self._delete()
        return moved

    async def _publish(self) -> int:
        if len(self._published) >= _MOST_UNDELETED:
            await self._delete()
        rows = await self._pending()
        if rows and self._must_renew():
            # Read again with the lease: another relay may have published some meanwhile.
            rows = await self._pending() if await self._hold() else []
        if rows:
            await self._events.append([event_of(row) for row in rows])
            self._published += [str(row["id"]) for row in rows]
            self._to_delete.notify()
        return len(rows)

    async def _keep_deleting(self) -> None:
        """Delete beside publishing, so that an event need not wait for its turn among the writers."""
        while True:
            seen = self._to_delete.count
            try:
                await self._delete()
            except CareweaveError as error:
                _log.warning("published events of %s stay in the outbox for now: %s", self._source, error)
            await self._to_delete.wait(seen, POLL_SECONDS)

    async def _delete(self) -> None:
        if self._published:
            await self._hold()

    async def _pending(self) -> list[Row]:
        return await self._graph.run(_PENDING, source=self._source, limit=BATCH, published=self._published)

    def _must_renew(self) -> bool:
        return self._holding is None or self._holding.expires - self._clock() < LEASE / 2

    async def _hold(self) -> bool:
        """Take or renew the lease and, with it, delete what is published; returns whether it is held."""
        async with self._holding_on:
            published = list(self._published)
            async with self._graph.unit_of_work() as unit:
                holding = await self._renewed(unit)
                if holding is not None and published:
                    await unit.run(_PUBLISHED, ids=published)
            self._holding = holding
            # Without the lease they are the next relay's to publish and delete.
            self._published = self._published[len(published) :]
            return holding is not None

    async def _renewed(self, unit: UnitOfWork) -> _Holding | None:
        now = self._clock()
        # Merged before it is read, so that an engine with several writers holds it against others.
        await unit.merge_nodes("Lease", [{"id": self._source}])
        lease = (await unit.run(_LEASE, id=self._source))[0]
        token = cast("int | None", lease["token"]) or 0
        until = cast("datetime | None", lease["expire_time"])
        mine = self._holding is not None and self._holding.token == token
        if not mine and until is not None and until > now:
            return None
        holding = _Holding(token if mine else token + 1, now + LEASE)
        await unit.merge_nodes(
            "Lease",
            [{"id": self._source, "holder": self._holder, "token": holding.token, "expire_time": holding.expires}],
        )
        return holding

    async def _give_up(self) -> None:
        """Delete what is published and let the next relay start at once."""
        if self._holding is None:
            return
        with contextlib.suppress(CareweaveError):  # Then the lease runs out, and the next relay publishes again.
            await self._delete()
            async with self._graph.unit_of_work() as unit:
                if await self._renewed(unit) is not None:
                    await unit.merge_nodes("Lease", [{"id": self._source, "expire_time": None}])
        self._holding = None
