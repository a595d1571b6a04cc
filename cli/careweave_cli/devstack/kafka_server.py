"""A Kafka cluster of one broker or three: how it is set up, and whether it answers."""

import base64
import contextlib
import logging
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from careweave.errors import InvalidArgument
from careweave_cli.devstack.jars import KAFKA, prepare
from careweave_cli.devstack.recipe import Recipe, has_recipe, read_recipe, write_recipe
from careweave_cli.devstack.server import Server, free_ports

SIZES = (1, 3)
_MILLISECONDS = 3000


@dataclass(slots=True)
class KafkaCluster:
    """Brokers that form one cluster; broker `n` (from 1) is `brokers[n - 1]`."""

    brokers: Sequence[Server]

    @property
    def addresses(self) -> str:
        """Return all `host:port`, separated by commas."""
        return ",".join(broker.address for broker in self.brokers)

    @property
    def url(self) -> str:
        """Return its address for `CAREWEAVE_EVENTS`."""
        return f"kafka://{self.addresses}"

    def start(self, *, stays: bool = False) -> None:
        """Start those brokers that do not run."""
        for broker in self.brokers:
            broker.start(stays=stays)

    def wait(self) -> None:
        """Return once every broker answers and knows of all others."""
        for broker in self.brokers:
            broker.wait()

    def stop(self) -> None:
        """Let all brokers end cleanly, the last one without waiting for a quorum that is gone."""
        for broker in self.brokers:
            broker.stop()

    def kill(self) -> None:
        """End all brokers at once, as a crash would."""
        for broker in self.brokers:
            broker.kill()


def kafka_in(folder: Path, cache: Path, brokers: int = 1) -> KafkaCluster:
    """Return the cluster in `folder`, set up on free ports with `brokers` (1 or 3) if it is new.

    Three keep three copies of each topic, two of which must be in step for a write to be taken.

    Raises:
        InvalidArgument: another number of brokers than `folder` has, or than can be.
        CareweaveError: its jars are not to be had; see `jars.prepare`.
    """
    folder = folder.absolute()
    if brokers not in SIZES:
        raise InvalidArgument("a cluster has 1 or 3 brokers", reason="BROKERS_INVALID")
    jars = prepare(KAFKA, cache)
    there = [each for each in range(1, max(SIZES) + 1) if has_recipe(folder / f"broker-{each}")]
    if there and len(there) != brokers:
        raise InvalidArgument(f"{folder} holds {len(there)} brokers; ask for as many", reason="BROKERS_INVALID")
    if not there:
        _set_up(folder, jars, brokers)
    return KafkaCluster([_broker(folder / f"broker-{each}", each, brokers) for each in range(1, brokers + 1)])


@contextlib.contextmanager
def start_kafka(folder: Path, cache: Path, brokers: int = 1) -> Iterator[KafkaCluster]:
    """Run a cluster in `folder` for the length of the block; it ends with this process at the latest."""
    cluster = kafka_in(folder, cache, brokers)
    cluster.start()
    try:
        cluster.wait()
        yield cluster
    finally:
        cluster.stop()


def _set_up(folder: Path, jars: Path, brokers: int) -> None:
    ports = free_ports(2 * brokers)
    voters = ",".join(f"{each}@127.0.0.1:{ports[brokers + each - 1]}" for each in range(1, brokers + 1))
    # Kafka's form of an id: 128 bits in 22 characters.
    cluster_id = "C" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode("ascii")[1:22]
    for each in range(1, brokers + 1):
        port, control = ports[each - 1], ports[brokers + each - 1]
        home = folder / f"broker-{each}"
        settings = _settings(home, each, port, control, brokers)
        settings["controller.quorum.voters"] = voters
        write_recipe(home, Recipe("kafka", str(jars), port, settings, heap_mib=512, cluster_id=cluster_id))


def _settings(home: Path, node: int, port: int, control: int, brokers: int) -> dict[str, str]:
    in_step = str(min(brokers, 2))
    return {
        "process.roles": "broker,controller",
        "node.id": str(node),
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{control}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": str(home / "log"),
        "default.replication.factor": str(brokers),
        "min.insync.replicas": in_step,
        "offsets.topic.replication.factor": str(brokers),
        "transaction.state.log.replication.factor": str(brokers),
        "transaction.state.log.min.isr": in_step,
        "group.initial.rebalance.delay.ms": "0",
        "auto.create.topics.enable": "false",
        "controlled.shutdown.enable": "true",
        "offsets.topic.num.partitions": "5",
        "transaction.state.log.num.partitions": "5",
        "log.segment.bytes": str(64 << 20),
    }


def _broker(folder: Path, node: int, brokers: int) -> Server:
    port = read_recipe(folder).port
    return Server(f"Kafka broker {node}", folder, port, lambda: _answers(f"127.0.0.1:{port}", brokers))


def _answers(address: str, brokers: int) -> bool:
    import kafka
    from kafka.errors import KafkaError

    client_log = logging.getLogger("kafka")
    level = client_log.level
    client_log.setLevel(logging.CRITICAL)  # That it does not answer yet is no news.
    try:
        admin = kafka.KafkaAdminClient(
            bootstrap_servers=address, request_timeout_ms=_MILLISECONDS, bootstrap_timeout_ms=_MILLISECONDS
        )
        try:
            return len(admin.describe_cluster()["brokers"]) == brokers
        finally:
            admin.close()
    except (KafkaError, OSError, ValueError):
        return False
    finally:
        client_log.setLevel(level)
