"""Asking a service how it is, by `grpc.health.v1`."""

from typing import Final

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from careweave.errors import Unavailable
from careweave.rpc.channels import Channels
from careweave_cli.composition import SERVICES

FULL_NAMES: Final = {name: f"careweave.v1.{name.capitalize()}Service" for name in SERVICES}
"""Names by which the services are asked for."""
_SECONDS: Final = 20.0
"""For an answer: a server that starts may read for seconds, on a machine that others keep busy."""


async def health_of(channels: Channels, address: str, service: str) -> str:
    """Return the health of `service` at `address`: "serving", "not serving" or "unknown".

    Raises:
        Unavailable: nothing answers there, or what does is not that service.
    """
    ask: grpc.aio.UnaryUnaryMultiCallable[HealthCheckRequest, HealthCheckResponse]
    ask = HealthStub(channels.channel(address)).Check  # type: ignore[attr-defined]  # its stubs leave methods out
    try:
        reply = await ask(HealthCheckRequest(service=FULL_NAMES[service]), timeout=_SECONDS)
    except grpc.aio.AioRpcError as error:
        absent = error.code() in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNIMPLEMENTED)
        raise Unavailable(
            f"What answers at {address} does not serve {service}."
            if absent
            else f"Nothing that speaks gRPC answers at {address}.",
            reason="SERVICE_NOT_REACHED",
        ) from error
    return HealthCheckResponse.ServingStatus.Name(reply.status).lower().replace("_", " ")
