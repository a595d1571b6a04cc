"""Import of the whole of ESCO into an empty embedded graph: time and peak memory of a process of its own.

python -m benchmarks.esco_import [--json] [--rounds 3]
"""

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from careweave_skills.importing import Files, Progress, import_source
from careweave_skills.taxonomy import Source

from careweave.config import Settings
from careweave.datasets import folder
from careweave.wiring import open_graph

_KIBIBYTES_PER_MEBIBYTE = 1024


async def _import_into(place: Path) -> None:
    graph = await open_graph(Settings(graph=f"ladybug:{place / 'graph'}"))
    try:
        await import_source(graph, Files(Source.ESCO, folder("esco-v1.1.1")), _quiet, lambda: datetime.now(UTC))
    finally:
        await graph.close()


def _quiet(progress: Progress) -> None:
    del progress  # A bar would be timed too.


def _once() -> None:
    """Import, and print seconds and mebibytes."""
    with tempfile.TemporaryDirectory() as place:
        begun = time.perf_counter()
        asyncio.run(_import_into(Path(place)))
        seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KIBIBYTES_PER_MEBIBYTE
    print(json.dumps({"seconds": seconds, "peak_mebibytes": peak}))


def measure(rounds: int) -> dict[str, float]:
    """Return the medians over `rounds` imports, each in a fresh process and folder."""
    command = [sys.executable, "-m", "benchmarks.esco_import", "--once"]
    results = [json.loads(subprocess.check_output(command, text=True).splitlines()[-1]) for _ in range(rounds)]
    return {key: statistics.median(result[key] for result in results) for key in ("seconds", "peak_mebibytes")}


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.once:
        _once()
        return
    medians = measure(given.rounds)
    if given.json:
        print(json.dumps(medians))
    else:
        print(f"ESCO import: {medians['seconds']:.1f} s, peak {medians['peak_mebibytes']:,.0f} MiB (medians)")


if __name__ == "__main__":
    main()
