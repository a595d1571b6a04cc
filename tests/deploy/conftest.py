"""Each test that asks for `built` runs on every overlay."""

import pytest

from tests.deploy.manifests import OVERLAYS, Overlay, overlay


@pytest.fixture(params=OVERLAYS)
def built(request: pytest.FixtureRequest) -> Overlay:
    name: str = request.param
    return overlay(name)


@pytest.fixture
def demo() -> Overlay:
    return overlay("demo")


@pytest.fixture
def production() -> Overlay:
    return overlay("production")
