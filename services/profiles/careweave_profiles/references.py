"""The resources that a profile names, and whether they exist; one query per kind of resource."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from careweave.graph.port import Reads
from careweave.v1.profiles_pb2 import Person
from careweave_profiles import store
from careweave_profiles.violations import Violations


@dataclass(slots=True)
class References:
    """Names that a request gives, each with its path, by label of the graph."""

    skill_labels: dict[str, str] = field(default_factory=dict)
    """Preferred label of each skill that was found to exist."""
    _paths: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))

    def add(self, label: str, name: str, path: str) -> None:
        """Note that `path` of the request names `name`, a node of `label`; nothing if it is empty."""
        if name:
            self._paths[label].setdefault(name, path)

    async def check(self, reads: Reads, found: Violations) -> None:
        """Add to `found` every name that does not exist, at the first path that gives it."""
        for label, paths in self._paths.items():
            known = await self._known(reads, label, list(paths))
            for name, path in paths.items():
                if name not in known:
                    found.add(path, f"there is no {name}")

    async def _known(self, reads: Reads, label: str, names: list[str]) -> Collection[str]:
        if label != "Skill":
            return await store.known_names(reads, label, names)
        self.skill_labels.update(await store.skill_labels(reads, names))
        return self.skill_labels


def named_by(person: Person, path: str, before: Person | None = None) -> Iterator[tuple[str, str, str]]:
    """Yield (label, name, path) for what `person` names and `before` does not: that one was checked."""
    checked = {(label, name) for label, name, _ in named_by(before, "")} if before else set()
    for label, name, place in _all_named_by(person, path):
        if name and (label, name) not in checked:
            yield label, name, place


def _all_named_by(person: Person, path: str) -> Iterable[tuple[str, str, str]]:
    yield "Place", person.place, f"{path}.place"
    for index, employment in enumerate(person.employments):
        yield "Organisation", employment.organisation, f"{path}.employments[{index}].organisation"
        yield "Occupation", employment.occupation, f"{path}.employments[{index}].occupation"
    for index, skill in enumerate(person.skills):
        yield "Skill", skill.skill, f"{path}.skills[{index}].skill"
    for index, occupation in enumerate(person.preferences.aspired_occupations):
        yield "Occupation", occupation, f"{path}.preferences.aspired_occupations[{index}]"
