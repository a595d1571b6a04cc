"""Servers on free loopback ports, and clients of them."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from careweave.client import OPERATOR, connect
from careweave.config import Settings
from careweave.rpc.channels import Channels
from careweave.rpc.server import running
from careweave.wiring import Adapters, open_adapters
from tests.rpc.issuer import Issuer, issuing
from tests.rpc.probe import Probe, Probed
from tests.stacks import EMBEDDED, settings_of


@pytest.fixture
def stack(request: pytest.FixtureRequest) -> str:
    """Return the stack to run on: the embedded one, unless the test is marked `on_both_stacks` or `on_servers`."""
    return str(getattr(request, "param", EMBEDDED))


@pytest.fixture
async def settings(stack: str, tmp_path: Path) -> Settings:
    """Return settings of an installation of its own, on any free port."""
    return await settings_of(stack, tmp_path)


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """Return an issuer, for installations that are no trial."""
    with issuing() as started:
        yield started


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
        yield Probed(probe, started, services, adapters)
