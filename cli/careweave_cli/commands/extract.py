"""`careweave extract`."""

from typing import TextIO

import click

from careweave.v1 import skills_pb2
from careweave_cli.commands.options import as_json
from careweave_cli.reaching import reach
from careweave_cli.session import Session, pass_session, run
from careweave_cli.show.concepts import extracted, marked
from careweave_cli.show.console import OUT, print_json
from careweave_cli.show.words import plural


@click.command
@click.argument("text", required=False)
@click.option(
    "-f", "--file", "source", type=click.File(encoding="utf-8"), help="Read the text here; - is standard input."
)
@click.option("--sure", type=click.FloatRange(0, 1), default=0.0, help="Leave out skills less sure than this, 0 to 1.")
@as_json
@pass_session
def extract(session: Session, *, text: str | None, source: TextIO | None, sure: float, json_wanted: bool) -> None:
    r"""Find the skills that TEXT speaks of, with the words it finds them in.

    A skill is named where a label of it stands in the text, described where the text says it otherwise, and implied
    where it only follows from what is said ("full driving licence": drive vehicles). Words in quotation marks are how
    vacancies say the skill, where that is closer to the text than the taxonomy's labels are.

    \b
    Examples:
      careweave extract "You will give medication and record it, and drive between visits."
      careweave extract "Full driving licence and COSHH training are essential." --sure 0.1
      careweave extract -f advert.txt --json
    """
    given = _text(text, source)
    request = skills_pb2.ExtractSkillsRequest(text=given, minimum_confidence=sure)
    reply = run(_extract(session, request))
    if json_wanted:
        print_json(reply)
        return
    OUT.print(marked(given, reply.skills))
    OUT.print()
    if reply.skills:
        OUT.print(extracted(reply.skills))
    OUT.print(f"{plural(len(reply.skills), 'skill')}; no skill found in {plural(len(reply.unmatched), 'passage')}.")


async def _extract(session: Session, request: skills_pb2.ExtractSkillsRequest) -> skills_pb2.ExtractSkillsResponse:
    async with reach(session, ["skills"]) as services:
        return await services.skills.ExtractSkills(request)


def _text(text: str | None, source: TextIO | None) -> str:
    if (text is None) == (source is None):
        raise click.UsageError("Give the text, or a file with -f, not both.")
    if source is None:
        return text or ""
    try:
        return source.read()
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{source.name} is not UTF-8 text: byte {error.start} cannot be read.") from error
