"""What the use-cases of this service stand on, passed in so that every result can be reproduced."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from careweave.graph.port import Graph

EVENT_SOURCE: Final = "/careweave/profiles"
"""CloudEvents source of every event of this service."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where profiles are kept, what time it is, and where ids come from.

    clock: the present, with a zone.
    new_id: 20 random characters of [a-z0-9].
    """

    graph: Graph
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
