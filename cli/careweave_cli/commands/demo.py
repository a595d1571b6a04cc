"""`careweave demo`."""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from shutil import which
from typing import Final

import click
from google.protobuf.json_format import MessageToDict
from rich.text import Text

from careweave.client import calling
from careweave.rpc.channels import Channels
from careweave.v1 import matching_pb2, profiles_pb2
from careweave_cli.commands.load import SEED
from careweave_cli.commands.options import as_json
from careweave_cli.composition import CAREER_SERVICES
from careweave_cli.demo.alert import arrival, line_about, tailing, watching
from careweave_cli.demo.asking import next_steps_of, until_indexed
from careweave_cli.demo.choice import RULE, a_home_care_worker
from careweave_cli.demo.next_steps import next_steps
from careweave_cli.demo.opening import an_opening
from careweave_cli.demo.server import served
from careweave_cli.demo.story import Story
from careweave_cli.loading import import_taxonomies, requested
from careweave_cli.reaching import until_serving
from careweave_cli.sample import load_sample
from careweave_cli.session import Session, pass_session, run
from careweave_cli.show.console import ERR, OUT
from careweave_cli.show.matches import ranking
from careweave_cli.show.people import current, portrait
from careweave_cli.show.progress import reporting
from careweave_cli.show.summaries import imported
from careweave_cli.show.words import plural

_COUNT: Final = 5


@click.command
@click.option("--seed", default=SEED, show_default=True, help="Of the sample place.")
@as_json
@pass_session
def demo(session: Session, *, seed: int, json_wanted: bool) -> None:
    r"""Find one care worker's next steps, from an empty folder to an alert.

    Loads the taxonomies and the fictional sample place where they are missing, starts the services as a server, asks
    over gRPC for the next roles of one home care worker, then publishes an opportunity while they watch. Uses the
    server at CAREWEAVE_LISTEN if one runs there. What it loads stays in ./var; the opportunity is closed at the end.
    With --json, one object goes to standard output, and what is told to standard error.

    \b
    Example:
      careweave demo
    """
    story = Story(ERR if json_wanted else OUT)
    person, steps, arrived = run(_demo(story, session, seed))
    story.out.print("[bold]Time[/bold]")
    story.tell(story.times())
    if json_wanted:
        click.echo(json.dumps(_plain(story, person, steps, arrived), ensure_ascii=False))
        return
    OUT.print("\n[bold]What to try next[/bold]")
    OUT.print(next_steps(_program(), person.name, steps[0].opportunity, session.settings.listen), soft_wrap=True)


async def _demo(
    story: Story, session: Session, seed: int
) -> tuple[profiles_pb2.Person, list[matching_pb2.Match], matching_pb2.Match]:
    """Return the person, their best steps, and the match that arrived on the watch."""
    async with _started(story, session) as services:
        with calling():
            await _load(story, services, seed)
            person, steps = await _ask(story, services)
            return person, steps, await _publish(story, services, person)


def _plain(
    story: Story, person: profiles_pb2.Person, steps: list[matching_pb2.Match], arrived: matching_pb2.Match
) -> dict[str, object]:
    """Return what `--json` prints: `person`, `matches` and `arrived` in protobuf's JSON form, and `seconds` by step."""
    return {
        "person": MessageToDict(person),
        "matches": [MessageToDict(step) for step in steps],
        "arrived": MessageToDict(arrived),
        "seconds": {title: round(seconds, 3) for title, seconds in story.taken},
    }


@asynccontextmanager
async def _started(story: Story, session: Session) -> AsyncIterator[Channels]:
    async with AsyncExitStack() as until_done:
        with story.step("Start the services"):
            server = await until_done.enter_async_context(served(session))
            settings = server.settings
            services = await until_done.enter_async_context(Channels(settings, session.caller, waiting=False))
            for name in CAREER_SERVICES:
                await until_serving(services, settings.address(name), name)
            whose = "a server that was running" if server.log is None else "a process of its own, stopped at the end"
            story.tell(f"{', '.join(CAREER_SERVICES)} at {settings.listen}, in {whose}; all report SERVING")
        yield services


async def _load(story: Story, services: Channels, seed: int) -> None:
    with story.step("Load the taxonomies"), reporting() as report:
        summaries = await import_taxonomies(services, requested([]), report)
        story.tell(imported(summaries))
    with story.step("Load the sample place"), reporting() as report:
        story.tell(await load_sample(services, seed, datetime.now(UTC).date(), report))


async def _ask(story: Story, services: Channels) -> tuple[profiles_pb2.Person, list[matching_pb2.Match]]:
    with story.step("Choose somebody"):
        person = await a_home_care_worker(services)
        story.tell(f"[dim]By this rule: {RULE}.[/dim]")
        story.tell(portrait(person, await _titles(services, person)))
    with story.step("Ask for their next steps"):
        ranked = await until_indexed(services, person.name)
        steps, considered = await next_steps_of(services, person.name, _COUNT)
        organisations = len({step.organisation for step in steps})
        story.tell(
            f"{ranked} opportunities on offer, {considered} of them open to this person. The five best, at most two of "
            f"one organisation, come from {plural(organisations, 'organisation')}:\n"
        )
        story.tell(ranking(steps))
    return person, steps


async def _titles(services: Channels, person: profiles_pb2.Person) -> dict[str, str]:
    home = await services.profiles.GetPlace(profiles_pb2.GetPlaceRequest(name=person.place))
    employers = [
        await services.profiles.GetOrganisation(profiles_pb2.GetOrganisationRequest(name=job.organisation))
        for job in current(person)
    ]
    return {home.name: home.title, **{employer.name: employer.title for employer in employers}}


async def _publish(story: Story, services: Channels, person: profiles_pb2.Person) -> matching_pb2.Match:
    with story.step("Publish an opportunity while they watch"):
        opening = await an_opening(services, datetime.now(UTC).date(), [job.organisation for job in current(person)])
        async with watching(services, person.name) as watch, tailing("--topic", "opportunities") as tail:
            story.tell(f"{person.display_name or person.name} watches; somebody else reads the event log.")
            published = await services.matching.CreateOpportunity(
                matching_pb2.CreateOpportunityRequest(opportunity=opening)
            )
            match = await arrival(watch, published.name)
            story.tell(f"Published: “{published.title}” at {match.organisation_title}, as {published.name}\n")
            story.tell("[bold]On the watch[/bold]")
            story.tell(ranking([match]))
            story.tell("[bold]In the event log[/bold], as `careweave events tail --topic opportunities` prints it")
            story.tell(Text(await line_about(tail, published.name)))
            await services.matching.CloseOpportunity(matching_pb2.CloseOpportunityRequest(name=published.name))
            story.tell(Text(await line_about(tail, published.name)))
            return match


def _program() -> str:
    """Return how this program was called, so that what is printed can be copied."""
    called = Path(sys.argv[0])
    if called.name != "careweave":
        return f"{sys.executable} -m careweave_cli"
    found = which("careweave")
    if found and Path(found).resolve() == called.resolve():
        return "careweave"
    here = Path.cwd()
    return str(called.relative_to(here)) if called.is_relative_to(here) else str(called)
