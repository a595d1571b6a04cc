"""Packaged data is found, in a checkout and in a wheel, and says where it comes from."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from careweave.datasets import folder
from careweave.errors import NotFound

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = [
    "apprenticeships",
    "esco-v1.1.1",
    "eval/job-titles",
    "eval/next-occupation",
    "hr-examples",
    "uk-care",
    "uk-geo",
    "vacancy-wordings",
]


def _names(top: Path) -> set[str]:
    return {path.relative_to(top).as_posix() for path in top.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", FOLDERS)
def test_each_dataset_has_a_readme_with_its_source_and_licence(name: str) -> None:
    readme = next(path / "README.md" for path in (folder(name), folder(name).parent) if (path / "README.md").exists())
    text = readme.read_text(encoding="utf-8").lower()
    assert "source" in text
    assert "licence" in text
    for file in folder(name).iterdir():
        assert file.name.lower() in text or file.suffix == ".md" or file.name.startswith("LICENSE")


def test_notice_names_every_folder_of_data() -> None:
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    assert [name for name in FOLDERS if f"data/{name}" not in notice] == []


def test_an_unknown_dataset_is_not_found() -> None:
    with pytest.raises(NotFound, match="no packaged dataset 'uk-moon'"):
        folder("uk-moon")


def test_a_wheel_holds_the_packages_and_the_data(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    program = "import careweave.datasets as d, careweave_cli, careweave_skills; print(d.folder('uk-care'))"
    isolated = [sys.executable, "-S", "-c", f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); {program}"]
    found = subprocess.run(isolated, cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()
    assert Path(found) == tmp_path / "site" / "careweave" / "data" / "uk-care"
    assert _names(Path(found)) == _names(folder("uk-care"))
