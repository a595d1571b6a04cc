"""Verifying the chains of the audit trail: nothing altered, left out or put in between."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from google.protobuf.message import DecodeError

from careweave.events.port import Delivered
from careweave.v1.audit_pb2 import AuditBatch


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain had come to when somebody looked, as `careweave audit verify --heads` writes it down.

    digest: of batch `number`, in hexadecimal. ended: when that was written.
    """

    number: int
    digest: str
    ended: datetime


@dataclass(slots=True)
class Chain:
    """What one process wrote.

    first, last: numbers of the first and last batch that are kept; a first above 1 is what retention leaves.
    entries: in all of them. ended: when the last was written. closed: whether its process ended in order; if not, it
    runs, or was killed.
    digest: of the last batch, in hexadecimal: kept elsewhere, it shows later whether the end was cut off.
    faults: what does not hold, in words.
    """

    name: str
    first: int = 0
    last: int = 0
    entries: int = 0
    ended: datetime | None = None
    closed: bool = False
    digest: str = ""
    faults: list[str] = field(default_factory=list)


async def verify(
    batches: AsyncIterator[Delivered], heads: Mapping[str, Head], kept_from: datetime
) -> tuple[list[Chain], list[str]]:
    """Return the chains in `batches`, by name, and what is missing of those in `heads`, in words.

    batches: all that the audit topic keeps.
    heads: where chains had come to before: what a chain cannot tell itself is that its end was cut off.
    kept_from: since when batches are kept; what ended before may be gone.
    """
    chains: dict[str, Chain] = {}
    met: set[str] = set()
    async for delivered in batches:
        event = delivered.event
        chain = chains.setdefault(event.key, Chain(event.key))
        payload = event.payload or b""
        digest = sha256(payload).hexdigest()
        if digest == chain.digest:
            continue  # written again, since the first time was not acknowledged
        batch = _read(payload)
        chain.faults += _faults(chain, batch, delivered)
        head = heads.get(chain.name)
        if head and (head.number, head.digest) == (batch.number, digest):
            met.add(chain.name)
        chain.first = chain.first or batch.number
        chain.last, chain.digest, chain.ended = batch.number, digest, event.time
        chain.closed = batch.closing
        chain.entries += len(batch.entries)
    missing = [
        f"chain {name}: batch {head.number} as it was known is not there"
        for name, head in sorted(heads.items())
        if name not in met and head.ended >= kept_from
    ]
    return sorted(chains.values(), key=lambda chain: chain.name), missing


def _read(payload: bytes) -> AuditBatch:
    try:
        return AuditBatch.FromString(payload)
    except DecodeError:
        return AuditBatch()


def _faults(chain: Chain, batch: AuditBatch, delivered: Delivered) -> list[str]:
    place = f"partition {delivered.partition}, offset {delivered.offset}"
    if batch.chain != chain.name or batch.number != delivered.event.version:
        return [f"{place}: the batch is not the one that its key and version say"]
    if not chain.digest:
        return []  # the first that is kept: what it followed, if anything, retention has taken
    if chain.closed:
        return [f"{place}: batch {batch.number} follows the one that ended the chain"]
    if batch.number != chain.last + 1:
        return [f"{place}: batch {batch.number} follows batch {chain.last}"]
    if batch.previous_digest.hex() != chain.digest:
        return [f"{place}: batch {chain.last} is not what it was when batch {batch.number} was written"]
    return []
