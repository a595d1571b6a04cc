"""What earlier rankings were made from and is no longer current: superseded opportunities, and positions of places.

Neither is about people. A version of an opportunity is kept in the unit of work of the change that ends it, and for as
long as rankings are; the register of places under its digest, before the first ranking that is reckoned by it.
"""

import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, cast

from careweave.graph.port import Graph, Query, Reads, UnitOfWork
from careweave.v1.matching_pb2 import Opportunity as Message
from careweave_matching import store
from careweave_matching.geography import Geography
from careweave_matching.messages import opportunity_message, read_kept
from careweave_matching.model import Opportunity

VERSIONS: Final = Query(
    "opportunity_versions",
    "UNWIND $names AS wanted MATCH (v:OpportunityVersion {name: wanted}) RETURN v.name AS name, v.snapshot AS snapshot",
)
COUNT_OLD: Final = Query(
    "count_old_opportunity_versions",
    "MATCH (v:OpportunityVersion) WHERE v.supersede_time <= $before RETURN count(*) AS times",
)
DROP_OLD: Final = Query(
    "drop_old_opportunity_versions", "MATCH (v:OpportunityVersion) WHERE v.supersede_time <= $before DELETE v"
)
REGISTER: Final = Query(
    "place_register", "MATCH (r:PlaceRegister {name: $name}) RETURN r.name AS name, r.snapshot AS snapshot"
)


async def keep_opportunities(unit: UnitOfWork, superseded: Sequence[Opportunity], now: datetime) -> None:
    """Keep the versions of opportunities that end now."""
    rows = [
        {
            "name": _name(each.name, each.version),
            "supersede_time": now,
            "snapshot": zlib.compress(opportunity_message(each, _no_label).SerializeToString(deterministic=True)),
        }
        for each in superseded
    ]
    await unit.merge_nodes("OpportunityVersion", rows)


def _no_label(skill: str) -> str:
    del skill
    return ""


async def opportunities(reads: Reads, versions: Mapping[str, int]) -> dict[str, Opportunity]:
    """Return those of the opportunities, by name, that are kept at the version wanted, the present one included."""
    present = await store.opportunities(reads, list(versions))
    found = {each.name: each for each in present if each.version == versions[each.name]}
    names = {_name(name, version): name for name, version in versions.items() if name not in found}
    for row in await reads.run(VERSIONS, names=list(names)) if names else ():
        snapshot = zlib.decompress(cast("bytes", row["snapshot"]))
        found[names[str(row["name"])]] = read_kept(Message.FromString(snapshot))
    return found


async def drop_opportunities(graph: Graph, before: datetime, *, dry: bool) -> int:
    """Delete the versions that ended before `before`, or only count them; returns how many."""
    old = cast("int", (await graph.run(COUNT_OLD, before=before))[0]["times"])
    if old and not dry:
        async with graph.unit_of_work() as unit:
            await unit.run(DROP_OLD, before=before)
    return old


async def keep_places(graph: Graph, geography: Geography) -> None:
    """Keep where the places are, unless that is kept already."""
    if await graph.run(REGISTER, name=geography.digest):
        return
    async with graph.unit_of_work() as unit:
        row = {"name": geography.digest, "snapshot": zlib.compress(geography.positions)}
        await unit.merge_nodes("PlaceRegister", [row])


async def places(reads: Reads, digest: str) -> Geography | None:
    """Return where the places were, None if that is not kept."""
    rows = await reads.run(REGISTER, name=digest)
    return Geography.at(zlib.decompress(cast("bytes", rows[0]["snapshot"]))) if rows else None


def _name(opportunity: str, version: int) -> str:
    return f"{opportunity}/versions/{version}"
