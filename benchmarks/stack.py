"""Servers and services as processes of their own, for what is measured over all of them."""

import asyncio
import os
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from careweave_cli.composition import CAREER_SERVICES
from careweave_cli.demo.server import command
from careweave_cli.devstack.jars import user_cache
from careweave_cli.devstack.kafka_server import start_kafka
from careweave_cli.devstack.neo4j_server import start_neo4j
from careweave_cli.devstack.server import free_ports
from careweave_cli.reaching import until_serving

from careweave.client import OPERATOR
from careweave.config import Settings, environment_of, read_settings
from careweave.events.topics import Sizes
from careweave.rpc.channels import Channels
from careweave.wiring import prepare_topics

STACKS = ("servers", "embedded")


@dataclass(frozen=True, slots=True)
class Served:
    """Services that answer, and the processes that they run in, by name."""

    settings: Settings
    services: Channels
    processes: dict[str, Process]

    def at(self, matching: str) -> Settings:
        """Return settings that find matching at that address."""
        return replace(self.settings, matching=matching)


def embedded(folder: Path) -> Settings:
    """Return the settings of a trial whose stores are files in `folder`, at a free address."""
    return replace(
        read_settings(os.environ),
        graph=f"ladybug:{folder / 'graph'}",
        events=f"sqlite:{folder / 'events.db'}",
        equality=f"sqlite:{folder / 'equality.db'}",
        listen=f"127.0.0.1:{free_ports(1)[0]}",
        trial="yes",
        log_level="ERROR",
    )


async def settings_of(
    stack: str, folder: Path, until_done: AsyncExitStack, *, calls_per_second: float = 20.0
) -> Settings:
    """Return the settings of a new, empty stack in `folder`; its servers run until the end of `until_done`."""
    settings = replace(embedded(folder), calls_per_second=calls_per_second)
    if stack == "servers":
        neo4j = until_done.enter_context(start_neo4j(folder / "neo4j", user_cache()))
        broker = until_done.enter_context(start_kafka(folder / "kafka", user_cache()))
        settings = replace(settings, graph=neo4j.url, graph_password_file=str(neo4j.password_file), events=broker.url)
        await prepare_topics(settings, Sizes(partitions=3), dry_run=False)
    return settings


@asynccontextmanager
async def serving(settings: Settings, *, apart: bool = False) -> AsyncIterator[Served]:
    """Serve all services in one process, or each that careers are about in its own, which needs servers behind them."""
    if apart:
        skills, profiles, matching = (f"127.0.0.1:{port}" for port in free_ports(3))
        settings = replace(settings, skills=skills, profiles=profiles, matching=matching)
    processes: dict[str, Process] = {}
    try:
        for name in CAREER_SERVICES if apart else ("all",):
            own = replace(settings, listen=settings.address(name)) if apart else settings
            processes[name] = await _start(name, own)
        async with Channels(settings, OPERATOR) as services:
            for name in CAREER_SERVICES:
                await until_serving(services, settings.address(name), name)
            yield Served(settings, services, processes)
    finally:
        for process in processes.values():
            process.terminate()
            await process.wait()


@asynccontextmanager
async def replicas(settings: Settings, count: int) -> AsyncIterator[list[str]]:
    """Serve matching `count` times more, each in a process of its own; yield their addresses when they are ready."""
    addresses = [f"127.0.0.1:{port}" for port in free_ports(count)]
    processes = [await _start("matching", replace(settings, listen=address)) for address in addresses]
    try:
        async with Channels(settings, OPERATOR) as services:
            for address in addresses:
                await until_serving(services, address, "matching")
        yield addresses
    finally:
        for process in processes:
            process.terminate()
            await process.wait()


async def _start(name: str, settings: Settings) -> Process:
    return await asyncio.create_subprocess_exec(*command("serve", name), env=os.environ | environment_of(settings))
