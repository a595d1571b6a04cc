"""What an erasure removes and leaves, and what a proof finds, as tables."""

from collections.abc import Iterator, Sequence

from rich.console import Group
from rich.table import Table

from careweave.v1.profiles_pb2 import ErasePersonResponse
from careweave_cli.person.findings import Finding
from careweave_cli.person.sections import Held
from careweave_cli.show.words import plural


def preview(name: str, reply: ErasePersonResponse) -> Group:
    """Return what erasing `name` removes, by kind, and what remains, why and until when."""
    removed = _table("removed", "how many")
    for each in reply.removed:
        removed.add_row(each.title, f"{each.count:,}")
    remaining = _table("remains", "why", "until")
    for left in reply.remaining:
        until = f"{left.remove_time.ToDatetime():%d %B %Y}" if left.HasField("remove_time") else "without end"
        remaining.add_row(left.title, left.reason, until)
    return Group(f"Erasing {name}:\n", removed, "", remaining, "")


def removed_elsewhere(others: Sequence[Held]) -> Iterator[str]:
    """Yield a line for each other service on what it holds and forgets when it hears of the erasure."""
    for each in others:
        if each.silent:
            yield f"{each.service} did not answer ({each.silent}); it forgets the person when it hears of the erasure."
        for section in each.sections:
            if section.rows:
                yield f"{each.service} forgets: {section.title} ({plural(len(section.rows), 'row')})"


def findings_table(found: Sequence[Finding]) -> Table | str:
    """Return where traces were found, of what, how many, and until when by which rule."""
    if not found:
        return "Nothing was found, anywhere."
    table = _table("where", "what", "times", "people", "until", "by the rule")
    for each in found:
        until = f"{each.until:%d %B %Y}" if each.until else ""
        rule = each.rule.kind if each.rule else "[bold red]none[/]"
        what = "names, words" if each.word else "random ids"
        table.add_row(each.place, what, f"{each.times:,}", f"{each.people:,}", until, rule)
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(name, overflow="fold")
    return table
