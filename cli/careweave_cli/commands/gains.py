"""`careweave gains`."""

import click

from careweave.v1 import matching_pb2
from careweave_cli.commands.options import as_json, name_in
from careweave_cli.reaching import reach
from careweave_cli.session import Session, pass_session, run
from careweave_cli.show.console import OUT, print_json
from careweave_cli.show.gains import summary

_SHARE = click.FloatRange(0, 1, min_open=True)


@click.command
@click.argument("person", callback=name_in("people"))
@click.argument("opportunity", callback=name_in("opportunities"))
@click.option("--top", type=click.IntRange(1, 100), help="Reach one of the first so many places of the person's list.")
@click.option("--suitability", type=_SHARE, help="Reach this suitability, above 0 and at most 1.")
@click.option("--score", type=_SHARE, help="Reach this score, above 0 and at most 1.")
@click.option("--skills", type=click.IntRange(1, 8), default=5, show_default=True, help="So many skills at most.")
@as_json
@pass_session
def gains(  # noqa: PLR0913  one for each option
    session: Session,
    *,
    person: str,
    opportunity: str,
    top: int | None,
    suitability: float | None,
    score: float | None,
    skills: int,
    json_wanted: bool,
) -> None:
    r"""Say which skills, the fewest that do, would lift OPPORTUNITY in the list of PERSON, and how to gain each.

    Skills are chosen from those that the opportunity asks for; each is supposed to be had with evidence, at the level
    asked. Conditions that no skill changes are listed beside. Without an option, it is about the first ten places.

    \b
    Examples:
      careweave gains people/k3v9... opportunities/x7d2...
      careweave gains k3v9... x7d2... --suitability 0.6
      careweave gains k3v9... x7d2... --top 3 --json | jq '.gains[].label'
    """
    targets = {"top": top, "suitability": suitability, "score": score}
    given = {name: value for name, value in targets.items() if value is not None} or {"top": 10}
    if len(given) > 1:
        raise click.UsageError(f"Give one of --{' and --'.join(given)}, not both.")
    request = matching_pb2.FindSkillGainsRequest(
        person=person,
        opportunity=opportunity,
        maximum_skills=skills,
        **given,  # type: ignore[arg-type]  # names and values are those of the fields
    )
    found = run(_find(session, request))
    if json_wanted:
        print_json(found)
    else:
        OUT.print(summary(found))


async def _find(session: Session, request: matching_pb2.FindSkillGainsRequest) -> matching_pb2.SkillGains:
    async with reach(session) as services:
        return await services.matching.FindSkillGains(request)
