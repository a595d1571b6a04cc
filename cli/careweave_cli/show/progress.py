"""What is going on, on standard error, so that results can be piped."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeAlias

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from careweave_cli.show.console import ERR

Report: TypeAlias = Callable[[str, int, int], None]
"""Called with an activity in words, the units done in it, and the units in all (0 if not known)."""


_SECONDS_BETWEEN_LINES: Final = 5.0


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
    """Yield what shows activities as they go: bars on a terminal, now and then a line elsewhere.

    What stands before a colon, as in "ESCO: writing skills", names the bar; the rest says what is going on.
    """
    if ERR.is_terminal:
        with _bars() as bars:
            yield _on_bars(bars)
    else:
        yield _on_lines(time.monotonic)


def _bars() -> Progress:
    return Progress(
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=ERR,
        transient=True,
    )


def _on_bars(bars: Progress) -> Report:
    shown: dict[str, TaskID] = {}

    def report(activity: str, done: int, total: int) -> None:
        name = activity.partition(": ")[0]
        if name not in shown:
            for earlier in bars.tasks:
                bars.update(earlier.id, total=earlier.total or 1, completed=earlier.total or 1)
            shown[name] = bars.add_task(activity)
        bars.update(shown[name], description=activity, completed=done, total=total or None)

    return report


def _on_lines(clock: Callable[[], float]) -> Report:
    last: list[float] = []

    def report(activity: str, done: int, total: int) -> None:
        if last and clock() - last[-1] < _SECONDS_BETWEEN_LINES:
            return
        last[:] = [clock()]
        count = f" ({done:,} of {total:,})" if total else ""
        ERR.print(f"{activity}{count}", style="dim", soft_wrap=True)

    return report
