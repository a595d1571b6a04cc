"""What was found of people who were erased, and the retention rule that explains it, if there is one."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from careweave.events.port import Topic
from careweave.retention import Rule
from careweave_cli.person.needles import Needle

_ENGINE_LOGS: Final = re.compile(r"graph\.lbug\.wal|/transactions/")
_FREED: Final = re.compile(r"graph\.lbug|neostore|/schema/index/|/data/databases/")


@dataclass(frozen=True, slots=True)
class Finding:
    """Traces in one place.

    word: whether names and other words were found, or ids alone.
    people: of how many people.
    rule: what explains it; None if nothing does.
    until: when it is gone at the latest; None if no time ends it, or it is not known.
    """

    place: str
    word: bool
    times: int
    people: int
    rule: Rule | None
    until: datetime | None = None


def finding(
    place: str, found: Mapping[Needle, int], rule_of: Callable[[bool], Rule | None], since: datetime
) -> list[Finding]:
    """Return what `found` comes to, ids and words apart.

    rule_of: the rule that may explain words (True) or ids (False), if it says so itself.
    since: from when the days of the rule count.
    """
    findings = []
    for word in (False, True):
        some = {needle: times for needle, times in found.items() if needle.word is word and times}
        if some:
            rule = rule_of(word)
            explains = rule if rule and (rule.words if word else rule.ids) else None
            until = explains.ends(since) if explains else None
            people = len({needle.person for needle in some})
            findings.append(Finding(place, word, sum(some.values()), people, explains, until))
    return findings


def rule_for_file(file: Path, rules: Iterable[Rule]) -> Rule | None:
    """Return the rule that explains traces in a file of a graph engine or of a Kafka broker; None if there is none."""
    by_kind = {rule.kind: rule for rule in rules}
    path = file.as_posix()
    topic = topic_of(file)
    if topic is not None:
        return rule_for_topic(topic, by_kind.values())
    if _ENGINE_LOGS.search(path):
        return by_kind["engine-logs"]
    return by_kind["freed-space"] if _FREED.search(path) else None


def topic_of(file: Path) -> Topic | None:
    """Return the topic of a file of a Kafka broker: `…/<prefix>.<topic>-<partition>/<segment>`."""
    name = file.parent.name.rpartition("-")[0]
    return next((topic for topic in sorted(Topic, key=len, reverse=True) if f".{name}".endswith(f".{topic}")), None)


def rule_for_topic(topic: str, rules: Iterable[Rule]) -> Rule | None:
    """Return the rule of `topic`; None if nothing about people belongs there."""
    return next((rule for rule in rules if rule.topic == topic), None)


def longest_rule(findings: Iterable[Finding], *, word: bool) -> Rule | None:
    """Return the rule by which the last of `findings` of words, or of ids, goes.

    It explains the files of the event log that they were found in.
    """
    explained = [each.rule for each in findings if each.rule and each.word is word]
    return max(explained, key=lambda rule: rule.days or 0, default=None)
