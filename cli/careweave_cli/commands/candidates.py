"""`careweave candidates`."""

import click

from careweave.v1 import matching_pb2
from careweave_cli.commands.options import as_json, name_in, top
from careweave_cli.reaching import reach
from careweave_cli.session import Session, pass_session, run
from careweave_cli.show.console import OUT, print_json
from careweave_cli.show.matches import people


@click.command
@click.argument("opportunity", callback=name_in("opportunities"))
@top(10)
@click.option("--ineligible", is_flag=True, help="Also those with a condition that cannot be met.")
@as_json
@pass_session
def candidates(session: Session, *, opportunity: str, top: int, ineligible: bool, json_wanted: bool) -> None:
    r"""List people for OPPORTUNITY, best first: only those whose consent allows it.

    OPPORTUNITY is a resource name (opportunities/…) or its id. A person, not the ranking, decides.

    \b
    Examples:
      careweave candidates opportunities/x7d2...
      careweave --role recruiter --organisation organisations/a-trust candidates x7d2...
    """
    request = matching_pb2.FindCandidatesRequest(
        opportunity=opportunity, page_size=top, include_ineligible=ineligible, view=matching_pb2.MATCH_VIEW_FULL
    )
    reply = run(_find(session, request))
    if json_wanted:
        print_json(reply)
    elif not reply.candidates:
        OUT.print(f"Nobody who may be shown fits {opportunity} now.")
    else:
        OUT.print(people(reply.candidates))
        OUT.print(f"The best {len(reply.candidates)} of {reply.total_size}. Recorded as {reply.decision}.")


async def _find(session: Session, request: matching_pb2.FindCandidatesRequest) -> matching_pb2.FindCandidatesResponse:
    async with reach(session) as services:
        return await services.matching.FindCandidates(request)
