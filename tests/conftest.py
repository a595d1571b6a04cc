"""What holds for every test."""

import os

import pytest


@pytest.fixture(autouse=True)
def _default_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of whoever runs the tests out of them."""
    for variable in [name for name in os.environ if name.startswith("CAREWEAVE_")]:
        monkeypatch.delenv(variable)
