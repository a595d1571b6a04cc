"""Groups of arrays as compiled code takes them."""

import ast
import subprocess
import sys
from pathlib import Path

import numba
import pytest
from careweave_matching.compiled import jit
from careweave_matching.compiled.jit import SOURCES, compiled

MODULE = """
from typing import NamedTuple
from careweave_matching.compiled.jit import compiled
from careweave_matching.compiled.kept import keep, keepable

@keepable
class Group(NamedTuple):
    {field}: float

@compiled
def value(group):
    return group.{field}

print(value(keep(Group(1.5))))
"""


def run(folder: Path, field: str) -> str:
    """Return what the module prints in a process of its own, with the cache that processes before it left."""
    (folder / "measured.py").write_text(MODULE.format(field=field), encoding="utf-8")
    command = [sys.executable, "-c", "import measured"]
    environment = {"PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": str(folder / "compiled")}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout.strip()


def test_a_field_that_is_renamed_is_not_looked_for_in_code_compiled_before(tmp_path: Path) -> None:
    assert [run(tmp_path, field) for field in ("before", "before", "after")] == ["1.5", "1.5", "1.5"]


def test_what_was_compiled_is_right_only_while_all_that_it_is_made_of_is_the_same() -> None:
    """Every module whose functions or constants compiled code takes in is among those that are looked at."""
    taken_in = {
        name
        for source in SOURCES
        if source.parent.name == "compiled"
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("careweave_matching")
        for name in ([node.module] if "." in node.module else [f"{node.module}.{each.name}" for each in node.names])
    }
    looked_at = {".".join(("careweave_matching", *source.parts[-2:])).removesuffix(".py") for source in SOURCES}
    looked_at = {name.replace("careweave_matching.careweave_matching.", "careweave_matching.") for name in looked_at}
    assert taken_in <= looked_at


def test_compiled_code_of_another_version_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))

    def compile_it() -> int:
        def three() -> int:
            return 3

        again = compiled(three)
        assert again() == 3
        return sum(again.stats.cache_hits.values())  # type: ignore[attr-defined]

    assert [compile_it(), compile_it()] == [0, 1]
    monkeypatch.setattr(jit, "_DIGEST", "of another version")
    assert compile_it() == 0
