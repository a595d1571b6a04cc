"""What sources call skills and the taxonomy does not know: kept with the records that say it, and listed."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Final, cast

from careweave.graph.port import Query, UnitOfWork
from careweave.policy import Action, Caller, Resource, authorise
from careweave.v1.hr_pb2 import ListUnresolvedSkillsRequest, UnresolvedSkill
from careweave_profiles.feeds.wordings import Wording
from careweave_profiles.ports import Ports

MENTIONED: Final = Query(
    "unresolved_of_records",
    "UNWIND $names AS wanted MATCH (f:FeedRecord {name: wanted}) OPTIONAL MATCH (f)-[:MENTIONS]->(u:UnresolvedSkill) "
    "WITH u WHERE u.name IS NOT NULL RETURN DISTINCT u.name AS name",
)
UNMENTION: Final = Query(
    "unmention",
    "UNWIND $names AS wanted MATCH (f:FeedRecord {name: wanted}) "
    "OPTIONAL MATCH (f)-[r:MENTIONS]->(:UnresolvedSkill) DELETE r",
)
STILL_MENTIONED: Final = Query(
    "still_mentioned",
    "UNWIND $names AS wanted MATCH (u:UnresolvedSkill {name: wanted}) OPTIONAL MATCH (u)<-[:MENTIONS]-(f:FeedRecord) "
    "WITH u, f WHERE f.name IS NOT NULL RETURN DISTINCT u.name AS name",
)
DROP: Final = Query("drop_unresolved", "UNWIND $names AS wanted MATCH (u:UnresolvedSkill {name: wanted}) DELETE u")
LIST: Final = Query(
    "unresolved_after",
    "MATCH (u:UnresolvedSkill) WHERE u.source_system = $source_system AND u.name > $after "
    "MATCH (u)<-[:MENTIONS]-(f:FeedRecord) "
    "RETURN u.name AS name, u.kind AS kind, u.wording AS wording, count(f) AS records ORDER BY name LIMIT $limit",
)


async def write_unresolved(
    unit: UnitOfWork, source_systems: Mapping[str, str], mentioned: Mapping[str, Sequence[Wording]]
) -> None:
    """Note which wordings each record mentions now, in the place of those it mentioned before.

    source_systems, mentioned: by name of the record; all records exist. What no record mentions any more goes.
    """
    records = sorted(mentioned)
    before = [str(row["name"]) for row in await unit.run(MENTIONED, names=records)]
    await unit.run(UNMENTION, names=records)
    nodes: dict[str, dict[str, object]] = {}
    links: list[dict[str, object]] = []
    for record in records:
        for wording in mentioned[record]:
            name = _name(source_systems[record], wording)
            nodes[name] = {
                "name": name,
                "source_system": source_systems[record],
                "kind": wording.kind,
                "wording": wording.words,
            }
            links.append({"source": record, "target": name})
    if nodes:
        await unit.merge_nodes("UnresolvedSkill", list(nodes.values()))
        await unit.merge_relationships("MENTIONS", "FeedRecord", "UnresolvedSkill", links)
    await _drop_unmentioned(unit, [name for name in before if name not in nodes])


async def list_unresolved(
    ports: Ports, caller: Caller, request: ListUnresolvedSkillsRequest, after: str, limit: int
) -> tuple[list[UnresolvedSkill], str]:
    """Return at most `limit` wordings past the place `after`, and where the next page begins, empty at the end.

    Raises:
        Forbidden: `caller` may not.
    """
    authorise(caller, Action.LIST_UNRESOLVED_SKILLS, Resource(source_system=request.parent))
    rows = await ports.graph.run(LIST, source_system=request.parent, after=after, limit=limit + 1)
    found = [
        UnresolvedSkill(wording=str(row["wording"]), kind=str(row["kind"]), record_count=cast("int", row["records"]))
        for row in rows[:limit]
    ]
    return found, str(rows[limit - 1]["name"]) if len(rows) > limit else ""


async def _drop_unmentioned(unit: UnitOfWork, names: Sequence[str]) -> None:
    if names:
        still = {str(row["name"]) for row in await unit.run(STILL_MENTIONED, names=list(names))}
        gone = [name for name in names if name not in still]
        if gone:
            await unit.run(DROP, names=gone)


def _name(source_system: str, wording: Wording) -> str:
    text = f"{source_system}\0{wording.kind}\0{wording.words}"
    return f"unresolvedSkills/{sha256(text.encode()).hexdigest()[:32]}"
