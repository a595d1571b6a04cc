"""The checked-in stubs are those of the protos, and carry their rules to protovalidate."""

import sys
from pathlib import Path

import protovalidate
import pytest
from google.protobuf import descriptor_pool
from google.protobuf.message import Message

from careweave import field_rules
from careweave.v1 import common_pb2, matching_pb2, profiles_pb2, skills_pb2
from tools import generate_stubs


def _content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def _broken_rules(message: Message) -> list[str]:
    return [violation.proto.rule_id for violation in protovalidate.collect_violations(message)]


def test_generating_again_gives_the_checked_in_stubs(tmp_path: Path) -> None:
    generate_stubs.generate(tmp_path)
    assert _content(tmp_path / generate_stubs.PACKAGE) == _content(generate_stubs.ROOT / generate_stubs.PACKAGE)


def test_protos_that_protoc_refuses_leave_the_stubs_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    protos = tmp_path / "protos" / "careweave" / "v1"
    protos.mkdir(parents=True)
    (protos / "wrong.proto").write_text('syntax = "proto3"; message Wrong { Missing field = 1; }')
    monkeypatch.setattr(generate_stubs, "PROTOS", tmp_path / "protos")
    kept = tmp_path / generate_stubs.PACKAGE / "kept.py"
    kept.parent.mkdir(parents=True)
    kept.touch()
    with pytest.raises(generate_stubs.GenerationError):
        generate_stubs.generate(tmp_path)
    assert kept.exists()
    assert '"Missing" is not defined' in capfd.readouterr().err


def test_the_rules_are_in_the_pool_that_reflection_serves() -> None:
    found = descriptor_pool.Default().FindFileByName("buf/validate/validate.proto")
    assert found is field_rules.DESCRIPTOR
    assert found in common_pb2.DESCRIPTOR.dependencies


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        (common_pb2.Date(year=2026, month=13, day=1), "int32.gte_lte"),
        (common_pb2.SkillRequirement(skill="people/1"), "string.pattern"),
        (common_pb2.SkillRequirement(skill="skills/1", importance=7), "enum.defined_only"),  # type: ignore[arg-type]
        (skills_pb2.SearchSkillsRequest(query=" "), "query.not_blank"),
        (
            matching_pb2.ListApplicationsRequest(person="people/1", opportunity="opportunities/1"),
            "applications.one_parent",
        ),
    ],
)
def test_a_message_that_breaks_a_rule_is_refused(message: Message, rule: str) -> None:
    """Rules of fields and, the last two, expressions (CEL) over a field and over a message."""
    with pytest.raises(protovalidate.ValidationError):
        protovalidate.validate(message)
    assert rule in _broken_rules(message)


def test_a_rule_over_two_fields_refuses_only_what_breaks_it() -> None:
    start, end = common_pb2.Date(year=2026, month=3, day=2), common_pb2.Date(year=2026, month=3, day=1)
    rule = "employment.ends_after_start"
    assert rule in _broken_rules(profiles_pb2.Employment(start_date=start, end_date=end))
    assert rule not in _broken_rules(profiles_pb2.Employment(start_date=end, end_date=start))


def test_stubs_come_from_this_checkout() -> None:
    module = sys.modules[common_pb2.Date.__module__]
    assert Path(str(module.__file__)).parent == generate_stubs.ROOT / generate_stubs.PACKAGE
