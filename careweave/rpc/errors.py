"""The one table between `careweave.errors` and `google.rpc.Status`, read in both directions.

Details follow AIP-193: `ErrorInfo` always, `BadRequest` with the fields at fault, `RetryInfo` where
trying again may work.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final, NoReturn, TypeVar

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError, Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from careweave.errors import (
    AlreadyExists,
    CareweaveError,
    Conflict,
    DataLoss,
    Exhausted,
    FailedPrecondition,
    FieldViolation,
    Forbidden,
    InvalidArgument,
    NotFound,
    RateLimited,
    TimedOut,
    Unauthenticated,
    Unavailable,
)

DOMAIN: Final = "careweave"
"""`google.rpc.ErrorInfo.domain` of every error that this project raises."""

STATUS_CODES: Final[Mapping[type[CareweaveError], grpc.StatusCode]] = {
    InvalidArgument: grpc.StatusCode.INVALID_ARGUMENT,
    NotFound: grpc.StatusCode.NOT_FOUND,
    AlreadyExists: grpc.StatusCode.ALREADY_EXISTS,
    Conflict: grpc.StatusCode.ABORTED,
    FailedPrecondition: grpc.StatusCode.FAILED_PRECONDITION,
    Forbidden: grpc.StatusCode.PERMISSION_DENIED,
    Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    Unavailable: grpc.StatusCode.UNAVAILABLE,
    Exhausted: grpc.StatusCode.RESOURCE_EXHAUSTED,
    RateLimited: grpc.StatusCode.RESOURCE_EXHAUSTED,
    TimedOut: grpc.StatusCode.DEADLINE_EXCEEDED,
    DataLoss: grpc.StatusCode.DATA_LOSS,
}

RETRY_DELAY: Final = timedelta(seconds=1)
"""How long a caller should wait before it tries again what was unavailable."""

# Trailers beyond 8 KiB are refused by clients, and details travel in base64 beside the message.
_LONGEST_TEXT: Final = 400
_MOST_VIOLATIONS: Final = 8


def status_of(error: CareweaveError) -> Status:
    """Return `error` as a status with its details."""
    code = STATUS_CODES[type(error)]
    status = Status(code=code.value[0], message=_shortened(error.message))
    status.details.add().Pack(
        ErrorInfo(
            reason=error.reason or code.name,
            domain=DOMAIN,
            metadata={key: _shortened(text) for key, text in error.metadata.items()},
        )
    )
    if isinstance(error, InvalidArgument) and error.violations:
        status.details.add().Pack(_bad_request(error.violations))
    wait = _wait(error)
    if wait is not None:
        delay = Duration()
        delay.FromTimedelta(wait)
        status.details.add().Pack(RetryInfo(retry_delay=delay))
    return status


def _wait(error: CareweaveError) -> timedelta | None:
    """Return after how long trying again may work, None if it does not help by itself."""
    if isinstance(error, RateLimited):
        return timedelta(seconds=error.seconds)
    return RETRY_DELAY if isinstance(error, Unavailable) else None


def status_of_unexpected(error_id: str) -> Status:
    """Return the status for an error that nobody foresaw: an id to find it by in the log, and no more."""
    status = Status(
        code=grpc.StatusCode.INTERNAL.value[0],
        message=f"Something went wrong on our side. Quote {error_id} to whoever runs this service.",
    )
    status.details.add().Pack(ErrorInfo(reason="UNEXPECTED", domain=DOMAIN, metadata={"error_id": error_id}))
    return status


async def abort(context: grpc.aio.ServicerContext[Message, Message], status: Status) -> NoReturn:
    """End the call that `context` belongs to with `status`."""
    ending = rpc_status.to_status(status)
    await context.abort(ending.code, ending.details or "", ending.trailing_metadata or ())


def error_of(failure: grpc.aio.AioRpcError) -> CareweaveError:
    """Return the domain error that a server meant, for its caller.

    A status without an `ErrorInfo` of ours, for example of a connection that failed, keeps its code
    and message; a code outside the table, INTERNAL for one, becomes Unavailable.
    """
    kind = next((kind for kind, code in STATUS_CODES.items() if code == failure.code()), Unavailable)
    info, fields, wait = _details_of(failure)
    message = failure.details() or failure.code().name
    reason = info.reason or failure.code().name
    if kind is InvalidArgument:
        violations = [FieldViolation(each.field, each.description, each.reason) for each in fields.field_violations]
        return InvalidArgument(message, reason, dict(info.metadata), violations)
    if kind is Exhausted and wait.HasField("retry_delay"):
        return RateLimited(message, reason, dict(info.metadata), wait.retry_delay.ToTimedelta().total_seconds())
    return kind(message, reason, dict(info.metadata))


def _bad_request(violations: Sequence[FieldViolation]) -> BadRequest:
    shown = [
        BadRequest.FieldViolation(
            field=_shortened(each.field),
            description=_shortened(each.description),
            reason=each.rule.replace(".", "_").upper(),
        )
        for each in violations[:_MOST_VIOLATIONS]
    ]
    left_out = len(violations) - len(shown)
    if left_out:
        shown.append(BadRequest.FieldViolation(field="", description=f"and {left_out} more"))
    return BadRequest(field_violations=shown)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"


def _details_of(failure: grpc.aio.AioRpcError) -> tuple[ErrorInfo, BadRequest, RetryInfo]:
    for key, packed in failure.trailing_metadata() or ():
        if key == "grpc-status-details-bin" and isinstance(packed, bytes):
            try:
                status = Status.FromString(packed)
            except DecodeError:
                break
            return _unpacked(status, ErrorInfo()), _unpacked(status, BadRequest()), _unpacked(status, RetryInfo())
    return ErrorInfo(), BadRequest(), RetryInfo()


_Detail = TypeVar("_Detail", bound=Message)


def _unpacked(status: Status, empty: _Detail) -> _Detail:
    """Return the detail of the kind of `empty` that `status` holds, else `empty`."""
    for detail in status.details:
        if detail.Unpack(empty):
            break
    return empty
