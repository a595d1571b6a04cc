"""By which pseudonyms the audit trail knows people, asked of the profiles service."""

from collections.abc import Mapping, Sequence
from typing import Final

import grpc

from careweave.rpc.channels import Channels
from careweave.rpc.errors import error_of
from careweave.v1.audit_pb2 import BatchGetAuditPseudonymsRequest

PATIENCE_SECONDS: Final = 5.0
"""How long the profiles service may take; the trail is written later then, or, at the end of a process, without."""


async def pseudonyms_over(channels: Channels, names: Sequence[str]) -> Mapping[str, str]:
    """Return the pseudonyms of `names`, at most 1000; who does not exist is left out.

    Raises:
        CareweaveError: as the profiles service answers.
    """
    if not names:
        return {}
    request = BatchGetAuditPseudonymsRequest(names=names)
    try:
        reply = await channels.profiles.BatchGetAuditPseudonyms(request, timeout=PATIENCE_SECONDS)
    except grpc.aio.AioRpcError as failure:
        raise error_of(failure) from failure
    return dict(reply.pseudonyms)
