"""`careweave status`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import click
import grpc
from google.protobuf.json_format import MessageToDict
from rich.table import Table

from careweave.errors import Unavailable
from careweave.rpc.channels import Channels
from careweave.v1 import matching_pb2, skills_pb2
from careweave_cli.composition import SERVICES
from careweave_cli.health import health_of
from careweave_cli.loading import TITLES
from careweave_cli.session import Session, pass_session, run
from careweave_cli.show.console import OUT
from careweave_cli.show.index import in_short
from careweave_cli.show.words import per_cent

_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """What one service says of itself; `health` is "not reached" where nothing answers."""

    name: str
    address: str
    health: str


@dataclass(frozen=True, slots=True)
class Installation:
    """What answers and what it holds; None where it does not answer, or not this caller."""

    services: Sequence[ServiceStatus]
    taxonomy: skills_pb2.TaxonomyStatus | None
    index: matching_pb2.IndexStatus | None


@click.command
@click.option("--json", "json_wanted", is_flag=True, help="Print one JSON object.")
@pass_session
def status(session: Session, *, json_wanted: bool) -> None:
    r"""Show what answers where, what is loaded, and where it lies. Starts nothing.

    \b
    Example:
      careweave status
    """
    found = run(_status(session))
    if json_wanted:
        _print_json(session, found)
    else:
        _print(session, found)


async def _status(session: Session) -> Installation:
    settings = session.settings
    async with Channels(settings, session.caller, waiting=False) as channels:
        services = [
            ServiceStatus(name, address, await _health(channels, address, name))
            for name in SERVICES
            for address in [settings.address(name)]
        ]
        try:
            taxonomy = await channels.skills.GetTaxonomyStatus(skills_pb2.GetTaxonomyStatusRequest(), timeout=_SECONDS)
        except grpc.aio.AioRpcError:
            taxonomy = None
        try:
            index = await channels.matching.GetIndexStatus(matching_pb2.GetIndexStatusRequest(), timeout=_SECONDS)
        except grpc.aio.AioRpcError:
            index = None
    return Installation(services, taxonomy, index)


async def _health(channels: Channels, address: str, name: str) -> str:
    try:
        return await health_of(channels, address, name)
    except Unavailable:
        return "not reached"


def _print(session: Session, found: Installation) -> None:
    services, taxonomy = found.services, found.taxonomy
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for service in services:
        table.add_row(service.name, service.address, service.health)
    settings = session.settings
    for name, place in (("graph", settings.graph), ("events", settings.events), ("embedder", settings.embedder)):
        table.add_row(name, place, "")
    if taxonomy is not None:
        for summary in taxonomy.sources:
            counts = ", ".join(f"{count:,} {kind}" for kind, count in sorted(summary.loaded.items()))
            table.add_row(TITLES.get(summary.source, ""), counts, f"version {summary.version[:12]}")
        share = taxonomy.embedded / taxonomy.to_embed if taxonomy.to_embed else 0.0
        table.add_row("embedded", f"{taxonomy.embedded:,} of {taxonomy.to_embed:,} texts", per_cent(share))
    if found.index is not None:
        table.add_row("index", in_short(found.index))
    OUT.print(table)
    if all(service.health == "not reached" for service in services):
        OUT.print(
            "\nNo server answers. Commands start what they need themselves; to keep one running: careweave serve all"
        )
    elif taxonomy is not None and not taxonomy.sources:
        OUT.print("\nNothing is loaded yet: careweave load sample")


def _print_json(session: Session, found: Installation) -> None:
    import json

    settings = session.settings
    click.echo(
        json.dumps(
            {
                "services": [
                    {"name": each.name, "address": each.address, "health": each.health} for each in found.services
                ],
                "graph": settings.graph,
                "events": settings.events,
                "embedder": settings.embedder,
                "taxonomy": MessageToDict(found.taxonomy) if found.taxonomy is not None else None,
                "index": MessageToDict(found.index) if found.index is not None else None,
            },
            indent=2,
        )
    )
