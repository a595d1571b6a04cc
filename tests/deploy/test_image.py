"""The image cannot be built where there is no container engine; what can be known of it is held here."""

import re
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

from tests.deploy.manifests import DEPLOY, Overlay

ROOT = DEPLOY.parent
DOCKERFILE = DEPLOY / "Dockerfile"
TEXT = DOCKERFILE.read_text(encoding="utf-8")


def wanted(path: str) -> bool:
    """Tell whether `path` is given to the build: rules are taken in order, the last that fits decides."""
    given = True
    for rule in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        if not rule or rule.startswith("#"):
            continue
        pattern = rule.removeprefix("!").replace("**/", "(.*/)?").replace("*", "[^/]*").replace("(.[^/]*/)?", "(.*/)?")
        if re.fullmatch(f"{pattern}(/.*)?", path):
            given = rule.startswith("!")
    return given


@pytest.mark.skipif(sys.platform == "win32", reason="hadolint has no build for Windows")
def test_hadolint_finds_nothing() -> None:
    program = Path(sysconfig.get_path("scripts"), "hadolint")
    found = subprocess.run([program, "--no-color", DOCKERFILE], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


def test_the_image_runs_as_the_user_of_the_manifests_given_by_number(demo: Overlay) -> None:
    users = {each.pod["securityContext"]["runAsUser"] for each in demo.workloads() if each.own}
    assert users == {10001}
    assert re.findall(r"^USER (.*)$", TEXT, re.MULTILINE)[-1] == "10001:10001"


def test_the_cache_is_where_the_manifests_mount_it(demo: Overlay) -> None:
    place = next(demo.environment(each)["CAREWEAVE_CACHE"] for each in demo.workloads() if each.own)
    assert f"CAREWEAVE_CACHE={place}\n" in TEXT
    assert f"NUMBA_CACHE_DIR={place}/" in TEXT  # beside the source, where it is kept elsewhere, nothing can be written
    for workload in demo.workloads():
        if workload.own:
            assert place in {mount["mountPath"] for mount in workload.pod["containers"][0]["volumeMounts"]}


def test_nothing_is_downloaded_when_it_runs_and_no_layer_asks_docker_for_health() -> None:
    last = TEXT.rpartition("\nFROM ")[2]
    assert "HF_HUB_OFFLINE=1" in last
    assert "pip" not in re.sub(r"#.*", "", last)
    assert "HEALTHCHECK NONE" in last


def test_base_images_are_named_once_and_pinned() -> None:
    assert re.findall(r"^FROM (\S+)", TEXT, re.MULTILINE) == ["${PYTHON_IMAGE}", "${PYTHON_IMAGE}"]
    base = re.search(r"^ARG PYTHON_IMAGE=(\S+)$", TEXT, re.MULTILINE)
    assert base
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", base[1])


def test_packages_are_installed_as_locked_and_torch_is_not_among_them() -> None:
    installs = [line for line in TEXT.replace("\\\n", " ").splitlines() if "pip install" in line]
    assert all("--no-deps" in part for line in installs for part in line.split("pip install")[1:])
    assert TEXT.count("--require-hashes") == 1
    locked = (ROOT / "requirements" / "runtime.lock").read_text(encoding="utf-8")
    assert not re.search(r"^(torch|nvidia-\w+|transformers|sentence-transformers)==", locked, re.MULTILINE)


def test_what_builds_the_distribution_is_given_to_the_build_and_little_else() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for folder in project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]:
        assert wanted(f"{folder}/module.py"), folder
    for file in ("pyproject.toml", "README.md", "LICENSE", "NOTICE", *re.findall(r"requirements/\w+\.lock", TEXT)):
        assert wanted(file), file
    for file in (
        ".git/config",
        ".venv/bin/python",
        "var/graph/catalog",
        "tests/conftest.py",
        "deploy/Dockerfile",
        "careweave/__pycache__/errors.pyc",
        "requirements/dev.lock",
    ):
        assert not wanted(file), file
