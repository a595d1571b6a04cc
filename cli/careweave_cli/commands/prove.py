"""`careweave person prove`."""

import json
from collections.abc import Sequence
from pathlib import Path

import click

from careweave_cli.endings import UNEXPECTED, Failure
from careweave_cli.person.findings import Finding, longest_rule, rule_for_file
from careweave_cli.person.needles import Needle, needles_of, read_needles
from careweave_cli.reaching import reach
from careweave_cli.session import Session, pass_session, run
from careweave_cli.show.console import OUT
from careweave_cli.show.erasures import findings_table
from careweave_cli.show.progress import reporting


@click.command
@click.argument("name", metavar="[PERSON]", required=False)
@click.option("--also", "words", multiple=True, metavar="TEXT", help="A name or email address of theirs to look for.")
@click.option(
    "--needles",
    "file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A file of several people: one a line, people/… and words of theirs, separated by tabs.",
)
@click.option(
    "--files",
    "places",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    help="Search these files or folders, too: logs, a server's store.",
)
@click.option("--json", "json_wanted", is_flag=True, help="One finding in JSON a line.")
@pass_session
def prove(
    session: Session,
    *,
    name: str | None,
    words: tuple[str, ...],
    file: Path | None,
    places: tuple[Path, ...],
    json_wanted: bool,
) -> None:
    r"""Look for PERSON in every service, every event and every file of the embedded stores, and explain what is found.

    Exit status 1 if anything is left that no retention rule names, or a service does not answer. Of a name that
    somebody else has, too, finding it proves nothing; give words that are theirs alone. What servers compress is
    searched as they read it, not in their files.

    \b
    Examples:
      careweave person prove people/k3v9... --also "Fictional Name" --also name@example.org
      careweave person prove --needles erased.tsv --files /var/log/careweave
    """
    needles = read_needles(file) if file else []
    if name:
        needles += needles_of(name if name.startswith("people/") else f"people/{name}", words)
    if not needles:
        raise click.UsageError("Name a person, or give a file of several with --needles.")
    found, silent = run(_prove(session, needles, places))
    if json_wanted:
        for each in found:
            click.echo(json.dumps(_as_dict(each)))
    else:
        OUT.print(findings_table(found))
    unexplained = [each for each in found if each.rule is None]
    if silent:
        raise Failure(f"No proof: {', '.join(silent)} did not answer.", UNEXPECTED)
    if unexplained:
        raise Failure(f"No retention rule explains {len(unexplained)} of these findings.", UNEXPECTED)


async def _prove(
    session: Session, needles: Sequence[Needle], places: Sequence[Path]
) -> tuple[list[Finding], list[str]]:
    from careweave.retention import rules
    from careweave.wiring import local_stores, open_events, utc_now
    from careweave_cli.person.proving import in_events, in_files, in_services

    now, known = utc_now(), rules(session.settings)
    async with reach(session) as services:
        held, silent = await in_services(services, needles, now)
    with reporting() as report:
        log = await open_events(session.settings)
        try:
            events = await in_events(log, needles, known, now, report)
        finally:
            await log.close()
    stores = local_stores(session.settings)
    found = [*held, *events]
    found += in_files(stores.pop("events", []), needles, lambda _, word: longest_rule(events, word=word), now)
    for paths in (*stores.values(), places):
        found += in_files(paths, needles, lambda file, _: rule_for_file(file, known), now)
    return found, silent


def _as_dict(each: Finding) -> dict[str, object]:
    return {
        "place": each.place,
        "what": "word" if each.word else "id",
        "times": each.times,
        "people": each.people,
        "rule": each.rule.kind if each.rule else None,
        "until": each.until.isoformat() if each.until else None,
    }
