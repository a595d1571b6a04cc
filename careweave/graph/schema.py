"""The declared graph: every label and kind of relationship, typed, with its key and its owner.

One declaration serves every engine. The embedded engine makes tables of it, Neo4j constraints and
indexes. Adding a property is one line here; `Graph.migrate` adds it to databases that exist.
Nothing is ever dropped or retyped by a migration.

Property names are the proto field names (`protos/careweave/v1`). A nested message without a node of
its own is kept as JSON text in a property named after it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256

from careweave.errors import InvalidArgument

KEY = "name"
"""The key property of every resource: its full resource name, for example `skills/esco-1f2e`."""


class Value(StrEnum):
    """The type of a property's value, and the Python type that carries it."""

    TEXT = "text"
    """str"""
    INTEGER = "integer"
    """int of 64 bits; also the number of a proto enum."""
    NUMBER = "number"
    """float of 64 bits."""
    FLAG = "flag"
    """bool"""
    BYTES = "bytes"
    """bytes"""
    DATE = "date"
    """datetime.date"""
    TIME = "time"
    """datetime.datetime with a zone, to the microsecond; comes back in UTC."""
    TEXTS = "texts"
    """list of str; empty and null differ."""
    INTEGERS = "integers"
    """list of int; empty and null differ."""
    NUMBERS = "numbers"
    """list of float; empty and null differ."""


@dataclass(frozen=True, slots=True)
class NodeTable:
    """A label.

    owner: the one service that writes it; `every` for the bookkeeping each service does.
    properties: all properties with their types, the key among them.
    indexed: properties, besides the key, by which nodes are looked up.
    """

    label: str
    owner: str
    properties: Mapping[str, Value]
    key: str = KEY
    indexed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RelationshipTable:
    """A kind of relationship.

    pairs: (source label, target label) that it may join.
    keys: properties that, with the two ends, tell one relationship from another; empty means one
        per pair of nodes.
    """

    kind: str
    owner: str
    pairs: tuple[tuple[str, str], ...]
    properties: Mapping[str, Value] = field(default_factory=dict)
    keys: tuple[str, ...] = ()


_LINK = {"method": Value.INTEGER, "confidence": Value.NUMBER}
"""How a link was made (`LinkMethod`) and how sure it is, 0 to 1."""

_VERSIONED = {
    "fictional": Value.FLAG,
    "version": Value.INTEGER,
    "etag": Value.TEXT,
    "create_time": Value.TIME,
    "update_time": Value.TIME,
}
"""What every resource that changes carries."""

_TAXONOMY = (
    NodeTable(
        "Skill",
        "skills",
        {
            "name": Value.TEXT,
            "label": Value.TEXT,
            "alternative_labels": Value.TEXTS,
            "description": Value.TEXT,
            "kind": Value.INTEGER,
            "scheme": Value.INTEGER,
            "source_id": Value.TEXT,
            "reuse_level": Value.TEXT,
            "collections": Value.INTEGERS,
            "groups": Value.TEXTS,
            "position": Value.INTEGER,
        },
        indexed=("label", "source_id", "scheme"),
    ),
    NodeTable(
        "SkillGroup",
        "skills",
        {
            "name": Value.TEXT,
            "label": Value.TEXT,
            "alternative_labels": Value.TEXTS,
            "description": Value.TEXT,
            "scheme": Value.INTEGER,
            "source_id": Value.TEXT,
            "code": Value.TEXT,
        },
        indexed=("source_id",),
    ),
    NodeTable(
        "Occupation",
        "skills",
        {
            "name": Value.TEXT,
            "label": Value.TEXT,
            "alternative_labels": Value.TEXTS,
            "description": Value.TEXT,
            "scheme": Value.INTEGER,
            "source_id": Value.TEXT,
            "code": Value.TEXT,
            "isco_group": Value.TEXT,
            "regulated_profession_note": Value.TEXT,
        },
        indexed=("label", "source_id", "isco_group"),
    ),
    NodeTable(
        "OccupationGroup",
        "skills",
        {
            "name": Value.TEXT,
            "label": Value.TEXT,
            "alternative_labels": Value.TEXTS,
            "description": Value.TEXT,
            "scheme": Value.INTEGER,
            "source_id": Value.TEXT,
            "code": Value.TEXT,
        },
    ),
    NodeTable(
        "Standard",
        "skills",
        {
            "name": Value.TEXT,
            "title": Value.TEXT,
            "level": Value.INTEGER,
            "route": Value.TEXT,
            "funding_band_gbp": Value.INTEGER,
            "duration_months": Value.INTEGER,
            "status": Value.TEXT,
            "job_titles": Value.TEXTS,
        },
    ),
    NodeTable(
        "Course",
        "skills",
        {
            "name": Value.TEXT,
            "title": Value.TEXT,
            "type": Value.TEXT,
            "description": Value.TEXT,
            "awarding_organisation": Value.TEXT,
            "learning_time": Value.TEXT,
            "learning_minutes": Value.INTEGER,
            "reimbursement_gbp": Value.INTEGER,
            "funding_model": Value.TEXT,
        },
    ),
    NodeTable(
        "TaxonomyImport",
        "skills",
        {
            "name": Value.TEXT,
            "source": Value.INTEGER,
            "version": Value.TEXT,
            "loaded": Value.TEXT,
            "dropped": Value.TEXT,
            "corrected": Value.TEXT,
            "seconds": Value.NUMBER,
            "import_time": Value.TIME,
        },
    ),
)

