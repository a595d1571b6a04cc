"""Finding in the audit trail what concerns one person."""

from collections.abc import AsyncIterator

from careweave.events.port import Delivered
from careweave.v1.audit_pb2 import AuditBatch, AuditEntry


async def entries_about(batches: AsyncIterator[Delivered], pseudonym: str) -> list[AuditEntry]:
    """Return the entries that name `pseudonym` among those whom they were about, the newest first.

    batches: all that the audit topic keeps.
    """
    wanted = pseudonym.encode()
    found: dict[tuple[str, int], list[AuditEntry]] = {}
    async for delivered in batches:
        payload = delivered.event.payload
        if payload and wanted in payload:  # most batches need not be read for that
            batch = AuditBatch.FromString(payload)
            # By number: a batch that was written twice counts once.
            found[batch.chain, batch.number] = [each for each in batch.entries if pseudonym in each.pseudonyms]
    entries = [entry for each in found.values() for entry in each]
    return sorted(entries, key=lambda entry: entry.access_time.ToNanoseconds(), reverse=True)
