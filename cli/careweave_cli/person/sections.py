"""What each service holds about a person, by its ExportPerson."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import grpc

from careweave.rpc.channels import Channels
from careweave.v1.common_pb2 import ExportPersonRequest, PersonSection
from careweave_cli.composition import SERVICES

_SILENT: Final = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.DEADLINE_EXCEEDED)


@dataclass(frozen=True, slots=True)
class Held:
    """What one service holds.

    sections: in its order; empty if it knows nobody of that name.
    silent: why it did not answer, empty if it did.
    """

    service: str
    sections: Sequence[PersonSection]
    silent: str = ""


async def held_by_all(channels: Channels, person: str) -> list[Held]:
    """Return what each service that keeps something about people holds about `person`.

    Raises:
        AioRpcError: a service refuses the caller.
    """
    asked = [name for name in SERVICES if hasattr(getattr(channels, name), "ExportPerson")]
    return [await held_by(channels, name, person) for name in asked]


async def held_by(channels: Channels, service: str, person: str) -> Held:
    """Return what `service` holds about `person`.

    Raises:
        AioRpcError: it refuses the caller.
    """
    request = ExportPersonRequest(name=person)
    try:
        return Held(service, [section async for section in getattr(channels, service).ExportPerson(request)])
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.NOT_FOUND:
            return Held(service, [])
        if error.code() in _SILENT:
            return Held(service, [], error.details() or error.code().name)
        raise
