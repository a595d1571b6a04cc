"""Where programs of the tests come from."""

from pathlib import Path

import pytest

from tools import go_programs

FIFTH = "#!/bin/sh\necho 'Client Version: v1.34.2'; echo 'Kustomize Version: v5.7.1'\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the one folder in which programs are looked for; nothing is built yet."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(go_programs, "cache", lambda: tmp_path / "cache")
    return tmp_path


def put(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)


def test_without_kustomize_and_go_it_is_said_what_to_install(folder: Path) -> None:
    with pytest.raises(go_programs.MissingProgramError, match=r"kubectl 1\.27 or later.*go\.dev"):
        go_programs.find_kustomize()


def test_a_kubectl_that_has_kustomize_5_is_used_and_an_older_one_is_not(folder: Path) -> None:
    put(folder, "kubectl", FIFTH)
    assert go_programs.find_kustomize() == ["kubectl", "kustomize"]
    put(folder, "kubectl", FIFTH.replace("v5.7.1", "v4.5.7"))
    with pytest.raises(go_programs.MissingProgramError):
        go_programs.find_kustomize()


def test_what_go_cannot_build_leaves_nothing_behind_and_its_words_are_passed_on(folder: Path) -> None:
    put(folder, "go", "#!/bin/sh\necho 'no route to the proxy' >&2; exit 1\n")
    with pytest.raises(go_programs.MissingProgramError, match="no route to the proxy"):
        go_programs.find_kustomize()
    assert list((folder / "cache").iterdir()) == []


def test_what_go_built_is_kept_and_used_again(folder: Path) -> None:
    put(folder, "go", '#!/bin/sh\n: > "$GOBIN/kustomize"\n')
    first = go_programs.find_kustomize()
    (folder / "go").unlink()
    assert go_programs.find_kustomize() == first
    assert first[1:] == ["build"]
