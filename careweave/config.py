"""Settings: one frozen object, and the only reader of the environment."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from math import inf
from pathlib import Path
from typing import Any, Final

from careweave.errors import InvalidArgument

DEFAULT_LISTEN: Final = "127.0.0.1:50051"
DEFAULT_CACHE: Final = "var/cache"
PREFIX: Final = "CAREWEAVE_"
"""How the names of all variables begin."""

_YES: Final = ("", "yes")
_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_LAST_PORT: Final = 65535


@dataclass(frozen=True, slots=True)
class Settings:
    """How one process is set up. Every field has the variable of the same name as its source."""

    graph: str = "ladybug:./var/graph"
    """`CAREWEAVE_GRAPH`: scheme and place of the graph database."""
    graph_user: str = "neo4j"
    """`CAREWEAVE_GRAPH_USER`: who logs in to a graph database that is a server."""
    graph_password_file: str = ""
    """`CAREWEAVE_GRAPH_PASSWORD_FILE`: file that holds the password; empty means that it asks for none."""
    events: str = "sqlite:./var/events.db"
    """`CAREWEAVE_EVENTS`: scheme and place of the event log."""
    events_security: str = "PLAINTEXT"
    """`CAREWEAVE_EVENTS_SECURITY`: of Kafka: `PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`."""
    events_mechanism: str = "SCRAM-SHA-512"
    """`CAREWEAVE_EVENTS_MECHANISM`: of SASL: `SCRAM-SHA-512`, `SCRAM-SHA-256` or `PLAIN`."""
    events_user: str = ""
    """`CAREWEAVE_EVENTS_USER`: who logs in to Kafka by SASL."""
    events_password_file: str = ""
    """`CAREWEAVE_EVENTS_PASSWORD_FILE`: file that holds the password."""
    events_ca_file: str = ""
    """`CAREWEAVE_EVENTS_CA_FILE`: PEM of those who sign Kafka's certificates; empty means whom the system trusts."""
    events_certificate_file: str = ""
    """`CAREWEAVE_EVENTS_CERTIFICATE_FILE`: PEM of this process's own certificate, where Kafka asks for one."""
    events_key_file: str = ""
    """`CAREWEAVE_EVENTS_KEY_FILE`: PEM of the key to that certificate."""
    events_partitions: int = 6
    """`CAREWEAVE_EVENTS_PARTITIONS`: with which `careweave events topics` makes each topic."""
    events_replication: int = 0
    """`CAREWEAVE_EVENTS_REPLICATION`: copies with which it makes them; 0 is three, or as many as there are brokers."""
    events_keep_days: int = 366
    """`CAREWEAVE_EVENTS_KEEP_DAYS`: how long the log keeps applications and decisions; see `careweave.retention`.

    0 is without end, which needs a reason of its own."""
    embedder: str = "onnx:careweave-minilm"
    """`CAREWEAVE_EMBEDDER`: scheme and name or path of the embedding model."""
    cache: Path = Path(DEFAULT_CACHE)
    """`CAREWEAVE_CACHE`: folder of the embedding cache; may be deleted at any time."""
    equality: str = "sqlite:./var/equality.db"
    """`CAREWEAVE_EQUALITY`: scheme and place of the store of equality declarations; planning alone reads it."""
    equality_password_file: str = ""
    """`CAREWEAVE_EQUALITY_PASSWORD_FILE`: file that holds the password, where that store is a server."""
    equality_key_file: str = ""
    """`CAREWEAVE_EQUALITY_KEY_FILE`: file that holds its key; empty means beside the file of the store, made if new."""
    listen: str = DEFAULT_LISTEN
    """`CAREWEAVE_LISTEN`: host and port to serve on, and where clients look."""
    processes: int = 1
    """`CAREWEAVE_PROCESSES`: how many processes of one server answer FindOpportunities; see `careweave.rpc.workers`."""
    issuers: str = ""
    """`CAREWEAVE_ISSUERS`: URLs, comma-separated, of the OIDC issuers whose tokens are taken."""
    audience: str = "careweave"
    """`CAREWEAVE_AUDIENCE`: what a token's claim `aud` must name."""
    token_file: str = ""
    """`CAREWEAVE_TOKEN_FILE`: file that holds the token that a client sends; read again when it changes."""
    tls_certificate_file: str = ""
    """`CAREWEAVE_TLS_CERTIFICATE_FILE`: PEM of this process's certificate, as server and towards other services."""
    tls_key_file: str = ""
    """`CAREWEAVE_TLS_KEY_FILE`: PEM of the key to that certificate."""
    tls_ca_file: str = ""
    """`CAREWEAVE_TLS_CA_FILE`: PEM of those who sign the certificates of services; a client that has it uses TLS."""
    service_listen: str = ""
    """`CAREWEAVE_SERVICE_LISTEN`: host and port for other services, which show a certificate there; empty: nowhere."""
    service_names: str = ""
    """`CAREWEAVE_SERVICE_NAMES`: names, comma-separated, in the certificates of services (DNS or URI)."""
    health_listen: str = ""
    """`CAREWEAVE_HEALTH_LISTEN`: host and port where health alone is told, in plain text, for probes without TLS."""
    trial: str = ""
    """`CAREWEAVE_TRIAL`: `yes` for a trial, where whoever asks gets a token for anybody."""
    trial_listen: str = "127.0.0.1:0"
    """`CAREWEAVE_TRIAL_LISTEN`: host and port of a trial's issuer, over HTTP."""
    closed_network: str = ""
    """`CAREWEAVE_CLOSED_NETWORK`: `yes` lets a trial listen beyond loopback, and in plain text."""
    skills: str = ""
    """`CAREWEAVE_SKILLS`: address of the skills service; empty means `listen`."""
    profiles: str = ""
    """`CAREWEAVE_PROFILES`: address of the profiles service; empty means `listen`."""
    matching: str = ""
    """`CAREWEAVE_MATCHING`: address of the matching service; empty means `listen`."""
    planning: str = ""
    """`CAREWEAVE_PLANNING`: address of the planning service; empty means `listen`."""
    shards: str = ""
    """`CAREWEAVE_SHARDS`: who serves which regions where matching is several processes, `NAME=REGION+REGION@HOST:PORT`
    of each, comma-separated; empty: each process of matching serves everyone. See docs/operators.md."""
    shard: str = ""
    """`CAREWEAVE_SHARD`: which of them this process is."""
    calls_per_second: float = 20.0
    """`CAREWEAVE_CALLS_PER_SECOND`: of one caller in the long run; ten seconds' worth may come at once."""
    page_token_key: str = ""
    """`CAREWEAVE_PAGE_TOKEN_KEY`: signs page tokens; replicas share it. Empty: a key in `cache`."""
    index_staleness_seconds: float = 5.0
    """`CAREWEAVE_INDEX_STALENESS_SECONDS`: how far behind the event log matching may be and still answer."""
    tombstones_kept_hours: float = 24.0
    """`CAREWEAVE_TOMBSTONES_KEPT_HOURS`: for how long the event log keeps that somebody was erased."""
    log_level: str = "INFO"
    """`CAREWEAVE_LOG_LEVEL`: least severity that is logged."""

    def address(self, service: str) -> str:
        """Return the address (`host:port`) at which `service` (skills, profiles, matching, planning) answers."""
        return str(getattr(self, service)) or self.listen


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings that `environment` gives, defaults for the rest.

    Raises:
        InvalidArgument: a `CAREWEAVE_` variable is unknown, or a value cannot be used.
    """
    variables = {f"{PREFIX}{name.upper()}": name for name in Settings.__dataclass_fields__}
    given = {variable: text for variable, text in environment.items() if variable.startswith(PREFIX) and text}
    for variable in given:
        if variable not in variables:
            raise _unknown(variable, variables)
    settings = Settings(**{variables[variable]: _value(variable, text) for variable, text in given.items()})
    _refuse_other("trial", settings.trial, _YES)
    _refuse_other("closed_network", settings.closed_network, _YES)
    _refuse_other("log_level", settings.log_level.upper(), _LEVELS)
    if settings.processes < 1:
        raise InvalidArgument("CAREWEAVE_PROCESSES=0: one process is the least that answers.", reason="SETTING_INVALID")
    for name in ("listen", "trial_listen", "skills", "profiles", "matching", "planning"):
        _refuse_bad_address(name, settings.address(name))
    for name in ("service_listen", "health_listen"):
        if getattr(settings, name):
            _refuse_bad_address(name, getattr(settings, name))
    return settings


def listed(text: str) -> tuple[str, ...]:
    """Return the parts of a setting that is comma-separated."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def environment_of(settings: Settings) -> dict[str, str]:
    """Return the variables from which `read_settings` reads `settings`, for a process of its own."""
    return {f"{PREFIX}{name.upper()}": str(getattr(settings, name)) for name in Settings.__dataclass_fields__}


