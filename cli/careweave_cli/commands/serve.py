"""`careweave serve`."""

import gc
import json
from collections.abc import Sequence
from typing import Final

import click

from careweave_cli.composition import FRONT, SERVICES, builds
from careweave_cli.session import Session, pass_session, run

_MADE_BEFORE_GARBAGE: Final = 200_000
"""Objects made between two looks for garbage while a server starts, in place of Python's own 700."""


@click.command
@click.argument("services", nargs=-1, required=True, metavar="SERVICE...", type=click.Choice([*SERVICES, FRONT, "all"]))
@click.option("--json", "json_wanted", is_flag=True, help="Print one line of JSON with the addresses, when ready.")
@pass_session
def serve(session: Session, *, services: tuple[str, ...], json_wanted: bool) -> None:
    r"""Run services until SIGTERM or Ctrl-C: skills, profiles, matching, planning, or all.

    Where matching is shared out by region (CAREWEAVE_SHARDS), each shard is a process that serves matching with its
    own CAREWEAVE_SHARD, and matching-front, alone in a process, is where callers ask; see docs/operators.md.

    Callers show tokens of the issuers in CAREWEAVE_ISSUERS; with CAREWEAVE_TRIAL=yes the server itself issues them,
    for anybody to whoever asks. They listen at CAREWEAVE_LISTEN, with health (grpc.health.v1) and reflection, which
    need no token. The log goes to standard error, one JSON object a line. On the embedded stores one process serves
    one data folder, so the services of one folder are started together.

    \b
    Examples:
      CAREWEAVE_TRIAL=yes careweave serve all
      CAREWEAVE_ISSUERS=https://login.example.org/realms/care careweave serve all
      CAREWEAVE_TRIAL=yes careweave serve all --json      {"address": "127.0.0.1:50051", ...} once it serves
      CAREWEAVE_TRIAL=yes CAREWEAVE_GRAPH=ladybug:./other/graph careweave serve skills
      CAREWEAVE_TRIAL=yes CAREWEAVE_PROCESSES=4 careweave serve all       rankings of four processes (Linux)
    """
    if FRONT in services and len(services) > 1:
        raise click.UsageError(f"{FRONT} stands before processes that serve matching; give it a process of its own.")
    if FRONT in services:
        run(_serve(session, (FRONT,), json_wanted=json_wanted))
        return
    chosen = SERVICES if "all" in services else tuple(name for name in SERVICES if name in services)
    run(_serve(session, chosen, json_wanted=json_wanted))


async def _serve(session: Session, services: Sequence[str], *, json_wanted: bool) -> None:
    from careweave.rpc import server
    from careweave.rpc.core_log import log_what_core_writes
    from careweave.rpc.logs import configure_logging
    from careweave.rpc.serving import check_serving
    from careweave.wiring import open_adapters

    def tell(address: str) -> None:
        gc.set_threshold(*usual)
        if json_wanted:
            click.echo(json.dumps({"address": address, "services": dict.fromkeys(services, address)}))

    usual = gc.get_threshold()
    gc.set_threshold(_MADE_BEFORE_GARBAGE)  # until ready: what is made at the start is made to stay
    check_serving(session.settings)
    log_what_core_writes()
    configure_logging(session.settings.log_level)
    async with open_adapters(session.settings) as adapters:
        await server.serve(session.settings, builds(services), adapters, tell)
