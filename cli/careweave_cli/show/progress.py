"""What is going on, on standard error, so that results can be piped."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from careweave_cli.show.console import ERR

Report: TypeAlias = Callable[[str, int, int], None]
"""Called with an activity in words, the units done in it, and the units in all (0 if not known)."""


@contextmanager
def waiting(words: str) -> Iterator[None]:
    """Show `words` with a spinner while the block runs; nothing where nobody watches."""
    if not ERR.is_terminal:
        yield
        return
    with ERR.status(words):
        yield


@contextmanager
def reporting() -> Iterator[Report]:
    """Yield what shows activities as they go: bars on a terminal, a line for each elsewhere."""
    if ERR.is_terminal:
        with _bars() as bars:
            yield _on_bars(bars)
    else:
        yield _on_lines()


def _bars() -> Progress:
    return Progress(
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=ERR,
    )


def _on_bars(bars: Progress) -> Report:
    shown: dict[str, TaskID] = {}

    def report(activity: str, done: int, total: int) -> None:
        if activity not in shown:
            shown[activity] = bars.add_task(activity, total=total or None)
        bars.update(shown[activity], completed=done, total=total or None)

    return report


def _on_lines() -> Report:
    begun: set[str] = set()

    def report(activity: str, done: int, total: int) -> None:
        if activity not in begun:
            begun.add(activity)
            ERR.print(activity)
        elif total and done >= total and f"{activity}, done" not in begun:
            begun.add(f"{activity}, done")
            ERR.print(f"{activity}: {done:,} of {total:,}")

    return report
