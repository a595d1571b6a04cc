"""The packaged facts of careers in England: registers, what leads onto them, usual levels, rungs and conditions.

They lie in `data/career-steps`, whose README says where each comes from. Occupations are named by ESCO's preferred
label, or by the id of a role category of the Care Workforce Pathway.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final

from careweave import datasets

FOLDER: Final = "career-steps"
_BETWEEN: Final = "|"


class Way(StrEnum):
    """What a programme is, as the table words it."""

    APPRENTICESHIP = "apprenticeship"
    STUDY = "study"
    QUALIFICATION = "qualification"
    """Leads to a level and to no occupation."""
    RETURN = "return"
    """For those who were on the register before."""
    LEFT_OUT = "left out"
    """No plan should count on it; `basis` says why."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a rule or a figure comes from.

    url: empty where none is public. checked: the day on which somebody read the source, or a text that quotes it, and
    found there what is said; None if nobody has. own: whether it is a rule of this project, with nothing to read.
    """

    text: str
    url: str = ""
    checked: date | None = None
    own: bool = False


@dataclass(frozen=True, slots=True)
class Register:
    """A statutory register. name: the title of the credential that shows it. occupations: those that need it."""

    name: str
    regulator: str
    profession: str
    occupations: tuple[str, ...]
    law: Source


@dataclass(frozen=True, slots=True)
class ProgrammeFact:
    """What is known of a programme beside what the taxonomy holds; zeros and empty texts are left to the taxonomy.

    level, entry_level: of the Regulated Qualifications Framework, 1 to 8. months: usual length. hours: of learning.
    register: that it leads onto, or keeps one on. entry_register: whom alone it takes.
    shorter_for, shorter_months: for whom it takes less time, and how much.
    """

    name: str
    title: str
    way: Way
    register: str
    occupations: tuple[str, ...]
    level: int
    months: int
    hours: int
    entry_level: int
    entry_register: str
    shorter_for: str
    shorter_months: int
    basis: str
    source: Source


@dataclass(frozen=True, slots=True)
class Rung:
    """A move that the Care Workforce Pathway lays out. months: of practice that it usually takes before."""

    starts: tuple[str, ...]
    ends: tuple[str, ...]
    months: int
    source: Source


@dataclass(frozen=True, slots=True)
class Condition:
    """What the law asks of those who take up an occupation, beside a register."""

    occupations: tuple[str, ...]
    text: str
    source: Source


@dataclass(frozen=True, slots=True)
class Facts:
    """All of it.

    levels: the level usual for an occupation in England, where ISCO's says something else. home_care: work done in
    people's own homes. fields: what work is apart from the rest of care for, such as children or teeth.
    """

    registers: tuple[Register, ...]
    programmes: tuple[ProgrammeFact, ...]
    levels: Mapping[str, int]
    rungs: tuple[Rung, ...]
    conditions: tuple[Condition, ...]
    home_care: frozenset[str]
    fields: Mapping[str, str]


@cache
def packaged_facts() -> Facts:
    """Return the packaged facts."""
    return read_facts(datasets.folder(FOLDER))


def read_facts(folder: Path) -> Facts:
    """Return the facts in `folder`."""
    return Facts(
        registers=tuple(
            Register(row["register"], row["regulator"], row["profession"], _many(row["occupations"]),
                     _source(row, "law"))
            for row in _rows(folder, "registers.csv")
        ),
        programmes=tuple(_programme(row) for row in _rows(folder, "programmes.csv")),
        levels={row["occupation"]: int(row["level"]) for row in _rows(folder, "levels.csv")},
        rungs=tuple(
            Rung(_many(row["from"]), _many(row["to"]), int(row["months"]), _source(row))
            for row in _rows(folder, "rungs.csv")
        ),
        conditions=tuple(
            Condition(_many(row["occupations"]), row["condition"], _source(row))
            for row in _rows(folder, "conditions.csv")
        ),
        home_care=frozenset(row["occupation"] for row in _rows(folder, "home-care.csv")),
        fields={row["occupation"]: row["field"] for row in _rows(folder, "fields.csv")},
    )  # fmt: skip


def _programme(row: Mapping[str, str]) -> ProgrammeFact:
    return ProgrammeFact(
        name=row["programme"],
        title=row["title"],
        way=Way(row["kind"]),
        register=row["register"],
        occupations=_many(row["occupations"]),
        level=int(row["level"]),
        months=int(row["months"]),
        hours=int(row["hours"]),
        entry_level=int(row["entry_level"]),
        entry_register=row["entry_register"],
        shorter_for=row["shorter_for"],
        shorter_months=int(row["shorter_months"]),
        basis=row["basis"],
        source=_source(row),
    )


def _source(row: Mapping[str, str], named: str = "source") -> Source:
    checked = row["checked"]
    return Source(row[named], row["url"], date.fromisoformat(checked) if checked else None)


def _many(field: str) -> tuple[str, ...]:
    return tuple(field.split(_BETWEEN)) if field else ()


def _rows(folder: Path, name: str) -> Iterator[dict[str, str]]:
    with (folder / name).open(encoding="utf-8", newline="") as opened:
        yield from csv.DictReader(opened)
