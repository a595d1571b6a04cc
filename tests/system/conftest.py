"""The sample place, loaded once for every test that looks at it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from careweave.config import Settings
from tests.system.ports import free_address


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo in a folder that was empty, and what it told the first time."""

    folder: Path
    told: str


def run_demo(folder: Path, *options: str) -> str:
    """Run the demo in `folder` as a newcomer would, and return what it told."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CAREWEAVE_")}
    ended = subprocess.run(
        [sys.executable, "-m", "careweave_cli", "demo", *options],
        cwd=folder,
        env=environment | {"CAREWEAVE_LISTEN": free_address(), "COLUMNS": "300"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
    return ended.stdout


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """Return the first demo: real taxonomies and the sample place are loaded by it, which takes minutes."""
    folder = tmp_path_factory.mktemp("place")
    return Demo(folder, run_demo(folder))


@pytest.fixture(scope="session")
def sample_settings(demo: Demo) -> Callable[[Path], Settings]:
    """Return what makes settings of an installation in a new folder that holds what the first demo left."""

    def settings_in(folder: Path) -> Settings:
        shutil.copytree(demo.folder / "var", folder, dirs_exist_ok=True)
        return Settings(
            graph=f"ladybug:{folder / 'graph'}",
            events=f"sqlite:{folder / 'events.db'}",
            equality=f"sqlite:{folder / 'equality.db'}",
            cache=folder / "cache",
            listen="127.0.0.1:0",
        )

    return settings_in
