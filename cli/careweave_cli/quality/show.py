"""Tables of what was measured."""

from collections.abc import Iterator, Mapping
from typing import Final

from rich.table import Table

from careweave_cli.quality.comparison import EVERY, OURS, Comparison, Standing, standings
from careweave_cli.quality.intervals import Interval

_SHOWN: Final[Mapping[str, str]] = {
    "map": "MAP", "ndcg@10": "nDCG@10", "rp@5": "R-precision@5", "mrr": "MRR", "recall@10": "recall@10",
}  # fmt: skip


def comparison_tables(compared: Comparison) -> Iterator[Table]:
    """Yield a table for the whole set, then one for each slice, methods in order of their figure, ours first."""
    for name, methods in standings(compared).items():
        slice_ = "" if name == EVERY else f", {name}"
        yield _table(f"Quality: {compared.name}{slice_}", compared.measure, methods)


def _table(title: str, measure: str, methods: Mapping[str, Standing]) -> Table:
    others = [each for each in _SHOWN if each != measure and each in methods[OURS].figures]
    columns = (f"{_SHOWN[measure]} (95 %)", "Careweave less it (95 %)", *(_SHOWN[each] for each in others))
    queries = f"{methods[OURS].figures['queries']:.0f} queries"
    table = Table("", *columns, title=f"{title} ({queries})", title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    for name in sorted(methods, key=lambda each: (each != OURS, -methods[each].interval.mean)):
        its = methods[name]
        less = "" if name == OURS else _with_bounds(its.ours_less, sign="+")
        rest = (f"{its.figures[each]:.3f}" for each in others)
        table.add_row(name, _with_bounds(its.interval), less, *rest, style="" if name == OURS else "dim")
    return table


def _with_bounds(interval: Interval, sign: str = "") -> str:
    return f"{interval.mean:{sign}.3f} ({interval.low:{sign}.3f} to {interval.high:{sign}.3f})"


def variants_table(what: str, variants: Mapping[str, Mapping[str, float]]) -> Table:
    """Return a table of figures by variant."""
    columns = [column for column in next(iter(variants.values())) if column != "queries"]
    table = Table("", *columns, title=f"Quality: {what}", title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, row in variants.items():
        table.add_row(name, *(f"{row[column]:.3f}" for column in columns))
    return table
