"""`careweave search`."""

import click

from careweave.v1 import skills_pb2
from careweave_cli.commands.options import as_json, top
from careweave_cli.reaching import reach
from careweave_cli.session import Session, pass_session, run
from careweave_cli.show.concepts import occupation_hits, skill_hits
from careweave_cli.show.console import ERR, OUT, print_json
from careweave_cli.show.words import per_cent


@click.group
def search() -> None:
    r"""Find skills or occupations by words and by meaning together.

    \b
    Examples:
      careweave search skills "giving tablets to people"
      careweave search occupations "nurse" -n 5 --json
    """


@search.command
@click.argument("query")
@top(10)
@as_json
@pass_session
def skills(session: Session, *, query: str, top: int, json_wanted: bool) -> None:
    r"""Find skills for QUERY: a word, a title or a sentence.

    \b
    Example:
      careweave search skills "giving tablets to people"
    """
    reply = run(_skills(session, skills_pb2.SearchSkillsRequest(query=query, page_size=top)))
    if json_wanted:
        print_json(reply)
        return
    OUT.print(skill_hits(reply.hits) if reply.hits else _nothing(query))
    _say_coverage(reply.semantic_coverage)


@search.command
@click.argument("query")
@top(10)
@as_json
@pass_session
def occupations(session: Session, *, query: str, top: int, json_wanted: bool) -> None:
    r"""Find occupations for QUERY: a job title or a description of the work.

    \b
    Example:
      careweave search occupations "helps people at home"
    """
    reply = run(_occupations(session, skills_pb2.SearchOccupationsRequest(query=query, page_size=top)))
    if json_wanted:
        print_json(reply)
        return
    OUT.print(occupation_hits(reply.hits) if reply.hits else _nothing(query))
    _say_coverage(reply.semantic_coverage)


async def _skills(session: Session, request: skills_pb2.SearchSkillsRequest) -> skills_pb2.SearchSkillsResponse:
    async with reach(session, ["skills"]) as services:
        return await services.skills.SearchSkills(request)


async def _occupations(
    session: Session, request: skills_pb2.SearchOccupationsRequest
) -> skills_pb2.SearchOccupationsResponse:
    async with reach(session, ["skills"]) as services:
        return await services.skills.SearchOccupations(request)


def _nothing(query: str) -> str:
    return f"Nothing found for “{query}”. If nothing is loaded yet: careweave load all"


def _say_coverage(share: float) -> None:
    if share < 1:
        ERR.print(
            f"Searched by meaning in {per_cent(share)} of the labels; the rest is still being embedded.", style="dim"
        )
