"""What topics are made with, and how long each keeps its events."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from careweave.events.port import Topic


@dataclass(frozen=True, slots=True)
class Kept:
    """How long a topic keeps its events.

    compacted: whether it keeps the last event of each key for good.
    days: how long it keeps all events, if it is not compacted; None is by the installation's retention rule.
    spread: how many times the usual number of partitions it has.
    """

    compacted: bool = False
    days: int | None = None
    spread: int = 1


KEPT: Final[Mapping[Topic, Kept]] = {
    Topic.OPPORTUNITIES: Kept(compacted=True),
    Topic.PROFILES: Kept(compacted=True),
    Topic.MATCHES: Kept(days=30),
    Topic.APPLICATIONS: Kept(),
    Topic.DECISIONS: Kept(spread=8),  # What is recalled of a key has its whole partition read.
    Topic.REVIEWS: Kept(),
    Topic.HR_UPDATES: Kept(days=7),
    Topic.HR_REJECTED: Kept(days=7),
    # No token is taken that is good for more than a day.
    Topic.REVOCATIONS: Kept(days=2),
    # Six years, within which a claim can be brought (Limitation Act 1980, sections 2 and 5).
    Topic.AUDIT: Kept(days=2192),
}
TOMBSTONE_DAYS: Final = 7
"""How long compaction leaves a tombstone for those who follow; who was away for longer builds anew."""
SLACK_DAYS: Final = 1
"""How long Kafka may take, at most, until it begins to do what is due: it neither drops from nor compacts the segment
that it writes to, so that one is closed daily, and compacted within a day. An event may stay so much longer."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """What topics are made with.

    partitions: of each, unless it is spread wider; fixed for its life, since it decides which partition a key is in.
    replication: copies of each event; 0 is three, or as many as there are brokers if those are fewer.
    keep_days: how long topics under the retention rule keep events; 0 is without end.
    """

    partitions: int
    replication: int = 0
    keep_days: int = 0


@dataclass(frozen=True, slots=True)
class TopicState:
    """What became of a topic.

    topic: its name on the engine.
    missing: whether it was not there; then it has been made, unless nothing was to be changed.
    differs: for one that was there, what is not as it would be made, each as `<what>: <is>, not <would be>`.
    """

    topic: str
    missing: bool
    differs: tuple[str, ...] = ()
