"""`careweave load`."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click

from careweave.v1 import skills_pb2
from careweave_cli.commands.options import as_json
from careweave_cli.loading import CARE_PATHWAY, ESCO, LINKS, STANDARDS, import_taxonomies, requested
from careweave_cli.reaching import reach
from careweave_cli.session import Session, pass_session, run
from careweave_cli.show.console import OUT, print_json
from careweave_cli.show.progress import reporting
from careweave_cli.show.summaries import imported

if TYPE_CHECKING:
    from careweave_cli.sample import SampleSummary

_SOURCES: Final = {
    "esco": [ESCO],
    "care-pathway": [CARE_PATHWAY],
    "standards": [STANDARDS],
    "links": [LINKS],
    "all": [],
}
SEED: Final = 7
"""Of the sample place, unless another is asked for."""


@click.group
def load() -> None:
    r"""Load packaged taxonomies, the links between them, or the sample place.

    Loading what is there already changes nothing and says so.

    \b
    Examples:
      careweave load all          the four taxonomy steps
      careweave load sample       the taxonomies too, if they are not loaded
    """


def _taxonomy_command(name: str, summary: str) -> None:
    @load.command(name, help=f"{summary}\n\n\b\nExample:\n  careweave load {name}")
    @click.option("--folder", default="", help="Read files of the same names in this folder of the server's machine.")
    @click.option("--force", is_flag=True, help="Load again even if this version is loaded.")
    @as_json
    @pass_session
    def command(session: Session, *, folder: str, force: bool, json_wanted: bool) -> None:
        summaries = run(_import(session, requested(_SOURCES[name], folder, force=force)))
        _print(summaries, json_wanted=json_wanted)


_taxonomy_command("esco", "Load ESCO 1.1.1: occupations, skills, groups and their relations.")
_taxonomy_command("care-pathway", "Load the Care Workforce Pathway: role categories, skills and courses.")
_taxonomy_command("standards", "Load apprenticeship standards with their knowledge, skills and behaviours.")
_taxonomy_command("links", "Link the taxonomies with one another, by label and by meaning.")
_taxonomy_command("all", "Load all three taxonomies and the links between them.")


@load.command
@click.option("--seed", default=SEED, show_default=True, help="Another seed makes another place of the same kind.")
@as_json
@pass_session
def sample(session: Session, *, seed: int, json_wanted: bool) -> None:
    r"""Load the sample place: fictional organisations, people and opportunities in a real geography.

    Loads the taxonomies first where they are missing. All people and organisations are made up.

    \b
    Example:
      careweave load sample
    """
    summaries, loaded = run(_sample(session, seed))
    _print(summaries, json_wanted=json_wanted)
    if json_wanted:
        click.echo(json.dumps(asdict(loaded)))
    else:
        OUT.print(loaded)


async def _import(session: Session, request: skills_pb2.ImportTaxonomyRequest) -> Sequence[skills_pb2.ImportSummary]:
    async with reach(session, ["skills"]) as services:
        with reporting() as report:
            return await import_taxonomies(services, request, report)


async def _sample(session: Session, seed: int) -> "tuple[Sequence[skills_pb2.ImportSummary], SampleSummary]":
    from careweave_cli.sample import load_sample

    async with reach(session) as services:
        with reporting() as report:
            summaries = await import_taxonomies(services, requested([]), report)
            return summaries, await load_sample(services, seed, datetime.now(UTC).date(), report)


def _print(summaries: Sequence[skills_pb2.ImportSummary], *, json_wanted: bool) -> None:
    if not json_wanted:
        OUT.print(imported(summaries))
        return
    for summary in summaries:
        print_json(summary, one_line=True)
