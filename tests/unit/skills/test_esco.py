import shutil
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from careweave_skills.sources.esco import Esco, EscoOccupation, EscoSkill, read_esco
from careweave_skills.taxonomy import Importance, SkillCollection, SkillKind

from careweave.datasets import folder
from careweave.errors import InvalidArgument

LOST_OCCUPATION = "http://data.europa.eu/esco/occupation/a9e54177-a185-404d-b6e6-15663d31137e"


@pytest.fixture(scope="module")
def esco() -> Esco:
    return read_esco(folder("esco-v1.1.1"))


@pytest.fixture
def esco_folder(tmp_path: Path) -> Path:
    """Return a copy of the packaged ESCO that a test may damage."""
    copy = tmp_path / "esco"
    shutil.copytree(folder("esco-v1.1.1"), copy)
    return copy


def test_everything_of_esco_is_read(esco: Esco) -> None:
    assert (len(esco.skills), len(esco.occupations)) == (13_896, 3_007)
    assert len(esco.requirements) == 123_855 - 67
    essential = sum(each.importance is Importance.ESSENTIAL for each in esco.requirements)
    assert 64_946 - 67 <= essential <= 64_946
    assert len(esco.skill_relations) == 5_899
    assert len(esco.broader) == 20_656 + 3_616


def test_the_67_dangling_relations_are_dropped_by_name(esco: Esco) -> None:
    relations = [note for note in esco.dropped if note.file.endswith("occupationSkillRelations.csv")]
    assert len(relations) == 67
    assert {note.value for note in relations} == {LOST_OCCUPATION}
    assert relations[0].row == 84_425


def test_nothing_else_is_dropped_but_that_occupations_own_broader_relation(esco: Esco) -> None:
    assert [note.value for note in esco.dropped if "occupationSkill" not in note.file] == [LOST_OCCUPATION]


def test_six_skills_with_a_blank_type_are_kept_and_named(esco: Esco) -> None:
    blank = [skill.label for skill in esco.skills if skill.kind is SkillKind.UNSPECIFIED]
    noted = [note.value for note in esco.corrected if "blank skill type" in note.reason]
    assert len(blank) == 6
    assert sorted(blank) == sorted(noted)


def test_the_ragged_hierarchy_adds_the_seven_groups_that_the_group_list_lacks(esco: Esco) -> None:
    assert len(esco.skill_groups) == 640 + 7
    assert "positioning tools or equipment" in {group.label for group in esco.skill_groups}


def test_collections_have_the_sizes_that_esco_publishes(esco: Esco) -> None:
    sizes = Counter(collection for skill in esco.skills for collection in skill.collections)
    assert sizes == {
        SkillCollection.DIGITAL: 1_201,
        SkillCollection.GREEN: 570,
        SkillCollection.TRANSVERSAL: 96,
        SkillCollection.LANGUAGE: 346,
        SkillCollection.RESEARCH: 40,
        SkillCollection.DIGCOMP: 26,
    }


def test_alternative_labels_are_split_at_line_breaks_and_never_repeat(esco: Esco) -> None:
    concepts: list[EscoSkill | EscoOccupation] = [*esco.skills, *esco.occupations]
    for concept in concepts:
        labels = (concept.label, *concept.alternative_labels)
        assert len(set(labels)) == len(labels)
        assert not any("\n" in label or label != label.strip() for label in labels)


def test_text_that_was_encoded_twice_is_put_right(esco: Esco) -> None:
    teacher = next(each for each in esco.occupations if each.label == "ICT teacher secondary school")
    assert "monitor the students’ progress" in teacher.description
    assert sum("encoded twice" in note.reason for note in esco.corrected) == 14


def test_a_truncated_zip_is_refused_by_name(esco_folder: Path) -> None:
    archive = esco_folder / "esco-v1.1.1-relations.zip"
    archive.write_bytes(archive.read_bytes()[:1_000_000])
    with pytest.raises(InvalidArgument, match=r"esco-v1\.1\.1-relations\.zip is not a whole zip file") as refused:
        read_esco(esco_folder)
    assert refused.value.reason == "SOURCE_ARCHIVE_DAMAGED"
    assert refused.value.metadata["file"] == "esco-v1.1.1-relations.zip"


def test_a_zip_with_a_flipped_byte_is_refused(esco_folder: Path) -> None:
    archive = esco_folder / "esco-v1.1.1-relations.zip"
    content = bytearray(archive.read_bytes())
    content[2_000_000] ^= 0xFF
    archive.write_bytes(content)
    with pytest.raises(InvalidArgument, match="not a whole zip file"):
        read_esco(esco_folder)


def test_something_that_is_no_zip_is_refused(esco_folder: Path) -> None:
    (esco_folder / "esco-v1.1.1-relations.zip").write_text("<html>404</html>")
    with pytest.raises(InvalidArgument, match="download it again"):
        read_esco(esco_folder)


def test_a_missing_archive_is_named(esco_folder: Path) -> None:
    (esco_folder / "esco-v1.1.1-relations.zip").unlink()
    with pytest.raises(InvalidArgument, match=r"holds no file esco-v1\.1\.1-relations\.zip") as refused:
        read_esco(esco_folder)
    assert refused.value.reason == "SOURCE_FILE_MISSING"


def test_a_missing_member_is_named(esco_folder: Path) -> None:
    archive = esco_folder / "esco-v1.1.1-relations.zip"
    with zipfile.ZipFile(archive, "w") as emptied:
        emptied.writestr("readme.txt", "nothing")
    with pytest.raises(InvalidArgument, match=r"holds no occupationSkillRelations\.csv"):
        read_esco(esco_folder)


def test_a_missing_column_is_named_with_its_file(esco_folder: Path) -> None:
    archive = esco_folder / "esco-v1.1.1-relations.zip"
    with zipfile.ZipFile(archive) as opened:
        content = {name: opened.read(name) for name in opened.namelist()}
    relations = content["occupationSkillRelations.csv"]
    content["occupationSkillRelations.csv"] = relations.replace(b"relationType", b"relation", 1)
    with zipfile.ZipFile(archive, "w") as written:
        for name, text in content.items():
            written.writestr(name, text)
    with pytest.raises(InvalidArgument, match="lacks the column relationType") as refused:
        read_esco(esco_folder)
    assert refused.value.metadata["file"].endswith("occupationSkillRelations.csv")
    assert refused.value.metadata["column"] == "relationType"
