"""By which pseudonyms the audit trail knows people, asked of the profiles service."""

from collections.abc import Mapping, Sequence

import grpc

from careweave.rpc.channels import Channels
from careweave.rpc.errors import error_of
from careweave.v1.audit_pb2 import BatchGetAuditPseudonymsRequest


async def pseudonyms_over(channels: Channels, names: Sequence[str]) -> Mapping[str, str]:
    """Return the pseudonyms of `names`, at most 1000; who does not exist is left out.

    Raises:
        CareweaveError: as the profiles service answers.
    """
    if not names:
        return {}
    try:
        reply = await channels.profiles.BatchGetAuditPseudonyms(BatchGetAuditPseudonymsRequest(names=names))
    except grpc.aio.AioRpcError as failure:
        raise error_of(failure) from failure
    return dict(reply.pseudonyms)
