"""`careweave explain`."""

import click

from careweave.v1 import matching_pb2
from careweave_cli.commands.options import as_json, name_in
from careweave_cli.reaching import reach
from careweave_cli.session import Session, pass_session, run
from careweave_cli.show.console import OUT, print_json
from careweave_cli.show.matches import explanation
from careweave_cli.show.reviews import LOOK


@click.command
@click.argument("person", callback=name_in("people"))
@click.argument("opportunity", callback=name_in("opportunities"))
@click.option("--decision", help="As a recorded ranking had it: decisions/…, as careweave match prints it.")
@as_json
@pass_session
def explain(session: Session, *, person: str, opportunity: str, decision: str | None, json_wanted: bool) -> None:
    r"""Explain how PERSON and OPPORTUNITY fit: every component, condition and skill.

    With --decision, as it was when that ranking was made: from the profile, the opportunity, the weights and the day
    that it names, whatever has changed since.

    \b
    Examples:
      careweave explain people/k3v9... opportunities/x7d2...
      careweave explain k3v9... x7d2... --decision decisions/20270104-...
    """
    request = matching_pb2.ExplainMatchRequest(person=person, opportunity=opportunity)
    if decision:
        request.decision = f"{person}/decisions/{decision.rpartition('/')[2]}"
    found = run(_explain(session, request))
    if json_wanted:
        print_json(found)
    else:
        OUT.print(explanation(found))
        OUT.print(f"{LOOK}; the rankings: careweave decisions list {person}", style="dim", soft_wrap=True)


async def _explain(session: Session, request: matching_pb2.ExplainMatchRequest) -> matching_pb2.Match:
    async with reach(session) as services:
        return await services.matching.ExplainMatch(request)
