"""`careweave match --everyone` beside a running server, also where it is stopped half-way."""

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from careweave.config import Settings
from tests.rpc.test_matching import Place, eventually_found, published, somebody, started
from tests.rpc.test_review_commands import call

PATIENCE = 120.0


@pytest.fixture
async def place(settings: Settings) -> AsyncIterator[Place]:
    async with started(replace(settings, index_staleness_seconds=300.0)) as running_place:
        yield running_place


def stop_half_way(place: Place, output: Path, by: signal.Signals) -> int:
    """Begin to write everyone's lists to `output`, stop that by a signal once it has begun, and return its status.

    It blocks, and with it the server, which runs in this process: so no answer comes before the signal does.
    """
    words = (sys.executable, "-m", "careweave_cli", "match", "--everyone", "--output", str(output))
    environment = {**os.environ, "CAREWEAVE_LISTEN": place.address}
    with subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        until = time.monotonic() + PATIENCE
        while not part_of(output).exists():
            assert running.poll() is None
            assert time.monotonic() < until
            time.sleep(0.01)
        running.send_signal(by)
        return running.wait(PATIENCE)


def part_of(output: Path) -> Path:
    return output.with_name(f".{output.name}.part")


async def test_who_is_stopped_leaves_the_earlier_file_as_it_was_and_the_next_run_replaces_it(
    place: Place, tmp_path: Path
) -> None:
    people = [await somebody(place), await somebody(place)]
    roles = {(await published(place, title=f"Role {number}")).name for number in range(2)}
    await eventually_found(place, people, 2)
    output = tmp_path / "place.csv"
    output.write_text("earlier", encoding="utf-8")
    for by, left in ((signal.SIGINT, False), (signal.SIGTERM, False), (signal.SIGKILL, True)):
        assert stop_half_way(place, output, by) != 0
        assert output.read_text(encoding="utf-8") == "earlier"
        assert part_of(output).exists() == left
    said = await call(place, "match", "--everyone", "-n", "2", "--output", str(output))
    assert "4 lines for 2 people" in said
    assert not part_of(output).exists()
    rows = list(csv.DictReader(output.read_text(encoding="utf-8").splitlines()))
    assert {(row["person"], row["opportunity"]) for row in rows} == {(who, role) for who in people for role in roles}
    assert {row["position"] for row in rows} == {"1", "2"}
