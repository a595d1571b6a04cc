"""Reading vignettes: a person, the steps that are expected and those that would be wrong.

tests/vignettes/README.md explains the form.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from careweave.errors import InvalidArgument, NotFound

CLAUSE_KEYS: Final = frozenset({
    "kinds", "standards", "occupations", "title", "without", "sectors", "places", "rural", "registration", "driving",
    "pay_below", "hours_above",
})  # fmt: skip
"""What a clause may ask."""


@dataclass(frozen=True, slots=True)
class Step:
    """A kind of next step. It holds for an opportunity if one of `clauses` does; each asks several things at once.

    within: how far down the list to look.
    """

    title: str
    why: str
    within: int
    clauses: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Story:
    """A vignette. key: the name of its file without the ending. person: the profile as the file has it."""

    key: str
    title: str
    person: Mapping[str, Any]
    expected: Sequence[Step]
    wrong: Sequence[Step]


def read_stories(folder: Path) -> list[Story]:
    """Return the vignettes of `folder` in order of their file names.

    Raises:
        NotFound: there is none.
        InvalidArgument: a file is not as the README of the vignettes says.
    """
    files = sorted(folder.glob("*.toml"))
    if not files:
        raise NotFound(f"There are no vignettes (*.toml) in {folder}.", reason="VIGNETTES_NOT_FOUND")
    return [_read(file) for file in files]


def _read(file: Path) -> Story:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        steps = {sort: [_step(row) for row in content[sort]] for sort in ("expected", "wrong")}
        return Story(file.stem, content["title"], content["person"], steps["expected"], steps["wrong"])
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        message = f"{file.name} is not a vignette: {type(error).__name__}: {error}"
        raise InvalidArgument(message, reason="VIGNETTE_INVALID") from error


def _step(row: Mapping[str, Any]) -> Step:
    step = Step(row["step"], row["why"], row["within"], row["any"])
    unknown = sorted({key for clause in step.clauses for key in clause} - CLAUSE_KEYS)
    if unknown:
        raise KeyError(", ".join(unknown))
    return step
