"""An export's folder: whole or not there, safe in a spreadsheet, and honest about what is missing."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from careweave_cli.person.exporting import cell, write_export
from careweave_cli.person.sections import Held

from careweave.errors import AlreadyExists
from careweave.v1.common_pb2 import PersonSection

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def section(kind: str, *rows: dict[str, Any]) -> PersonSection:
    made = PersonSection(kind=kind, title=f"Title of {kind}", purpose="to try it", kept="until noon")
    for row in rows:
        made.rows.add().update(row)
    return made


HELD = [
    Held("profiles", [section("skills", {"skill": "=1+1", "level": 3}, {"skill": "Siân's", "parts": ["a", "@b"]})]),
    Held("planning", [], "connection refused"),
    Held("matching", [section("alerts")]),
]


def test_each_section_is_a_table_and_all_of_it_is_in_one_json_file(tmp_path: Path) -> None:
    write_export(tmp_path / "to", "people/anna", HELD, NOON)
    assert sorted(each.name for each in (tmp_path / "to").iterdir()) == [
        "README.txt", "matching-alerts.csv", "person.json", "profiles-skills.csv",
    ]  # fmt: skip
    with (tmp_path / "to" / "profiles-skills.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["skill"], row["level"]) for row in rows] == [("'=1+1", "3.0"), ("Siân's", "")]
    assert json.loads(rows[1]["parts"]) == ["a", "@b"]
    whole = json.loads((tmp_path / "to" / "person.json").read_text(encoding="utf-8"))
    assert whole["sections"][0]["rows"][0] == {"skill": "=1+1", "level": 3.0}
    assert whole["did_not_answer"] == {"planning": "connection refused"}


def test_the_readme_says_of_each_why_and_how_long_and_what_is_missing(tmp_path: Path) -> None:
    write_export(tmp_path / "to", "people/anna", HELD, NOON)
    text = (tmp_path / "to" / "README.txt").read_text(encoding="utf-8")
    assert all(word in text for word in ("to try it", "until noon", "Title of skills", "Title of alerts"))
    assert "INCOMPLETE: the service planning did not answer" in text


def test_nothing_is_overwritten_and_others_may_not_read_it(tmp_path: Path) -> None:
    write_export(tmp_path / "to", "people/anna", HELD, NOON)
    assert (tmp_path / "to").stat().st_mode & 0o077 == 0
    with pytest.raises(AlreadyExists):
        write_export(tmp_path / "to", "people/anna", HELD, NOON)


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+44", "-1+1", "@SUM(A1)", "\t=1", "\r=1"])
def test_text_that_a_spreadsheet_would_compute_is_quoted(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["plain", "a=b", -1.5, 3, True, ""])
def test_other_cells_stay_as_they_are(value: object) -> None:
    assert cell(value) == value
