"""What `careweave hr` prints: counts, errors by row and column, and what is set aside."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Final

from rich.table import Table

from careweave_cli.hr.rejected import Rejection
from careweave_cli.hr.table import RowError
from careweave_cli.show.words import plural

MOST_SHOWN: Final = 50


def errors_table(errors: Sequence[RowError]) -> Table:
    """Return the first errors, one a line."""
    table = _table("Row", "Column", "What to do")
    for error in errors[:MOST_SHOWN]:
        table.add_row(str(error.row), error.column, error.problem)
    if len(errors) > MOST_SHOWN:
        table.add_row("…", "", f"and {len(errors) - MOST_SHOWN:,} more; --json lists all")
    return table


def counts(outcomes: Counter[str]) -> str:
    """Return how many updates had which outcome, in one line."""
    said = [f"{outcomes[name]:,} {name}" for name in ("applied", "duplicate", "stale", "rejected") if outcomes[name]]
    return f"{plural(outcomes.total(), 'update')}: {', '.join(said) or 'none'}."


def as_json(outcomes: Counter[str], errors: Sequence[RowError]) -> str:
    """Return both as one JSON object."""
    listed = [{"row": each.row, "column": each.column, "problem": each.problem} for each in errors]
    return json.dumps({"outcomes": dict(outcomes), "errors": listed}, ensure_ascii=False)


def rejections_table(rejections: Sequence[Rejection]) -> Table:
    """Return what is set aside, one a line; nothing of what it says of a person."""
    table = _table("Place", "Reason", "Why")
    for each in rejections[:MOST_SHOWN]:
        place = f"{each.rejected.topic} {each.rejected.partition}/{each.rejected.offset}"
        table.add_row(place, each.reason, each.rejected.status.message)
    return table


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
