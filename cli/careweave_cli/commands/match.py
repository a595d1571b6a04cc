"""`careweave match`."""

import json
from pathlib import Path

import click

from careweave.v1 import common_pb2, matching_pb2
from careweave_cli.commands.everyone import Written, write_everyone
from careweave_cli.commands.options import KINDS, as_json, top
from careweave_cli.reaching import reach
from careweave_cli.session import Session, pass_session, run
from careweave_cli.show.console import OUT, print_json
from careweave_cli.show.matches import overview, ranking
from careweave_cli.show.reviews import LOOK


@click.command
@click.argument("person", required=False)
@top(5)
@click.option("--kind", "kinds", multiple=True, type=click.Choice(KINDS), help="Only this kind; may be given again.")
@click.option(
    "--spread",
    type=click.IntRange(1, 10),
    help="Of one organisation at most so many among any ten in a row, as long as another has something to show.",
)
@click.option("--brief", is_flag=True, help="One line each.")
@click.option("--dismissed", is_flag=True, help="Also what was put aside by careweave person dismiss.")
@click.option("--new", "new", is_flag=True, help="Without what the person has applied for, whatever became of it.")
@click.option("--ineligible", is_flag=True, help="Also those with a condition that cannot be met.")
@click.option("--everyone", is_flag=True, help="For everybody at once, in short; wants --output and no PERSON.")
@click.option("--output", type=click.Path(path_type=Path), help="With --everyone: write to this .csv or .parquet file.")
@as_json
@pass_session
def match(  # noqa: PLR0913  its options
    session: Session,
    *,
    person: str | None,
    top: int,
    kinds: tuple[str, ...],
    spread: int | None,
    brief: bool,
    ineligible: bool,
    dismissed: bool,
    new: bool,
    everyone: bool,
    output: Path | None,
    json_wanted: bool,
) -> None:
    r"""List the next roles and learning for PERSON, best first, across all organisations.

    PERSON is a resource name (people/…) or its id. Each entry says why it is there, which conditions are met, and
    what closes each gap. What the person has applied for stays on the list and says how far that has come; it moves
    nothing. --new leaves it out.

    \b
    Examples:
      careweave match people/k3v9...
      careweave match k3v9... --kind apprenticeship --kind course -n 10 --brief
      careweave match k3v9... --spread 2
      careweave match k3v9... --json | jq '.matches[].title'
      careweave match --everyone -n 3 --output place.parquet

    --everyone is for who runs the place. Each list is recorded as a decision about its person, as if they had asked.
    """
    if everyone:
        if person or output is None or kinds or spread or brief or ineligible or dismissed or new:
            raise click.UsageError("--everyone goes with --output FILE, -n and --json alone; try: --output place.csv")
        _tell_of_everyone(run(write_everyone(session, top, output)), output, json_wanted=json_wanted)
        return
    if person is None or output is not None:
        raise click.UsageError("Name a PERSON (people/…), or give --everyone with --output FILE.")
    person = person if person.startswith("people/") else f"people/{person}"
    request = matching_pb2.FindOpportunitiesRequest(
        person=person,
        page_size=top,
        kinds=[common_pb2.OpportunityKind.Value(f"OPPORTUNITY_KIND_{kind.upper()}") for kind in kinds],
        include_ineligible=ineligible,
        include_dismissed=dismissed,
        exclude_applied=new,
        view=matching_pb2.MATCH_VIEW_FULL,
        maximum_per_organisation=spread or 0,
    )
    reply = run(_find(session, request))
    if json_wanted:
        print_json(reply)
    elif not reply.matches:
        OUT.print(f"Nothing fits {person} now. With --ineligible, see what does not fit and why.")
    else:
        OUT.print(overview(reply.matches) if brief else ranking(reply.matches))
        OUT.print(f"The best {len(reply.matches)} of {reply.total_size} for {person}. Recorded as {reply.decision}.")
        OUT.print(f"{LOOK} {person}/{reply.decision}", style="dim", soft_wrap=True)
        first = reply.matches[0].opportunity
        OUT.print(f"What would lift one of them: careweave gains {person} {first} --top 3", style="dim", soft_wrap=True)


def _tell_of_everyone(written: Written, output: Path, *, json_wanted: bool) -> None:
    if json_wanted:
        click.echo(json.dumps({"people": written.people, "lines": written.lines, "output": str(output)}))
    else:
        OUT.print(f"{written.lines:,} lines for {written.people:,} people in {output}.")


async def _find(
    session: Session, request: matching_pb2.FindOpportunitiesRequest
) -> matching_pb2.FindOpportunitiesResponse:
    async with reach(session) as services:
        return await services.matching.FindOpportunities(request)
