"""Telling what happens, step by step, with the time each step took."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table


@dataclass(slots=True)
class Story:
    """What has been told so far.

    out: where it is told.
    clock: seconds from any start.
    """

    out: Console
    clock: Callable[[], float] = time.monotonic
    taken: list[tuple[str, float]] = field(default_factory=list)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Tell that a step begins, and afterwards how long it took."""
        self.out.print(f"[bold]{len(self.taken) + 1}. {title}[/bold]")
        begun = self.clock()
        yield
        seconds = self.clock() - begun
        self.taken.append((title, seconds))
        self.tell(f"[dim]{seconds:.1f} s[/dim]")
        self.out.print()

    def tell(self, what: RenderableType) -> None:
        """Tell something within a step."""
        self.out.print(Padding(what, (0, 0, 0, 3)))

    def times(self) -> Table:
        """Return the steps with the time each took, and the sum."""
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column()
        table.add_column(justify="right")
        for title, seconds in self.taken:
            table.add_row(title, f"{seconds:.1f} s")
        table.add_row("in all", f"{sum(seconds for _, seconds in self.taken):.1f} s", style="bold")
        return table
