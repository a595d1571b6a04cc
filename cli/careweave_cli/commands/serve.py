"""`careweave serve`."""

from collections.abc import Sequence

import click

from careweave_cli.composition import SERVICES, builds
from careweave_cli.session import Session, pass_session, run


@click.command
@click.argument("services", nargs=-1, required=True, metavar="SERVICE...", type=click.Choice([*SERVICES, "all"]))
@pass_session
def serve(session: Session, services: tuple[str, ...]) -> None:
    r"""Run services until SIGTERM or Ctrl-C: skills, profiles, matching, or all.

    They listen at CAREWEAVE_LISTEN, with health (grpc.health.v1) and reflection. The log goes to standard
    error, one JSON object a line. On the embedded stores one process serves one data folder, so the services
    of one folder are started together.

    \b
    Examples:
      careweave serve all
      CAREWEAVE_LISTEN=127.0.0.1:6000 careweave serve all
      CAREWEAVE_GRAPH=ladybug:./other/graph careweave serve skills
    """
    chosen = SERVICES if "all" in services else tuple(name for name in SERVICES if name in services)
    run(_serve(session, chosen))


async def _serve(session: Session, services: Sequence[str]) -> None:
    from careweave.rpc import server
    from careweave.rpc.logs import configure_logging
    from careweave.wiring import open_adapters

    configure_logging(session.settings.log_level)
    async with open_adapters(session.settings) as adapters:
        await server.serve(session.settings, builds(services), adapters)
