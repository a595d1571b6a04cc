"""Where output goes: results to standard output, everything about getting them to standard error."""

from typing import Final

import click
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from rich.console import Console

OUT: Final = Console(highlight=False)
ERR: Final = Console(stderr=True, highlight=False)


def print_json(message: Message, *, one_line: bool = False) -> None:
    """Print `message` in protobuf's JSON form, as gRPC gateways and grpcurl do."""
    click.echo(MessageToJson(message, indent=None if one_line else 2, ensure_ascii=False))
