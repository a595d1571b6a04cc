"""What an import loaded, what it left out and why."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from careweave.v1.skills_pb2 import DroppedRows, ImportSummary
from careweave_cli.loading import TITLES


def imported(summaries: Sequence[ImportSummary]) -> RenderableType:
    """Return one line for each source, and below them what was left out."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in ("Source", "Loaded", "Left out", "Time"):
        table.add_column(heading)
    for summary in summaries:
        table.add_row(
            TITLES.get(summary.source, str(summary.source)),
            "was there already" if summary.unchanged else _loaded(summary),
            f"{sum(rows.count for rows in summary.dropped):,}",
            f"{summary.seconds:.1f} s",
        )
    dropped = [_left_out(rows) for summary in summaries if not summary.unchanged for rows in summary.dropped]
    return Group(table, "", Text("Left out", style="bold"), *dropped) if dropped else table


def _loaded(summary: ImportSummary) -> str:
    return ", ".join(f"{count:,} {kind}" for kind, count in sorted(summary.loaded.items(), key=lambda kind: -kind[1]))


def _left_out(rows: DroppedRows) -> Text:
    example = f", for example {rows.examples[0]}" if rows.examples else ""
    return Text(escape(f"  {rows.file}: {rows.count:,} · {rows.reason}{example}"))
