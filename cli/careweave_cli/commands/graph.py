"""`careweave graph`."""

import click

from careweave_cli.session import Session, pass_session, run
from careweave_cli.show.console import OUT


@click.group
def graph() -> None:
    r"""Look after the graph database that CAREWEAVE_GRAPH names; needs no server.

    \b
    Example:
      careweave graph migrate
    """


@graph.command
@pass_session
def migrate(session: Session) -> None:
    r"""Bring constraints, indexes and tables up to this version of Careweave, and say which that is.

    Services do the same when they start; this does it before they are rolled out. It may run at any time, beside
    services of this version or of the one before, and again: nothing is ever dropped.

    \b
    Example:
      CAREWEAVE_GRAPH=neo4j://graph.example.org:7687 careweave graph migrate
    """
    version = run(_migrate(session))
    OUT.print(f"{session.settings.graph} is at version {version} of the schema.", soft_wrap=True)


async def _migrate(session: Session) -> str:
    from careweave.graph.schema import SCHEMA
    from careweave.wiring import open_graph

    opened = await open_graph(session.settings)  # which migrates
    await opened.close()
    return SCHEMA.version
