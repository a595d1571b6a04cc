"""Named queries for opportunities and applications, and the functions that run them."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from careweave.graph.port import Query, Reads, UnitOfWork
from careweave_matching.applying import Application, Step
from careweave_matching.model import CredentialNeed, Opportunity, Requirement
from careweave_matching.terms import Stage

PLAIN: Final = (
    "name",
    "title",
    "kind",
    "description",
    "organisation",
    "place",
    "hub",
    "occupation",
    "standard",
    "course",
    "minimum_weekly_hours",
    "maximum_weekly_hours",
    "unsocial_hours",
    "pay_band",
    "annual_pay_gbp",
    "start_date",
    "end_date",
    "closing_date",
    "state",
    "fictional",
    "version",
    "etag",
    "create_time",
    "update_time",
)
"""Properties of an opportunity that are fields of the same name and type."""
_COLUMNS: Final = ", ".join(f"o.{name} AS {name}" for name in (*PLAIN, "develops", "credentials"))
_ESSENTIAL, _OPTIONAL = 1, 2

OPPORTUNITIES: Final = Query(
    "opportunities", f"UNWIND $names AS wanted MATCH (o:Opportunity {{name: wanted}}) RETURN {_COLUMNS}"
)
OPPORTUNITY_NAMES: Final = Query(
    "opportunity_names", "UNWIND $names AS wanted MATCH (o:Opportunity {name: wanted}) RETURN o.name AS name"
)
REQUIREMENTS: Final = Query(
    "opportunity_requirements",
    "UNWIND $names AS wanted MATCH (o:Opportunity {name: wanted})-[r:REQUIRES]->(s:Skill) "
    "RETURN o.name AS opportunity, s.name AS skill, r.importance AS importance, r.level AS level, "
    "r.position AS position ORDER BY opportunity, position",
)
NAMES_AFTER: Final = Query(
    "opportunity_names_after",
    "MATCH (o:Opportunity) WHERE o.name > $after AND o.state <= $last_state "
    "AND ($organisation = '' OR o.organisation = $organisation) AND ($kind = 0 OR o.kind = $kind) "
    "RETURN o.name AS name ORDER BY name LIMIT $limit",
)
CLEAR: Final = tuple(
    Query(
        f"clear_opportunity_{kind.lower()}_{label.lower()}",
        f"UNWIND $names AS wanted MATCH (o:Opportunity {{name: wanted}})-[r:`{kind}`]->(:{label}) DELETE r",
    )
    for kind, label in (
        ("REQUIRES", "Skill"),
        ("DEVELOPS", "Skill"),
        ("FOR", "Occupation"),
        ("FOR", "Standard"),
        ("FOR", "Course"),
        ("LOCATED_IN", "Place"),
        ("OFFERED_BY", "Organisation"),
        ("OFFERED_BY", "Hub"),
    )
)
KNOWN: Final[Mapping[str, Query]] = {
    label: Query(
        f"matching_known_{label.lower()}",
        f"UNWIND $names AS wanted MATCH (n:{label} {{name: wanted}}) RETURN n.name AS name",
    )
    for label in ("Skill", "Occupation", "Standard", "Course", "Organisation", "Place", "Hub", "Person")
}
APPLICATION: Final = Query(
    "application",
    "MATCH (p:Person {name: $person})-[r:APPLIED]->(o:Opportunity {name: $opportunity}) RETURN r.steps AS steps",
)
APPLICATIONS_OF: Final = Query(
    "applications_of_person",
    "MATCH (p:Person {name: $person})-[r:APPLIED]->(o:Opportunity) WHERE o.name > $after "
    "RETURN p.name AS person, o.name AS opportunity, r.steps AS steps ORDER BY opportunity LIMIT $limit",
)
APPLICATIONS_FOR: Final = Query(
    "applications_for_opportunity",
    "MATCH (p:Person)-[r:APPLIED]->(o:Opportunity {name: $opportunity}) WHERE p.name > $after "
    "RETURN p.name AS person, o.name AS opportunity, r.steps AS steps ORDER BY person LIMIT $limit",
)
APPLICATIONS_TO: Final = Query(
    "applications_to_opportunities",
    "UNWIND $names AS wanted MATCH (p:Person)-[r:APPLIED]->(o:Opportunity {name: wanted}) "
    "RETURN p.name AS person, o.name AS opportunity, r.steps AS steps ORDER BY person, opportunity",
)


async def opportunities(reads: Reads, names: Sequence[str]) -> list[Opportunity]:
    """Return those of `names` that exist, in the order given."""
    if not names:
        return []
    rows = await reads.run(OPPORTUNITIES, names=list(names))
    needs: dict[str, list[Requirement]] = defaultdict(list)
    for row in await reads.run(REQUIREMENTS, names=list(names)):
        needs[str(row["opportunity"])].append(_requirement(row))
    found = {str(row["name"]): _opportunity(row, needs[str(row["name"])]) for row in rows}
    return [found[name] for name in names if name in found]


async def opportunity(reads: Reads, name: str) -> Opportunity | None:
    """Return one opportunity, None if there is none of that name."""
    found = await opportunities(reads, [name])
    return found[0] if found else None


async def names_after(
    reads: Reads, after: str, limit: int, *, organisation: str = "", kind: int = 0, closed: bool = True
) -> list[str]:
    """Return at most `limit` names past `after`, in order.

    closed: whether those that are closed count.
    """
    last_state = 2 if closed else 1
    rows = await reads.run(
        NAMES_AFTER, after=after, last_state=last_state, organisation=organisation, kind=kind, limit=limit
    )
    return [str(row["name"]) for row in rows]


async def unknown(reads: Reads, label: str, names: Iterable[str]) -> set[str]:
    """Return those of `names` that are no node of `label`."""
    wanted = set(names) - {""}
    if not wanted:
        return set()
    return wanted - {str(row["name"]) for row in await reads.run(KNOWN[label], names=sorted(wanted))}


async def save(unit: UnitOfWork, changed: Sequence[Opportunity], existing: Sequence[str]) -> None:
    """Write `changed` whole; `existing` names those among them that were there before."""
    if existing:
        for query in CLEAR:
            await unit.run(query, names=list(existing))
    await unit.merge_nodes("Opportunity", [_row(each) for each in changed])
    for kind, label, rows in _links(changed):
        if rows:
            await unit.merge_relationships(kind, "Opportunity", label, rows)


def _row(opportunity: Opportunity) -> dict[str, object]:
    row = {name: getattr(opportunity, name) for name in PLAIN}
    row["develops"] = list(opportunity.develops)
    row["credentials"] = json.dumps([asdict(need) for need in opportunity.credentials])
    return row


def _links(changed: Sequence[Opportunity]) -> Iterable[tuple[str, str, list[dict[str, object]]]]:
    def each(field: str) -> list[dict[str, object]]:
        return [{"source": o.name, "target": getattr(o, field)} for o in changed if getattr(o, field)]

    yield (
        "REQUIRES",
        "Skill",
        [
            {
                "source": o.name,
                "target": need.skill,
                "importance": _ESSENTIAL if need.essential else _OPTIONAL,
                "level": need.level or None,
                "position": position,
            }
            for o in changed
            for position, need in enumerate(o.requirements)
        ],
    )
    yield "DEVELOPS", "Skill", [{"source": o.name, "target": skill} for o in changed for skill in o.develops]
    yield "FOR", "Occupation", each("occupation")
    yield "FOR", "Standard", each("standard")
    yield "FOR", "Course", each("course")
    yield "LOCATED_IN", "Place", each("place")
    yield "OFFERED_BY", "Organisation", each("organisation")
    yield "OFFERED_BY", "Hub", each("hub")


def _requirement(row: Mapping[str, Any]) -> Requirement:
    return Requirement(str(row["skill"]), row["importance"] != _OPTIONAL, int(row["level"] or 0))


def _opportunity(row: Mapping[str, Any], needs: Sequence[Requirement]) -> Opportunity:
    return Opportunity(
        **{name: row[name] for name in PLAIN},
        requirements=tuple(needs),
        develops=tuple(row["develops"] or ()),
        credentials=tuple(CredentialNeed(**need) for need in json.loads(row["credentials"] or "[]")),
    )


async def application(reads: Reads, person: str, opportunity: str) -> Application | None:
    """Return the application of `person` for `opportunity`, None if there is none."""
    rows = await reads.run(APPLICATION, person=person, opportunity=opportunity)
    return Application(person, opportunity, _steps(rows[0]["steps"])) if rows else None


async def save_application(unit: UnitOfWork, application: Application) -> bool:
    """Write `application`; False if its person or opportunity is not there."""
    row = {
        "source": application.person,
        "target": application.opportunity,
        "stage": int(application.stage),
        "at": application.steps[-1].at,
        "steps": json.dumps([[int(step.stage), step.at.isoformat(), step.comment] for step in application.steps]),
    }
    return await unit.merge_relationships("APPLIED", "Person", "Opportunity", [row]) == 1


async def applications(reads: Reads, person: str, opportunity: str, after: str, limit: int) -> list[Application]:
    """Return at most `limit` applications of `person`, or for `opportunity`, past the name `after` of the other."""
    if person:
        rows = await reads.run(APPLICATIONS_OF, person=person, after=after, limit=limit)
    else:
        rows = await reads.run(APPLICATIONS_FOR, opportunity=opportunity, after=after, limit=limit)
    return [Application(str(row["person"]), str(row["opportunity"]), _steps(row["steps"])) for row in rows]


async def applications_to(reads: Reads, names: Sequence[str]) -> list[Application]:
    """Return every application for any of `names`, in order of person and opportunity."""
    rows = await reads.run(APPLICATIONS_TO, names=list(names))
    return [Application(str(row["person"]), str(row["opportunity"]), _steps(row["steps"])) for row in rows]


def _steps(text: object) -> tuple[Step, ...]:
    return tuple(
        Step(Stage(stage), datetime.fromisoformat(at), comment) for stage, at, comment in json.loads(str(text))
    )


async def names_known(reads: Reads, names: Sequence[str]) -> set[str]:
    """Return those of `names` that are opportunities."""
    return {str(row["name"]) for row in await reads.run(OPPORTUNITY_NAMES, names=list(names))}
