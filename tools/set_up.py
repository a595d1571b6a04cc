"""Make `.venv` hold the locked dependencies and this checkout; run by `make setup`.

    python3 tools/set_up.py runtime   # what Careweave needs to run
    python3 tools/set_up.py dev       # and what tests, checks and the training of the embedder need, torch among it

Needs Python alone: the packages of `requirements/*.lock` come from the index that pip is configured
for. Does nothing when what is wanted is there already. uv, itself a locked package, installs them,
since it is an order faster; where uv cannot be had, pip does.

`CAREWEAVE_TORCH_INDEX` names an index that torch is taken from instead, such as one of CPU-only
builds: its wheels carry no hashes that could be locked, so the version alone is. `.venv` remembers
it, so that later targets need not name it again.
"""

import ast
import hashlib
import json
import os
import platform
import subprocess
import sys
import time
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ROOT / "requirements"
VENV = ROOT / ".venv"
SCRIPTS = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = SCRIPTS / "python"
UV = SCRIPTS / "uv"
TORCH_INDEX = VENV / "careweave-torch-index"
LAYERS = {"runtime": ("runtime",), "dev": ("runtime", "torch", "dev")}
GIGABYTE = 1e9
MEGABIT = 1e6 / 8
UV_FOR_PIP = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "timeout": "UV_HTTP_TIMEOUT",
    "proxy": "ALL_PROXY",
    "no-index": "UV_NO_INDEX",
}
"""Setting of pip to the variable by which uv takes the same."""


def say(message: str) -> None:
    """Print `message` at once, so that it stands before what a child process prints."""
    print(message, flush=True)


def torch_index() -> str:
    """Return the index to take torch from: what is named now, else what `.venv` was made with, else empty."""
    named = os.environ.get("CAREWEAVE_TORCH_INDEX", "")
    return named or (TORCH_INDEX.read_text(encoding="utf-8") if TORCH_INDEX.exists() else "")


def is_set_up(aim: str) -> bool:
    """Return whether `.venv` holds what `aim` needs, as the locks say now."""
    stamp = VENV / f"careweave-{aim}.stamp"
    return stamp.exists() and stamp.read_text(encoding="utf-8") == digest(aim)


def digest(aim: str) -> str:
    """Return what the content of `.venv` depends on, as a digest: equal digests need no new set-up."""
    inputs = [LOCKS / f"{layer}.lock" for layer in LAYERS[aim]] + [ROOT / "pyproject.toml"]
    state = hashlib.sha256(f"{ROOT}\n{torch_index()}".encode())
    for path in inputs:
        state.update(path.read_bytes())
    return state.hexdigest()


def download_sizes() -> Mapping[str, int]:
    """Return bytes by layer for this platform; empty if they are not known."""
    known: dict[str, dict[str, int]] = json.loads(LOCKS.joinpath("download.json").read_text(encoding="utf-8"))
    return known.get(f"{platform.system()}-{platform.machine()}", {})


def announce(aim: str, index: str) -> None:
    """Say what is about to happen, how much it downloads at most, and how long that takes."""
    sizes = download_sizes()
    there = LAYERS["runtime"] if is_set_up("runtime") else ()
    layers = ["installer", *(layer for layer in LAYERS[aim] if layer not in there)]
    if index and "torch" in layers:
        layers.remove("torch")
    say(f"Setting up .venv for {aim}, from the package index.")
    if sizes:
        size = sum(sizes[layer] for layer in layers)
        minutes = size / (100 * MEGABIT) / 60
        say(
            f"  Downloads up to {size / GIGABYTE:.2f} GB, less what is cached from before: "
            f"{minutes:.1f} min at 100 Mbit/s, then up to a minute to unpack."
        )
    if index and "torch" in LAYERS[aim]:
        say("  torch comes from CAREWEAVE_TORCH_INDEX; its size is not included.")
    elif "torch" in layers and sizes.get("torch", 0) > GIGABYTE:
        say(f"  {sizes['torch'] / GIGABYTE:.1f} GB of it are torch and GPU libraries. Without a GPU, spare them:")
        say("  make setup-dev CAREWEAVE_TORCH_INDEX=<address of an index with CPU-only builds of torch>")


