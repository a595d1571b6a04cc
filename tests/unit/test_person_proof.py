"""Looking for people in bytes, and which rule explains what is found where."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile

import pytest
from careweave_cli.person import needles as looking
from careweave_cli.person.findings import finding, longest_rule, rule_for_file, rule_for_topic
from careweave_cli.person.needles import Needle, Search, files_in, needles_of, read_needles
from careweave_cli.person.proving import in_events, in_files
from hypothesis import given
from hypothesis import strategies as st

from careweave.config import Settings
from careweave.errors import InvalidArgument
from careweave.events.port import Event, Topic
from careweave.retention import rule_of, rules
from careweave.wiring import open_events

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
KNOWN = rules(Settings())
ANNA = needles_of("people/k3v9k3v9k3v9", ["Quillfeather", "anna@example.org"])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_texts_are_found_however_they_are_written(encoding: str) -> None:
    content = b"\x00" + "by Quillfeather, to people/k3v9k3v9k3v9".encode(encoding) + b"\xff"
    assert set(Search(ANNA).in_bytes(content)) == {ANNA[0], ANNA[1]}


def test_a_text_within_another_is_found_too() -> None:
    outer = needles_of("people/abcd", ["xxabcdxx"])
    assert Search(outer).in_bytes(b"..xxabcdxx..") == Counter({outer[0]: 1, outer[1]: 1})


@given(st.lists(st.sampled_from([b"Quillfeather", b"Quill", b"-", b"ab"]), max_size=40), st.integers(1, 40))
def test_a_text_across_two_reads_is_found_once(parts: list[bytes], chunk: int) -> None:
    content = b"".join(parts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(looking, "_CHUNK", chunk)
        with NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            found = Search(ANNA).in_file(Path(file.name))
    assert sum(found.values()) == content.count(b"Quillfeather")


def test_several_people_are_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "needles.tsv"
    file.write_text("people/k3v9k3v9k3v9\tQuillfeather\tanna@example.org\n\npeople/benn\n", encoding="utf-8")
    assert read_needles(file) == [*ANNA, Needle("benn", "people/benn", word=False)]
    file.write_text("Quillfeather\tpeople/benn\n", encoding="utf-8")
    with pytest.raises(InvalidArgument, match="line 1"):
        read_needles(file)


def test_a_text_that_stands_everywhere_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="too short"):
        needles_of("people/anna", ["an"])


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("var/graph/graph.lbug", "freed-space"),
        ("var/graph/graph.lbug.wal", "engine-logs"),
        ("neo4j/home/data/transactions/neo4j/neostore.transaction.db.3", "engine-logs"),
        ("neo4j/home/data/databases/neo4j/neostore.propertystore.db.strings", "freed-space"),
        ("neo4j/home/data/databases/neo4j/schema/index/range-1.0/3/index-3", "freed-space"),
        ("kafka/broker-1/log/abc.careweave.profiles.v1-2/00000000000000000000.log", "tombstones"),
        ("kafka/broker-1/log/careweave.hr-updates.v1.dlq-0/00000000000000000000.log", "hr-updates-dlq-events"),
        ("kafka/broker-1/log/careweave.hr-updates.v1-0/00000000000000000007.log", "hr-updates-events"),
        ("var/cache/embeddings/model.sqlite", None),
        ("neo4j/output.log", None),
        ("services.log", None),
    ],
)
def test_each_kind_of_file_is_explained_by_its_rule_or_by_none(file: str, kind: str | None) -> None:
    rule = rule_for_file(Path(file), KNOWN)
    assert (rule.kind if rule else None) == kind


def test_words_are_explained_by_rules_alone_that_speak_of_words() -> None:
    found = Counter({ANNA[0]: 2, ANNA[1]: 3})
    decisions = rule_of("decisions-events", Settings())
    ids, words = finding("somewhere", found, lambda _: decisions, NOON)
    assert (ids.times, ids.rule, ids.until) == (2, decisions, NOON + timedelta(days=367))  # a day's slack
    assert (words.times, words.rule) == (3, None)
    assert longest_rule([ids, words], word=True) is None
    assert longest_rule([ids, words], word=False) == decisions


def test_ids_are_not_explained_where_pseudonyms_alone_belong() -> None:
    (ids,) = finding("somewhere", Counter({ANNA[0]: 1}), lambda _: rule_of("audit-events", Settings()), NOON)
    assert ids.rule is None


def test_topics_that_hold_nothing_about_people_explain_nothing() -> None:
    assert rule_for_topic(Topic.OPPORTUNITIES, KNOWN) is None


async def test_events_are_searched_in_keys_ids_headers_and_payloads(tmp_path: Path) -> None:
    settings = Settings(events=f"sqlite:{tmp_path / 'events.db'}")
    log = await open_events(settings)
    name = "people/k3v9k3v9k3v9"
    await log.append(
        [
            Event(Topic.PROFILES, "1", "T", "/s", name, 1, NOON, None),
            Event(Topic.MATCHES, f"of {name}", "T", "/s", "k", 1, NOON, b""),
            Event(Topic.OPPORTUNITIES, "2", "T", "/s", "k", 1, NOON, b"by Quillfeather"),
            Event(Topic.DECISIONS, "3", "T", "/s", "k", 1, NOON, b"", f"00-{name[7:]}-01"),
        ]
    )
    found = await in_events(log, ANNA, KNOWN, NOON, lambda *_: None)
    await log.close()
    assert {(each.place, each.rule.kind if each.rule else None) for each in found} == {
        (f"topic {Topic.PROFILES}", "tombstones"),
        (f"topic {Topic.MATCHES}", "matches-events"),
        (f"topic {Topic.OPPORTUNITIES}", None),
        (f"topic {Topic.DECISIONS}", "decisions-events"),
    }
    files = in_files([tmp_path], ANNA, lambda _, word: longest_rule(found, word=word), NOON)
    assert {each.word for each in files if each.rule} == {False}


def test_files_are_found_at_and_under_places(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one").write_text("1")
    (tmp_path / "two").write_text("2")
    assert files_in([tmp_path / "a", tmp_path / "two", tmp_path / "none"]) == [tmp_path / "a" / "one", tmp_path / "two"]
