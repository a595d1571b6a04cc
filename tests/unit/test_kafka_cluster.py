"""From settings to what kafka-python's clients are told."""

import threading
from pathlib import Path

import kafka
import pytest
from kafka.partitioner import DefaultPartitioner

from careweave import wiring
from careweave.config import Settings, read_settings
from careweave.errors import CareweaveError, FailedPrecondition, InvalidArgument, Unavailable
from careweave.events.broker.cluster import Cluster, Security, cluster_at, connected
from careweave.events.broker.partitioner import partition_of
from careweave.events.port import Topic

PLAIN = Security()


def test_an_address_names_servers_and_a_prefix_for_topics_and_groups() -> None:
    cluster = cluster_at("kafka://one:9092,two:9093/trial", PLAIN)
    assert cluster.servers == ("one:9092", "two:9093")
    assert cluster.named(Topic.PROFILES) == "trial.careweave.profiles.v1"
    assert cluster.name_of("trial.careweave.profiles.v1") == Topic.PROFILES
    bare = cluster_at("kafka://one:9092", PLAIN)
    assert bare.named(Topic.PROFILES) == bare.name_of(Topic.PROFILES) == "careweave.profiles.v1"


@pytest.mark.parametrize(
    "address",
    [
        "kafka:one:9092",
        "kafka://",
        "kafka://one",
        "kafka://one:x",
        "kafka://one:1,",
        "kafka://u:p@one:1",
        "kafka://o:1/",
    ],
)
def test_another_form_of_address_is_refused_with_the_right_one(address: str) -> None:
    with pytest.raises(InvalidArgument, match="kafka://HOST:PORT"):
        cluster_at(address, PLAIN)


def test_unless_told_otherwise_connections_are_plain() -> None:
    arguments = cluster_at("kafka://one:9092", PLAIN).arguments()
    assert arguments["bootstrap_servers"] == ["one:9092"]
    assert arguments["security_protocol"] == "PLAINTEXT"
    assert not [name for name in arguments if name.startswith(("ssl", "sasl"))]


def test_settings_become_arguments_of_tls_and_login(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("a secret\n")
    settings = read_settings(
        {
            "CAREWEAVE_EVENTS": "kafka://one:9092",
            "CAREWEAVE_EVENTS_SECURITY": "SASL_SSL",
            "CAREWEAVE_EVENTS_MECHANISM": "SCRAM-SHA-256",
            "CAREWEAVE_EVENTS_USER": "careweave",
            "CAREWEAVE_EVENTS_PASSWORD_FILE": str(password),
            "CAREWEAVE_EVENTS_CA_FILE": "/etc/ca.pem",
            "CAREWEAVE_EVENTS_CERTIFICATE_FILE": "/etc/own.pem",
            "CAREWEAVE_EVENTS_KEY_FILE": "/etc/own.key",
        }
    )
    assert wiring.security_of(settings).arguments() == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-256",
        "sasl_plain_username": "careweave",
        "sasl_plain_password": "a secret",
        "ssl_cafile": "/etc/ca.pem",
        "ssl_certfile": "/etc/own.pem",
        "ssl_keyfile": "/etc/own.key",
    }


def test_each_client_of_kafka_python_knows_all_of_the_arguments(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("x")
    security = Security(protocol="SASL_SSL", user="u", password_file=password, ca_file=tmp_path)
    given = cluster_at("kafka://one:9092", security).arguments()
    for client in (kafka.KafkaProducer, kafka.KafkaConsumer, kafka.KafkaAdminClient):
        assert given.keys() <= client.DEFAULT_CONFIG.keys()


@pytest.mark.parametrize(
    ("security", "error", "says"),
    [
        (Security(protocol="TLS"), InvalidArgument, "SASL_SSL"),
        (Security(protocol="SASL_SSL", user="u"), InvalidArgument, "PASSWORD_FILE"),
        (Security(protocol="SASL_SSL", mechanism="MD5"), InvalidArgument, "SCRAM-SHA-512"),
        (Security(protocol="SASL_SSL", user="u", password_file=Path("/none")), FailedPrecondition, "cannot be read"),
        (Security(protocol="SASL_SSL", user="u", password_file=Path("/dev/null")), FailedPrecondition, "is empty"),
    ],
)
def test_security_that_cannot_be_used_is_refused(security: Security, error: type[CareweaveError], says: str) -> None:
    with pytest.raises(error, match=says):
        security.arguments()


@pytest.mark.parametrize("client", [kafka.KafkaProducer, kafka.KafkaConsumer, kafka.KafkaAdminClient])
def test_a_client_that_cannot_connect_leaves_no_thread_behind(client: type) -> None:
    before = set(threading.enumerate())
    arguments = {**Cluster(("127.0.0.1:1",)).arguments(), "bootstrap_timeout_ms": 300}
    with pytest.raises(kafka.errors.KafkaTimeoutError):
        connected(client, arguments)
    assert set(threading.enumerate()) <= before


async def test_a_log_whose_brokers_do_not_answer_says_where_it_looked() -> None:
    log = await wiring.open_events(Settings(events="kafka://127.0.0.1:1"))
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1"):
        await log.end([Topic.PROFILES])
    await log.close()


async def test_brokers_that_do_not_let_in_and_brokers_that_are_not_there_look_alike_and_both_are_named() -> None:
    log = await wiring.open_events(Settings(events="kafka://127.0.0.1:1", events_security="SSL"))
    with pytest.raises(Unavailable, match="certificate; check CAREWEAVE_EVENTS_SECURITY"):
        await log.end([Topic.PROFILES])
    await log.close()


def test_a_key_goes_where_the_java_client_puts_it() -> None:
    """Partitions that Kafka's own murmur2 gives, from the tests of its Java client, and kafka-python's for any key."""
    assert [partition_of(key, 2**31) for key in (b"21", b"foobar", b"a-little-bit-long-string")] == [
        hashed & 0x7FFFFFFF for hashed in (-973932308, -790332482, -985981536)
    ]

    class Topics:
        """What the partitioner asks of a cluster."""

        def topics(self) -> set[str]:
            """Return the topics."""
            return {"t"}

        def partitions_for_topic(self, _: str) -> set[int]:
            """Return their partitions."""
            return set(range(7))

        available_partitions_for_topic = partitions_for_topic

    for n in range(100):
        key = f"people/{n}".encode()
        assert partition_of(key, 7) == DefaultPartitioner().partition("t", key, key, b"", b"", Topics())
