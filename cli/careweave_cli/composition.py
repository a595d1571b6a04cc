"""Which services there are, and how they are put together in this process."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Final

from careweave.config import Settings

if TYPE_CHECKING:
    from careweave.rpc.parts import Build
    from careweave.rpc.server import Running

CAREER_SERVICES: Final = ("skills", "profiles", "matching")
"""Those that careers are about, and that call each other."""
SERVICES: Final = (*CAREER_SERVICES, "planning")
"""Names of all services, in the order in which they start. Few may reach planning: who needs it names it."""

FRONT: Final = "matching-front"
"""What stands before several shards of matching. It is a process of its own."""


def builds(services: Sequence[str]) -> "list[Build]":
    """Import the named services and return how each is built."""
    if FRONT in services:
        return [import_module("careweave_matching.shards.front").build]
    return [import_module(f"careweave_{name}.service").build for name in SERVICES if name in services]


@asynccontextmanager
async def in_process(settings: Settings, services: Sequence[str]) -> "AsyncIterator[Running]":
    """Serve `services` from this process on a free loopback port while the block runs, ready for calls.

    Only this process gets tokens for it. Leaving stops the services and closes the stores.

    Raises:
        Unavailable: another process uses the data folder.
    """
    from careweave.rpc.server import running
    from careweave.wiring import open_adapters

    loopback = replace(
        settings,
        listen="127.0.0.1:0",
        processes=1,
        service_listen="",
        tls_certificate_file="",
        tls_key_file="",
        trial="",
        issuers="",
    )
    async with open_adapters(loopback) as adapters, running(loopback, builds(services), adapters) as started:
        await started.until_ready()
        yield started
