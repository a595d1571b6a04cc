"""`careweave person` and `careweave retention` against running services: exported, erased, proved."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from careweave_cli.composition import SERVICES, builds

from careweave.client import OPERATOR, connect
from careweave.config import Settings, environment_of
from careweave.rpc.server import running
from careweave.v1 import profiles_pb2 as pb
from careweave.wiring import open_adapters

ANNA = "people/anna-of-the-test"
WORDS = ("Qirobaduvo", "qirobaduvo@example.org")


@pytest.fixture
async def settings(tmp_path: Path) -> AsyncIterator[Settings]:
    """Serve all services on empty stores, with one person."""
    kept = Settings(
        graph=f"ladybug:{tmp_path / 'graph'}",
        events=f"sqlite:{tmp_path / 'events.db'}",
        cache=tmp_path / "cache",
        equality=f"sqlite:{tmp_path / 'equality.db'}",
        index_staleness_seconds=300.0,
        listen="127.0.0.1:0",
        trial="yes",
    )
    async with open_adapters(kept) as adapters, running(kept, builds(SERVICES), adapters) as served:
        await served.until_ready()
        person = pb.Person(display_name=f"Fictional {WORDS[0]}", email=WORDS[1], fictional=True)
        async with connect(served.settings.listen, OPERATOR) as services:
            request = pb.CreatePersonRequest(person=person, person_id=ANNA.removeprefix("people/"))
            await services.profiles.CreatePerson(request)
        yield served.settings


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    exit_code: int
    stdout: str
    stderr: str


async def call(settings: Settings, *words: str, answer: str = "") -> Result:
    """Run a command in a process of its own, that is answered `answer` when it asks."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "careweave_cli", *words,
        env=os.environ | environment_of(settings), stdin=PIPE, stdout=PIPE, stderr=PIPE,
    )  # fmt: skip
    out, error = await process.communicate(answer.encode())
    assert process.returncode is not None
    return Result(process.returncode, out.decode(), error.decode())


def prove(*more: str) -> tuple[str, ...]:
    return ("person", "prove", ANNA, *(part for word in WORDS for part in ("--also", word)), *more)


async def test_a_person_exports_what_is_held_once_to_a_folder(settings: Settings, tmp_path: Path) -> None:
    export = ("--as", ANNA, "person", "export", ANNA, "--to", str(tmp_path / "mine"))
    result = await call(settings, *export)
    assert result.exit_code == 0, result.stderr
    whole = json.loads((tmp_path / "mine" / "person.json").read_text(encoding="utf-8"))
    assert not whole["did_not_answer"]
    by_kind = {each["kind"]: each["rows"] for each in whole["sections"]}
    assert by_kind["profile"][0]["email"] == WORDS[1]
    assert (tmp_path / "mine" / "profiles-profile.csv").exists()
    assert (await call(settings, *export)).exit_code == 5
    other = await call(settings, "--as", "people/other", "person", "export", ANNA, "--to", str(tmp_path / "theirs"))
    assert other.exit_code == 4
    assert not (tmp_path / "theirs").exists()
    nobody = await call(settings, "person", "export", "people/nobody", "--to", str(tmp_path / "none"))
    assert nobody.exit_code == 3


async def test_an_erasure_is_shown_and_asked_for_and_then_proved(settings: Settings, tmp_path: Path) -> None:
    shown = await call(settings, "person", "erase", ANNA, "--preview")
    assert shown.exit_code == 0
    assert "Profile" in shown.stdout
    assert "backups" not in shown.stdout
    assert "copies of the stores" in shown.stdout
    declined = await call(settings, "person", "erase", ANNA, answer="n\n")
    assert declined.exit_code != 0
    before = await call(settings, *prove())
    assert before.exit_code == 1
    assert "service profiles" in before.stdout
    done = await call(settings, "person", "erase", ANNA, "--yes", "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["erased"]
    after = await call(settings, *prove("--json"))
    assert after.exit_code == 0, after.stderr + after.stdout
    found = [json.loads(line) for line in after.stdout.splitlines()]
    assert {each["rule"] for each in found} >= {"tombstones", "engine-logs"}
    assert not any("service" in each["place"] for each in found)
    assert (await call(settings, "person", "erase", ANNA, "--yes")).exit_code == 3
    (tmp_path / "notes.txt").write_text(f"asked for by {WORDS[0]}", encoding="utf-8")
    left_behind = await call(settings, *prove("--files", str(tmp_path / "notes.txt")))
    assert left_behind.exit_code == 1
    assert "No retention rule explains 1 of these findings" in left_behind.stderr


async def test_retention_is_run_by_the_services(settings: Settings) -> None:
    result = await call(settings, "retention", "run", "--dry-run")
    assert (result.exit_code, result.stdout.strip()) == (0, "Nothing is older than its rule.")
    rows = [json.loads(line) for line in (await call(settings, "retention", "run", "--json")).stdout.splitlines()]
    assert {"requests", "consents", "decisions-events"} <= {row["kind"] for row in rows}
    person = await call(settings, "--as", ANNA, "retention", "run")
    assert person.exit_code == 4
