"""`careweave person dismiss`."""

import click
from google.protobuf.field_mask_pb2 import FieldMask

from careweave.v1 import profiles_pb2 as pb
from careweave_cli.commands.options import as_json, name_in
from careweave_cli.reaching import reach
from careweave_cli.session import Session, pass_session, run
from careweave_cli.show.console import OUT, print_json

_MASK = FieldMask(paths=["preferences.dismissed_opportunities"])


@click.command
@click.argument("name", metavar="PERSON", callback=name_in("people"))
@click.argument("opportunity", callback=name_in("opportunities"))
@click.option("--undo", is_flag=True, help="Take it back into the list.")
@as_json
@pass_session
def dismiss(session: Session, *, name: str, opportunity: str, undo: bool, json_wanted: bool) -> None:
    r"""Put OPPORTUNITY aside: it leaves the list, watch and alerts of PERSON, and nothing else changes.

    No employer sees it, and no score depends on it. careweave match --dismissed lists it all the same.

    \b
    Examples:
      careweave --as people/k3v9... person dismiss k3v9... opportunities/x7d2...
      careweave --as people/k3v9... person dismiss k3v9... opportunities/x7d2... --undo
    """
    changed = run(_put_aside(session, name, opportunity, undo=undo))
    if json_wanted:
        print_json(changed.preferences)
    else:
        done = "is in the list again" if undo else "is put aside; --undo takes it back"
        OUT.print(f"{opportunity} {done}. Put aside: {len(changed.preferences.dismissed_opportunities)}.")


async def _put_aside(session: Session, name: str, opportunity: str, *, undo: bool) -> pb.Person:
    async with reach(session) as services:
        person = await services.profiles.GetPerson(pb.GetPersonRequest(name=name))
        aside = set(person.preferences.dismissed_opportunities) - {opportunity}
        if not undo:
            aside.add(opportunity)
        person.preferences.dismissed_opportunities[:] = sorted(aside)
        return await services.profiles.UpdatePerson(pb.UpdatePersonRequest(person=person, update_mask=_MASK))
