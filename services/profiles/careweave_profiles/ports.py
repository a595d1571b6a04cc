"""What the use-cases of this service stand on, passed in so that every result can be reproduced."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from careweave.config import Settings
from careweave.graph.port import Graph
from careweave.retention import Rule, rules

EVENT_SOURCE: Final = "/careweave/profiles"
"""CloudEvents source of every event of this service."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where profiles are kept, what time it is, and where ids come from.

    clock: the present, with a zone.
    new_id: 20 random characters of [a-z0-9].
    rules: of retention, as this installation has them.
    """

    graph: Graph
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    rules: Sequence[Rule] = rules(Settings())

    def rule(self, kind: str) -> Rule:
        """Return the rule of that kind, of which there is one."""
        return next(rule for rule in self.rules if rule.kind == kind)
