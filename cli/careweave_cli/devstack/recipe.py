"""What a server's process runs, kept in the server's folder so that it can be started again as it was."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

_FILE = "server.json"


@dataclass(frozen=True, slots=True)
class Recipe:
    """One server.

    server: `neo4j` or `kafka`.
    jars: folder of its jars.
    port: on which it answers, at 127.0.0.1.
    settings: in the server's own words.
    heap_mib: the most memory of Java's heap, MiB.
    password: of Neo4j's user `neo4j`.
    cluster_id: of Kafka, 22 characters.
    """

    server: str
    jars: str
    port: int
    settings: Mapping[str, str] = field(default_factory=dict)
    heap_mib: int = 1024
    password: str = ""
    cluster_id: str = ""


def write_recipe(folder: Path, recipe: Recipe) -> None:
    """Keep `recipe` in `folder`, for its owner's eyes alone."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / _FILE
    file.touch(mode=0o600)
    file.write_text(json.dumps(asdict(recipe), indent=2), encoding="utf-8")


def has_recipe(folder: Path) -> bool:
    """Return whether a server was set up in `folder`."""
    return (folder / _FILE).exists()


def read_recipe(folder: Path) -> Recipe:
    """Return what `write_recipe` kept in `folder`."""
    return Recipe(**json.loads((folder / _FILE).read_text(encoding="utf-8")))
