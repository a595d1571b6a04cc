"""By which pseudonyms the audit trail knows people: made when first needed, destroyed with the person.

A pseudonym is random and stands nowhere but here and in the trail. Once the node is gone, nobody can tell
whom the entries speak of.
"""

from collections.abc import Sequence
from typing import Final

from careweave.audit.asked import note_pseudonym
from careweave.graph.port import Query, Reads, UnitOfWork
from careweave.policy import Action, Caller, authorise
from careweave_profiles import store
from careweave_profiles.ports import Ports

PSEUDONYMS: Final = Query(
    "audit_pseudonyms",
    "UNWIND $names AS wanted MATCH (a:AuditPseudonym {name: wanted}) RETURN a.name AS name, a.pseudonym AS pseudonym",
)
DESTROY: Final = Query("destroy_audit_pseudonym", "MATCH (a:AuditPseudonym {name: $name}) DELETE a")


async def batch_get(ports: Ports, caller: Caller, names: Sequence[str]) -> dict[str, str]:
    """Return the pseudonyms of `names`; who does not exist is left out.

    Raises:
        Forbidden: `caller` may not.
    """
    authorise(caller, Action.BATCH_GET_AUDIT_PSEUDONYMS)
    return await pseudonyms(ports, names)


async def pseudonyms(ports: Ports, names: Sequence[str]) -> dict[str, str]:
    """Return the pseudonyms of those of `names` who exist, making those that are missing."""
    known = await _known(ports.graph, names)
    new = [name for name in names if name not in known]
    if not new:
        return known
    async with ports.graph.unit_of_work() as unit:
        present = await store.versions(unit, new)
        known |= await _known(unit, list(present))  # somebody else may have been first
        made = {name: ports.new_id() for name in present if name not in known}
        if made:
            rows = [{"name": name, "pseudonym": pseudonym} for name, pseudonym in made.items()]
            await unit.merge_nodes("AuditPseudonym", rows)
    return known | made


async def known_pseudonym(reads: Reads, name: str) -> str:
    """Return the pseudonym of `name`, empty if there is none yet."""
    return (await _known(reads, [name])).get(name, "")


async def destroy(unit: UnitOfWork, name: str) -> None:
    """Destroy the pseudonym of somebody who is being erased; the entry of the erasure itself still gets it."""
    pseudonym = await known_pseudonym(unit, name)
    if pseudonym:
        note_pseudonym(name, pseudonym)
        await unit.run(DESTROY, name=name)


async def _known(reads: Reads, names: Sequence[str]) -> dict[str, str]:
    if not names:
        return {}
    answer = await reads.run(PSEUDONYMS, names=list(names))
    return {str(row["name"]): str(row["pseudonym"]) for row in answer}
