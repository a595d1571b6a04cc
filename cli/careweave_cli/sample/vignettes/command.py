"""`careweave bench vignettes`."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import click
from rich.table import Table

from careweave.v1 import common_pb2
from careweave_cli.reaching import reach
from careweave_cli.sample.vignettes.judging import Judgement, Outcome, Verdict
from careweave_cli.sample.vignettes.stories import Story, read_stories
from careweave_cli.session import Session, pass_session, run
from careweave_cli.show.console import OUT
from careweave_cli.show.progress import reporting
from careweave_cli.show.words import word


@click.command
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--lists", "listed", type=click.IntRange(0, 100), default=0, help="Print so many lines of each list too.")
@click.option("--json", "json_wanted", is_flag=True, help="Print one JSON object instead of tables.")
@pass_session
def vignettes(session: Session, *, folder: Path, listed: int, json_wanted: bool) -> None:
    r"""Say how the lists of next steps do on career vignettes, in the sample place.

    The sample place must be loaded (careweave load sample). Each vignette's fictional person is created for the
    time of the run.

    \b
    Example:
      careweave bench vignettes tests/vignettes
    """
    outcomes = run(_outcomes(session, read_stories(folder), datetime.now(UTC).date()))
    if json_wanted:
        click.echo(json.dumps({"vignettes": [_plain(outcome, listed) for outcome in outcomes], **totals(outcomes)}))
        return
    for outcome in outcomes:
        OUT.print(_table(outcome))
        if listed:
            OUT.print(_list_table(outcome, listed))
    OUT.print("; ".join(f"{name.replace('_', ' ')}: {count}" for name, count in totals(outcomes).items()))


async def _outcomes(session: Session, stories: Sequence[Story], today: date) -> list[Outcome]:
    from careweave_cli.sample.vignettes.running import run_stories

    async with reach(session) as services:
        with reporting() as report:
            return await run_stories(services, stories, today, report)


def totals(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Return how the lists did over all vignettes.

    Keys: expected, held, too_low, barred, absent (of the expected steps); wrong, avoided (of the wrong
    ones); offences (of what no list may hold).
    """
    expected = [one.verdict for outcome in outcomes for one in outcome.expected]
    wrong = [one.verdict for outcome in outcomes for one in outcome.wrong]
    return {
        "expected": len(expected),
        "held": expected.count(Verdict.HELD),
        "too_low": expected.count(Verdict.MISSED),
        "barred": expected.count(Verdict.BARRED),
        "absent": expected.count(Verdict.ABSENT),
        "wrong": len(wrong),
        "avoided": wrong.count(Verdict.HELD),
        "offences": sum(len(outcome.offences) for outcome in outcomes),
    }


def _table(outcome: Outcome) -> Table:
    table = Table(title=f"{outcome.story.title} ({len(outcome.listed)} open to them)", title_justify="left")
    for column in ("", "step", "look at", "first at", "which is", "verdict"):
        table.add_column(column, justify="right" if column in ("look at", "first at") else "left")
    for sort, judgements in (("expected", outcome.expected), ("wrong", outcome.wrong)):
        for one in judgements:
            style = "" if one.verdict == Verdict.HELD else "bold"
            rank = str(one.rank) if one.rank else "-"
            row = (sort, one.step.title, str(one.step.within), rank, one.title, one.verdict.value)
            table.add_row(*row, style=style)
    for offence in outcome.offences:
        table.add_row("never", offence, "", "", "", "must not be in any list", style="bold red")
    return table


def _list_table(outcome: Outcome, lines: int) -> Table:
    table = Table(title="Their list", title_justify="left")
    for column in ("", "score", "kind", "title", "organisation", "minutes"):
        table.add_column(column)
    for rank, match in enumerate(outcome.listed[:lines], start=1):
        kind = word(common_pb2.OpportunityKind, match.kind)
        minutes = str(match.travel_minutes) if match.place else "anywhere"
        table.add_row(str(rank), f"{match.score:.3f}", kind, match.title, match.organisation_title, minutes)
    return table


def _plain(outcome: Outcome, lines: int) -> dict[str, object]:
    return {
        "key": outcome.story.key,
        "expected": [_plain_judgement(one) for one in outcome.expected],
        "wrong": [_plain_judgement(one) for one in outcome.wrong],
        "offences": list(outcome.offences),
        "list": [match.title for match in outcome.listed[:lines]],
    }


def _plain_judgement(one: Judgement) -> dict[str, object]:
    return {
        "step": one.step.title,
        "within": one.step.within,
        "rank": one.rank,
        "title": one.title,
        "verdict": one.verdict.name.lower(),
    }
