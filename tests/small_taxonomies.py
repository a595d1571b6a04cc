"""A folder like the packaged data, cut down to care: real rows, few enough to embed in a few seconds."""

import csv
import io
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

from careweave.datasets import folder

CARE_GROUPS = ("2221", "3221", "3412", "5321", "5322", "1343")
REFERENCES = ("ST0005", "ST0216", "ST0827", "ST0781")
CLASSIFICATION = "esco-v1.1.1-classification-en.zip"
RELATIONS = "esco-v1.1.1-relations.zip"

Row = dict[str, str]


def write_small_taxonomies(root: Path) -> Path:
    """Write the folder to `root` and return it: some 30 occupations with what they require, four standards."""
    esco = folder("esco-v1.1.1")
    kept = _rows(esco / CLASSIFICATION, "occupations_en.csv", lambda row: row["iscoGroup"] in CARE_GROUPS)
    occupations = {row["conceptUri"] for row in kept}
    required = _rows(esco / RELATIONS, "occupationSkillRelations.csv", lambda row: row["occupationUri"] in occupations)
    skills = {row["skillUri"] for row in required}
    chosen = occupations | skills
    wanted: dict[str, Callable[[Row], bool]] = {
        "occupations_en.csv": lambda row: row["conceptUri"] in occupations,
        "skills_en.csv": lambda row: row["conceptUri"] in skills,
        "occupationSkillRelations.csv": lambda row: row["occupationUri"] in occupations,
        "skillSkillRelations.csv": lambda row: {row["originalSkillUri"], row["relatedSkillUri"]} <= skills,
        "broaderRelationsSkillPillar.csv": lambda row: (
            row["conceptUri"] in skills and "/skill/" not in row["broaderUri"]
        ),
        "broaderRelationsOccPillar.csv": lambda row: row["conceptUri"] in chosen and "/isco/" in row["broaderUri"],
    }
    (root / "esco-v1.1.1").mkdir(parents=True)
    for archive in (CLASSIFICATION, RELATIONS):
        copy_archive(esco / archive, root / "esco-v1.1.1" / archive, wanted)
    shutil.copytree(folder("uk-care"), root / "uk-care", ignore=shutil.ignore_patterns("README*", "LICENSE*"))
    _copy_standards(root / "apprenticeships")
    return root


def copy_archive(source: Path, target: Path, wanted: dict[str, Callable[[Row], bool]]) -> None:
    """Copy a zip of CSV files, of those named in `wanted` only the rows that pass."""
    with zipfile.ZipFile(source) as read, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as written:
        for member in read.namelist():
            if member in wanted:
                written.writestr(member, _text(_rows(source, member, wanted[member])))
            elif member != "conceptSchemes_en.csv":
                written.writestr(member, read.read(member))


def _copy_standards(target: Path) -> None:
    target.mkdir()
    source = folder("apprenticeships")
    for name, passes in _STANDARDS.items():
        with (source / name).open(encoding="utf-8-sig", newline="") as opened:
            rows = [row for row in csv.DictReader(opened) if passes(row)]
        (target / name).write_text(_text(rows), encoding="utf-8", newline="")


_STANDARDS: dict[str, Callable[[Row], bool]] = {
    "health_care_standards_2026.csv": lambda row: row["ref"] in REFERENCES,
    "health_care_ksb_2026.csv": lambda row: row["ref"] in REFERENCES,
    "standards_2021.csv": lambda row: row["route"] == "Care services" or "nurs" in row["title"].lower(),
}


def _rows(archive: Path, member: str, passes: Callable[[Row], bool]) -> list[Row]:
    with zipfile.ZipFile(archive) as opened:
        text = opened.read(member).decode("utf-8-sig")
    return [row for row in csv.DictReader(io.StringIO(text, newline="")) if passes(row)]


def _text(rows: list[Row]) -> str:
    written = io.StringIO(newline="")
    writer = csv.DictWriter(written, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue()