_PEOPLE = (
    NodeTable(
        "Person",
        "profiles",
        {
            "name": Value.TEXT,
            "display_name": Value.TEXT,
            "email": Value.TEXT,
            "place": Value.TEXT,
            # Preferences, flat.
            "kinds": Value.INTEGERS,
            "minimum_weekly_hours": Value.NUMBER,
            "maximum_weekly_hours": Value.NUMBER,
            "travel_mode": Value.INTEGER,
            "maximum_travel_minutes": Value.INTEGER,
            "aspiration": Value.TEXT,
            "aspired_occupations": Value.TEXTS,
            "dismissed_opportunities": Value.TEXTS,
            "alerts": Value.FLAG,
            "unsocial_hours": Value.FLAG,
            **_VERSIONED,
            # The whole profile as a serialised `Person`, written with every change: to read it costs one look-up.
            "snapshot": Value.BYTES,
            # What the person said and an HR feed's word stands before, as a serialised `Person`.
            "displaced": Value.BYTES,
        },
    ),
    NodeTable(
        "Credential",
        "profiles",
        {
            "name": Value.TEXT,
            "person": Value.TEXT,
            "kind": Value.INTEGER,
            "title": Value.TEXT,
            "issue_date": Value.DATE,
            "expire_date": Value.DATE,
            "dbs_level": Value.INTEGER,
            "update_service": Value.FLAG,
            "position": Value.INTEGER,
        },
        indexed=("person",),
    ),
    NodeTable(
        "Consent",
        "profiles",
        {
            "name": Value.TEXT,
            "person": Value.TEXT,
            "purpose": Value.INTEGER,
            "organisations": Value.TEXTS,
            "fields": Value.INTEGERS,
            "give_time": Value.TIME,
            "expire_time": Value.TIME,
            "withdraw_time": Value.TIME,
        },
        indexed=("person",),
    ),
    # What is left of a deleted person: that a name, of which only the digest is kept, had come to a
    # version. A person made again under that name goes on from there.
    NodeTable("Erasure", "profiles", {"digest": Value.TEXT, "version": Value.INTEGER}, key="digest"),
    # An earlier version of a profile, `people/{person}/versions/{version}`: what a ranking reads of it, as a serialised
    # and deflated `Person`. Found and deleted by name alone, so that keeping it costs no relationship.
    NodeTable(
        "PersonVersion",
        "profiles",
        {"name": Value.TEXT, "supersede_time": Value.TIME, "snapshot": Value.BYTES},
    ),
    # By which pseudonym the audit trail knows a person; deleted with them, so that nobody is known by it any more.
    NodeTable("AuditPseudonym", "profiles", {"name": Value.TEXT, "pseudonym": Value.TEXT}),
    NodeTable(
        "Organisation",
        "profiles",
        {
            "name": Value.TEXT,
            "title": Value.TEXT,
            "sector": Value.INTEGER,
            "place": Value.TEXT,
            "headcount": Value.INTEGER,
            "levy_payer": Value.FLAG,
            **_VERSIONED,
        },
    ),
    NodeTable(
        "Place",
        "profiles",
        {
            "name": Value.TEXT,
            "title": Value.TEXT,
            "level": Value.INTEGER,
            "latitude": Value.NUMBER,
            "longitude": Value.NUMBER,
            "rurality": Value.INTEGER,
            "rurality_source": Value.TEXT,
            "within": Value.TEXT,
            **_VERSIONED,
        },
    ),
    NodeTable(
        "Hub",
        "profiles",
        {
            "name": Value.TEXT,
            "title": Value.TEXT,
            "virtual": Value.FLAG,
            "parent": Value.TEXT,
            "place": Value.TEXT,
            "organisation": Value.TEXT,
            "description": Value.TEXT,
            **_VERSIONED,
        },
    ),
)

