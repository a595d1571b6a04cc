"""What is revoked: followed on its topic, so that every server of an installation knows within a moment.

A server that has not read the topic yet lets nobody in: it could take a token for good that is revoked. One that has
read it goes on with what it knows while the log is away.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final

from careweave.errors import FailedPrecondition, Unavailable
from careweave.events.port import Delivered, Event, EventLog, Positions, Topic
from careweave.identity.claims import LONGEST_LIFETIME_SECONDS, SKEW_SECONDS, Identified
from careweave.v1.events_pb2 import TokensRevoked

_LOG: Final = logging.getLogger(__name__)
_TOPICS: Final = (Topic.REVOCATIONS,)
_PREFIX: Final = "revocations/"
_PATIENCE_SECONDS: Final = 5.0
"""For which a call waits until the topic has been read."""
_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 5.0
_SOURCE: Final = "/careweave/access"


class Revocations:
    """Digests of what is revoked, each with the time until which tokens issued are refused."""

    def __init__(self) -> None:
        """Know nothing, not even that there is nothing."""
        self._revoked: dict[str, tuple[int, float]] = {}
        self._known = asyncio.Event()
        self._changes: list[Callable[[], None]] = []

    def on_change(self, act: Callable[[], None]) -> None:
        """Call `act` whenever something is revoked."""
        self._changes.append(act)

    def known(self) -> bool:
        """Tell whether the topic has been read to where it ended at the start."""
        return self._known.is_set()

    async def until_known(self) -> None:
        """Return once `known`.

        Raises:
            Unavailable: the log does not answer.
        """
        if self._known.is_set():
            return
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._known.wait()
        except TimeoutError as error:
            raise Unavailable(
                "Which tokens are revoked is not known yet, since the event log does not answer; try again.",
                reason="REVOCATIONS_UNKNOWN",
            ) from error

    def cover(self, found: Identified) -> bool:
        """Tell whether the token by which somebody was identified is revoked."""
        return any(found.issued_at <= self._revoked.get(digest, (0, -1.0))[1] for digest in found.digests)

    def event(self, digest: str, now: datetime, event_id: str) -> Event:
        """Return what is to be appended so that tokens of `digest` issued until `now` are refused."""
        payload = TokensRevoked()
        payload.revoke_time.FromDatetime(now)
        return Event(
            topic=Topic.REVOCATIONS,
            id=event_id,
            type=TokensRevoked.DESCRIPTOR.full_name,
            source=_SOURCE,
            key=f"{_PREFIX}{digest}",
            version=self._revoked.get(digest, (0, 0.0))[0] + 1,
            time=now,
            payload=payload.SerializeToString(),
        )

    def take(self, event: Event) -> None:
        """Take in an event of the topic; again is harmless."""
        digest = event.key.removeprefix(_PREFIX)
        at = TokensRevoked.FromString(event.payload or b"").revoke_time.ToMicroseconds() / 1e6
        if at > self._revoked.get(digest, (0, -1.0))[1]:
            spent = at - LONGEST_LIFETIME_SECONDS - SKEW_SECONDS  # tokens of before have all expired
            self._revoked = {each: kept for each, kept in self._revoked.items() if kept[1] > spent}
            self._revoked[digest] = (event.version, at)
            for act in self._changes:
                act()

    async def follow(self, log: EventLog) -> None:
        """Follow the topic on `log` until cancelled, patiently where it does not answer."""
        pause, positions = _FIRST_PAUSE, Positions()
        while True:
            try:
                end = await log.end(_TOPICS)
                self._note(positions, end)
                async for delivered in log.follow(_TOPICS, positions):
                    positions = self._taken(delivered, positions, end)
                    pause = _FIRST_PAUSE
            except Unavailable:
                _LOG.warning("the event log does not answer; trying again", extra={"pause_seconds": pause})
            except FailedPrecondition as error:  # the place is lost: what is kept of the topic is read from its start
                _LOG.warning("revocations are read anew", extra={"reason": error.reason})
                positions = Positions()
            await asyncio.sleep(pause)
            pause = min(_LONGEST_PAUSE, 2 * pause)

    def _taken(self, delivered: Delivered, positions: Positions, end: Positions) -> Positions:
        self.take(delivered.event)
        reached = positions.after(delivered)
        self._note(reached, end)
        return reached

    def _note(self, reached: Positions, end: Positions) -> None:
        if all(reached.offsets.get(place, 0) >= offset for place, offset in end.offsets.items()):
            self._known.set()
