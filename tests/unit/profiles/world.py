"""A small place on the real embedded graph, with a clock and ids that a test can foresee."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Final

from careweave_profiles import people, registers
from careweave_profiles.organisations import ORGANISATIONS
from careweave_profiles.places import PLACES
from careweave_profiles.ports import Ports
from google.protobuf.field_mask_pb2 import FieldMask

from careweave.events.port import Event
from careweave.graph.outbox_rows import event_of
from careweave.graph.port import Graph, Query
from careweave.policy import Caller, Role
from careweave.rpc.caller import OPERATOR
from careweave.v1.common_pb2 import CREDENTIAL_KIND_DBS, DBS_LEVEL_ENHANCED, TRAVEL_MODE_CAR, Date
from careweave.v1.events_pb2 import ProfileChanged
from careweave.v1.profiles_pb2 import (
    CreatePersonRequest,
    DeletePersonRequest,
    GetPersonRequest,
    Organisation,
    Person,
    Place,
    UpdatePersonRequest,
)

START: Final = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ANNA: Final = Caller("people/anna", Role.PERSON)
OUTBOX: Final = Query(
    "outbox",
    "MATCH (o:Outbox) RETURN o.event_id AS event_id, o.topic AS topic, o.type AS type, o.source AS source, "
    "o.key AS key, o.version AS version, o.time AS time, o.payload AS payload, o.traceparent AS traceparent "
    "ORDER BY key, version, event_id",
)


@dataclass
class World:
    """graph: migrated, with three skills, one occupation, two places and two employers."""

    graph: Graph
    now: datetime = START
    ids: "count[int]" = field(default_factory=count)

    @property
    def ports(self) -> Ports:
        """Return ports on this world; each look at the clock is a second later."""
        return Ports(self.graph, self.tick, lambda: f"id{next(self.ids):018}")

    def tick(self) -> datetime:
        """Return the time, which passes."""
        self.now += timedelta(seconds=1)
        return self.now

    async def furnish(self) -> None:
        """Put the taxonomy, the places and the employers there."""
        async with self.graph.unit_of_work() as unit:
            await unit.merge_nodes(
                "Skill",
                [
                    {"name": f"skills/{word}", "label": word.capitalize()}
                    for word in ("lifting", "dressing", "listening")
                ],
            )
            await unit.merge_nodes("Occupation", [{"name": "occupations/carer", "label": "Carer"}])
        for place in (Place(name="places/CW7", title="Winsford"), Place(name="places/CW8", title="Northwich")):
            await registers.update(self.ports, OPERATOR, PLACES, place, FieldMask(), allow_missing=True)
        for name in ("organisations/oaks", "organisations/vale"):
            organisation = Organisation(name=name, title=name, place="places/CW7", fictional=True)
            await registers.update(self.ports, OPERATOR, ORGANISATIONS, organisation, FieldMask(), allow_missing=True)

    async def create(self, person: Person | None = None, person_id: str = "anna", request_id: str = "") -> Person:
        """Create a person as the operator."""
        request = CreatePersonRequest(
            person=carer() if person is None else person, person_id=person_id, request_id=request_id
        )
        return await people.create_person(self.ports, OPERATOR, request)

    async def update(self, person: Person, *paths: str, caller: Caller = OPERATOR) -> Person:
        """Update a person by the mask `paths`."""
        request = UpdatePersonRequest(person=person, update_mask=FieldMask(paths=paths))
        return await people.update_person(self.ports, caller, request)

    async def get(self, name: str = "people/anna") -> Person:
        """Return a person as the operator sees them."""
        return await people.get_person(self.ports, OPERATOR, GetPersonRequest(name=name))

    async def delete(self, name: str) -> None:
        """Delete a person as they would themselves."""
        await people.delete_person(self.ports, Caller(name, Role.PERSON), DeletePersonRequest(name=name))

    def forget_soon(self) -> None:
        """Let an hour pass, so that nothing is remembered for the sake of speed."""
        self.now += timedelta(hours=1)

    async def events(self, name: str = "people/anna") -> list[Event]:
        """Return the events about `name` that wait to be published."""
        return [event_of(row) for row in await self.graph.run(OUTBOX) if row["key"] == name]

    async def changes(self, name: str = "people/anna") -> Mapping[int, ProfileChanged | None]:
        """Return the payload of each event about `name` by version; None is a tombstone."""
        events = await self.events(name)
        payloads = {
            event.version: None if event.payload is None else ProfileChanged.FromString(event.payload)
            for event in events
        }
        assert len(payloads) == len(events), "two events of one version"
        return payloads


def carer() -> Person:
    """Return somebody with something in every part of the profile."""
    person = Person(display_name="Anna Fictional", email="anna@example.org", place="places/CW7", fictional=True)
    person.employments.add(
        organisation="organisations/oaks", occupation="occupations/carer", start_date=Date(year=2022, month=5, day=1)
    )
    person.skills.add(skill="skills/lifting", proficiency="PROFICIENCY_COMPETENT", evidence="three years of it")
    person.skills.add(skill="skills/dressing")
    person.credentials.add(
        kind=CREDENTIAL_KIND_DBS, issue_date=Date(year=2024, month=2, day=29), dbs_level=DBS_LEVEL_ENHANCED
    )
    person.preferences.travel_mode = TRAVEL_MODE_CAR
    person.preferences.aspiration = "to become a nurse"
    return person
