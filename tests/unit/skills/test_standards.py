import pytest
from careweave_skills.sources.standards import Standards, read_standards

from careweave.datasets import folder


@pytest.fixture(scope="module")
def standards() -> Standards:
    return read_standards(folder("apprenticeships"))


def test_the_106_standards_of_2026_come_with_all_their_duties(standards: Standards) -> None:
    current = [each for each in standards.standards if each.name.startswith("standards/ST")]
    assert len(current) == 106
    assert sum(len(each.duties) for each in current) == 8_043


def test_duties_stand_in_order_of_kind_and_number(standards: Standards) -> None:
    adult_care = next(each for each in standards.standards if each.name == "standards/ST0005")
    codes = [duty.code for duty in adult_care.duties]
    assert codes[:3] == ["K1", "K2", "K3"]
    assert codes[9] == "K10"
    assert codes[-4:] == ["B1", "B2", "B3", "B4"]
    assert adult_care.duties[0].name == "skills/ksb-ST0005-K1"


def test_standards_without_duties_are_kept_and_named(standards: Standards) -> None:
    without = [note.value for note in standards.corrected if "no knowledge" in note.reason]
    assert len(without) == 19
    assert "standards/ST0006 Lead adult care worker" in without


def test_job_titles_of_2021_join_the_standard_of_2026(standards: Standards) -> None:
    titles = {each.name: each.job_titles for each in standards.standards}
    assert "care worker" in titles["standards/ST0005"]
    assert "midwife" not in titles["standards/ST0781"]


def test_other_routes_of_2021_are_loaded_under_their_lars_code(standards: Standards) -> None:
    bricklayer = next(each for each in standards.standards if each.title == "Bricklayer")
    assert bricklayer.name.startswith("standards/lars-")
    assert bricklayer.status == "Published2021"
    merged = sum("merged" in note.reason for note in standards.corrected)
    assert len(standards.standards) == 106 + 515 - merged