_FEEDS = (
    # One record of an HR system. Its name is a digest of source system and external id under `FeedSecret`;
    # the external id itself is not kept.
    NodeTable(
        "FeedRecord",
        "profiles",
        {
            "name": Value.TEXT,
            "source_system": Value.TEXT,
            "person": Value.TEXT,
            "joined": Value.INTEGER,
            "order_kind": Value.INTEGER,
            # By section: the source's order, and a digest of what it then said.
            "orders": Value.INTEGERS,
            "digests": Value.TEXTS,
            # What the record says of the person, and the skills that its credentials raise, as serialised `Person`.
            "claims": Value.BYTES,
            "raised": Value.BYTES,
            "unresolved": Value.INTEGER,
            # Whether its person had it deleted; all else is empty then.
            "erased": Value.FLAG,
        },
    ),
    NodeTable("FeedSecret", "profiles", {"name": Value.TEXT, "secret": Value.TEXT}),
    NodeTable("FeedPosition", "profiles", {"name": Value.TEXT, "position": Value.INTEGER}),
    NodeTable(
        "UnresolvedSkill",
        "profiles",
        {"name": Value.TEXT, "source_system": Value.TEXT, "kind": Value.TEXT, "wording": Value.TEXT},
    ),
    NodeTable(
        "EmploymentCode",
        "profiles",
        {"digest": Value.TEXT, "record": Value.TEXT, "expire_time": Value.TIME},
        key="digest",
        indexed=("record",),
    ),
)

_OPPORTUNITIES = (
    NodeTable(
        "Opportunity",
        "matching",
        {
            "name": Value.TEXT,
            "title": Value.TEXT,
            "kind": Value.INTEGER,
            "description": Value.TEXT,
            "organisation": Value.TEXT,
            "place": Value.TEXT,
            "hub": Value.TEXT,
            "occupation": Value.TEXT,
            "standard": Value.TEXT,
            "course": Value.TEXT,
            "develops": Value.TEXTS,
            "credentials": Value.TEXT,
            "minimum_weekly_hours": Value.NUMBER,
            "maximum_weekly_hours": Value.NUMBER,
            "unsocial_hours": Value.FLAG,
            "pay_band": Value.TEXT,
            "annual_pay_gbp": Value.INTEGER,
            "start_date": Value.DATE,
            "end_date": Value.DATE,
            "closing_date": Value.DATE,
            "state": Value.INTEGER,
            **_VERSIONED,
        },
        indexed=("organisation", "state"),
    ),
    NodeTable("EmbeddingModel", "matching", {"name": Value.TEXT}),
    # That a person asks a human to look at a ranking. It is read through ASKS alone, and deleted once its person is
    # erased.
    NodeTable(
        "DecisionReview",
        "matching",
        {
            "name": Value.TEXT,
            "person": Value.TEXT,
            "organisation": Value.TEXT,
            "state": Value.INTEGER,
            "urgency": Value.TEXT,  # Orders the most urgent first, see `careweave_matching.reviewing`.
            "due_time": Value.TIME,
            "close_time": Value.TIME,
            "version": Value.INTEGER,
            # The whole review as a serialised `DecisionReview`, and what of it an employer may see as a `Match`.
            "snapshot": Value.BYTES,
            "employer_match": Value.BYTES,
        },
        indexed=("person", "organisation", "close_time"),
    ),
)

_EARLIER = (
    # An earlier version of an opportunity, `opportunities/{opportunity}/versions/{version}`: a serialised and deflated
    # `Opportunity`.
    NodeTable(
        "OpportunityVersion",
        "matching",
        {"name": Value.TEXT, "supersede_time": Value.TIME, "snapshot": Value.BYTES},
    ),
    # Where all places were at a time: named by its digest; deflated JSON, place → [latitude, longitude].
    NodeTable("PlaceRegister", "matching", {"name": Value.TEXT, "snapshot": Value.BYTES}),
)

