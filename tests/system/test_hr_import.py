"""`careweave hr` as an HR developer meets it: the packaged extract, imported twice, on services it starts itself."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from careweave_cli.application import careweave
from click.testing import CliRunner, Result
from google.rpc.error_details_pb2 import ErrorInfo

from careweave.config import Settings
from careweave.datasets import folder
from careweave.events.port import Event, Topic
from careweave.graph.port import Query
from careweave.v1.events_pb2 import ProfileUpdateRejected
from careweave.wiring import open_events, open_graph

EXAMPLES = folder("hr-examples")
EXTRACT = ("hr", "import", str(EXAMPLES / "esr-style.csv"), "--mapping", str(EXAMPLES / "esr-style.toml"), "--json")
OCCUPATIONS = (
    "d38c2107-98f2-47b7-8bb4-f69750d51082",
    "8d3e8aaa-791b-4c75-a465-f3f827028f50",
    "045f05f2-4ff8-46b2-9d08-e12a81657498",
)


def call(place: Path, *words: str) -> Result:
    """Run a command on stores in `place`, with nothing to find at its address."""
    environment = {
        "CAREWEAVE_GRAPH": f"ladybug:{place / 'graph'}",
        "CAREWEAVE_EVENTS": f"sqlite:{place / 'events.db'}",
        "CAREWEAVE_CACHE": str(place / "cache"),
        "CAREWEAVE_LISTEN": "127.0.0.1:9",
    }
    return CliRunner().invoke(careweave, words, obj=environment)


async def furnish(place: Path, occupations: tuple[str, ...]) -> None:
    graph = await open_graph(Settings(graph=f"ladybug:{place / 'graph'}"))
    async with graph.unit_of_work() as unit:
        await unit.merge_nodes("Organisation", [{"name": "organisations/merrowfold-hospitals", "title": "Merrowfold"}])
        await unit.merge_nodes(
            "Occupation", [{"name": f"occupations/esco-{each}", "label": "work", "scheme": 1} for each in occupations]
        )
        labels = {"first-aid": "first aid", "palliative": "palliative care", "dementia": "dementia care"}
        await unit.merge_nodes(
            "Skill", [{"name": f"skills/{name}", "label": label, "scheme": 1} for name, label in labels.items()]
        )
        await unit.merge_nodes("Course", [{"name": "courses/dementia", "title": "Awareness of dementia"}])
        link = {"source": "courses/dementia", "target": "skills/dementia"}
        await unit.merge_relationships("DEVELOPS", "Course", "Skill", [link])
    await graph.close()


def test_an_extract_is_taken_in_once_and_what_is_wrong_is_said_by_row(tmp_path: Path) -> None:
    asyncio.run(furnish(tmp_path, OCCUPATIONS))
    first = call(tmp_path, *EXTRACT)
    told = json.loads(first.stdout)
    assert first.exit_code == 2, "the porter's occupation is not in this taxonomy"
    assert told["outcomes"] == {"applied": 3, "rejected": 1}
    ((row, column),) = [(each["row"], each["column"]) for each in told["errors"]]
    assert (row, column) == (6, "Role")
    again = json.loads(call(tmp_path, *EXTRACT).stdout)
    assert again["outcomes"] == {"duplicate": 3, "rejected": 1}
    unresolved = call(tmp_path, "hr", "unresolved", "sourceSystems/esr-example")
    assert "label  manage infection control in the facility" in unresolved.stdout
    assert asyncio.run(held(tmp_path)) == {"first-aid": 0, "palliative": 0, "dementia": 2}


async def held(place: Path) -> dict[str, Any]:
    graph = await open_graph(Settings(graph=f"ladybug:{place / 'graph'}"))
    rows = await graph.run(
        Query("held", "MATCH (:Person)-[r:HAS_SKILL]->(s:Skill) RETURN s.name AS skill, r.level AS level")
    )
    await graph.close()
    return {str(row["skill"]).partition("/")[2]: row["level"] or 0 for row in rows}


def test_a_dry_run_needs_no_server_and_sends_nothing(tmp_path: Path) -> None:
    result = call(tmp_path, *EXTRACT[:-1], "--dry-run")
    assert result.exit_code == 0
    assert "5 rows can be sent as 4 updates; nothing was sent." in result.output
    assert not (tmp_path / "graph").exists()


async def _append(place: Path) -> None:
    log = await open_events(Settings(events=f"sqlite:{place / 'events.db'}"))
    rejected = Event(
        topic=Topic.HR_REJECTED,
        id="careweave.hr-updates.v1 0 0",
        type="careweave.v1.ProfileUpdateRejected",
        source="/careweave/profiles",
        key="k",
        version=1,
        time=datetime(2026, 3, 2, tzinfo=UTC),
        payload=_rejection(),
    )
    await log.append([rejected])
    await log.close()


def _rejection() -> bytes:
    rejected = ProfileUpdateRejected(
        topic=Topic.HR_UPDATES, event_id="e", event_source="/hr", event_key="k", event_version=1, payload=b"x"
    )
    rejected.status.message = "There is no such place."
    rejected.status.details.add().Pack(ErrorInfo(reason="REFERENCE_UNKNOWN", domain="careweave"))
    return rejected.SerializeToString()


@pytest.mark.parametrize(
    ("words", "says", "left"),
    [
        (("--dry-run",), "1 update would be put back: 1 REFERENCE_UNKNOWN", 1),
        (("--reason", "ANOTHER"), "0 updates put back.", 1),
        ((), "1 update put back: 1 REFERENCE_UNKNOWN", 0),
    ],
)
def test_rejected_updates_are_put_back_once(tmp_path: Path, words: tuple[str, ...], says: str, left: int) -> None:
    asyncio.run(_append(tmp_path))
    assert says in call(tmp_path, "hr", "replay-rejected", *words).output
    assert f"{left} update" in call(tmp_path, "hr", "replay-rejected", "--dry-run").output
