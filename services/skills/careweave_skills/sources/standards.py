"""Apprenticeship standards (England): health and care routes of 2026, all routes of 2021.

The list of 2026 rules: its 106 standards carry the official reference (ST0005), funding and duties.
The list of 2021 adds typical job titles to them, matched by title and level, and the standards of
the other routes under `standards/lars-<code>`. A row of 2021 whose title differs from a standard of
2026 in its bracketed part alone, at the same level, is an earlier version of it and is not loaded a
second time; it lends its job titles only where no row of 2021 has the very title of 2026 (those of
"Registered nurse (NMC 2010)" name midwives, whom the standard of 2018 no longer covers).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from careweave_skills.sources.tables import Notes, Row, RowNote, TableFile, open_file, rows
from careweave_skills.taxonomy import SkillKind

STANDARDS = "health_care_standards_2026.csv"
DUTIES = "health_care_ksb_2026.csv"
ALL_ROUTES = "standards_2021.csv"

STATUS_2021 = "Published2021"
_KINDS = {"K": SkillKind.KNOWLEDGE, "S": SkillKind.SKILL, "B": SkillKind.BEHAVIOUR}
_ORDER = "KSB"
_REFERENCE = re.compile(r"ST\d{4}")
_CODE = re.compile(r"([KSB])(\d{1,4})")
_LEVELS = range(2, 9)
_LONGEST_TITLE = 80
"""Characters of the longest text that can be a job title; a few fields of 2021 hold sentences."""


@dataclass(frozen=True, slots=True)
class Duty:
    """One item of knowledge, skill or behaviour. `name` is `skills/ksb-<reference>-<code>`."""

    name: str
    code: str
    label: str
    kind: SkillKind


@dataclass(frozen=True, slots=True)
class ApprenticeshipStandard:
    """A standard. `name` is `standards/<reference>`; `duties` in the order K, S, B and of number.

    level: of the Regulated Qualifications Framework. funding_band_gbp: whole pounds.
    """

    name: str
    title: str
    level: int
    route: str
    funding_band_gbp: int
    duration_months: int
    status: str
    job_titles: tuple[str, ...]
    duties: tuple[Duty, ...]


@dataclass(frozen=True, slots=True)
class Standards:
    """All standards."""

    standards: tuple[ApprenticeshipStandard, ...]
    dropped: tuple[RowNote, ...]
    corrected: tuple[RowNote, ...]


def source_files(folder: Path) -> tuple[Path, ...]:
    """Return the files that `read_standards` reads from `folder`."""
    return tuple(folder / name for name in (STANDARDS, DUTIES, ALL_ROUTES))


def read_standards(folder: Path) -> Standards:
    """Return the standards as `folder` holds them.

    Raises:
        InvalidArgument: a file or column is missing.
    """
    notes = Notes()
    current = _current(open_file(folder, STANDARDS), notes)
    duties = _duties(open_file(folder, DUTIES), current, notes)
    for row, standard in current.values():
        if standard.name not in duties:
            row.correct("no knowledge, skills or behaviours, kept without", f"{standard.name} {standard.title}")
    earlier = _earlier(open_file(folder, ALL_ROUTES), notes)
    titles, others = _merge([standard for _, standard in current.values()], earlier)
    standards = [
        replace(standard, job_titles=titles[standard.name], duties=duties.get(standard.name, ()))
        for _, standard in current.values()
    ]
    return Standards((*standards, *others), tuple(notes.dropped), tuple(notes.corrected))


def _current(table: TableFile, notes: Notes) -> dict[str, tuple[Row, ApprenticeshipStandard]]:
    """Return (row, standard) by name."""
    found: dict[str, tuple[Row, ApprenticeshipStandard]] = {}
    columns = ["ref", "name", "level", "route", "max_funding", "duration_months", "status"]
    for row, (reference, title, level, route, funding, months, status) in rows(table, columns, notes):
        name = f"standards/{reference}"
        if not _REFERENCE.fullmatch(reference) or name in found:
            row.drop("no reference such as ST0005, or reference given before", reference)
        elif _sensible(row, title, (level, funding, months)):
            found[name] = row, ApprenticeshipStandard(
                name, title, int(level), route, int(funding or 0), int(months or 0), status, (), ()
            )  # fmt: skip
    return found


def _duties(table: TableFile, known: Mapping[str, object], notes: Notes) -> dict[str, tuple[Duty, ...]]:
    """Return the duties by name of standard."""
    found: dict[str, dict[str, Duty]] = defaultdict(dict)
    for row, (reference, kind, code, text) in rows(table, ["ref", "kind", "code", "text"], notes):
        standard = f"standards/{reference}"
        if standard not in known:
            row.drop("of a standard that is not in the list", reference)
        elif kind not in _KINDS or not _CODE.fullmatch(code) or code[0] != kind or not text:
            row.drop("kind, code or text cannot be used", f"{reference} {kind} {code} {text}")
        elif code in found[standard]:
            row.drop("code given before", f"{reference} {code}")
        else:
            found[standard][code] = Duty(f"skills/ksb-{reference}-{code}", code, " ".join(text.split()), _KINDS[kind])
    return {standard: tuple(sorted(duties.values(), key=_place)) for standard, duties in found.items() if duties}


def _earlier(table: TableFile, notes: Notes) -> list[tuple[Row, ApprenticeshipStandard]]:
    """Return (row, standard) for each row of 2021."""
    found: dict[str, tuple[Row, ApprenticeshipStandard]] = {}
    columns = ["lars", "title", "level", "maxFunding", "typicalDuration", "route", "typicalJobTitles"]
    for row, (code, title, level, funding, months, route, titles) in rows(table, columns, notes):
        name = f"standards/lars-{code}"
        if not code.isdecimal() or name in found:
            row.drop("no LARS code, or code given before", f"{code} {title}")
        elif _sensible(row, title, (level, funding, months)):
            job_titles = _job_titles(row, titles)
            found[name] = row, ApprenticeshipStandard(
                name, title, int(level), route, int(funding or 0), int(months or 0), STATUS_2021, job_titles, ()
            )  # fmt: skip
    return list(found.values())


def _merge(
    current: Sequence[ApprenticeshipStandard], earlier: Iterable[tuple[Row, ApprenticeshipStandard]]
) -> tuple[dict[str, tuple[str, ...]], list[ApprenticeshipStandard]]:
    """Return the job titles of each current standard, and the earlier standards that no current one replaces."""
    successors: dict[tuple[str, int], list[ApprenticeshipStandard]] = defaultdict(list)
    for standard in current:
        successors[_base(standard.title), standard.level].append(standard)
    exact: dict[str, tuple[str, ...]] = {}
    loose: dict[str, tuple[str, ...]] = {standard.name: () for standard in current}
    others: list[ApprenticeshipStandard] = []
    for row, standard in earlier:
        replaced_by = successors.get((_base(standard.title), standard.level), [])
        if len(replaced_by) != 1:
            others.append(standard)
            continue
        successor = replaced_by[0]
        row.correct("merged into the standard of 2026", f"{standard.title} → {successor.name}")
        if _plain(standard.title) == _plain(successor.title):
            exact[successor.name] = standard.job_titles
        else:
            loose[successor.name] = _distinct((*loose[successor.name], *standard.job_titles))
    return loose | exact, others


def _sensible(row: Row, title: str, numbers: tuple[str, str, str]) -> bool:
    level, *sums = numbers
    shown = f"{title}: {', '.join(numbers)}"
    if not title:
        row.drop("no title", "")
    elif not level.isdecimal() or int(level) not in _LEVELS or not all(text.isdecimal() or not text for text in sums):
        row.drop("level, funding or duration is not a sensible number", shown)
    else:
        if not all(sums):
            row.correct("funding or duration is blank, kept as 0", shown)
        return True
    return False


def _job_titles(row: Row, text: str) -> tuple[str, ...]:
    titles = [title.strip() for title in text.split("|") if title.strip()]
    for sentence in (title for title in titles if len(title) > _LONGEST_TITLE):
        row.correct("a sentence among the job titles, left out", sentence)
    return _distinct(title for title in titles if len(title) <= _LONGEST_TITLE)


def _distinct(titles: Iterable[str]) -> tuple[str, ...]:
    first: dict[str, str] = {}
    for title in titles:
        first.setdefault(title.casefold(), title)
    return tuple(first.values())


def _place(duty: Duty) -> tuple[int, int]:
    return _ORDER.index(duty.code[0]), int(duty.code[1:])


def _plain(title: str) -> str:
    return re.sub(r"\W+", " ", title.lower()).strip()


def _base(title: str) -> str:
    """Return the title without its bracketed parts and a trailing qualification or year."""
    bare = _plain(re.sub(r"\([^)]*\)", " ", title))
    return re.sub(r" (integrated degree|degree|20\d\d)$", "", re.sub(r" (integrated degree|degree|20\d\d)$", "", bare))
