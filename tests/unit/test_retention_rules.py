"""The retention rules: each with its reason, the documentation as the table, and topics as their rules say."""

from pathlib import Path

from careweave_cli.commands.retention import as_markdown

from careweave.config import Settings
from careweave.events.port import Topic
from careweave.events.topics import KEPT
from careweave.retention import rules

DOCUMENT = Path(__file__).parents[2] / "docs" / "retention.md"
OF_NOBODY = {Topic.OPPORTUNITIES}
"""Topics that hold nothing about people."""


def test_every_topic_about_people_has_a_rule_with_its_period() -> None:
    settings = Settings()
    of_topics = [(rule.topic, rule) for rule in rules(settings) if rule.topic]
    by_topic = dict(of_topics)
    assert len(by_topic) == len(of_topics)
    assert set(by_topic) == set(Topic) - OF_NOBODY
    for topic, rule in by_topic.items():
        kept = KEPT[topic]
        if not kept.compacted:
            assert rule.days == (settings.events_keep_days if kept.days is None else kept.days)


def test_kinds_are_told_apart_and_each_rule_says_why_and_what_ends_it() -> None:
    known = rules(Settings())
    assert len({rule.kind for rule in known}) == len(known)
    assert all(rule.holds and rule.why and rule.enforced and rule.until for rule in known)


def test_applications_and_decisions_end_unless_somebody_says_otherwise() -> None:
    ends = {rule.topic: rule.days for rule in rules(Settings())}
    assert ends[Topic.DECISIONS] == ends[Topic.APPLICATIONS] == Settings().events_keep_days > 0
    endless = {rule.topic: rule.days for rule in rules(Settings(events_keep_days=0))}
    assert endless[Topic.DECISIONS] is None


def test_the_documentation_has_the_table() -> None:
    """`careweave retention show --markdown` prints it."""
    assert as_markdown(rules(Settings())) in DOCUMENT.read_text(encoding="utf-8")
