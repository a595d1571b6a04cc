"""`careweave retention`."""

import json
from collections.abc import Sequence
from dataclasses import asdict

import click
import grpc

from careweave.events.topics import Sizes, TopicState
from careweave.retention import Rule, rules
from careweave.v1.common_pb2 import AppliedRetention, ApplyRetentionRequest
from careweave_cli.composition import SERVICES
from careweave_cli.endings import EXIT_STATUS, Failure
from careweave_cli.reaching import reach
from careweave_cli.session import Session, pass_session, run
from careweave_cli.show.console import OUT
from careweave_cli.show.progress import waiting


@click.group
def retention() -> None:
    r"""How long each kind of personal data is kept and why, and the job that removes what is older.

    \b
    Examples:
      careweave retention show
      careweave retention run --dry-run
    """


@retention.command
@click.option("--markdown", is_flag=True, help="Print the table of docs/retention.md.")
@click.option("--json", "json_wanted", is_flag=True, help="One rule in JSON a line.")
@pass_session
def show(session: Session, *, markdown: bool, json_wanted: bool) -> None:
    r"""Show all rules, as the settings of this installation have them. Needs no service.

    \b
    Example:
      CAREWEAVE_EVENTS_KEEP_DAYS=180 careweave retention show
    """
    known = rules(session.settings)
    if json_wanted:
        for rule in known:
            click.echo(json.dumps(asdict(rule)))
    elif markdown:
        click.echo(as_markdown(known))
    else:
        for rule in known:
            OUT.print(f"[bold]{rule.kind}[/]: {rule.holds}\n  {rule.period}\n  why: {rule.why}\n  by: {rule.enforced}")


def as_markdown(known: Sequence[Rule]) -> str:
    """Return the rules as a table in Markdown."""
    lines = ["| kind | what | kept | why | ended by |", "|---|---|---|---|---|"]
    lines += [f"| {each.kind} | {each.holds} | {each.period} | {each.why} | {each.enforced} |" for each in known]
    return "\n".join(lines)


@retention.command(name="run")
@click.option("--dry-run", is_flag=True, help="Remove nothing; say what would go.")
@click.option("--json", "json_wanted", is_flag=True, help="One rule in JSON a line.")
@pass_session
def run_(session: Session, *, dry_run: bool, json_wanted: bool) -> None:
    r"""Remove what is older than its rule, in each service and in the event log. Safe to run at any time.

    Services do the same by themselves once a day. Kafka removes events by itself; here it is compared whether its
    topics are set so, and the exit status is 5 if one is not.

    \b
    Examples:
      careweave retention run --dry-run
      careweave retention run
    """
    from careweave.errors import FailedPrecondition

    applied, states = run(_apply(session, dry_run=dry_run))
    for service, each in applied:
        if json_wanted:
            click.echo(json.dumps({"service": service, "kind": each.kind, "removed": each.removed}))
        elif each.removed:
            OUT.print(f"{service:10} {each.removed:>10,}  {each.title}", soft_wrap=True)
    if not json_wanted and not any(each.removed for _, each in applied):
        OUT.print("Nothing is older than its rule.")
    wrong = [state for state in states if state.missing or state.differs]
    for state in wrong:
        OUT.print(f"{state.topic}: {'is missing' if state.missing else '; '.join(state.differs)}", soft_wrap=True)
    if wrong:
        raise Failure(
            "Topics are not set as the rules ask: mend them on the brokers (kafka-configs), or make them with "
            "careweave events topics.",
            EXIT_STATUS[FailedPrecondition],
        )


async def _apply(session: Session, *, dry_run: bool) -> tuple[list[tuple[str, AppliedRetention]], Sequence[TopicState]]:
    from careweave.wiring import prepare_topics

    request = ApplyRetentionRequest(validate_only=dry_run)
    applied = []
    async with reach(session) as services:
        for name in SERVICES:
            stub = getattr(services, name)
            if hasattr(stub, "ApplyRetention"):
                with waiting(f"Applying the rules in {name}"):
                    applied += [(name, each) for each in await _asked(stub, request)]
    settings = session.settings
    sizes = Sizes(settings.events_partitions, settings.events_replication, settings.events_keep_days)
    return applied, await prepare_topics(settings, sizes, dry_run=True)


async def _asked(stub: object, request: ApplyRetentionRequest) -> Sequence[AppliedRetention]:
    call: grpc.aio.UnaryUnaryMultiCallable[ApplyRetentionRequest, object] = stub.ApplyRetention  # type: ignore[attr-defined]
    reply = await call(request)
    return list(reply.applied)  # type: ignore[attr-defined]  # each service's own stub, asked alike