def pip_settings() -> dict[str, str]:
    """Return the user's settings of pip, by name; the environment wins over files, `install` over `global`."""
    listed = subprocess.run([PYTHON, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True)
    rows = [line.partition("=") for line in listed.stdout.splitlines()]
    sections = ["global", "install", ":env:"]
    by_place = {tuple(key.rsplit(".", 1)): str(ast.literal_eval(value)) for key, _, value in rows}
    return {name: value for section in sections for (place, name), value in by_place.items() if place == section}


def uv_environment() -> dict[str, str]:
    """Return the environment in which uv uses the index, certificates and proxy that pip would use."""
    given = {UV_FOR_PIP[name]: value for name, value in pip_settings().items() if name in UV_FOR_PIP}
    if "UV_FIND_LINKS" in given:
        given["UV_FIND_LINKS"] = ",".join(given["UV_FIND_LINKS"].split())
    return {**given, **os.environ}


def get_uv() -> bool:
    """Install the locked uv into `.venv`; returns whether it is there."""
    lock = LOCKS / "installer.lock"
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(lock)]
    if subprocess.run(command, check=False).returncode == 0:
        return True
    say("  uv is not to be had here; pip does the work, which takes minutes.")
    return False


def install(arguments: Sequence[str | Path], environment: Mapping[str, str], *, with_uv: bool) -> None:
    """Install into `.venv` what `arguments`, common to `uv pip install` and `pip install`, say.

    Raises:
        CalledProcessError: it did not work; the installer has said why.
    """
    installer = [UV, "pip", "install", "--python", PYTHON] if with_uv else [PYTHON, "-m", "pip", "install"]
    subprocess.run([*map(str, installer), *map(str, arguments)], check=True, cwd=ROOT, env=environment)


def install_torch(index: str, environment: Mapping[str, str], *, with_uv: bool) -> None:
    """Install torch alone from `index`, at the locked version; a local version such as 2.15.0+cpu counts as that.

    Raises:
        CalledProcessError: it did not work; the installer has said why.
    """
    pins = LOCKS.joinpath("torch.lock").read_text(encoding="utf-8").splitlines()
    version = next(line.split()[0] for line in pins if line.startswith("torch=="))
    others = dict.fromkeys(("UV_INDEX", "UV_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"), "")
    alone = {**environment, **others, "UV_DEFAULT_INDEX": index, "PIP_INDEX_URL": index}
    install(["--no-deps", "--force-reinstall", version], alone, with_uv=with_uv)


def install_layers(aim: str, index: str, *, with_uv: bool) -> None:
    """Install the layers that `aim` needs, then this checkout.

    Raises:
        CalledProcessError: it did not work; the installer has said why.
    """
    environment = uv_environment() if with_uv else dict(os.environ)
    if index and "torch" in LAYERS[aim]:
        install_torch(index, environment, with_uv=with_uv)
    layers = [layer for layer in LAYERS[aim] if layer != "torch" or not index]
    locks = [word for layer in layers for word in ("-r", LOCKS / f"{layer}.lock")]
    install(["--no-deps", "--require-hashes", *locks], environment, with_uv=with_uv)
    install(["--no-deps", "--no-build-isolation", "--editable", "."], environment, with_uv=with_uv)


def disk_use(folder: Path) -> int:
    """Return the bytes that the files under `folder` hold."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


def main(arguments: Sequence[str]) -> int:
    """Set up what the first argument names; returns the exit status."""
    aim = arguments[0] if arguments else "runtime"
    if is_set_up(aim):
        return 0
    index = torch_index()
    announce(aim, index)
    begun = time.monotonic()
    try:
        if not PYTHON.exists():
            say(f"  Making .venv with Python {platform.python_version()}.")
            venv.create(VENV, with_pip=True)
        TORCH_INDEX.write_text(index, encoding="utf-8")
        install_layers(aim, index, with_uv=get_uv())
    except subprocess.CalledProcessError as error:
        say(f"Set-up failed: {' '.join(map(str, error.cmd[:4]))} … ended with status {error.returncode}; see above.")
        say("  Run it again to go on; on Debian and Ubuntu, Python's venv module is the package python3-venv.")
        return 1
    for done in {aim, "runtime"}:
        VENV.joinpath(f"careweave-{done}.stamp").write_text(digest(done), encoding="utf-8")
    say(f"Set up in {time.monotonic() - begun:.0f} s; .venv takes {disk_use(VENV) / GIGABYTE:.1f} GB.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
