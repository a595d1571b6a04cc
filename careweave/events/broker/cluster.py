"""Which cluster, and how to reach it: from settings to what kafka-python takes."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from kafka.errors import KafkaTimeoutError
from kafka.net.compat import KafkaNetClient
from kafka.net.selector import NetworkSelector

from careweave.errors import FailedPrecondition, InvalidArgument

PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
CONNECT_MILLISECONDS: Final = 5000
REQUEST_MILLISECONDS: Final = 10_000
_SCHEME: Final = "kafka://"
_LONGEST_PAUSE_MILLISECONDS: Final = 1000
_PREFIX: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")

_OR_REFUSED: Final = (
    "or they refuse the login or the certificate; "
    "check CAREWEAVE_EVENTS_SECURITY, …_USER, …_PASSWORD_FILE and …_CA_FILE"
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Security:
    """How connections are secured, in Kafka's words.

    protocol: one of `PROTOCOLS`. `SSL` encrypts, `SASL_…` logs in.
    mechanism: one of `MECHANISMS`, for SASL.
    user, password_file: for SASL; the password is read at each new connection of the process.
    ca_file: certificates that sign the brokers'; None is those the system trusts.
    certificate_file, key_file: of this process, where brokers ask for one.
    """

    protocol: str = "PLAINTEXT"
    mechanism: str = "SCRAM-SHA-512"
    user: str = ""
    password_file: Path | None = None
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None

    def arguments(self) -> dict[str, Any]:
        """Return what a client of kafka-python is told.

        Raises:
            InvalidArgument: a protocol or mechanism is not known, or SASL lacks a user.
            FailedPrecondition: the password cannot be read.
        """
        _refuse_other("CAREWEAVE_EVENTS_SECURITY", self.protocol, PROTOCOLS)
        given: dict[str, Any] = {"security_protocol": self.protocol}
        if self.protocol.endswith("SSL"):
            given |= {
                "ssl_cafile": _text(self.ca_file),
                "ssl_certfile": _text(self.certificate_file),
                "ssl_keyfile": _text(self.key_file),
            }
        if self.protocol.startswith("SASL"):
            _refuse_other("CAREWEAVE_EVENTS_MECHANISM", self.mechanism, MECHANISMS)
            given |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self._login(),
                "sasl_plain_password": _password(self.password_file),
            }
        return given

    def _login(self) -> str:
        if not self.user or self.password_file is None:
            raise InvalidArgument(
                f"{self.protocol} needs CAREWEAVE_EVENTS_USER and CAREWEAVE_EVENTS_PASSWORD_FILE",
                reason="SETTING_INVALID",
            )
        return self.user


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster, and the part of its names that is this installation's.

    servers: `host:port` of some brokers; the others are learnt from them.
    prefix: topics and groups are named `<prefix>.<name>`; empty for none.
    """

    servers: tuple[str, ...]
    prefix: str = ""
    security: Security = field(default_factory=Security)

    @property
    def address(self) -> str:
        """Return the servers for messages."""
        return ",".join(self.servers)

    def named(self, name: str) -> str:
        """Return what the topic or group `name` is called on the cluster."""
        return f"{self.prefix}.{name}" if self.prefix else str(name)

    def name_of(self, named: str) -> str:
        """Return the topic that is called `named` on the cluster."""
        return named.removeprefix(f"{self.prefix}.") if self.prefix else named

    def arguments(self) -> dict[str, Any]:
        """Return what every client of kafka-python is told: where, how secured, how patient."""
        return {
            "bootstrap_servers": list(self.servers),
            "bootstrap_timeout_ms": CONNECT_MILLISECONDS,
            "request_timeout_ms": REQUEST_MILLISECONDS,
            "reconnect_backoff_max_ms": _LONGEST_PAUSE_MILLISECONDS,
            **self.security.arguments(),
        }


def cluster_at(address: str, security: Security) -> Cluster:
    """Return the cluster that `address`, `kafka://HOST:PORT[,HOST:PORT…][/PREFIX]`, names.

    Raises:
        InvalidArgument: `address` is not of that form.
    """
    servers, slash, prefix = address.removeprefix(_SCHEME).partition("/")
    hosts = tuple(servers.split(","))
    well_formed = address.startswith(_SCHEME) and "@" not in servers and all(map(_is_server, hosts))
    if not well_formed or (slash and not _PREFIX.fullmatch(prefix)):
        raise InvalidArgument(
            "an event log on Kafka is given as kafka://HOST:PORT,HOST:PORT, optionally with /PREFIX for the names of "
            "topics and groups; the login goes into CAREWEAVE_EVENTS_USER and CAREWEAVE_EVENTS_PASSWORD_FILE",
            reason="EVENTS_ADDRESS_INVALID",
        )
    return Cluster(hosts, prefix, security)


def connected(make: Callable[..., T], arguments: Mapping[str, Any]) -> "tuple[T, NetworkSelector]":
    """Return the client that `make` makes, and its loop; a client that cannot connect leaves no thread behind."""
    opened = []

    def keep(**config: Any) -> KafkaNetClient:
        loop = NetworkSelector(**config)
        opened.append(KafkaNetClient(net=loop, **config))
        loops.append(loop)
        return opened[-1]

    loops: list[NetworkSelector] = []
    try:
        return make(kafka_client=keep, **arguments), loops[-1]
    except BaseException as error:
        for client, loop in zip(opened, loops, strict=True):
            client.close()
            loop.stop(CONNECT_MILLISECONDS)
        if isinstance(error, KafkaTimeoutError) and arguments["security_protocol"] != PROTOCOLS[0]:
            # kafka-python keeps to itself why brokers did not let it in.
            raise KafkaTimeoutError(f"{error.args[0]}, {_OR_REFUSED}") from error
        raise


def _is_server(text: str) -> bool:
    host, _, port = text.rpartition(":")
    return bool(host) and port.isdecimal()


def _refuse_other(variable: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InvalidArgument(
            f"{variable}={value} is not known; use one of {', '.join(allowed)}", reason="SETTING_INVALID"
        )


def _text(file: Path | None) -> str | None:
    return str(file) if file is not None else None


def _password(file: Path | None) -> str:
    assert file is not None  # noqa: S101  see `_login`
    try:
        password = file.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise FailedPrecondition(
            f"the event log's password cannot be read from {file}: {error.strerror}", reason="PASSWORD_UNREADABLE"
        ) from error
    if not password:
        raise FailedPrecondition(
            f"{file} should hold the event log's password and is empty", reason="PASSWORD_UNREADABLE"
        )
    return password
