"""What the TOML files of the sample hold, as frozen records."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

_HERE: Final = Path(__file__).parent
_BOOKS: Final = ("courses", "roles", "organisations", "districts", "words", "phrases", "projects")


@dataclass(frozen=True, slots=True, eq=False)
class Role:
    """A role of the sample; fields as roles.toml explains them."""

    key: str
    occupation: str
    band: str
    rung: int
    titles: tuple[str, ...]
    staff: Mapping[str, float]
    before: tuple[str, ...]
    standards: tuple[str, ...]
    drive: float
    unsocial: float
    skills: tuple[str, ...]
    pathway: tuple[str, ...]
    about: tuple[str, ...]
    duties: tuple[str, ...]
    register: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Employer:
    """An organisation of the sample; fields as organisations.toml explains them."""

    key: str
    title: str
    sector: str
    setting: str
    at: tuple[str, ...]
    headcount: int
    weight: float
    levy: bool

    @property
    def name(self) -> str:
        """Resource name."""
        return f"organisations/{self.key}"


@dataclass(frozen=True, slots=True)
class LearningHub:
    """A hub or hublet; `at` is empty if it is virtual, `parent` if it is a hub."""

    key: str
    title: str
    at: str
    organisation: str
    description: str
    parent: str = ""
    virtual: bool = False


@dataclass(frozen=True, slots=True)
class Theme:
    """An improvement project, or a course that no packaged list contains.

    by: setting of who offers a course. subject: what a project is about, as a noun phrase.
    """

    role: str
    title: str
    lines: tuple[str, ...]
    subject: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Topic:
    """What some packaged courses are about; fields as courses.toml explains them."""

    pattern: str
    roles: tuple[str, ...]
    teaches: tuple[str, ...]


@cache
def book(name: str) -> Mapping[str, Any]:
    """Return the content of the TOML file `name` beside this module.

    Raises:
        KeyError: there is no such file.
    """
    if name not in _BOOKS:
        raise KeyError(name)
    return tomllib.loads((_HERE / f"{name}.toml").read_text(encoding="utf-8"))


@cache
def roles() -> Mapping[str, Role]:
    """Return the roles by key."""
    return {row["key"]: Role(**_frozen(row)) for row in book("roles")["role"]}


@cache
def employers() -> Mapping[str, Employer]:
    """Return the organisations by key."""
    return {row["key"]: Employer(**_frozen(row)) for row in book("organisations")["organisation"]}


@cache
def hubs() -> tuple[LearningHub, ...]:
    """Return the hubs, each before its hublets."""
    return tuple(LearningHub(**row) for row in book("organisations")["hub"])


@cache
def themes(kind: str) -> tuple[Theme, ...]:
    """Return the themes of `kind`, which is project or course."""
    return tuple(Theme(**_frozen(row)) for row in book("projects")[kind])


@cache
def topics() -> tuple[Topic, ...]:
    """Return what courses are about; the first topic whose pattern fits a course is its own."""
    return tuple(Topic(**_frozen(row)) for row in book("courses")["topic"])


def suited(texts: Sequence[str], setting: str) -> list[str]:
    """Return those of `texts` that suit `setting`, or all if none does, without the settings before their colon."""
    marked = [(text.rpartition(": ")[0].split(), text.rpartition(": ")[2]) for text in texts]
    return [text for settings, text in marked if not settings or setting in settings] or [text for _, text in marked]


@cache
def roles_in(setting: str) -> Mapping[Role, float]:
    """Return the roles of `setting` with how many people each has there, relative to the others."""
    return {role: role.staff[setting] for role in roles().values() if setting in role.staff}


def _frozen(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
