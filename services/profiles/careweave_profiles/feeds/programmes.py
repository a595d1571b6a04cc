"""Courses and standards that credentials stand for, and the skills that these develop.

Several courses may share a title; a credential that gives the title alone raises what all of them develop.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from careweave.graph.port import Query, Reads
from careweave.v1.hr_pb2 import FeedCredential, ProfileUpdate
from careweave_profiles.feeds.wordings import Known

LABELS: Final = {"courses": "Course", "standards": "Standard"}
TITLES: Final = {
    label: Query(f"titles_of_{label.lower()}s", f"MATCH (t:{label}) RETURN t.name AS name, t.title AS title")
    for label in LABELS.values()
}
DEVELOPED: Final = {
    label: Query(
        f"developed_by_{label.lower()}s",
        f"UNWIND $names AS wanted MATCH (t:{label} {{name: wanted}}) OPTIONAL MATCH (t)-[:DEVELOPS]->(s:Skill) "
        "WITH t, s WHERE s.name IS NOT NULL RETURN t.name AS programme, s.name AS name, s.label AS label",
    )
    for label in LABELS.values()
}

Programmes = Mapping[str, tuple[Known, ...]]
"""What each programme, by its name or its title in lower case, develops."""


def programme_of(credential: FeedCredential) -> str:
    """Return by what `credential` names the programme behind it."""
    return credential.programme or normal(credential.title)


async def programmes(reads: Reads, updates: Iterable[ProfileUpdate]) -> Programmes:
    """Return what the programmes behind the credentials of `updates` develop; what is no programme is not in it."""
    wanted = {programme_of(each) for update in updates for each in update.credentials.credentials} - {""}
    if not wanted:
        return {}
    names = {each: [each] for each in wanted if each.partition("/")[0] in LABELS}
    if wanted - names.keys():
        names |= {title: found for title, found in (await _by_title(reads)).items() if title in wanted}
    developed = await _developed(reads, {name for some in names.values() for name in some})
    common = {each: _common([developed.get(name, ()) for name in some]) for each, some in names.items()}
    return {each: skills for each, skills in common.items() if skills}


def normal(title: str) -> str:
    """Return `title` without differences of case and white space."""
    return " ".join(title.casefold().split())


def _common(developed: Sequence[tuple[Known, ...]]) -> tuple[Known, ...]:
    """Return what all programmes of one title develop: which of them it was is not known."""
    shared = set.intersection(*(set(each) for each in developed))
    return tuple(each for each in developed[0] if each in shared)


async def _by_title(reads: Reads) -> dict[str, list[str]]:
    """Return the names of the programmes of each title."""
    found: dict[str, list[str]] = {}
    for query in TITLES.values():
        for row in await reads.run(query):
            found.setdefault(normal(str(row["title"] or "")), []).append(str(row["name"]))
    return found


async def _developed(reads: Reads, names: Iterable[str]) -> dict[str, tuple[Known, ...]]:
    found: dict[str, list[Known]] = {}
    for collection, label in LABELS.items():
        of_kind = sorted(name for name in names if name.startswith(f"{collection}/"))
        for row in await reads.run(DEVELOPED[label], names=of_kind) if of_kind else []:
            found.setdefault(str(row["programme"]), []).append(Known(str(row["name"]), str(row["label"] or "")))
    return {name: tuple(sorted(known, key=lambda each: each.skill)) for name, known in found.items()}
