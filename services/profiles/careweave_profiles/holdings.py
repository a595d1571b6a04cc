"""All that is held about one person, kind by kind: what an export shows, and an erasure counts.

Each kind is named as its rule in `careweave.retention`, or as a part of the kind that a rule names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from careweave.graph.port import Query, Reads, Row
from careweave.v1.common_pb2 import Proficiency
from careweave.v1.profiles_pb2 import Person, Source
from careweave_profiles import versions
from careweave_profiles.feeds.records import FeedRecord, records_of
from careweave_profiles.feeds.sections import NEVER, SECTIONS, OrderKind
from careweave_profiles.feeds.standing import read_standings
from careweave_profiles.pseudonyms import known_pseudonym

SKILL_HISTORY: Final = Query(
    "skill_history",
    "MATCH (p:Person {name: $person}) OPTIONAL MATCH (p)-[r:HAS_SKILL]->(s:Skill) "
    "WITH s, r WHERE s.name IS NOT NULL RETURN s.name AS skill, s.label AS label, r.level AS level, "
    "r.origin AS origin, r.evidence AS evidence, r.effective_from AS effective_from, r.expires_on AS expires_on, "
    "r.asserted_at AS asserted_at, r.superseded_at AS superseded_at ORDER BY skill, asserted_at",
)
_ENDORSEMENT: Final = (
    "r.skill AS skill, r.level AS level, r.comment AS comment, r.endorsed_at AS endorsed_at, "
    "r.superseded_at AS superseded_at ORDER BY skill, endorsed_at"
)
ENDORSEMENTS_RECEIVED: Final[Mapping[str, Query]] = {
    label: Query(
        f"endorsements_by_{label.lower()}",
        f"MATCH (p:Person {{name: $person}}) OPTIONAL MATCH (p)-[r:ENDORSED_BY]->(e:{label}) "
        f"WITH e, r WHERE e.name IS NOT NULL RETURN e.name AS endorser, {_ENDORSEMENT}, endorser",
    )
    for label in ("Person", "Organisation")
}
ENDORSEMENTS_GIVEN: Final = Query(
    "endorsements_given",
    "MATCH (p:Person {name: $person}) OPTIONAL MATCH (o:Person)-[r:ENDORSED_BY]->(p) "
    f"WITH o, r WHERE o.name IS NOT NULL RETURN o.name AS endorsed, {_ENDORSEMENT}, endorsed",
)
WORDINGS: Final = Query(
    "wordings_of_person",
    "MATCH (p:Person {name: $person}) OPTIONAL MATCH (p)-[:FED_BY]->(f:FeedRecord) WITH f WHERE f.name IS NOT NULL "
    "OPTIONAL MATCH (f)-[:MENTIONS]->(u:UnresolvedSkill) WITH u WHERE u.name IS NOT NULL "
    "RETURN u.source_system AS source_system, u.kind AS kind, u.wording AS wording "
    "ORDER BY source_system, wording, kind",
)
CODES: Final = Query(
    "employment_codes_of_person",
    "MATCH (p:Person {name: $person}) OPTIONAL MATCH (p)-[:FED_BY]->(f:FeedRecord) WITH f WHERE f.name IS NOT NULL "
    "MATCH (c:EmploymentCode) WHERE c.record = f.name "
    "RETURN f.source_system AS source_system, c.expire_time AS expire_time ORDER BY source_system, expire_time",
)
REMEMBERED: Final = Query(
    "requests_of_person",
    "MATCH (r:RequestRecord) WHERE r.resource = $person "
    "RETURN r.id AS id, r.expire_time AS expire_time ORDER BY expire_time, id",
)


@dataclass(frozen=True, slots=True)
class Holding:
    """What is held of one kind.

    kind: of the section; rule: kind of the rule by which it is kept. title: in plain words.
    rows: field names to text, numbers, truth values, lists and maps of these; times and days as ISO 8601 has them.
    """

    kind: str
    rule: str
    title: str
    rows: Sequence[Mapping[str, Any]]


async def holdings(reads: Reads, person: Person) -> list[Holding]:
    """Return what is held about `person`, who is kept; kinds of which there is nothing have no rows."""
    name = person.name
    standing = (await read_standings(reads, [name]))[name]
    records = list((await records_of(reads, [name]))[name].values())
    received = [row for query in ENDORSEMENTS_RECEIVED.values() for row in await reads.run(query, person=name)]
    pseudonym = await known_pseudonym(reads, name)
    given = await reads.run(ENDORSEMENTS_GIVEN, person=name)
    return [
        *_of_profile(person),
        Holding("skills", "skills", "Skills, and what was held of them before", await _skills(reads, name)),
        Holding(
            "endorsements-received", "endorsements", "Who vouched for which skill", [_shown(row) for row in received]
        ),
        Holding(
            "endorsements-given", "endorsements", "For whose skills the person vouched", [_shown(row) for row in given]
        ),
        Holding("hr-records", "hr-records", "What HR systems say", [_record(each) for each in records]),
        Holding(
            "unresolved-skills",
            "hr-records",
            "Words of HR systems for skills that no taxonomy has",
            [_shown(row) for row in await reads.run(WORDINGS, person=name)],
        ),
        Holding(
            "displaced",
            "profile",
            "The person's own words, where an HR system's stand before them",
            [plain(standing.displaced)] if standing.displaced.ByteSize() else [],
        ),
        Holding(
            "employment-codes",
            "employment-codes",
            "Codes by which an employment can be confirmed",
            [_shown(row) for row in await reads.run(CODES, person=name)],
        ),
        Holding(
            "requests",
            "requests",
            "Answers that are kept in case a request comes again",
            [_request(row) for row in await reads.run(REMEMBERED, person=name)],
        ),
        Holding(
            "profile-versions",
            "profile-versions",
            "Earlier versions of the profile, as rankings read them",
            [
                {**plain(version), "supersede_time": ended.isoformat()}
                for version, ended in await versions.of_person(reads, person)
            ],
        ),
        Holding(
            "audit-pseudonym",
            "audit-pseudonym",
            "The random name by which the audit trail knows the person",
            [{"pseudonym": pseudonym}] if pseudonym else [],
        ),
    ]


def _of_profile(person: Person) -> list[Holding]:
    whole = plain(person)
    parts = {part: whole.pop(part, []) for part in ("employments", "credentials", "consents", "preferences", "skills")}
    return [
        Holding("profile", "profile", "Profile", [whole]),
        Holding(
            "preferences",
            "profile",
            "What the person looks for",
            [parts["preferences"]] if parts["preferences"] else [],
        ),
        Holding("employments", "employments", "Where the person works and has worked", parts["employments"]),
        Holding("credentials", "credentials", "Registrations, certificates and training", parts["credentials"]),
        Holding("consents", "consents", "Consents, those withdrawn included", parts["consents"]),
    ]


async def _skills(reads: Reads, name: str) -> list[dict[str, Any]]:
    found = []
    for row in await reads.run(SKILL_HISTORY, person=name):
        shown = _shown(row)
        shown["source"] = Source.Name(cast("Source.ValueType", shown.pop("origin", 0) or 0))
        found.append(shown)
    return found


def _record(record: FeedRecord) -> dict[str, Any]:
    """Return a record as its person may read it; the source's own number of it is not kept."""
    order = "version" if record.kind is OrderKind.VERSION else "time_nanoseconds"
    return {
        "source_system": record.source_system,
        "says": plain(record.claims),
        "raises": plain(record.raised),
        "unresolved": record.unresolved,
        "last_said": {
            section: {order: str(stamp.order)}
            for section, stamp in zip(SECTIONS, record.known, strict=True)
            if stamp != NEVER
        },
    }


def _request(row: Row) -> dict[str, Any]:
    method = str(row["id"]).partition(" ")[0]
    return {"request": method, **_shown({"expire_time": row["expire_time"]})}


def _shown(row: Row) -> dict[str, Any]:
    """Return a row without what is not known, levels as words and times as text."""
    found = {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in row.items()}
    if found.get("level") is not None:
        found["level"] = Proficiency.Name(cast("Proficiency.ValueType", found["level"]))
    return {name: value for name, value in found.items() if value is not None}


def plain(message: Message) -> dict[str, Any]:
    """Return a message as protobuf's JSON has it, field names as the protos have them."""
    plain: dict[str, Any] = MessageToDict(message, preserving_proto_field_name=True)
    return plain
