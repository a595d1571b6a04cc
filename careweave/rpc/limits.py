"""What one caller may ask of a server: so many calls a second and at once, however many others call.

A bucket for each caller fills at a steady rate and is emptied by calls. Those who run the installation and
its services among themselves have no such limit: loading a place takes thousands of calls. A caller is who
the token says; a portal that calls for many people has a token for each.
"""

from collections.abc import Callable
from types import TracebackType
from typing import Final

from careweave.errors import RateLimited
from careweave.policy import Caller, Role

BURST_SECONDS: Final = 10.0
"""A bucket holds what comes in so many seconds."""
AT_ONCE: Final = 64
"""Calls and streams of one caller that may be under way at once."""
MOST_BUCKETS: Final = 100_000
"""Buckets that are kept; beyond, those that are full again go."""

_UNLIMITED: Final = frozenset({Role.OPERATOR, Role.SERVICE})


class _Bucket:
    __slots__ = ("at", "calls", "under_way")

    def __init__(self, calls: float, at: float) -> None:
        self.calls = calls
        self.at = at
        self.under_way = 0


class Limits:
    """The buckets of one server.

    per_second: calls of one caller in the long run.
    now: seconds of a clock that never goes back.
    """

    def __init__(self, per_second: float, now: Callable[[], float]) -> None:
        """Begin with every bucket full."""
        self._per_second = per_second
        self._most = max(1.0, per_second * BURST_SECONDS)
        self._now = now
        self._buckets: dict[Caller, _Bucket] = {}

    def turn(self, caller: Caller) -> "Turn":
        """Return the turn of a call of `caller`, to be entered and left.

        Raises:
            RateLimited: too many calls in too short a time, or at once.
        """
        if caller.role in _UNLIMITED:
            return _FREE
        bucket = self._filled(caller)
        if bucket.under_way >= AT_ONCE:
            raise RateLimited(
                f"{AT_ONCE} calls of this caller are under way; wait until some have ended.",
                reason="TOO_MANY_AT_ONCE",
                metadata={"at_once": str(AT_ONCE)},
                seconds=1.0,
            )
        if bucket.calls < 1.0:
            raise RateLimited(
                f"More than {self._per_second:g} calls a second of this caller; wait a moment.",
                reason="TOO_MANY_CALLS",
                metadata={"calls_per_second": f"{self._per_second:g}"},
                seconds=(1.0 - bucket.calls) / self._per_second,
            )
        bucket.calls -= 1.0
        return Turn(bucket)

    def _filled(self, caller: Caller) -> _Bucket:
        now = self._now()
        bucket = self._buckets.get(caller)
        if bucket is None:
            if len(self._buckets) >= MOST_BUCKETS:
                self._drop_full(now)
            bucket = self._buckets[caller] = _Bucket(self._most, now)
            return bucket
        bucket.calls = min(self._most, bucket.calls + (now - bucket.at) * self._per_second)
        bucket.at = now
        return bucket

    def _drop_full(self, now: float) -> None:
        kept = {
            caller: bucket
            for caller, bucket in self._buckets.items()
            if bucket.under_way or bucket.calls + (now - bucket.at) * self._per_second < self._most
        }
        if len(kept) >= MOST_BUCKETS:  # then memory goes before exactness
            kept = {caller: bucket for caller, bucket in kept.items() if bucket.under_way}
        self._buckets = kept


class Turn:
    """One call under way, for a `with` block."""

    __slots__ = ("_bucket",)

    def __init__(self, bucket: _Bucket | None) -> None:
        """Count it in `bucket`; None where nothing is counted."""
        self._bucket = bucket

    def __enter__(self) -> None:
        """Begin."""
        if self._bucket is not None:
            self._bucket.under_way += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""
        if self._bucket is not None:
            self._bucket.under_way -= 1


_FREE: Final = Turn(None)
