"""Reaching the services: at the address of the settings, else in this process."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from careweave.client import calling
from careweave.config import Settings
from careweave.rpc.channels import Channels
from careweave_cli.composition import CAREER_SERVICES, SERVICES, in_process
from careweave_cli.health import health_of
from careweave_cli.session import Session
from careweave_cli.show.progress import waiting

_KNOCK_SECONDS: Final = 1.0
_POLL_SECONDS: Final = 0.1


@asynccontextmanager
async def reach(session: Session, services: Sequence[str] = CAREER_SERVICES) -> AsyncIterator[Channels]:
    """Yield stubs of `services`, at the address of the settings if anything answers there, else from this process.

    Errors of calls in the block become errors of `careweave.errors`.

    Raises:
        Unavailable: something else answers at that address, or another process uses the data folder.
    """
    settings = session.settings
    async with AsyncExitStack() as open_until_done:
        if separate(settings) or answers(settings.listen):
            channels = await open_until_done.enter_async_context(Channels(settings, session.caller, waiting=False))
            for name in services:
                await until_serving(channels, settings.address(name), name)
        else:
            with waiting(f"Nothing answers at {settings.listen}: starting {_listed(services)} here"):
                here = await open_until_done.enter_async_context(in_process(settings, services))
            within = Channels(here.settings, session.caller, waiting=False, own=here.own)
            channels = await open_until_done.enter_async_context(within)
        with calling():
            yield channels


def separate(settings: Settings) -> bool:
    """Tell whether the settings name services at addresses of their own."""
    return any(settings.address(name) != settings.listen for name in SERVICES)


def answers(address: str) -> bool:
    """Tell whether anything accepts connections at `address` (`host:port`)."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _KNOCK_SECONDS).close()
    except OSError:
        return False
    return True


async def until_serving(channels: Channels, address: str, service: str) -> None:
    """Wait until `service` at `address` is ready, saying so if it takes a moment.

    Raises:
        Unavailable: what answers there is not that service, or nothing does.
    """
    with waiting(f"Waiting for {service} at {address} to be ready"):
        while await health_of(channels, address, service) != "serving":  # noqa: ASYNC110  the event is elsewhere
            await asyncio.sleep(_POLL_SECONDS)


def _listed(services: Sequence[str]) -> str:
    return ", ".join(services[:-1]) + f" and {services[-1]}" if len(services) > 1 else services[0]
