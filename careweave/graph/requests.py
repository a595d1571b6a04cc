"""Requests with an id are done once and answered alike for a day (AIP-155)."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from careweave.errors import FieldViolation, InvalidArgument
from careweave.graph.port import Query, UnitOfWork

KEPT: Final = timedelta(days=1)
"""How long an answer is remembered."""

_RECALL: Final = Query(
    "requests.recall",
    "MATCH (r:RequestRecord) WHERE r.id = $id "
    "RETURN r.digest AS digest, r.response AS response, r.expire_time AS expire_time",
)
EXPIRE: Final = Query("requests.expire", "MATCH (r:RequestRecord) WHERE r.expire_time <= $now DELETE r")
_FORGET: Final = Query("requests.forget", "MATCH (r:RequestRecord) WHERE r.resource = $resource DELETE r")


@dataclass(frozen=True, slots=True)
class Request:
    """A request that names an id.

    method: full name of the RPC; with the caller's name where callers must not share ids.
    request_id: as the caller gave it, not empty.
    digest: of the request's content, see `digest_of`.
    """

    method: str
    request_id: str
    digest: str

    @property
    def record(self) -> str:
        """Return the key of its record."""
        return f"{self.method} {self.request_id.lower()}"


def digest_of(content: bytes) -> str:
    """Return the SHA-256 of `content`, the request serialised deterministically, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


async def recall(unit: UnitOfWork, request: Request, now: datetime) -> bytes | None:
    """Return the answer that `request` got within the last day, None if it is new.

    Raises:
        InvalidArgument: the id came with another content before.
    """
    rows = await unit.run(_RECALL, id=request.record)
    if not rows:
        return None
    row = rows[0]
    expires, response = row["expire_time"], row["response"]
    if not isinstance(expires, datetime) or expires <= now or not isinstance(response, bytes):
        return None
    if row["digest"] != request.digest:
        raise InvalidArgument(
            "this request_id was used with another content; use a new one for a new request",
            reason="REQUEST_ID_REUSED",
            violations=[FieldViolation("request_id", "was used with another content within the last day")],
        )
    return response


async def remember(unit: UnitOfWork, request: Request, response: bytes, resource: str, now: datetime) -> None:
    """Note in `unit` how `request` is answered; notes of more than a day ago go.

    resource: name of what the response shows, by which `forget` finds it.
    """
    await unit.run(EXPIRE, now=now)
    await unit.merge_nodes(
        "RequestRecord",
        [
            {
                "id": request.record,
                "digest": request.digest,
                "response": response,
                "resource": resource,
                "expire_time": now + KEPT,
            }
        ],
    )


async def forget(unit: UnitOfWork, resource: str) -> None:
    """Drop all answers that show `resource`; part of its erasure."""
    await unit.run(_FORGET, resource=resource)
