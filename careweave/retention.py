"""How long each kind of personal data is kept, why, and what ends it: the one table.

UK GDPR Article 5(1)(e) (storage limitation) asks for no longer than the purpose needs, and the Information
Commissioner's guide to it for standard periods that can be justified. The table is what export, the preview
of an erasure and its proof tell people; `docs/retention.md` is made of it. Periods of topics are those that
`careweave.events.topics` makes them with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from careweave.config import Settings
from careweave.events.port import Topic
from careweave.events.topics import KEPT, SLACK_DAYS, TOMBSTONE_DAYS
from careweave.graph import requests

CONSENT_DAYS: Final = 2192
"""Six years with their leap days: Limitation Act 1980, sections 2 and 9."""
REVIEW_DAYS: Final = 2192
"""The same; `careweave_matching.retention` counts them as six years."""
CODE_DAYS: Final = 30
BACKUP_DAYS: Final = 30
FREED_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class Rule:
    """How long one kind of data is kept.

    kind: short and fixed; findings of a proof name it.
    holds: what it is, in plain words.
    days: for how long; None if nothing but `until` ends it.
    until: from when the days count, or what ends it.
    why: purpose and, where there is one, the law.
    enforced: by what.
    outlives: whether some of it remains when its person is erased.
    ids, words: whether what remains may hold the person's random id, and names and other words of theirs.
    topic: the topic that it is about.
    """

    kind: str
    holds: str
    days: int | None
    until: str
    why: str
    enforced: str
    outlives: bool = False
    ids: bool = True
    words: bool = False
    topic: Topic | None = None

    @property
    def period(self) -> str:
        """Return for how long, in words."""
        if self.days is None:
            return f"until {self.until}"
        return f"{self.days} day{'' if self.days == 1 else 's'} after {self.until}"

    def ends(self, since: datetime) -> datetime | None:
        """Return when what is from `since` is gone at the latest; None if no time ends it.

        Kafka may take `SLACK_DAYS` longer to drop an event; a tombstone waits so long for two compactions, one from
        which its days count, and the next, which takes it.
        """
        if self.days is None:
            return None
        waits = 0 if self.topic is None else 2 if KEPT[self.topic].compacted else 1
        return since + timedelta(days=self.days + waits * SLACK_DAYS)


def rules(settings: Settings) -> Sequence[Rule]:
    """Return all rules, as `settings` has them where they may be chosen."""
    return (*_OF_PEOPLE, _versions(settings), *_MARKS, *_topics(settings), *_OF_FILES)


def rule_of(kind: str, settings: Settings) -> Rule:
    """Return the rule of that kind.

    Raises:
        KeyError: there is none.
    """
    return {rule.kind: rule for rule in rules(settings)}[kind]


_ERASURE: Final = "the person erases their profile"
_OWN: Final = "to find the person's next role, on their own behalf (UK GDPR Article 6(1)(a) and (e))"
_WITH_PERSON: Final = "DeletePerson, ErasePerson"
_RETENTION: Final = "careweave retention run, daily"

_OF_PEOPLE: Final = (
    Rule("profile", "name, contact, place, preferences and aspirations", None, _ERASURE, _OWN, _WITH_PERSON),
    Rule(
        "skills",
        "skills with their evidence, and what was held of them before, with both times",
        None,
        _ERASURE,
        f"{_OWN}; the history shows what an earlier ranking was made from",
        _WITH_PERSON,
    ),
    Rule("credentials", "registrations, DBS, training, right to work", None, _ERASURE, _OWN, _WITH_PERSON),
    Rule("employments", "where the person works and has worked", None, _ERASURE, _OWN, _WITH_PERSON),
    Rule(
        "endorsements",
        "who vouched for which skill, also for others",
        None,
        f"either of the two erases their profile; {_ERASURE}",
        _OWN,
        _WITH_PERSON,
    ),
    Rule(
        "consents",
        "consents that were withdrawn or have run out",
        CONSENT_DAYS,
        "the withdrawal or end; before that, when the person erases their profile",
        "to show that consent was given (UK GDPR Article 7(1)) for as long as a claim may be brought "
        "(Limitation Act 1980, sections 2 and 9)",
        _RETENTION,
    ),
    Rule(
        "hr-records",
        "what an employer's HR system said of the person, and words in it that no taxonomy knows",
        None,
        _ERASURE,
        "to tell a correction from a repetition, and to take back what the employer takes back",
        _WITH_PERSON,
    ),
    Rule(
        "employment-codes",
        "digests of codes by which a record can be confirmed",
        CODE_DAYS,
        "the code was made",
        "the time in which an employer may hand it over",
        _RETENTION,
    ),
    Rule(
        "requests",
        "answers to requests that carried an id",
        requests.KEPT.days,
        "the request",
        "the same request is answered alike (AIP-155)",
        _RETENTION,
    ),
    Rule(
        "applications",
        "interest in opportunities, and what became of it",
        None,
        f"{_ERASURE}",
        "so that person and employer know where they stand",
        _WITH_PERSON,
    ),
    Rule(
        "equality-declarations",
        "what a person declared of themselves for equality monitoring, encrypted",
        None,
        f"the person withdraws it, or {_ERASURE.removeprefix('the person ')}",
        "numbers about many people, by which unequal treatment can be seen (Equality Act 2010, section 149)",
        "WithdrawEqualityDeclaration; planning, when it reads the tombstone",
    ),
    Rule(
        "audit-pseudonym",
        "the random name by which the audit trail knows the person",
        None,
        _ERASURE,
        "to show the person who has seen what; once it is gone, the trail speaks of nobody",
        _WITH_PERSON,
    ),
    Rule(
        "reviews",
        "requests to review a ranking, with the words of both sides and the answer",
        REVIEW_DAYS,
        "the answer; before that, when the person erases their profile",
        "people may have a ranking reviewed (UK GDPR Articles 22A to 22D), and claims about it may be brought for six "
        "years (Limitation Act 1980, sections 2, 5 and 9)",
        _RETENTION,
    ),
    Rule("alerts", "of what the person was told", None, _ERASURE, "to tell nobody twice", _WITH_PERSON),
    Rule("aspiration-vectors", "numbers made of aspirations", None, _ERASURE, _OWN, _WITH_PERSON),
)

_MARKS: Final = (
    Rule(
        "erasure-marks",
        "a digest of the id that was erased, with a number",
        None,
        "the installation is given up",
        "whoever reads events tells a new person under the same id from the old one; it leads back to nobody",
        "nothing",
        outlives=True,
    ),
    Rule(
        "record-marks",
        "a keyed digest of the HR record's number, marked as erased",
        None,
        "the installation is given up",
        "so that the HR system does not bring the person back (a suppression list, UK GDPR Article 17(1))",
        "nothing",
        outlives=True,
    ),
)

_OF_FILES: Final = (
    Rule(
        "freed-space",
        "content in parts of the graph's files that are free, which no question reaches",
        FREED_DAYS,
        "the erasure",
        "engines overwrite what is free when they need it; until then it is beyond use, and a copy ends it",
        "careweave graph compact; on Neo4j careweave graph copy: monthly, by the operator",
        outlives=True,
        words=True,
    ),
    Rule(
        "engine-logs",
        "the graph engine's log of its latest changes",
        1,
        "the erasure",
        "to recover after a crash",
        "Ladybug: the next checkpoint; Neo4j: db.tx_log.rotation.retention_policy",
        outlives=True,
        words=True,
    ),
    Rule(
        "backups",
        "copies of the stores",
        BACKUP_DAYS,
        "the backup",
        "to restore a store that was lost; erasures since then are repeated from the tombstones and marks",
        "the operator",
        outlives=True,
        words=True,
    ),
)


def _versions(settings: Settings) -> Rule:
    return Rule(
        "profile-versions",
        "earlier versions of the profile, as rankings read them: no name, no email, no consents, nobody who vouched",
        settings.events_keep_days or None,
        "the next version, as long as rankings are kept; before that, when the person erases their profile"
        if settings.events_keep_days
        else _ERASURE,
        "people may ask why a ranking came out as it did, and contest it (UK GDPR Articles 15 and 22A to 22D): it is "
        "made again from the version that it names",
        _RETENTION if settings.events_keep_days else _WITH_PERSON,
    )


def _topics(settings: Settings) -> tuple[Rule, ...]:
    claims = (
        "claims of discrimination in recruitment and training may be brought for months (Equality Act 2010, sections "
        "118 and 123), and people may contest a ranking (UK GDPR Articles 22A to 22D): a year covers both"
    )
    return (
        Rule(
            "tombstones",
            "that a profile of this random id changed, or was erased",
            TOMBSTONE_DAYS,
            "the erasure",
            "so that every index and open watch hears of it",
            "careweave retention run; Kafka: delete.retention.ms",
            outlives=True,
            topic=Topic.PROFILES,
        ),
        _of_topic(Topic.MATCHES, "that an alert was sent", KEPT[Topic.MATCHES].days, "to deliver it"),
        _of_topic(Topic.APPLICATIONS, "steps of applications, by random id", settings.events_keep_days or None, claims),
        _of_topic(Topic.DECISIONS, "rankings that were shown, by random id", settings.events_keep_days or None, claims),
        _of_topic(Topic.REVIEWS, "steps of reviews, by random id", settings.events_keep_days or None, claims),
        _of_topic(
            Topic.AUDIT,
            "who asked for what and of whom, by random pseudonyms that erasure destroys",
            KEPT[Topic.AUDIT].days,
            "to show who has seen what (UK GDPR Article 5(2)) for as long as a claim may be brought "
            "(Limitation Act 1980, sections 2 and 5)",
            ids=False,
        ),
        _of_topic(
            Topic.REVOCATIONS,
            "digests by which tokens are refused",
            KEPT[Topic.REVOCATIONS].days,
            "so that every server refuses them for as long as they could be good",
            ids=False,
        ),
        _of_topic(
            Topic.HR_UPDATES,
            "what HR systems sent, names included",
            KEPT[Topic.HR_UPDATES].days,
            "to take it in",
            words=True,
        ),
        _of_topic(
            Topic.HR_REJECTED,
            "what HR systems sent and could not be taken, names included",
            KEPT[Topic.HR_REJECTED].days,
            "so that the sender can mend it",
            words=True,
        ),
    )


def _of_topic(topic: Topic, holds: str, days: int | None, why: str, **traces: bool) -> Rule:
    kind = topic.removeprefix("careweave.").replace(".v1", "").replace(".", "-")
    until = "the event" if days is not None else "CAREWEAVE_EVENTS_KEEP_DAYS is set"
    enforced = "careweave retention run; Kafka: retention.ms"
    return Rule(f"{kind}-events", holds, days, until, why, enforced, outlives=True, topic=topic, **traces)
