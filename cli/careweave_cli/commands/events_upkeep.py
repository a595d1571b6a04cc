"""`careweave events topics` and `careweave events lag`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Final

import click

from careweave.events.port import Topic
from careweave.events.topics import Sizes, TopicState
from careweave_cli.session import Session, pass_session, run
from careweave_cli.show.console import OUT
from careweave_cli.show.words import plural

SHORT: Final = {topic.removeprefix("careweave.").replace(".v1", ""): topic for topic in Topic}
"""Topics by what they are called on the command line."""


@click.command
@click.option("--partitions", type=click.IntRange(1), help="Of each topic; CAREWEAVE_EVENTS_PARTITIONS unless set.")
@click.option("--replication", type=click.IntRange(0), help="Copies; CAREWEAVE_EVENTS_REPLICATION unless set.")
@click.option(
    "--keep-days", type=click.IntRange(0), help="Of applications and decisions; CAREWEAVE_EVENTS_KEEP_DAYS unless set."
)
@click.option("--dry-run", is_flag=True, help="Make nothing; say what would be made.")
@click.option("--json", "json_wanted", is_flag=True, help="One topic in JSON a line.")
@pass_session
def topics(
    session: Session,
    *,
    partitions: int | None,
    replication: int | None,
    keep_days: int | None,
    dry_run: bool,
    json_wanted: bool,
) -> None:
    r"""Make the topics that the event log lacks, each with its clean-up policy, and say how the others differ.

    Run it before the services start for the first time, and after upgrades. What is there is left as it is.
    An event log in a file makes topics by itself.

    \b
    Examples:
      careweave events topics --dry-run
      careweave events topics --partitions 12 --replication 3
    """
    settings = session.settings
    sizes = Sizes(
        partitions or settings.events_partitions,
        settings.events_replication if replication is None else replication,
        settings.events_keep_days if keep_days is None else keep_days,
    )
    from careweave.wiring import prepare_topics

    states = run(prepare_topics(settings, sizes, dry_run=dry_run))
    if json_wanted:
        for state in states:
            click.echo(json.dumps(asdict(state)))
    else:
        _show_topics(states, dry_run=dry_run)


@click.command
@click.option("--group", required=True, help="Which consumers' positions to compare with the end.")
@click.option(
    "--topic", "names", multiple=True, type=click.Choice([*SHORT]), help="Only this topic; may be given again."
)
@click.option("--json", "json_wanted", is_flag=True, help="One partition in JSON a line.")
@pass_session
def lag(session: Session, *, group: str, names: tuple[str, ...], json_wanted: bool) -> None:
    r"""Say how many events a group of consumers has yet to handle, by topic and partition.

    \b
    Examples:
      careweave events lag --group profiles.hr
      careweave events lag --group profiles.hr --topic hr-updates --json
    """
    wanted = [SHORT[name] for name in names] or list(Topic)
    behind = run(_lag(session, wanted, group))
    if json_wanted:
        for (topic, partition), events in sorted(behind.items()):
            click.echo(json.dumps({"group": group, "topic": topic, "partition": partition, "lag": events}))
        return
    for topic in wanted:
        parts = {partition: events for (name, partition), events in sorted(behind.items()) if name == topic}
        by_partition = ", ".join(f"{partition}: {events}" for partition, events in parts.items() if events)
        OUT.print(f"{topic:32} {sum(parts.values()):>10}{f'   ({by_partition})' if by_partition else ''}")


async def _lag(session: Session, topics: Sequence[Topic], group: str) -> Mapping[tuple[str, int], int]:
    from careweave.wiring import open_events

    log = await open_events(session.settings)
    try:
        return await log.lag(topics, group)
    finally:
        await log.close()


def _show_topics(states: Sequence[TopicState], *, dry_run: bool) -> None:
    if not states:
        OUT.print("Nothing is to be done: this event log makes topics by itself.")
        return
    for state in states:
        if state.missing:
            OUT.print(f"{state.topic:32} {'would be made' if dry_run else 'made'}")
        else:
            OUT.print(f"{state.topic:32} is there{'; differs:' if state.differs else ''}")
        for difference in state.differs:
            OUT.print(f"    {difference}")
    differing = sum(bool(state.differs) for state in states)
    if differing:
        OUT.print(f"{plural(differing, 'topic')} differ from what would be made, and are left as they are.")
