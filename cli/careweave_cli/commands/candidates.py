"""`careweave candidates`."""

import click
from rich.markup import escape
from rich.table import Table

from careweave.v1 import matching_pb2
from careweave_cli.commands.options import as_json, name_in, top
from careweave_cli.reaching import reach
from careweave_cli.session import Session, pass_session, run
from careweave_cli.show.console import OUT, print_json
from careweave_cli.show.matches import journey
from careweave_cli.show.words import per_cent


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
        OUT.print(_table(reply))
        OUT.print(f"The best {len(reply.candidates)} of {reply.total_size}. Recorded as {reply.decision}.")


async def _find(session: Session, request: matching_pb2.FindCandidatesRequest) -> matching_pb2.FindCandidatesResponse:
    async with reach(session) as services:
        return await services.matching.FindCandidates(request)


def _table(reply: matching_pb2.FindCandidatesResponse) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in ("", "Person", "Fit", "Journey", "Reasons", "Conditions not met"):
        table.add_column(heading)
    for place, candidate in enumerate(reply.candidates, start=1):
        found = candidate.match
        unmet = [gate.reason for gate in found.gates if gate.result != matching_pb2.GATE_RESULT_PASS]
        shown = f"{candidate.display_name} ({candidate.person})" if candidate.display_name else candidate.person
        table.add_row(
            str(place),
            escape(shown),
            per_cent(found.score),
            journey(found),
            escape("\n".join(found.reasons[:3])),
            escape("\n".join(unmet)),
        )
    return table
