"""`careweave decisions`."""

from datetime import datetime

import click

from careweave.v1 import matching_pb2
from careweave_cli.commands.options import as_json, name_in
from careweave_cli.reaching import reach
from careweave_cli.session import Session, pass_session, run
from careweave_cli.show.console import OUT, print_json
from careweave_cli.show.reviews import decision, decisions_table, replayed, statement


@click.group
def decisions() -> None:
    r"""See what rankings were made of a person, and what a ranking does and does not decide.

    A ranking is recorded each time it is shown: those made for a person, and, of those that showed the person to an
    employer, the person's own line. To have a human look at one: careweave reviews request.

    \b
    Examples:
      careweave decisions safeguards
      careweave decisions list people/k3v9...
      careweave decisions show people/k3v9.../decisions/20270104-...
      careweave decisions replay people/k3v9.../decisions/20270104-...
    """


@decisions.command("list")
@click.argument("person", callback=name_in("people"))
@click.option("-n", "--top", type=click.IntRange(1, 100), default=20, show_default=True, help="How many to list.")
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d"]), help="Only what was made then or later; else the last 90 days."
)
@as_json
@pass_session
def list_(session: Session, *, person: str, top: int, since: datetime | None, json_wanted: bool) -> None:
    r"""List what rankings were made of PERSON, newest first.

    \b
    Examples:
      careweave --as people/k3v9... decisions list people/k3v9...
      careweave decisions list k3v9... --since 2027-01-04 --json | jq '.decisions[].name'
    """
    request = matching_pb2.ListDecisionsRequest(parent=person, page_size=top)
    if since is not None:
        request.begin_time.FromDatetime(since)
    reply = run(_list(session, request))
    if json_wanted:
        print_json(reply)
    elif not reply.decisions:
        OUT.print(f"No ranking of {person} is kept from that time.")
    else:
        OUT.print(decisions_table(reply.decisions))


@decisions.command
@click.argument("name")
@as_json
@pass_session
def show(session: Session, *, name: str, json_wanted: bool) -> None:
    r"""Show one ranking: when it was made, from which versions, and what it said.

    NAME is people/…/decisions/…, as `careweave decisions list` and `careweave match` print it. For the reasons of a
    line as they were: careweave explain --decision; to make it again: careweave decisions replay.

    \b
    Example:
      careweave decisions show people/k3v9.../decisions/20270104-...
    """
    found = run(_get(session, name))
    if json_wanted:
        print_json(found)
    else:
        OUT.print(decision(found))


@decisions.command
@click.argument("name")
@as_json
@pass_session
def replay(session: Session, *, name: str, json_wanted: bool) -> None:
    r"""Make one ranking again from the versions that it names, and compare it with what was recorded.

    NAME is people/…/decisions/…. What has changed since (profile, opportunities, places) changes nothing; what is
    gone is named, and the command ends with 5.

    \b
    Examples:
      careweave decisions replay people/k3v9.../decisions/20270104-...
      careweave decisions replay people/k3v9.../decisions/20270104-... --json | jq .largestDifference
    """
    found = run(_replay(session, name))
    if json_wanted:
        print_json(found)
    else:
        OUT.print(replayed(found))


@decisions.command
@as_json
@pass_session
def safeguards(session: Session, *, json_wanted: bool) -> None:
    r"""Say in plain words what a ranking does and does not decide, and what people can do about one.

    \b
    Example:
      careweave decisions safeguards
    """
    said = run(_safeguards(session))
    if json_wanted:
        print_json(said)
    else:
        OUT.print(statement(said))


async def _list(session: Session, request: matching_pb2.ListDecisionsRequest) -> matching_pb2.ListDecisionsResponse:
    async with reach(session) as services:
        return await services.matching.ListDecisions(request)


async def _get(session: Session, name: str) -> matching_pb2.Decision:
    async with reach(session) as services:
        return await services.matching.GetDecision(matching_pb2.GetDecisionRequest(name=name))


async def _replay(session: Session, name: str) -> matching_pb2.DecisionReplay:
    async with reach(session) as services:
        return await services.matching.ReplayDecision(matching_pb2.ReplayDecisionRequest(name=name))


async def _safeguards(session: Session) -> matching_pb2.Safeguards:
    async with reach(session) as services:
        return await services.matching.GetSafeguards(matching_pb2.GetSafeguardsRequest())
