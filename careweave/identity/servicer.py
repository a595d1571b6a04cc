"""AccessService on gRPC: proto to use-case and back."""

from typing import Any, TypeAlias

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from careweave.identity import usecases
from careweave.identity.usecases import Ports
from careweave.rpc.access import ROLES
from careweave.rpc.caller import caller_of
from careweave.v1 import access_service_pb2 as pb
from careweave.v1.access_service_pb2_grpc import AccessServiceServicer

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class AccessServicer(AccessServiceServicer):
    """Answers `careweave.v1.AccessService`."""

    def __init__(self, ports: Ports) -> None:
        """Answer from `ports`."""
        self._ports = ports

    async def RevokeTokens(self, request: pb.RevokeTokensRequest, context: Context) -> pb.RevokeTokensResponse:
        """See the proto."""
        at = await usecases.revoke_tokens(self._ports, caller_of(context), jti=request.jti, subject=request.subject)
        revoked = Timestamp()
        revoked.FromDatetime(at)
        return pb.RevokeTokensResponse(revoke_time=revoked)

    async def IssueTrialToken(self, request: pb.IssueTrialTokenRequest, context: Context) -> pb.IssueTrialTokenResponse:
        """See the proto."""
        role = ROLES[request.role]
        issued = usecases.issue_trial_token(self._ports, role, request.subject, request.organisation)
        expires = Timestamp()
        expires.FromDatetime(issued.expires)
        return pb.IssueTrialTokenResponse(token=issued.token, expire_time=expires)

    async def RotateTrialKey(self, request: pb.RotateTrialKeyRequest, context: Context) -> pb.RotateTrialKeyResponse:
        """See the proto."""
        key = usecases.rotate_trial_key(self._ports, caller_of(context), withdraw=request.withdraw)
        return pb.RotateTrialKeyResponse(key_id=key)
