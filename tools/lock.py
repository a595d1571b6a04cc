"""Resolve the dependencies of `pyproject.toml` and write `requirements/*.lock`.

    python tools/lock.py            # keeps the versions that are locked, where they still fit
    python tools/lock.py --upgrade  # takes the newest of everything

Every lock is a pip requirements file with versions, markers and SHA-256 hashes, good for Linux,
macOS and Windows, and names no index. The locks are disjoint layers, installed without resolving:

- `installer`: uv.
- `runtime`: what Careweave runs with, and its build backend.
- `torch`: torch and the GPU libraries that its Linux wheels want; `CAREWEAVE_TORCH_INDEX` replaces it.
- `dev`: the rest of what tests, checks and the training of the embedder need on top.

`requirements/download.json` says how many bytes each layer downloads, per platform.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ROOT / "requirements"
OLDEST_PYTHON = "3.11"
HEADER = "# Written by `make lock` from pyproject.toml; not edited by hand.\n"
GROUPS = {"installer": ("installer",), "runtime": ("build",), "dev": ("build", "dev")}
"""Layer to the dependency groups it resolves; all but the installer include the runtime dependencies."""
TORCH = re.compile(r"torch|triton|nvidia-.*|cuda-.*")
"""Names of the packages that the `torch` layer takes out of what is for development."""
PLATFORMS = {
    "Linux-x86_64": "x86_64-manylinux_2_28",
    "Linux-aarch64": "aarch64-manylinux_2_28",
    "Darwin-arm64": "aarch64-apple-darwin",
    "Windows-AMD64": "x86_64-pc-windows-msvc",
}
"""What `platform.system()` and `platform.machine()` say, to uv's name of the platform."""

Pins = dict[str, str]
"""Requirement without its hashes (name, version, marker) to all its lines in a requirements file."""


def run_uv(output: Path, *arguments: str) -> str:
    """Let `uv pip compile` write to `output`, preferring versions that stand there; returns what it wrote.

    Raises:
        CalledProcessError: there is no solution; uv has said why.
    """
    uv = Path(sysconfig.get_path("scripts"), "uv")
    options = ["--quiet", "--no-header", "--python-version", OLDEST_PYTHON, "--output-file", str(output)]
    environment = {**os.environ, "MACOSX_DEPLOYMENT_TARGET": "14.0"}  # the oldest that torch has wheels for
    subprocess.run([uv, "pip", "compile", *options, *arguments], check=True, cwd=ROOT, env=environment)
    return output.read_text(encoding="utf-8")


def read_pins(text: str) -> Pins:
    """Return the pins in the text of a requirements file."""
    blocks = re.findall(r"^(\S+==[^\\\n]*)((?:\\\n[^\\\n]*)*)\n", text, re.MULTILINE)
    return {requirement.strip(): f"{requirement}{hashes}\n" for requirement, hashes in blocks}


def resolve(layer: str, preferred: Pins) -> Pins:
    """Return the pins of `layer` for all platforms, keeping `preferred` versions where they fit."""
    inputs = [] if layer == "installer" else ["pyproject.toml"]
    inputs += [word for group in GROUPS[layer] for word in ("--group", f"pyproject.toml:{group}")]
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "requirements.txt")
        output.write_text("".join(f"{requirement}\n" for requirement in preferred), encoding="utf-8")
        return read_pins(run_uv(output, "--universal", "--generate-hashes", "--no-annotate", *inputs))


def make_layers(preferred: Pins) -> dict[str, Pins]:
    """Return the pins of each layer, keeping `preferred` versions where they fit; no pin is in two layers."""
    installer = resolve("installer", preferred)
    runtime = resolve("runtime", preferred)
    dev = resolve("dev", {**preferred, **runtime})
    added = {requirement: lines for requirement, lines in dev.items() if requirement not in runtime}
    is_torch = {requirement: bool(TORCH.fullmatch(requirement.partition("==")[0])) for requirement in added}
    return {
        "installer": installer,
        "runtime": runtime,
        "torch": {requirement: lines for requirement, lines in added.items() if is_torch[requirement]},
        "dev": {requirement: lines for requirement, lines in added.items() if not is_torch[requirement]},
    }


def download_size(lock: Path, platform: str) -> int:
    """Return how many bytes `lock` downloads on `platform`, one of uv's names, for the oldest Python."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "pylock.toml")
        arguments = ["--no-deps", "--format", "pylock.toml", "--python-platform", platform, str(lock)]
        packages = tomllib.loads(run_uv(output, *arguments)).get("packages", [])
    return sum(_file_size(package) for package in packages)


def _file_size(package: Mapping[str, object]) -> int:
    """Return the size of the one file that is fetched: a wheel if any fits the platform."""
    match package:
        case {"wheels": [{"size": int(size)}, *_]} | {"sdist": {"size": int(size)}}:
            return size
        case _:
            raise ValueError(f"the index tells no size of {package['name']}")


def main(arguments: list[str]) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Resolve the dependencies and write requirements/*.lock.")
    parser.add_argument("--upgrade", action="store_true", help="take the newest of everything")
    locked = "" if parser.parse_args(arguments).upgrade else "".join(path.read_text() for path in LOCKS.glob("*.lock"))
    layers = make_layers(read_pins(locked))
    for layer, pins in layers.items():
        LOCKS.joinpath(f"{layer}.lock").write_text(HEADER + "".join(pins.values()), encoding="utf-8")
    sizes = {
        name: {layer: download_size(LOCKS / f"{layer}.lock", platform) for layer in layers}
        for name, platform in PLATFORMS.items()
    }
    LOCKS.joinpath("download.json").write_text(json.dumps(sizes, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
