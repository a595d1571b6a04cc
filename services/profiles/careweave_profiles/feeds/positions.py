"""How far each feed has been answered."""

from dataclasses import dataclass
from typing import Final, cast

from careweave.graph.port import Query, Reads, UnitOfWork

POSITION: Final = Query("feed_position", "MATCH (p:FeedPosition {name: $name}) RETURN p.position AS position")


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a feed.

    source_system: `sourceSystems/…`. feed: which one of it. position: from 1; 0 is before the first.
    """

    source_system: str
    feed: str
    position: int = 0

    @property
    def name(self) -> str:
        """Return the name under which it is kept."""
        return f"{self.source_system}/feeds/{self.feed}"


async def acknowledged(reads: Reads, mark: Mark) -> int:
    """Return the greatest position that was answered of the feed of `mark`; 0 if none was."""
    rows = await reads.run(POSITION, name=mark.name)
    return cast("int", rows[0]["position"]) if rows else 0


async def keep_position(unit: UnitOfWork, mark: Mark) -> None:
    """Note that the feed has been answered up to `mark`; what was noted beyond that stays."""
    position = max(mark.position, await acknowledged(unit, mark))
    await unit.merge_nodes("FeedPosition", [{"name": mark.name, "position": position}])
