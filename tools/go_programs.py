"""Programs in Go that tests run. Kustomize is taken as it is found, else built; the others are built.

    python tools/go_programs.py kustomize       # prints how to call Kustomize 5
    python tools/go_programs.py kubernetes      # prints the folder of kube-apiserver, kubectl, etcd and signingkey
    python tools/go_programs.py event-consumer  # prints the program of examples/event-consumer-go

What is built comes from Go modules at the versions below and in the go.mod of each, with checksums, and stays in
~/.cache/careweave. Needs Go 1.24 or later; Kustomize takes a minute or so, Kubernetes about four on two idle cores.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

MODULE = Path(__file__).resolve().parent / "kubernetes"
CONSUMER = Path(__file__).resolve().parents[1] / "examples" / "event-consumer-go"
KUSTOMIZE = "v5.6.0"
PACKAGES = (
    "go.etcd.io/etcd/server/v3",  # becomes `server`
    "k8s.io/kubernetes/cmd/kube-apiserver",
    "k8s.io/kubernetes/cmd/kubectl",
    "./signingkey",
)
FIFTH = re.compile(r"\bv5\.\d+\.\d+")


class MissingProgramError(Exception):
    """What is needed is not here and cannot be built; the message says what to install."""


def cache() -> Path:
    """Return the folder that keeps what is built."""
    return Path.home() / ".cache" / "careweave"


def find_kustomize() -> Sequence[str]:
    """Return the words that, with a folder after them, print what Kustomize 5 builds from it.

    Raises:
        MissingProgramError: there is none, and no Go to build it with.
    """
    built = cache() / f"kustomize-{KUSTOMIZE}" / "kustomize"
    if built.exists():
        return [str(built), "build"]
    if _is_fifth("kustomize", "version"):
        return ["kustomize", "build"]
    if _is_fifth("kubectl", "version", "--client"):
        return ["kubectl", "kustomize"]
    _build(
        ["go", "install", f"sigs.k8s.io/kustomize/kustomize/v5@{KUSTOMIZE}"],
        built.parent,
        "Kustomize 5 (or kubectl 1.27 or later)",
    )
    return [str(built), "build"]


def build_kubernetes() -> Path:
    """Return the folder of kube-apiserver, kubectl, etcd and signingkey, built if need be.

    Raises:
        MissingProgramError: there is no Go, or it cannot build them.
    """
    inputs = [MODULE / "go.mod", MODULE / "go.sum", MODULE / "signingkey" / "main.go"]
    folder = cache() / f"kubernetes-{_digest(inputs)}"
    if not folder.exists():
        found = re.search(r"k8s\.io/kubernetes (v1\.(\d+)\.\d+)", inputs[0].read_text(encoding="utf-8"))
        assert found, "go.mod names the version"  # noqa: S101
        stamp = {"gitVersion": found[1], "gitMajor": "1", "gitMinor": found[2]}
        flags = " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in stamp.items())
        print("Building a Kubernetes API server, once: minutes.", file=sys.stderr, flush=True)
        build = ["go", "build", "-buildvcs=false", "-trimpath", "-ldflags", f"-s -w {flags}", "-o", "{folder}/"]
        _build([*build, *PACKAGES], folder, "Go")
    return folder


def build_event_consumer() -> Path:
    """Return the program that reads events as others do, built if need be.

    Raises:
        MissingProgramError: there is no Go, or it cannot build it.
    """
    folder = cache() / f"event-consumer-{_digest([CONSUMER / name for name in ('go.mod', 'go.sum', 'main.go')])}"
    if not folder.exists():
        _build(["go", "build", "-buildvcs=false", "-trimpath", "-o", "{folder}/", "."], folder, "Go", CONSUMER)
    return folder / "event-consumer"


def _digest(inputs: Sequence[Path]) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in inputs)).hexdigest()[:12]


def _is_fifth(program: str, *version: str) -> bool:
    if shutil.which(program) is None:
        return False
    said = subprocess.run([program, *version], capture_output=True, text=True, check=False).stdout
    return bool(FIFTH.search(said))


def _build(command: Sequence[str], folder: Path, wanted: str, module: Path = MODULE) -> None:
    """Run a command of Go in `module` that leaves programs in `folder`, which comes into being whole or not at all."""
    if shutil.which("go") is None:
        raise MissingProgramError(f"{wanted} is needed here, or Go 1.24 or later to build it with: https://go.dev/dl")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as fresh:
        made = Path(fresh, "bin")
        made.mkdir()
        words = [word.replace("{folder}", str(made)) for word in command]
        ended = subprocess.run(words, cwd=module, env=_environment(made), capture_output=True, text=True, check=False)
        if ended.returncode:
            raise MissingProgramError(f"{' '.join(words[:4])} … ended with {ended.returncode}:\n{ended.stderr[-2000:]}")
        if not folder.exists():  # another process may have been quicker
            made.rename(folder)


def _environment(made: Path) -> Mapping[str, str]:
    return {**os.environ, "GOBIN": str(made), "GOWORK": "off"}


def main(arguments: Sequence[str]) -> int:
    """Make what the first argument names and print where it is; returns the exit status."""
    try:
        match arguments:
            case ["kustomize"]:
                print(*find_kustomize())
            case ["kubernetes"]:
                print(build_kubernetes())
            case ["event-consumer"]:
                print(build_event_consumer())
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except MissingProgramError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
