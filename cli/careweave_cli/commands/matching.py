"""`careweave matching`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click

from careweave.client import calling
from careweave.rpc.channels import Channels
from careweave.v1 import matching_pb2
from careweave_cli.commands.options import as_json
from careweave_cli.session import Session, pass_session, run
from careweave_cli.show.console import OUT, print_json
from careweave_cli.show.index import standing
from careweave_cli.show.progress import Report, reporting


@click.group
def matching() -> None:
    r"""Look after the index of the replica at CAREWEAVE_MATCHING; needs a running server.

    \b
    Examples:
      careweave matching status
      CAREWEAVE_MATCHING=10.1.2.3:50051 careweave matching reindex
    """


@matching.command
@as_json
@pass_session
def status(session: Session, *, json_wanted: bool) -> None:
    r"""Show what the index holds and how far behind the event log it is.

    \b
    Example:
      careweave matching status --json | jq -r .behind
    """
    _print(run(_status(session)), json_wanted=json_wanted)


@matching.command
@as_json
@pass_session
def reindex(session: Session, *, json_wanted: bool) -> None:
    r"""Build the index from nothing; the present one serves until the new one has caught up.

    It concerns the replica that answers. Ending this command does not end the building.

    \b
    Example:
      careweave matching reindex
    """
    _print(run(_reindex(session)), json_wanted=json_wanted)


@asynccontextmanager
async def _reached(session: Session) -> AsyncIterator[Channels]:
    """Yield stubs, whatever the health of what answers; this is asked of indexes that are not served, too."""
    async with Channels(session.settings, session.caller, waiting=False) as services:
        with calling():
            yield services


async def _status(session: Session) -> matching_pb2.IndexStatus:
    async with _reached(session) as services:
        return await services.matching.GetIndexStatus(matching_pb2.GetIndexStatusRequest())


async def _reindex(session: Session) -> matching_pb2.IndexStatus:
    status = matching_pb2.IndexStatus()
    async with _reached(session) as services:
        with reporting() as report:
            async for step in services.matching.RebuildIndex(matching_pb2.RebuildIndexRequest()):
                if step.HasField("status"):
                    status = step.status
                else:
                    _tell(report, step.building)
    return status


def _tell(report: Report, building: matching_pb2.IndexBuild) -> None:
    report(f"Index: {building.activity}; {building.opportunities:,} opportunities, {building.people:,} people", 0, 0)


def _print(status: matching_pb2.IndexStatus, *, json_wanted: bool) -> None:
    if json_wanted:
        print_json(status)
    else:
        OUT.print(standing(status))