def _value(variable: str, text: str) -> Any:
    default = getattr(Settings(), variable.removeprefix(PREFIX).lower())
    if isinstance(default, float):
        return _positive(variable, text)
    if not isinstance(default, int):
        return type(default)(text)
    if not text.isdecimal():
        raise InvalidArgument(f"{variable}={text} should be a whole number, 0 or more.", reason="SETTING_INVALID")
    return int(text)


def _unknown(variable: str, known: Iterable[str]) -> InvalidArgument:
    close = get_close_matches(variable, list(known), n=1)
    hint = f" Did you mean {close[0]}?" if close else f" Settings are {', '.join(known)}."
    return InvalidArgument(f"{variable} is not a setting.{hint}", reason="SETTING_UNKNOWN")


def _refuse_other(name: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        message = f"CAREWEAVE_{name.upper()}={value} is not known; use one of {', '.join(allowed)}."
        raise InvalidArgument(message, reason="SETTING_INVALID")


def _positive(variable: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0.0 < number < inf:
        raise InvalidArgument(
            f"{variable}={text} is not a number above 0; write one, for example 5.",
            reason="SETTING_INVALID",
        )
    return number


def _refuse_bad_address(name: str, address: str) -> None:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > _LAST_PORT:
        message = (
            f"CAREWEAVE_{name.upper()}={address} is not an address; write host:port, for example {DEFAULT_LISTEN}."
        )
        raise InvalidArgument(message, reason="SETTING_INVALID")
