"""Every benchmark, one after the other: `make bench`. Each can be run alone, as its own first lines say."""

import sys
from pathlib import Path
from subprocess import run

from careweave.datasets import folder

PYTHON = (sys.executable, "-m")


def main() -> None:
    """Run them; the first that fails ends it."""
    judged = folder("eval")
    command = str(Path(sys.executable).with_name("careweave"))
    for line in (
        (*PYTHON, "benchmarks.esco_import"),
        (*PYTHON, "benchmarks.startup"),
        (*PYTHON, "benchmarks.find_opportunities"),
        (*PYTHON, "benchmarks.tokens"),
        (*PYTHON, "benchmarks.hr_updates"),
        (*PYTHON, "benchmarks.hr_updates", "--neo4j"),
        (*PYTHON, "benchmarks.kafka_events"),
        (*PYTHON, "benchmarks.freshness"),
        (*PYTHON, "benchmarks.withdrawal"),
        (command, "bench", "quality", "titles", str(judged / "job-titles")),
        (command, "bench", "quality", "next-occupation", str(judged / "next-occupation" / "dev.tsv.gz")),
        (command, "bench", "quality", "extraction", str(judged / "skill-extraction" / "care.csv")),
    ):
        print("\n$ " + " ".join((Path(line[0]).name, *line[1:])), flush=True)
        run(line, check=True)


if __name__ == "__main__":
    main()
