"""Who has seen or changed what is held about a person, for that person to read."""

from typing import Final

from careweave.audit.search import entries_about
from careweave.events.port import EventLog, Topic
from careweave.events.reading import all_kept
from careweave.policy import Action, Caller, Resource, authorise
from careweave.v1.audit_pb2 import AuditEntry, ListRecordedAccessesRequest, RecordedAccess
from careweave_profiles.people import existing_person
from careweave_profiles.ports import Ports
from careweave_profiles.pseudonyms import known_pseudonym

_SOURCE_SYSTEMS: Final = "sourceSystems/"


async def list_accesses(
    ports: Ports, events: EventLog, caller: Caller, request: ListRecordedAccessesRequest, *, after: str, limit: int
) -> tuple[list[RecordedAccess], str]:
    """Return at most `limit` accesses past the place `after`, newest first, and where the next page begins.

    The second result is empty at the end. It reads the whole audit topic: some seconds for ten million entries.

    Raises:
        Forbidden: `caller` may not.
        NotFound: there is no such person.
    """
    authorise(caller, Action.LIST_RECORDED_ACCESSES, Resource(person=request.parent))
    pseudonym = await known_pseudonym(ports.graph, request.parent)
    if not pseudonym:
        await existing_person(ports.graph, request.parent)
        return [], ""
    found = await entries_about(all_kept(events, Topic.AUDIT), pseudonym)
    wanted = [each for each in found if not (request.others_only and each.caller_pseudonym == pseudonym)]
    newest, start = _place(after) if after else (_nanoseconds(wanted[0]) if wanted else 0, 0)
    wanted = [each for each in wanted if _nanoseconds(each) <= newest]  # what came since would shift the pages
    page = [as_seen(each, pseudonym) for each in wanted[start : start + limit]]
    return page, f"{newest} {start + limit}" if start + limit < len(wanted) else ""


def _place(after: str) -> tuple[int, int]:
    """Return the time of the newest access on the first page, in nanoseconds, and how many were shown since."""
    newest, _, start = after.partition(" ")
    return int(newest), int(start)


def _nanoseconds(entry: AuditEntry) -> int:
    return entry.access_time.ToNanoseconds()


def as_seen(entry: AuditEntry, pseudonym: str) -> RecordedAccess:
    """Return what the person may know: role and organisation of the caller, not who it was."""
    return RecordedAccess(
        access_time=entry.access_time,
        action=entry.action,
        role=entry.role,
        organisation=entry.organisation,
        source_system=entry.caller if entry.caller.startswith(_SOURCE_SYSTEMS) else "",
        own=entry.caller_pseudonym == pseudonym,
        outcome=entry.outcome,
    )
