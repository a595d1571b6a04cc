"""`careweave serve`."""

import json
from collections.abc import Sequence

import click

from careweave_cli.composition import SERVICES, builds
from careweave_cli.session import Session, pass_session, run


@click.command
@click.argument("services", nargs=-1, required=True, metavar="SERVICE...", type=click.Choice([*SERVICES, "all"]))
@click.option("--json", "json_wanted", is_flag=True, help="Print one line of JSON with the addresses, when ready.")
@pass_session
def serve(session: Session, *, services: tuple[str, ...], json_wanted: bool) -> None:
    r"""Run services until SIGTERM or Ctrl-C: skills, profiles, matching, planning, or all.

    They listen at CAREWEAVE_LISTEN, with health (grpc.health.v1) and reflection. The log goes to standard
    error, one JSON object a line. On the embedded stores one process serves one data folder, so the services
    of one folder are started together.

    \b
    Examples:
      careweave serve all
      CAREWEAVE_LISTEN=127.0.0.1:0 careweave serve all --json      {"address": "127.0.0.1:40123", ...} once it serves
      CAREWEAVE_GRAPH=ladybug:./other/graph careweave serve skills
    """
    chosen = SERVICES if "all" in services else tuple(name for name in SERVICES if name in services)
    run(_serve(session, chosen, json_wanted=json_wanted))


async def _serve(session: Session, services: Sequence[str], *, json_wanted: bool) -> None:
    from careweave.rpc import server
    from careweave.rpc.logs import configure_logging
    from careweave.wiring import open_adapters

    def tell(address: str) -> None:
        click.echo(json.dumps({"address": address, "services": dict.fromkeys(services, address)}))

    configure_logging(session.settings.log_level)
    async with open_adapters(session.settings) as adapters:
        await server.serve(session.settings, builds(services), adapters, tell if json_wanted else server.say_nothing)
