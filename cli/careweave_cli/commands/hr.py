"""`careweave hr`."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import click

from careweave.v1 import hr_pb2
from careweave_cli.commands.options import as_json
from careweave_cli.endings import Failure
from careweave_cli.hr.importing import Extract, Result, read_extract, send
from careweave_cli.hr.rejected import Rejection, read_rejections
from careweave_cli.hr.rejected import replay as put_back
from careweave_cli.hr.report import as_json as result_json
from careweave_cli.hr.report import counts, errors_table, rejections_table
from careweave_cli.reaching import reach
from careweave_cli.session import Session, pass_session, run
from careweave_cli.show.console import OUT, print_json
from careweave_cli.show.progress import reporting
from careweave_cli.show.words import plural

_ROWS_WRONG = 2


@click.group
def hr() -> None:
    r"""Take in what HR systems know: from files here, by gRPC stream or topic from programs.

    An extract is a CSV file. A mapping file in TOML says which column means what.

    \b
    Examples, packaged and all fictional:
      careweave hr examples
      careweave hr import esr-style.csv --mapping esr-style.toml --dry-run
      careweave hr import esr-style.csv --mapping esr-style.toml

    Importing the same file again changes nothing: every record is answered as a duplicate. An older file changes
    nothing either: what the source said later stands.

    \b
    What went wrong                         what to do
      rows of a file                        correct them, import the file again
      words for skills that nobody knows    careweave hr unresolved sourceSystems/...
      updates from the topic                careweave hr replay-rejected --dry-run
    """


@hr.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--mapping", "mapping", required=True, type=click.Path(path_type=Path), help="What each column means.")
@click.option("--dry-run", is_flag=True, help="Read and check every row, and send nothing.")
@click.option("--made-on", type=click.DateTime(["%Y-%m-%d"]), help="Day of the extract, where rows have no time.")
@as_json
@pass_session
def import_(
    session: Session, *, file: Path, mapping: Path, dry_run: bool, made_on: datetime | None, json_wanted: bool
) -> None:
    r"""Import the extract FILE (CSV), as the mapping says.

    Rows that are wrong are listed by number, as a spreadsheet counts, and column; the others are taken in. The exit
    status is then 2. --dry-run needs no server and finds all but names that the server does not know.

    \b
    Examples:
      careweave hr import staff.csv --mapping staff.toml --dry-run
      careweave hr import workforce.csv --mapping asc-wds-style.toml --made-on 2026-03-31
      careweave --as sourceSystems/esr-oaks --role hr-feed --organisation organisations/oaks \
          hr import staff.csv --mapping staff.toml --json
    """
    extract = read_extract(file, mapping, made_on.date() if made_on else None)
    result = Result(Counter(), extract.errors) if dry_run else run(_import(session, extract))
    if json_wanted:
        click.echo(result_json(result.outcomes, result.errors))
    else:
        _show(result, extract, dry_run=dry_run)
    if result.errors:
        raise Failure(f"{plural(len(result.errors), 'error')} in {file}; what is listed was not taken in.", _ROWS_WRONG)


@hr.command()
def examples() -> None:
    r"""Say where the packaged example extracts and mappings lie.

    \b
    Example:
      cp -r "$(careweave hr examples)" my-extracts
    """
    from careweave.datasets import folder

    click.echo(folder("hr-examples"))


@hr.command()
@click.argument("source_system")
@as_json
@pass_session
def unresolved(session: Session, *, source_system: str, json_wanted: bool) -> None:
    r"""List what SOURCE_SYSTEM calls skills and the taxonomy does not know, with the number of records.

    Map such words to a skill in the mapping file (`careweave search skills "..."` finds it), and import again.

    \b
    Example:
      careweave hr unresolved sourceSystems/esr-oaks
    """
    found = run(_unresolved(session, source_system))
    if json_wanted:
        for each in found:
            print_json(each, one_line=True)
    elif not found:
        OUT.print(f"All that {source_system} calls skills is known.")
    else:
        for each in sorted(found, key=lambda each: -each.record_count):
            OUT.print(f"{each.record_count:>6,}  {each.kind:<6} {each.wording}", markup=False, soft_wrap=True)


@hr.command()
@click.argument("source_system")
@click.argument("external_id")
@pass_session
def code(session: Session, *, source_system: str, external_id: str) -> None:
    r"""Make a code by which the person of a record confirms that it is about them.

    Hand it to the person and to nobody else. It is good once, for 30 days.

    \b
    Example:
      careweave hr code sourceSystems/esr-oaks 20304050
    """
    issued = run(_code(session, source_system, external_id))
    OUT.print(f"{issued.code}  good until {issued.expire_time.ToDatetime():%d %B %Y}", soft_wrap=True)


@hr.command("replay-rejected")
@click.option("--reason", "reasons", multiple=True, help="Only what was rejected for this reason; may be given again.")
@click.option("--dry-run", is_flag=True, help="List what would be put back, and put back nothing.")
@pass_session
def replay_rejected(session: Session, *, reasons: tuple[str, ...], dry_run: bool) -> None:
    r"""Put rejected updates back into their topic, once each, after what was wrong has been mended.

    Needs the event log alone, no server. What is rejected again is set aside again.

    \b
    Examples:
      careweave hr replay-rejected --dry-run
      careweave hr replay-rejected --reason REFERENCE_UNKNOWN
    """
    every = run(_replay(session, frozenset(reasons), dry_run=dry_run))
    found = [each for each in every if each.is_whole]
    if found and dry_run:
        OUT.print(rejections_table(found))
    by_reason = Counter(each.reason for each in found)
    listed = ", ".join(f"{count:,} {reason}" for reason, count in by_reason.most_common())
    done = "would be put back" if dry_run else "put back"
    OUT.print(f"{plural(len(found), 'update')} {done}{': ' if listed else '.'}{listed}", soft_wrap=True)
    if len(every) > len(found):
        left = plural(len(every) - len(found), "update")
        OUT.print(f"{left} cannot be put back, being empty or too large to keep; the source must send something else.")


def _show(result: Result, extract: Extract, *, dry_run: bool) -> None:
    if result.errors:
        OUT.print(errors_table(result.errors))
    if dry_run:
        rows = sum(len(each.rows) for each in extract.updates)
        OUT.print(f"{plural(rows, 'row')} can be sent as {plural(len(extract.updates), 'update')}; nothing was sent.")
    else:
        OUT.print(counts(result.outcomes))


async def _import(session: Session, extract: Extract) -> Result:
    async with reach(session, ["skills", "profiles"]) as services:
        with reporting() as report:
            return await send(services, extract, report)


async def _unresolved(session: Session, source_system: str) -> list[hr_pb2.UnresolvedSkill]:
    found: list[hr_pb2.UnresolvedSkill] = []
    async with reach(session, ["profiles"]) as services:
        token = ""
        while True:
            request = hr_pb2.ListUnresolvedSkillsRequest(parent=source_system, page_size=1000, page_token=token)
            reply = await services.profiles.ListUnresolvedSkills(request)
            found += reply.unresolved_skills
            token = reply.next_page_token
            if not token:
                return found


async def _code(session: Session, source_system: str, external_id: str) -> hr_pb2.EmploymentCode:
    async with reach(session, ["profiles"]) as services:
        request = hr_pb2.IssueEmploymentCodeRequest(source_system=source_system, external_id=external_id)
        return await services.profiles.IssueEmploymentCode(request)


async def _replay(session: Session, reasons: frozenset[str], *, dry_run: bool) -> list[Rejection]:
    from careweave.wiring import open_events

    log = await open_events(session.settings)
    try:
        found = [each for each in await read_rejections(log) if not reasons or each.reason in reasons]
        if not dry_run:
            await put_back(log, [each for each in found if each.is_whole], datetime.now(UTC))
        return found
    finally:
        await log.close()
