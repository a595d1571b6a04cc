"""Servers on free loopback ports, and clients of them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from careweave.client import OPERATOR, connect
from careweave.config import Settings
from careweave.rpc.channels import Channels
from careweave.rpc.server import running
from careweave.wiring import Adapters, open_adapters
from tests.rpc.probe import Probe, Probed


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings of an installation of its own, on any free port."""
    return Settings(
        graph=f"ladybug:{tmp_path / 'graph'}",
        events=f"sqlite:{tmp_path / 'events.db'}",
        cache=tmp_path / "cache",
        listen="127.0.0.1:0",
    )


@pytest.fixture
async def adapters(settings: Settings) -> AsyncIterator[Adapters]:
    async with open_adapters(settings) as opened:
        yield opened


@pytest.fixture
async def probed(settings: Settings, adapters: Adapters) -> AsyncIterator[Probed]:
    probe = Probe()

    async def build(adapters: Adapters, channels: Channels) -> Probe:
        return probe

    async with (
        running(settings, [build], adapters) as started,
        connect(started.settings.listen, OPERATOR) as services,
    ):
        yield Probed(probe, started, services)
