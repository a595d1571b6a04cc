"""`careweave person`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final
from uuid import uuid4

import click

from careweave.v1 import profiles_pb2 as pb
from careweave_cli.commands.dismiss import dismiss
from careweave_cli.commands.options import as_json, name_in
from careweave_cli.commands.prove import prove
from careweave_cli.endings import EXIT_STATUS, Failure
from careweave_cli.reaching import reach
from careweave_cli.session import Session, pass_session, run
from careweave_cli.show.console import OUT, print_json
from careweave_cli.show.erasures import preview, removed_elsewhere
from careweave_cli.show.progress import waiting

_PERSON: Final = name_in("people")


@click.group
def person() -> None:
    r"""Export all that is held about a person, erase it, prove that it is gone; put opportunities aside.

    \b
    Examples:
      careweave --as people/k3v9... person dismiss people/k3v9... opportunities/x7d2...
      careweave --as people/k3v9... person export people/k3v9... --to my-data
      careweave person erase people/k3v9...
      careweave person prove people/k3v9... --also "Fictional Name"
    """


person.add_command(dismiss)
person.add_command(prove)


@person.command
@click.argument("name", metavar="PERSON", callback=_PERSON)
@click.option("--to", "folder", required=True, type=click.Path(path_type=Path), help="A folder that is not there yet.")
@pass_session
def export(session: Session, *, name: str, folder: Path) -> None:
    r"""Write all that every service holds about PERSON to a folder: JSON, CSV files, and a README that explains them.

    \b
    Example:
      careweave --as people/k3v9... person export k3v9... --to my-data
    """
    from careweave.errors import NotFound, Unavailable
    from careweave.wiring import utc_now
    from careweave_cli.person.exporting import require_free, write_export
    from careweave_cli.person.sections import Held, held_by_all

    async def gather() -> list[Held]:
        async with reach(session) as services:
            with waiting(f"Asking each service about {name}"):
                return await held_by_all(services, name)

    require_free(folder)
    held = run(gather())
    silent = [each.service for each in held if each.silent]
    rows = sum(len(section.rows) for each in held for section in each.sections)
    if not silent and not rows:
        raise NotFound(f"No service holds anything about {name}.", reason="PERSON_NOT_FOUND")
    write_export(folder, name, held, utc_now())
    OUT.print(f"{folder} holds all {rows:,} rows that are held about {name}.", soft_wrap=True)
    if silent:
        raise Failure(
            f"It is not complete: {', '.join(silent)} did not answer. Export again once they do.",
            EXIT_STATUS[Unavailable],
        )


@person.command
@click.argument("name", metavar="PERSON", callback=_PERSON)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--preview", "only_preview", is_flag=True, help="Change nothing; say what would be removed and remain.")
@as_json
@pass_session
def erase(session: Session, *, name: str, yes: bool, only_preview: bool, json_wanted: bool) -> None:
    r"""Erase PERSON: show what that removes and what remains, ask, and do it.

    \b
    Examples:
      careweave person erase people/k3v9... --preview
      careweave person erase people/k3v9... --yes
    """
    run(_erase(session, name, yes=yes, only_preview=only_preview, json_wanted=json_wanted))


async def _erase(session: Session, name: str, *, yes: bool, only_preview: bool, json_wanted: bool) -> None:
    from careweave_cli.person.sections import Held, held_by_all

    async with reach(session) as services:
        would = await services.profiles.ErasePerson(pb.ErasePersonRequest(name=name))
        others: Sequence[Held] = [each for each in await held_by_all(services, name) if each.service != "profiles"]
        if not json_wanted:
            OUT.print(preview(name, would))
            for line in removed_elsewhere(others):
                OUT.print(line, soft_wrap=True)
        if only_preview:
            if json_wanted:
                print_json(would)
            return
        if not yes:
            click.confirm(f"Erase {name} for good?", abort=True)
        request = pb.ErasePersonRequest(name=name, force=True, request_id=str(uuid4()))
        done = await services.profiles.ErasePerson(request)
    if json_wanted:
        print_json(done)
    else:
        OUT.print(f"Erased. What proves it: careweave person prove {name}", soft_wrap=True)
