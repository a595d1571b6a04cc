"""Settings: one frozen object, and the only reader of the environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from careweave.errors import InvalidArgument

DEFAULT_LISTEN = "127.0.0.1:50051"


@dataclass(frozen=True, slots=True)
class Settings:
    """How one process is set up. Every field has the variable of the same name as its source."""

    graph: str = "ladybug:./var/graph"
    """`CAREWEAVE_GRAPH`: scheme and place of the graph database."""
    events: str = "sqlite:./var/events.db"
    """`CAREWEAVE_EVENTS`: scheme and place of the event log."""
    embedder: str = "sentence-transformers:all-MiniLM-L6-v2"
    """`CAREWEAVE_EMBEDDER`: scheme and name or path of the embedding model."""
    cache: Path = Path("var/cache")
    """`CAREWEAVE_CACHE`: folder of the embedding cache; may be deleted at any time."""
    listen: str = DEFAULT_LISTEN
    """`CAREWEAVE_LISTEN`: host and port to serve on, and where clients look."""
    auth: str = "metadata"
    """`CAREWEAVE_AUTH`: `none` allows listening beyond loopback without tokens (trials only)."""
    skills: str = ""
    """`CAREWEAVE_SKILLS`: address of the skills service; empty means `listen`."""
    profiles: str = ""
    """`CAREWEAVE_PROFILES`: address of the profiles service; empty means `listen`."""
    matching: str = ""
    """`CAREWEAVE_MATCHING`: address of the matching service; empty means `listen`."""
    page_token_key: str = ""
    """`CAREWEAVE_PAGE_TOKEN_KEY`: signs page tokens; replicas share it. Empty: a key in `cache`."""
    log_level: str = "INFO"
    """`CAREWEAVE_LOG_LEVEL`: least severity that is logged."""

    def address(self, service: str) -> str:
        """Return the address (`host:port`) at which `service` (skills, profiles, matching) answers."""
        return str(getattr(self, service)) or self.listen


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings that `environment` gives, defaults for the rest.

    Raises:
        InvalidArgument: a `CAREWEAVE_` variable is unknown, or a value cannot be used.
    """
    known = {name: f"CAREWEAVE_{name.upper()}" for name in Settings.__dataclass_fields__}
    given = {name: environment[variable] for name, variable in known.items() if environment.get(variable)}
    settings = Settings(**{name: Path(text) if name == "cache" else text for name, text in given.items()})  # type: ignore[arg-type]
    _refuse_open_listening(settings)
    return settings


def _refuse_open_listening(settings: Settings) -> None:
    host = settings.listen.rpartition(":")[0].strip("[]")
    try:
        loopback = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback and settings.auth != "none":
        raise InvalidArgument(
            f"CAREWEAVE_LISTEN={settings.listen} is not a loopback address, and callers are not authenticated yet. "
            "Listen on 127.0.0.1, or set CAREWEAVE_AUTH=none for a trial on a closed network.",
            reason="OPEN_LISTENING_REFUSED",
        )
