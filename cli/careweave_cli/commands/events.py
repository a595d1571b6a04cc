"""`careweave events`."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import click

from careweave.events.port import Delivered, Positions, Topic
from careweave.events.reading import until
from careweave_cli.commands.events_upkeep import SHORT, lag, topics
from careweave_cli.session import Session, pass_session, run
from careweave_cli.show.console import ERR, OUT
from careweave_cli.show.events import as_json, line


@dataclass(frozen=True, slots=True)
class Reading:
    """What to read.

    count: stop after this many; None is no limit.
    """

    topics: Sequence[Topic]
    from_start: bool
    follow: bool
    count: int | None


@click.group
def events() -> None:
    r"""Read the event log and look after it; needs no service, and works beside running ones.

    \b
    Example:
      careweave events tail --from-start --no-follow
    """


events.add_command(topics)
events.add_command(lag)


@events.command
@click.option(
    "--topic", "topics", multiple=True, type=click.Choice([*SHORT]), help="Only this topic; may be given again."
)
@click.option("--from-start", is_flag=True, help="Begin with the oldest event that is kept, not with the next one.")
@click.option("--follow/--no-follow", default=True, help="Go on as new events come (the default), or stop at the end.")
@click.option("-n", "--count", type=click.IntRange(1), help="Stop after this many.")
@click.option("--json", "json_wanted", is_flag=True, help="One CloudEvent in JSON a line.")
@pass_session
def tail(
    session: Session, *, topics: tuple[str, ...], from_start: bool, follow: bool, count: int | None, json_wanted: bool
) -> None:
    r"""Print events as they come, until Ctrl-C.

    \b
    Examples:
      careweave events tail
      careweave events tail --topic opportunities --topic matches
      careweave events tail --from-start --no-follow --json | jq .type
    """
    wanted = Reading([SHORT[name] for name in topics] or list(Topic), from_start, follow, count)
    with suppress(KeyboardInterrupt):  # how a reader stops
        run(_tail(session, wanted, _show_json if json_wanted else _show))


def _show(delivered: Delivered) -> None:
    OUT.print(line(delivered), soft_wrap=True)


def _show_json(delivered: Delivered) -> None:
    click.echo(as_json(delivered))


async def _tail(session: Session, wanted: Reading, show: Callable[[Delivered], None]) -> None:
    from careweave.wiring import open_events

    log = await open_events(session.settings)
    try:
        end = await log.end(wanted.topics)
        start = Positions() if wanted.from_start else end
        if wanted.follow:
            ERR.print(f"Waiting for events of {', '.join(wanted.topics)}. Ctrl-C ends.", style="dim", soft_wrap=True)
            coming = log.follow(wanted.topics, start)
        else:
            coming = _in_order([each async for each in until(log, wanted.topics, start, end)])
        shown = 0
        async for delivered in coming:
            show(delivered)
            shown += 1
            if shown == wanted.count:
                return
    finally:
        await log.close()


async def _in_order(read: list[Delivered]) -> AsyncIterator[Delivered]:
    """Yield events in order of time; the log keeps order within a partition alone."""
    for delivered in sorted(read, key=lambda each: each.event.time):
        yield delivered
