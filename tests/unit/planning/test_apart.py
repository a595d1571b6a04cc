"""Nothing but planning has a way to equality declarations."""

import re
from pathlib import Path
from typing import Final

import pytest

from careweave.graph.schema import SCHEMA
from careweave.policy import GRANTS, Action, Role, Scope
from careweave.v1 import events_pb2, matching_pb2, planning_pb2, profiles_pb2, skills_pb2
from careweave.wiring import Adapters

SERVICES: Final = Path(__file__).resolve().parents[3] / "services"
OTHERS: Final = ("matching", "profiles", "skills")
OWN_ACTIONS: Final = [
    Action(method.name) for method in planning_pb2.DESCRIPTOR.services_by_name["PlanningService"].methods
]


def test_the_person_alone_is_granted_anything_that_says_what_they_declared() -> None:
    for action in OWN_ACTIONS:
        if action is not Action.EXPORT_PERSON:
            assert GRANTS[action] == {Role.PERSON: Scope.OWN}


@pytest.mark.parametrize("service", OTHERS)
def test_no_other_service_names_planning_or_its_settings(service: str) -> None:
    """Neither stub nor setting: what is in the words of a service's modules is all that it can call."""
    for file in (SERVICES / service / f"careweave_{service}").rglob("*.py"):
        assert not re.search(r"planning_pb2|\.planning\b|\.equality|CAREWEAVE_EQ", file.read_text(encoding="utf-8")), (
            file
        )


def test_what_services_share_holds_no_way_to_the_store() -> None:
    assert set(Adapters.__dataclass_fields__) == {"settings", "graph", "events", "embedder", "audit", "clock", "new_id"}


def test_neither_the_graph_nor_any_event_nor_any_other_message_has_room_for_an_answer() -> None:
    answers = {field.name for field in planning_pb2.EqualityDeclaration.DESCRIPTOR.fields} - {"name", "etag"}
    assert {"ethnic_group", "disability", "religion"} < answers
    kept = {name for node in SCHEMA.nodes.values() for name in node.properties}
    kept |= {name for link in SCHEMA.relationships.values() for name in link.properties}
    assert not answers & kept
    for file in (events_pb2, matching_pb2, profiles_pb2, skills_pb2):
        for message in file.DESCRIPTOR.message_types_by_name.values():
            assert not answers & {field.name for field in message.fields}, message.full_name
