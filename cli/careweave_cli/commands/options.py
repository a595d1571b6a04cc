"""Options that several commands share."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from careweave.v1 import common_pb2
from careweave_cli.show.words import word

_Command = TypeVar("_Command", bound=Callable[..., Any])

KINDS: Final = [word(common_pb2.OpportunityKind, number) for number in common_pb2.OpportunityKind.values() if number]


def as_json(command: _Command) -> _Command:
    """Add `--json`."""
    return click.option("--json", "json_wanted", is_flag=True, help="Print protobuf JSON instead of a table.")(command)


def top(default: int) -> Callable[[_Command], _Command]:
    """Add `--top N`."""
    return click.option(
        "-n", "--top", type=click.IntRange(1, 100), default=default, show_default=True, help="How many to list."
    )


def name_in(collection: str) -> Callable[[click.Context, click.Parameter, str], str]:
    """Return a callback that completes an id to a resource name: abc becomes people/abc."""

    def complete(ctx: click.Context, parameter: click.Parameter, given: str) -> str:
        del ctx, parameter
        return given if given.startswith(f"{collection}/") else f"{collection}/{given}"

    return complete
