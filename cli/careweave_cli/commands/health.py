"""`careweave health`."""

from collections.abc import Mapping, Sequence

import click

from careweave.errors import FailedPrecondition
from careweave.rpc.channels import Channels
from careweave_cli.composition import SERVICES
from careweave_cli.health import health_of
from careweave_cli.session import Session, pass_session, run


@click.command
@click.argument("services", nargs=-1, metavar="[SERVICE]...", type=click.Choice(SERVICES))
@pass_session
def health(session: Session, services: tuple[str, ...]) -> None:
    r"""Ask services (all unless named) whether they can answer in full; for health checks, by the exit status.

    0: all serve. 5: one answers, but is not ready. 6: one does not answer.

    \b
    Examples:
      careweave health
      CAREWEAVE_MATCHING=127.0.0.1:6000 careweave health matching
    """
    found = run(_ask(session, services or SERVICES))
    for name, answer in found.items():
        click.echo(f"{name:9} {answer}")
    waiting = [name for name, answer in found.items() if answer != "serving"]
    if waiting:
        raise FailedPrecondition(f"Not ready: {', '.join(waiting)}.", reason="NOT_SERVING")


async def _ask(session: Session, services: Sequence[str]) -> Mapping[str, str]:
    async with Channels(session.settings, session.caller, waiting=False) as channels:
        return {name: await health_of(channels, session.settings.address(name), name) for name in services}
