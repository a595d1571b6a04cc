"""All that matching holds on a person, for them to read (UK GDPR Article 15)."""

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct

from careweave.graph.port import Query
from careweave.policy import Action, Caller, Resource, authorise
from careweave.v1.common_pb2 import PersonSection
from careweave_matching import alert_store, past_decisions, review_store, store
from careweave_matching.applying import Application
from careweave_matching.past_decisions import require_person
from careweave_matching.ports import Ports
from careweave_matching.retention import REVIEWS_KEPT_YEARS
from careweave_matching.reviews import NO_LIMIT

ASPIRES: Final = Query(
    "aspirations_held",
    "MATCH (p:Person {name: $person}) OPTIONAL MATCH (p)-[r:ASPIRES]->(m:EmbeddingModel) "
    "WITH m, r WHERE m.name IS NOT NULL RETURN m.name AS model ORDER BY model",
)
ROWS_AT_ONCE: Final = 100
"""Rows in one message of the stream at most; a kind that has more comes in several."""
BEGINNING: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Before any ranking: how long they are kept is for the installation to say, and all that is kept is shown."""
_EVERYTHING: Final = 100_000
"""Rows of one kind that are read at most."""


@dataclass(frozen=True, slots=True)
class _Kind:
    kind: str
    title: str
    purpose: str
    kept: str


_APPLICATIONS: Final = _Kind(
    "applications",
    "Interest you have shown, and what became of it",
    "So that the employer can answer you, and you can see where it stands.",
    "Until you are erased.",
)
_ALERTS: Final = _Kind(
    "alerts",
    "Opportunities that you were told of unasked",
    "So that you are told of each once.",
    "Until the opportunity closes or you are erased.",
)
_ASPIRATIONS: Final = _Kind(
    "aspiration_vectors",
    "Numbers that a language model makes of what you wrote of your aspirations",
    "To compare your aspirations with opportunities, for your own list alone. The numbers mean nothing to a reader and "
    "are not shown; the words themselves are in your profile.",
    "Until you change the words or are erased.",
)
_DECISIONS: Final = _Kind(
    "decisions",
    "Rankings that were made for you, and those that showed you to an employer",
    "So that you can ask why, and contest.",
    "By the installation's retention rule for the event log: a year, unless it says otherwise.",
)
_REVIEWS: Final = _Kind(
    "reviews",
    "Reviews of rankings that you have asked for, with what they are about and the answer",
    "So that a person looks at the ranking and answers you in time.",
    f"{REVIEWS_KEPT_YEARS} years after the answer (Limitation Act 1980), or until you are erased.",
)


async def export(ports: Ports, caller: Caller, person: str) -> AsyncIterator[PersonSection]:
    """Yield every kind of thing that is held on `person`, those of which there is none without rows.

    Raises:
        Forbidden: the caller may not. NotFound: there is no such person. Unavailable: a store does not answer.
    """
    authorise(caller, Action.EXPORT_PERSON, Resource(person=person))
    await require_person(ports, person)
    graph = ports.graph
    applications = await store.applications(graph, person, "", "", _EVERYTHING)
    for section in _sections(_APPLICATIONS, (_application(each) for each in applications)):
        yield section
    told = sorted(await alert_store.told(graph, person), key=lambda each: each.opportunity)
    rows: list[dict[str, object]] = [{"opportunity": each.opportunity, "times_told": each.number} for each in told]
    for section in _sections(_ALERTS, rows):
        yield section
    models = await graph.run(ASPIRES, person=person)
    for section in _sections(_ASPIRATIONS, ({"held": True, "model": row["model"]} for row in models)):
        yield section
    decisions = await past_decisions.of_person(ports, person, BEGINNING)
    for section in _sections(_DECISIONS, (_as_dict(each) for each in decisions)):
        yield section
    wanted = review_store.Wanted(person, "", 0, NO_LIMIT, "")
    for section in _sections(
        _REVIEWS, (_as_dict(each) for each in await review_store.some(graph, wanted, _EVERYTHING))
    ):
        yield section


def _sections(kind: _Kind, rows: Iterable[dict[str, object]]) -> Iterator[PersonSection]:
    left = iter(rows)
    part = list(islice(left, ROWS_AT_ONCE))
    while True:
        section = PersonSection(kind=kind.kind, title=kind.title, purpose=kind.purpose, kept=kind.kept)
        section.rows.extend(_struct(row) for row in part)
        yield section
        part = list(islice(left, ROWS_AT_ONCE))
        if not part:
            return


def _struct(row: dict[str, Any]) -> Struct:
    struct = Struct()
    struct.update(row)
    return struct


def _application(application: Application) -> dict[str, object]:
    return {
        "opportunity": application.opportunity,
        "stage": application.stage.name.lower(),
        "steps": [
            {"stage": step.stage.name.lower(), "time": step.at.isoformat(), "comment": step.comment}
            for step in application.steps
        ],
    }


def _as_dict(message: Message) -> dict[str, object]:
    return MessageToDict(message, preserving_proto_field_name=True)
