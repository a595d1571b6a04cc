"""An export as a folder that people can read: one JSON file, a CSV file per section, and what each is and why."""

import csv
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from google.protobuf.json_format import MessageToDict

from careweave.errors import AlreadyExists
from careweave.v1.common_pb2 import PersonSection
from careweave_cli.person.sections import Held
from careweave_cli.show.words import plural

_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")
"""With what a cell begins that a spreadsheet would compute (OWASP, CSV injection)."""


def require_free(folder: Path) -> None:
    """Return if nothing is at `folder` yet.

    Raises:
        AlreadyExists: something is.
    """
    if folder.exists():
        raise AlreadyExists(f"{folder} is there already; name a folder that is not.", reason="FOLDER_EXISTS")


def write_export(folder: Path, person: str, held: Sequence[Held], at: datetime) -> None:
    """Write what all services hold about `person` to the new folder `folder`, readable by its owner alone.

    It appears whole, or not at all.

    Raises:
        AlreadyExists: something is at `folder`.
        OSError: it cannot be written.
    """
    require_free(folder)
    under_way = folder.with_name(f"{folder.name}.part")
    under_way.mkdir(mode=0o700, parents=True)
    (under_way / "README.txt").write_text(_readme(person, held, at), encoding="utf-8")
    (under_way / "person.json").write_text(_json(person, held, at), encoding="utf-8")
    for each in held:
        for section in each.sections:
            _write_table(under_way / _table_name(each, section), rows_of(section))
    under_way.rename(folder)


def rows_of(section: PersonSection) -> list[dict[str, Any]]:
    """Return the rows of a section as plain values."""
    return [MessageToDict(row) for row in section.rows]


def cell(value: object) -> object:
    """Return a value as a cell of a spreadsheet: lists and maps as JSON, and text that is not computed."""
    if isinstance(value, Mapping | list):
        value = json.dumps(value, ensure_ascii=False)
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULAS) else value


def _write_table(file: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with file.open("w", encoding="utf-8-sig", newline="") as out:  # with its mark, by which spreadsheets know UTF-8
        table = csv.writer(out)
        table.writerow(columns)
        table.writerows([cell(row.get(name, "")) for name in columns] for row in rows)


def _table_name(held: Held, section: PersonSection) -> str:
    return f"{held.service}-{section.kind}.csv"


def _json(person: str, held: Sequence[Held], at: datetime) -> str:
    content = {
        "person": person,
        "exported_at": at.isoformat(),
        "did_not_answer": {each.service: each.silent for each in held if each.silent},
        "sections": [
            {
                "service": each.service,
                "kind": section.kind,
                "title": section.title,
                "purpose": section.purpose,
                "kept": section.kept,
                "rows": rows_of(section),
            }
            for each in held
            for section in each.sections
        ],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _readme(person: str, held: Sequence[Held], at: datetime) -> str:
    lines = [
        f"All that Careweave holds about {person}, as of {at:%d %B %Y, %H:%M} UTC.",
        "",
        "It is given under Article 15 (access) and Article 20 (portability) of the UK GDPR. person.json holds all of",
        "it, for programs; each .csv file is one section, for spreadsheets. Where a cell begins with ' before = + -",
        "or @, the ' was added so that no spreadsheet computes it.",
    ]
    for each in held:
        if each.silent:
            lines += ["", f"INCOMPLETE: the service {each.service} did not answer ({each.silent}). Ask again later."]
        for section in each.sections:
            lines += [
                "",
                f"{_table_name(each, section)}: {section.title} ({plural(len(section.rows), 'row')})",
                f"  Held for: {section.purpose}",
                f"  Kept: {section.kept}",
            ]
    return "\n".join(lines) + "\n"
