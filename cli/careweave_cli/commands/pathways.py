"""`careweave pathways`."""

import click
from careweave_matching.pathways.facts import packaged_facts

from careweave.errors import NotFound
from careweave.rpc.channels import Channels
from careweave.v1 import pathways_pb2, skills_pb2
from careweave_cli.commands.options import as_json, name_in
from careweave_cli.reaching import reach
from careweave_cli.session import Session, pass_session, run
from careweave_cli.show.console import ERR, OUT, print_json
from careweave_cli.show.pathways import routes_found
from careweave_cli.show.words import word

_PREFERENCES = [
    word(pathways_pb2.RoutePreference, number).replace(" ", "-")
    for number in pathways_pb2.RoutePreference.values()
    if number
]
_OCCUPATIONS = "occupations/"


@click.command
@click.argument("person", callback=name_in("people"))
@click.option("--to", "target", default="", help="Where to: occupations/… or words. Without it, a few are proposed.")
@click.option(
    "--prefer", "preferences", multiple=True, type=click.Choice(_PREFERENCES),
    help="Only routes of this sort; may be given again, the most important first.",
)  # fmt: skip
@click.option("--months", type=click.IntRange(1, 240), help="Only routes of at most so many months.")
@click.option("-n", "--top", type=click.IntRange(1, 10), default=5, show_default=True, help="How many at most.")
@as_json
@pass_session
def pathways(
    session: Session,
    *,
    person: str,
    target: str,
    preferences: tuple[str, ...],
    months: int | None,
    top: int,
    json_wanted: bool,
) -> None:
    r"""Plan routes for PERSON to an occupation, over steps that can be taken.

    Each step says what it takes, by which rule it can be taken and whose rule that is, what is still to be learnt and
    what closes that, what it pays where that is known, and what is on offer for it now. Behind each rule stands the day
    on which somebody read its source, or that nobody has: not checked. Words are looked up as in `careweave search
    occupations`, and the first one found is meant.

    \b
    Examples:
      careweave pathways people/k3v9... --to "registered nurse"
      careweave pathways k3v9... --to "social worker" --prefer earn-while-learning --prefer staying-local
      careweave pathways k3v9...                     # where could I go from here?
      careweave pathways k3v9... --to occupations/cwp-deputy-manager --json | jq '.routes[].months'
    """
    request = pathways_pb2.PlanPathwaysRequest(
        person=person,
        preferences=[_preference(each) for each in preferences],
        max_months=months or 0,
        max_routes=top,
    )
    reply = run(_plan(session, request, target))
    if json_wanted:
        print_json(reply)
        return
    OUT.print(routes_found(reply))
    OUT.print(f"Planned for {person}. What is on offer is recorded as {reply.decision}.", style="dim", soft_wrap=True)


def _preference(name: str) -> pathways_pb2.RoutePreference.ValueType:
    return pathways_pb2.RoutePreference.Value(f"ROUTE_PREFERENCE_{name.replace('-', '_').upper()}")


async def _plan(
    session: Session, request: pathways_pb2.PlanPathwaysRequest, target: str
) -> pathways_pb2.PlanPathwaysResponse:
    async with reach(session) as services:
        if target and not target.startswith(_OCCUPATIONS):
            target = await _occupation(services, target)
        request.target = target
        return await services.matching.PlanPathways(request)


async def _occupation(services: Channels, words: str) -> str:
    """Return the occupation that `words` fit best; the title of a registered profession is read as what it is in ESCO.

    Raises:
        NotFound: none does.
    """
    professions = {each.profession: each.occupations[0] for each in packaged_facts().registers}
    query = professions.get(words.lower().removeprefix("a "), words)
    found = await services.skills.SearchOccupations(skills_pb2.SearchOccupationsRequest(query=query, page_size=1))
    if not found.hits:
        raise NotFound(f"No occupation is found for “{words}”.", reason="OCCUPATION_NOT_FOUND")
    hit = found.hits[0].occupation
    ERR.print(f"“{words}” is read as “{hit.label}” ({hit.name}).", style="dim", soft_wrap=True)
    return hit.name
