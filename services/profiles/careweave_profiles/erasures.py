"""What remains of a deleted person: the digest of their name, and the version they had come to.

Consumers of events ignore versions that they have seen. A person made again under the same id must
therefore not begin at 1. Neither the name nor anything else about the person is kept; the digest of
a random id leads back to nobody.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final, cast

from careweave.graph.port import Query, Reads, UnitOfWork

ERASURES: Final = Query(
    "erasures",
    "UNWIND $digests AS wanted MATCH (e:Erasure {digest: wanted}) RETURN e.digest AS digest, e.version AS version",
)


async def last_versions(reads: Reads, names: Sequence[str]) -> dict[str, int]:
    """Return the version of the tombstone of each of `names` that was deleted."""
    by_digest = {_digest(name): name for name in names}
    if not by_digest:
        return {}
    answer = await reads.run(ERASURES, digests=list(by_digest))
    return {by_digest[str(row["digest"])]: cast("int", row["version"]) for row in answer}


async def remember(unit: UnitOfWork, name: str, version: int) -> None:
    """Keep `version`, that of the tombstone of `name`."""
    await unit.merge_nodes("Erasure", [{"digest": _digest(name), "version": version}])


def _digest(name: str) -> str:
    return sha256(name.encode()).hexdigest()
