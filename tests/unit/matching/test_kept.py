"""Groups of arrays as compiled code takes them."""

import subprocess
import sys
from pathlib import Path

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
