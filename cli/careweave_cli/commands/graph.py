"""`careweave graph`."""

from dataclasses import replace

import click

from careweave_cli.session import Session, pass_session, run
from careweave_cli.show.console import OUT
from careweave_cli.show.progress import reporting


@click.group
def graph() -> None:
    r"""Look after the graph database that CAREWEAVE_GRAPH names; needs no server.

    \b
    Examples:
      careweave graph migrate
      careweave graph compact
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


@graph.command
@pass_session
def compact(session: Session) -> None:
    r"""Write the embedded graph anew, without what was deleted, while no server runs.

    The engine leaves deleted content in its file. What is written anew takes the old file's place at one stroke; if it
    is interrupted, nothing has changed. It needs as much space again. On Neo4j, use `careweave graph copy`.

    \b
    Example:
      careweave graph compact
    """
    from careweave.wiring import compact_graph

    with reporting() as report:
        before, after = run(compact_graph(session.settings, report))
    OUT.print(f"{session.settings.graph}: {before:,} bytes before, {after:,} after.", soft_wrap=True)


@graph.command
@click.option("--to", "target", required=True, metavar="URL", help="An empty graph, as in CAREWEAVE_GRAPH.")
@click.option("--to-user", default="neo4j", show_default=True, help="Who logs in there, if it is a server.")
@click.option("--to-password-file", default="", help="File that holds the password.")
@pass_session
def copy(session: Session, *, target: str, to_user: str, to_password_file: str) -> None:
    r"""Copy the graph to an empty one, on either engine, while no service writes.

    The copy holds what the graph holds, and nothing of what was ever deleted from it. Point the services to it, and
    destroy the store of the old one.

    \b
    Example:
      careweave graph copy --to neo4j://new.example.org:7687 --to-password-file password.txt
    """
    from careweave.wiring import copy_graph

    to = replace(session.settings, graph=target, graph_user=to_user, graph_password_file=to_password_file)
    with reporting() as report:
        run(copy_graph(session.settings, to, report))
    OUT.print(f"{target} holds all that {session.settings.graph} holds.", soft_wrap=True)


async def _migrate(session: Session) -> str:
    from careweave.graph.schema import SCHEMA
    from careweave.wiring import open_graph

    opened = await open_graph(session.settings)  # which migrates
    await opened.close()
    return SCHEMA.version
