"""From start to ready: all services in one process, on the embedded engines and the sample place.

    python -m benchmarks.startup [--json] [--times 5]

Cold is a first start with an empty cache: nothing compiled, and no vector kept, so that embedding goes on in the
background once it serves. Warm is any later start. The stores hold the sample place both times, and their
files have been read before. Ready is when health says SERVING for every service, the index built and rehearsed.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from careweave_cli.demo.server import command

from benchmarks.stack import embedded
from careweave.config import Settings, environment_of

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_KIBI = 1 / 1024
_STOP_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Start:
    """seconds: until ready. cpu_seconds: of all threads. mib: resident then. most_mib: at most until then."""

    seconds: float
    cpu_seconds: float
    mib: float
    most_mib: float


def start(settings: Settings, compiled: Path) -> Start:
    """Start all services, wait until they are ready, and stop them."""
    environment = os.environ | environment_of(settings) | {"NUMBA_CACHE_DIR": str(compiled)}
    begun = time.perf_counter()
    with subprocess.Popen(command("serve", "all", "--json"), env=environment, stdout=subprocess.PIPE) as process:
        try:
            if process.stdout is None or not process.stdout.readline():
                raise RuntimeError("the services ended before they were ready; their log stands above")
            return Start(time.perf_counter() - begun, _cpu(process.pid), *_memory(process.pid))
        finally:
            process.terminate()
            process.wait(_STOP_SECONDS)


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _memory(pid: int) -> tuple[float, float]:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    said = dict(line.split(":", 1) for line in lines)
    return int(said["VmRSS"].split()[0]) * _KIBI, int(said["VmHWM"].split()[0]) * _KIBI


def measure(times: int) -> dict[str, list[Start]]:
    """Return every start, cold and warm."""
    with tempfile.TemporaryDirectory() as named:
        folder = Path(named)
        settings = embedded(folder)
        subprocess.run(command("load", "sample"), env=os.environ | environment_of(settings), check=True)
        cold = []
        for number in range(2):
            fresh = folder / f"cache{number}"
            cold.append(start(replace(settings, cache=fresh), fresh / "compiled"))
        compiled = settings.cache / "compiled"
        start(settings, compiled)  # compiles what an earlier run has not
        return {"cold": cold, "warm": [start(settings, compiled) for _ in range(times)]}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument("--times", type=int, default=5, help="warm starts (5)")
    arguments = parser.parse_args()
    found = measure(arguments.times)
    if arguments.json:
        print(json.dumps({kind: [asdict(each) for each in starts] for kind, starts in found.items()}))
        return
    print(f"{'':6}{'seconds':>9}{'of CPU':>9}{'MiB':>7}{'at most':>9}   (medians; seconds from least to most)")
    for kind, starts in found.items():
        middle = [statistics.median(getattr(each, name) for each in starts) for name in Start.__slots__]
        seconds = sorted(each.seconds for each in starts)
        row = f"{middle[0]:9.2f}{middle[1]:9.2f}{middle[2]:7.0f}{middle[3]:9.0f}"
        print(f"{kind:6}{row}   {', '.join(f'{each:.2f}' for each in seconds)}")


if __name__ == "__main__":
    main()
