"""Spreading a list, so that one organisation does not fill it.

Of one organisation at most so many among any `WINDOW` places in a row, as long as another one has something left to
show; each place goes to the best that this allows, and where nothing is allowed, to the best there is. A place depends
only on what stands before it, so pages fit together, and what is shown can be put in order again without what is not.
"""

from collections.abc import Sequence
from typing import Final

WINDOW: Final = 10
"""Places in a row that are looked at together: what is seen of a list at first."""


def spread(owners: Sequence[str], most: int, wanted: int, preceding: Sequence[str] = ()) -> tuple[list[int], bool]:
    """Return which of the candidates, by number, take the first `wanted` places, in order.

    owners: of each candidate its organisation, best candidate first. most: of one organisation in `WINDOW` places, at
    least 1. preceding: owners of the places before the first one.

    Also says whether that is sure: False if a place went to one that the rule does not allow, since then an allowed
    one may come after the candidates given.
    """
    shown = list(preceding)
    left = list(range(len(owners)))
    order: list[int] = []
    sure = True
    while left and len(order) < wanted:
        recent = shown[max(0, len(shown) - WINDOW + 1) :]
        allowed = next((at for at, each in enumerate(left) if recent.count(owners[each]) < most), None)
        sure = sure and allowed is not None
        chosen = left.pop(allowed or 0)
        order.append(chosen)
        shown.append(owners[chosen])
    return order, sure