_BOOKKEEPING = (
    NodeTable(
        "Outbox",
        "every",
        {
            "id": Value.TEXT,
            "event_id": Value.TEXT,
            "topic": Value.TEXT,
            "type": Value.TEXT,
            "source": Value.TEXT,
            "key": Value.TEXT,
            "version": Value.INTEGER,
            "position": Value.INTEGER,
            "time": Value.TIME,
            "payload": Value.BYTES,
            "traceparent": Value.TEXT,
        },
        key="id",
        indexed=("source",),
    ),
    NodeTable(
        "Lease",
        "every",
        {"id": Value.TEXT, "holder": Value.TEXT, "token": Value.INTEGER, "expire_time": Value.TIME},
        key="id",
    ),
    NodeTable("EffectRecord", "every", {"id": Value.TEXT, "version": Value.INTEGER}, key="id"),
    NodeTable(
        "RequestRecord",
        "every",
        {
            "id": Value.TEXT,
            "digest": Value.TEXT,
            "response": Value.BYTES,
            "resource": Value.TEXT,
            "expire_time": Value.TIME,
        },
        key="id",
        indexed=("expire_time", "resource"),
    ),
)

_LINKS = (
    RelationshipTable(
        "REQUIRES",
        "skills",  # Of an Opportunity: matching.
        (("Occupation", "Skill"), ("Standard", "Skill"), ("Opportunity", "Skill")),
        {"importance": Value.INTEGER, "level": Value.INTEGER, "position": Value.INTEGER},
    ),
    RelationshipTable("RELATED_TO", "skills", (("Skill", "Skill"),), {"type": Value.TEXT, **_LINK}),
    RelationshipTable("SAME_AS", "skills", (("Skill", "Skill"), ("Occupation", "Occupation")), _LINK),
    RelationshipTable(
        "BROADER",
        "skills",
        (
            ("Skill", "Skill"),
            ("Skill", "SkillGroup"),
            ("SkillGroup", "SkillGroup"),
            ("Occupation", "Occupation"),
            ("Occupation", "OccupationGroup"),
            ("OccupationGroup", "OccupationGroup"),
        ),
    ),
    RelationshipTable(
        "DEVELOPS",
        "skills",  # Of an Opportunity: matching.
        (("Standard", "Skill"), ("Course", "Skill"), ("Opportunity", "Skill")),
        _LINK,
    ),
    RelationshipTable(
        "FOR",
        "skills",  # Of an Opportunity: matching.
        (
            ("Standard", "Occupation"),
            ("Course", "Occupation"),
            ("Opportunity", "Occupation"),
            ("Opportunity", "Standard"),
            ("Opportunity", "Course"),
        ),
        _LINK,
    ),
    RelationshipTable(
        "HAS_SKILL",
        "profiles",
        (("Person", "Skill"),),
        {
            "asserted_at": Value.TIME,
            "level": Value.INTEGER,
            "origin": Value.INTEGER,  # The proto's `source`, which here would name an end of the relationship.
            "evidence": Value.TEXT,
            "effective_from": Value.DATE,
            "expires_on": Value.DATE,
            "superseded_at": Value.TIME,
        },
        keys=("asserted_at",),
    ),
    RelationshipTable(
        "ENDORSED_BY",
        "profiles",
        (("Person", "Person"), ("Person", "Organisation")),
        {
            "endorser": Value.TEXT,
            "skill": Value.TEXT,
            "endorsed_at": Value.TIME,
            "level": Value.INTEGER,
            "comment": Value.TEXT,
            "superseded_at": Value.TIME,
        },
        keys=("skill", "endorsed_at"),
    ),
    RelationshipTable("FED_BY", "profiles", (("Person", "FeedRecord"),)),
    RelationshipTable("MENTIONS", "profiles", (("FeedRecord", "UnresolvedSkill"),)),
    RelationshipTable("HOLDS", "profiles", (("Person", "Credential"),)),
    RelationshipTable("GIVES", "profiles", (("Person", "Consent"),)),
    # A consent that names no organisation is open to all and has none of these.
    RelationshipTable("SHARES_WITH", "profiles", (("Consent", "Organisation"),)),
    RelationshipTable(
        "EMPLOYED_BY",
        "profiles",
        (("Person", "Organisation"),),
        {
            "employment_id": Value.TEXT,
            "occupation": Value.TEXT,
            "job_title": Value.TEXT,
            "pay_band": Value.TEXT,
            "start_date": Value.DATE,
            "end_date": Value.DATE,
            "weekly_hours": Value.NUMBER,
            "position": Value.INTEGER,
        },
        keys=("employment_id",),
    ),
    RelationshipTable(
        "LOCATED_IN",
        "profiles",  # Of an Opportunity: matching.
        (("Person", "Place"), ("Organisation", "Place"), ("Hub", "Place"), ("Opportunity", "Place")),
    ),
    RelationshipTable("WITHIN", "profiles", (("Place", "Place"), ("Hub", "Hub"))),
    RelationshipTable(
        "OFFERED_BY",
        "matching",  # Of a Hub: profiles.
        (("Opportunity", "Organisation"), ("Opportunity", "Hub"), ("Hub", "Organisation")),
    ),
    RelationshipTable(
        "APPLIED",
        "matching",
        (("Person", "Opportunity"),),
        {"stage": Value.INTEGER, "at": Value.TIME, "steps": Value.TEXT},
    ),
    RelationshipTable(
        "ASPIRES",
        "matching",  # To the model that has embedded what the person wrote; goes with the person.
        (("Person", "EmbeddingModel"),),
        {"digest": Value.TEXT, "vectors": Value.BYTES},  # SHA-256 of its parts; little-endian floats of 32 bits.
    ),
    RelationshipTable("ASKS", "matching", (("Person", "DecisionReview"),)),
    RelationshipTable(
        "ALERTED",
        "matching",  # What a person was told of an opportunity; goes with either of them.
        (("Person", "Opportunity"),),
        {
            "reason": Value.TEXT,  # Digest of why; empty while it is being decided.
            "number": Value.INTEGER,
            "profile_version": Value.INTEGER,
            "opportunity_version": Value.INTEGER,
            "judge_time": Value.TIME,
        },
    ),
)


