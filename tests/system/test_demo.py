"""The main job, end to end, as a newcomer runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.ports import free_address


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("place")


def run_demo(folder: Path, *options: str) -> str:
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


@pytest.fixture(scope="module")
def first(folder: Path) -> str:
    """Return what the demo tells on an empty folder."""
    return run_demo(folder)


def test_from_an_empty_folder_one_command_finds_next_roles_and_says_why(first: str) -> None:
    """It loads, ranks five steps from three organisations, and shows a new opportunity on a watch and in the log."""
    assert "13,896 skills" in first
    assert "all report SERVING" in first
    assert len(steps(first)) == 5
    for heading in ("Why", "Conditions", "Gaps", "On the watch", "In the event log", "OpportunityPublished", "grpcurl"):
        assert heading in first
    assert int(first.split("come from ")[1].split(maxsplit=1)[0]) >= 3


def test_a_second_time_nothing_is_loaded_again_and_the_answer_is_the_same(folder: Path, first: str) -> None:
    second = run_demo(folder)
    assert "was there already" in second
    assert "13,896 skills" not in second
    assert steps(first) == steps(second)


def test_the_same_for_programs_is_one_object(folder: Path, first: str) -> None:
    told = json.loads(run_demo(folder, "--json"))
    assert [match["title"] in line for match, line in zip(told["matches"], steps(first), strict=True)] == [True] * 5
    assert told["person"]["name"] == told["arrived"]["person"]
    assert len(told["seconds"]) == 6


def steps(told: str) -> list[str]:
    """Return the headlines of the ranked steps."""
    ranked = told.split("5. Ask for their next steps")[1].split("6. Publish", maxsplit=1)[0]
    return [line for line in ranked.splitlines() if line.startswith(tuple(f"   {place}. " for place in range(1, 10)))]
