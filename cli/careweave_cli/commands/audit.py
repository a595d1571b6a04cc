"""`careweave audit`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from careweave.audit.chains import Chain, Head
from careweave.v1 import audit_pb2
from careweave_cli.commands.options import as_json, name_in
from careweave_cli.endings import Failure
from careweave_cli.reaching import reach
from careweave_cli.session import Session, pass_session, run
from careweave_cli.show.console import ERR, OUT, print_json
from careweave_cli.show.trail import access_table, chain_table
from careweave_cli.show.words import plural

_BROKEN = 1


@click.group
def audit() -> None:
    r"""Read and verify the audit trail: who has seen or changed what is held about people.

    \b
    Examples:
      careweave audit show people/k3v9...
      careweave audit verify
    """


@audit.command
@click.argument("person", callback=name_in("people"))
@click.option("--others-only", is_flag=True, help="Leave out what the person did themselves.")
@click.option("-n", "--count", type=click.IntRange(1, 1000), default=50, show_default=True, help="At most this many.")
@as_json
@pass_session
def show(session: Session, *, person: str, others_only: bool, count: int, json_wanted: bool) -> None:
    r"""List who has seen or changed what is held about PERSON, the newest first.

    A person may ask this of themselves, and an operator of anybody. The role and the organisation are shown, not
    who it was.

    \b
    Example:
      careweave --as people/k3v9... audit show people/k3v9... --others-only
    """
    request = audit_pb2.ListRecordedAccessesRequest(parent=person, page_size=count, others_only=others_only)
    found = run(_show(session, request))
    if json_wanted:
        print_json(found)
    else:
        OUT.print(access_table(found.accesses))


async def _show(
    session: Session, request: audit_pb2.ListRecordedAccessesRequest
) -> audit_pb2.ListRecordedAccessesResponse:
    async with reach(session, ["skills", "profiles"]) as services:
        return await services.profiles.ListRecordedAccesses(request)


@audit.command
@click.option(
    "--known",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Heads that an earlier run wrote down; shows whether the end of a chain was cut off since.",
)
@click.option(
    "--heads", type=click.Path(dir_okay=False, path_type=Path), help="Write down here where each chain has come to."
)
@click.option("--json", "json_wanted", is_flag=True, help="One chain in JSON a line.")
@pass_session
def verify(session: Session, *, known: Path | None, heads: Path | None, json_wanted: bool) -> None:
    r"""Verify that nothing in the trail was altered, left out or put in between; exit status 1 if something was.

    Reads the event log itself; needs no service, and works beside running ones. Each process writes a chain of
    its own. What a chain cannot tell is that its end was cut off: keep the file of --heads where whoever can
    change the event log cannot write, and give it to the next run as --known.

    \b
    Examples:
      careweave audit verify
      careweave audit verify --known last-week.json --heads today.json
    """
    chains, missing = run(_verify(session, _read_heads(known)))
    if json_wanted:
        for chain in chains:
            click.echo(json.dumps(asdict(chain), default=str))
    else:
        OUT.print(chain_table(chains))
    faults = [f"chain {chain.name}: {fault}" for chain in chains for fault in chain.faults] + missing
    if faults:
        raise Failure("The audit trail is not whole:\n  " + "\n  ".join(faults), _BROKEN)
    ERR.print(f"{plural(len(chains), 'chain')}, {plural(sum(c.entries for c in chains), 'record')}: whole.")
    if heads is not None:
        _write_heads(heads, chains)


async def _verify(session: Session, known: Mapping[str, Head]) -> tuple[list[Chain], list[str]]:
    from careweave.audit.chains import verify as verified
    from careweave.events.port import Topic
    from careweave.events.reading import all_kept
    from careweave.events.topics import KEPT
    from careweave.wiring import open_events

    kept_from = datetime.now(UTC) - timedelta(days=KEPT[Topic.AUDIT].days or 0)
    log = await open_events(session.settings)
    try:
        return await verified(all_kept(log, Topic.AUDIT), known, kept_from)
    finally:
        await log.close()


def _read_heads(file: Path | None) -> dict[str, Head]:
    if file is None:
        return {}
    try:
        read = json.loads(file.read_text())
        return {
            name: Head(int(head["number"]), str(head["digest"]), datetime.fromisoformat(head["ended"]))
            for name, head in read.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise click.BadParameter(f"{file} was not written by `careweave audit verify --heads`.") from error


def _write_heads(file: Path, chains: Sequence[Chain]) -> None:
    heads = {
        chain.name: {"number": chain.last, "digest": chain.digest, "ended": chain.ended.isoformat()}
        for chain in chains
        if chain.ended is not None
    }
    file.write_text(json.dumps(heads, indent=2) + "\n")
