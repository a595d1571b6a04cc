"""What tests of HR feeds send, and an HR system's words for skills that a test can foresee."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from careweave_profiles.feeds.applying import Answer, Feeds, apply_updates
from careweave_profiles.feeds.records import read_records
from careweave_profiles.feeds.unresolved import list_unresolved
from careweave_profiles.feeds.wordings import Known

from careweave.errors import Unavailable
from careweave.graph.port import Query
from careweave.graph.schema import SCHEMA
from careweave.policy import Caller, Role
from careweave.rpc.caller import OPERATOR
from careweave.v1 import common_pb2, hr_pb2
from careweave.v1.common_pb2 import Date
from careweave.v1.profiles_pb2 import Person
from tests.unit.profiles.world import World

OAKS: Final = "sourceSystems/esr-oaks"
VALE: Final = "sourceSystems/asc-vale"
OAKS_FEED: Final = Caller(OAKS, Role.HR_FEED, "organisations/oaks")
VALE_FEED: Final = Caller(VALE, Role.HR_FEED, "organisations/vale")
NAMES: Final = Query("names", "MATCH (p:Person) RETURN p.name AS name ORDER BY name")
HELD: Final = Query(
    "held",
    "MATCH (p:Person {name: $name}) MATCH (p)-[r:HAS_SKILL]->(s:Skill) RETURN s.name AS skill, r.level AS level, "
    "r.origin AS origin, r.effective_from AS effective_from, r.asserted_at AS asserted_at, "
    "r.superseded_at AS superseded_at ORDER BY asserted_at",
)


@dataclass
class Words:
    """The skills service of a small taxonomy: knows labels as they stand, and finds them within a text."""

    known: dict[str, str] = field(
        default_factory=lambda: {name: f"skills/{name.lower()}" for name in ("Lifting", "Dressing", "Listening")}
    )
    answering: bool = True
    asked: list[str] = field(default_factory=list)

    async def labelled(self, label: str) -> list[Known]:
        """Return the skill of exactly that label."""
        self._note(label)
        return [Known(self.known[label], label)] if label in self.known else []

    async def spoken_of(self, text: str) -> list[Known]:
        """Return the skills whose label stands in the text."""
        self._note(text)
        return [Known(skill, label) for label, skill in self.known.items() if label.lower() in text.lower()]

    def _note(self, words: str) -> None:
        self.asked.append(words)
        if not self.answering:
            raise Unavailable("The skills service does not answer.", reason="NOT_ANSWERING")


@dataclass
class Feeding:
    """The HR systems of two employers, in a small place."""

    world: World
    words: Words
    feeds: Feeds

    async def send(self, *updates: hr_pb2.ProfileUpdate, caller: Caller = OAKS_FEED) -> list[Answer]:
        """Take updates in, in one batch."""
        return await apply_updates(self.feeds, caller, updates)

    async def outcomes(self, *updates: hr_pb2.ProfileUpdate, caller: Caller = OAKS_FEED) -> list[str]:
        """Take updates in, in one batch, and return what became of each."""
        return [str(answer.outcome) for answer in await self.send(*updates, caller=caller)]

    async def people(self) -> list[Person]:
        """Return everyone, in order of name."""
        return [await self.world.get(str(row["name"])) for row in await self.world.graph.run(NAMES)]

    async def only_person(self) -> Person:
        """Return the one person there is."""
        (person,) = await self.people()
        return person

    async def person_of(self, source_system: str, external_id: str) -> str:
        """Return the name of the person of a record that was sent."""
        name = self.feeds.keys.name(source_system, external_id)
        return (await read_records(self.world.graph, [name]))[name].person

    async def unresolved(self, source_system: str = OAKS) -> dict[tuple[str, str], int]:
        """Return how many records mention what the taxonomy does not know, by kind and wording."""
        request = hr_pb2.ListUnresolvedSkillsRequest(parent=source_system)
        found, _ = await list_unresolved(self.feeds.ports, OPERATOR, request, "", 100)
        return {(each.kind, each.wording): each.record_count for each in found}

    async def everything(self, label: str) -> list[dict[str, object]]:
        """Return all nodes of a label."""
        columns = ", ".join(f"n.{name} AS {name}_" for name in SCHEMA.node(label).properties)
        return await self.world.graph.run(Query("everything", f"MATCH (n:{label}) RETURN {columns}"))

    async def held(self, person: str) -> list[dict[str, object]]:
        """Return all assertions of skills of a person, past ones too, in order of time."""
        return await self.world.graph.run(HELD, name=person)


def update(external_id: str = "A-1", version: int = 1, **sections: Any) -> hr_pb2.ProfileUpdate:
    """Return an update of a record of the Oaks, with `sections`."""
    given: dict[str, Any] = {"source_system": OAKS, "external_id": external_id, "source_version": version} | sections
    return hr_pb2.ProfileUpdate(**given)


def called(name: str) -> hr_pb2.FeedIdentity:
    """Return the section of a fictional person of that name."""
    return hr_pb2.FeedIdentity(display_name=name, fictional=True)


def employed(title: str = "Carer", organisation: str = "organisations/oaks") -> hr_pb2.FeedEmployments:
    """Return the section of one period of work."""
    work = hr_pb2.FeedEmployment(organisation=organisation, job_title=title, start_date=Date(year=2024, month=4, day=1))
    return hr_pb2.FeedEmployments(employments=[work])


def able(*skills: str | hr_pb2.FeedSkill) -> hr_pb2.FeedSkills:
    """Return the section of skills, given whole or by id."""
    return hr_pb2.FeedSkills(
        skills=[hr_pb2.FeedSkill(skill=f"skills/{each}") if isinstance(each, str) else each for each in skills]
    )


def certified(*titles: str) -> hr_pb2.FeedCredentials:
    """Return the section of completed courses of these titles."""
    return hr_pb2.FeedCredentials(
        credentials=[
            hr_pb2.FeedCredential(
                kind=common_pb2.CREDENTIAL_KIND_MANDATORY_TRAINING,
                title=title,
                issue_date=Date(year=2026, month=2, day=3),
            )
            for title in titles
        ]
    )


def skills_of(person: Person) -> dict[str, tuple[int, int]]:
    """Return level and source of each skill of a person, by id."""
    return {each.skill.partition("/")[2]: (each.proficiency, each.source) for each in person.skills}


def titles_of(person: Person) -> Sequence[str]:
    """Return the job titles of a person."""
    return [each.job_title for each in person.employments]
