"""A Neo4j Community server: how it is set up, and whether it answers."""

import contextlib
import logging
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import neo4j

from careweave_cli.devstack.jars import NEO4J, Distribution, prepare
from careweave_cli.devstack.recipe import Recipe, has_recipe, read_recipe, write_recipe
from careweave_cli.devstack.server import Server, free_ports

USER = "neo4j"
PASSWORD_FILE = "password"  # noqa: S105  the name of a file
_SECONDS = 5.0


@dataclass(slots=True)
class Neo4jServer(Server):
    """A server with one user, `neo4j`, whose password is in a file."""

    @property
    def url(self) -> str:
        """Return its address for `CAREWEAVE_GRAPH`."""
        return f"neo4j://{self.address}"

    @property
    def password_file(self) -> Path:
        """Return the file that holds the password."""
        return self.folder / PASSWORD_FILE


def neo4j_in(
    folder: Path, cache: Path, distribution: Distribution = NEO4J, settings: dict[str, str] | None = None
) -> Neo4jServer:
    """Return the server in `folder`, set up on a free port if it is new.

    settings: more of Neo4j's own, for a new one.

    Raises:
        CareweaveError: its jars are not to be had; see `jars.prepare`.
    """
    folder = folder.absolute()
    if not has_recipe(folder):
        jars = prepare(distribution, cache)
        port = free_ports(1)[0]
        recipe = Recipe(
            "neo4j", str(jars), port, {**_settings(port), **(settings or {})}, password=secrets.token_urlsafe(16)
        )
        write_recipe(folder, recipe)
        password = folder / PASSWORD_FILE
        password.touch(mode=0o600)
        password.write_text(recipe.password, encoding="utf-8")
    else:
        prepare(distribution, cache)
    recipe = read_recipe(folder)
    return Neo4jServer("Neo4j", folder, recipe.port, lambda: _answers(recipe))


@contextlib.contextmanager
def start_neo4j(
    folder: Path, cache: Path, distribution: Distribution = NEO4J, settings: dict[str, str] | None = None
) -> Iterator[Neo4jServer]:
    """Run a server in `folder` for the length of the block; it ends with this process at the latest."""
    server = neo4j_in(folder, cache, distribution, settings)
    server.start()
    try:
        server.wait()
        yield server
    finally:
        server.stop()


def _settings(port: int) -> dict[str, str]:
    return {
        "server.bolt.enabled": "true",
        "server.bolt.listen_address": f"127.0.0.1:{port}",
        "server.bolt.advertised_address": f"127.0.0.1:{port}",
        "dbms.security.auth_enabled": "true",
        "dbms.usage_report.enabled": "false",
        "server.memory.pagecache.size": "128m",
        "db.tx_log.rotation.retention_policy": "1 days",
        "db.tx_log.rotation.size": "64M",
    }


def _answers(recipe: Recipe) -> bool:
    scheme = "bolt+ssc" if recipe.settings.get("server.bolt.tls_level") == "REQUIRED" else "bolt"
    driver_log = logging.getLogger("neo4j")
    level = driver_log.level
    driver_log.setLevel(logging.CRITICAL)  # That it does not answer yet is no news.
    try:
        with neo4j.GraphDatabase.driver(
            f"{scheme}://127.0.0.1:{recipe.port}", auth=(USER, recipe.password), connection_timeout=_SECONDS
        ) as driver:
            driver.verify_connectivity()
    except (neo4j.exceptions.Neo4jError, neo4j.exceptions.DriverError, OSError):
        return False
    else:
        return True
    finally:
        driver_log.setLevel(level)