@dataclass(frozen=True, slots=True)
class Schema:
    """All labels and kinds, by name."""

    nodes: Mapping[str, NodeTable]
    relationships: Mapping[str, RelationshipTable]

    @property
    def version(self) -> str:
        """Return 12 hexadecimal digits that change with the declaration: the version that `Graph.migrate` leads to."""
        declared = (sorted(self.nodes.items()), sorted(self.relationships.items()))
        return sha256(repr(declared).encode()).hexdigest()[:12]

    def node(self, label: str) -> NodeTable:
        """Return the declaration of `label`.

        Raises:
            InvalidArgument: there is none.
        """
        if label not in self.nodes:
            raise InvalidArgument(f"no label {label} is declared", reason="UNKNOWN_LABEL")
        return self.nodes[label]

    def link(self, kind: str, source: str, target: str) -> RelationshipTable:
        """Return the declaration of `kind`, if it may lead from label `source` to label `target`.

        Raises:
            InvalidArgument: it is not declared, or not between these.
        """
        link = self.relationships.get(kind)
        if link is None or (source, target) not in link.pairs:
            raise InvalidArgument(f"no {kind} from {source} to {target} is declared", reason="UNKNOWN_RELATIONSHIP")
        return link


def declare(nodes: tuple[NodeTable, ...], relationships: tuple[RelationshipTable, ...]) -> Schema:
    """Return the schema of `nodes` and `relationships`.

    Raises:
        ValueError: a key, an indexed property or an end is not declared.
    """
    labels = {table.label: table for table in nodes}
    for table in nodes:
        if not {table.key, *table.indexed} <= set(table.properties):
            raise ValueError(f"{table.label}: the key and what is indexed must be among the properties")
    for link in relationships:
        if not set(link.keys) <= set(link.properties):
            raise ValueError(f"{link.kind}: its keys must be among its properties")
        if not {label for pair in link.pairs for label in pair} <= set(labels):
            raise ValueError(f"{link.kind}: joins a label that is not declared")
        if {"source", "target"} & set(link.properties):
            raise ValueError(f"{link.kind}: source and target name its ends, not properties")
    names = [*labels, *(link.kind for link in relationships)]
    if len({name.upper() for name in names}) < len(names):
        # The embedded engine does not tell upper from lower case.
        raise ValueError("two labels or kinds differ by upper and lower case alone, or not at all")
    return Schema(labels, {link.kind: link for link in relationships})


SCHEMA = declare((*_TAXONOMY, *_PEOPLE, *_FEEDS, *_OPPORTUNITIES, *_EARLIER, *_BOOKKEEPING), _LINKS)
"""The schema of a Careweave graph."""
