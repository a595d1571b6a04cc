"""What rankings were made of a person: read back from the decisions topic, under the person's own key.

On the embedded log this is a look-up by an index. Kafka has none: there the person's partition is read from a moment
on, so a list has a beginning, and one ranking is read from the day that its name begins with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from careweave.events.port import Event, Topic
from careweave.policy import Action, Caller, Resource, authorise
from careweave.v1 import matching_pb2 as pb
from careweave.v1.events_pb2 import PersonRanked, RankingMade
from careweave_matching import store
from careweave_matching.decisions import DAY
from careweave_matching.messages import read_time
from careweave_matching.ports import Ports
from careweave_matching.ranking import no_such
from careweave_matching.review_store import owner_of

LISTED_BACK: Final = timedelta(days=90)
"""How far a list goes back that names no beginning."""
_LINE_TYPE: Final = PersonRanked.DESCRIPTOR.full_name


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list: from the place `after` on, empty for the start, at most `limit`."""

    after: str
    limit: int


async def get(ports: Ports, caller: Caller, name: str) -> pb.Decision:
    """Return one ranking as far as it concerns the person.

    Raises:
        Forbidden: the caller may not. NotFound: there is no such person, or nothing is kept of such a ranking.
        Unavailable: the log does not answer.
    """
    authorise(caller, Action.GET_DECISION, Resource(person=owner_of(name)))
    await require_person(ports, owner_of(name))
    found = await find(ports, name)
    if found is None:
        raise no_such("decision", name)
    return found


async def list_some(
    ports: Ports, caller: Caller, request: pb.ListDecisionsRequest, page: Page
) -> tuple[list[pb.Decision], str]:
    """Return a page of the rankings of a person, newest first, and where the next page begins; empty at the end.

    Raises:
        as `get`.
    """
    authorise(caller, Action.LIST_DECISIONS, Resource(person=request.parent))
    await require_person(ports, request.parent)
    begin = read_time(request.begin_time) if request.HasField("begin_time") else ports.clock() - LISTED_BACK
    newest = await of_person(ports, request.parent, begin)
    left = [each for each in newest if not page.after or _place(each) < page.after]
    return left[: page.limit], _place(left[page.limit - 1]) if len(left) > page.limit else ""


async def find(ports: Ports, name: str) -> pb.Decision | None:
    """Return the ranking called `people/…/decisions/…`, None if nothing is kept of it."""
    day, _, _ = name.rpartition("/")[2].partition("-")
    try:
        since = datetime.strptime(day, DAY).replace(tzinfo=UTC)
    except ValueError:
        return None
    return next((each for each in await of_person(ports, owner_of(name), since) if each.name == name), None)


async def of_person(ports: Ports, person: str, since: datetime) -> list[pb.Decision]:
    """Return the rankings that were made for `person` or list them since then, newest first."""
    events = await ports.events.recall(Topic.DECISIONS, person, since)
    return sorted((_decision(person, event) for event in events), key=_place, reverse=True)


async def require_person(ports: Ports, person: str) -> None:
    """Return if there is such a person; nothing is told of one who was erased.

    Raises:
        NotFound: otherwise.
    """
    if await store.unknown(ports.graph, "Person", [person]):
        raise no_such("person", person)


def _place(decision: pb.Decision) -> str:
    return f"{_micros(decision.decide_time):020} {decision.name}"


def _micros(moment: Timestamp) -> int:
    return moment.ToMicroseconds()


def _decision(person: str, event: Event) -> pb.Decision:
    payload = event.payload or b""
    if event.type == _LINE_TYPE:
        return _of_ranked(PersonRanked.FromString(payload))
    made = RankingMade.FromString(payload)
    return pb.Decision(
        name=_name(person, made.decision),
        subject=made.subject,
        as_of_date=made.as_of_date,
        decide_time=made.decide_time,
        versions=made.versions,
        lines=[
            pb.DecisionLine(
                opportunity=item.resource,
                opportunity_version=item.version,
                position=position,
                score=item.score,
                suitability=item.suitability,
            )
            for position, item in enumerate(made.items, start=1)
        ],
        total_size=made.total_size,
        offset=made.offset,
        maximum_per_organisation=made.maximum_per_organisation,
        preceding_organisations=made.preceding_organisations,
    )


def _of_ranked(line: PersonRanked) -> pb.Decision:
    return pb.Decision(
        name=_name(line.person, line.decision),
        subject=line.opportunity,
        as_of_date=line.as_of_date,
        decide_time=line.decide_time,
        versions=line.versions,
        lines=[
            pb.DecisionLine(
                opportunity=line.opportunity,
                opportunity_version=line.versions.opportunity,
                position=line.position,
                score=line.suitability,
                suitability=line.suitability,
            )
        ],
        total_size=line.total_size,
    )


def _name(person: str, decision: str) -> str:
    return f"{person}/{decision}"


def lines_of(decision: pb.Decision, opportunity: str) -> Sequence[pb.DecisionLine]:
    """Return the lines of `opportunity` in a ranking: one or none."""
    return [line for line in decision.lines if line.opportunity == opportunity]
