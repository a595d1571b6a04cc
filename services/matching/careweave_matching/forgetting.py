"""Forgetting whom profiles has erased: what of a person hangs on no relationship of theirs any more.

Applications, alerts and vectors of aspirations are relationships of the person and go in the transaction that erases
them. Reviews are nodes: out of reach from that moment on, deleted here when the tombstone comes.
"""

from collections.abc import Sequence
from functools import partial
from typing import Final

from careweave.events.port import Delivered, Topic
from careweave.patience import patiently
from careweave_matching import review_store
from careweave_matching.ports import Ports

GROUP: Final = "matching.forgetting"


async def forget_the_erased(ports: Ports) -> None:
    """Delete what is left of the erased as tombstones come, until cancelled; go on where a store does not answer."""

    async def handle(batch: Sequence[Delivered]) -> None:
        erased = sorted({each.event.key for each in batch if each.event.payload is None})
        if erased:
            async with ports.graph.unit_of_work() as unit:
                await review_store.forget(unit, erased)

    await patiently(partial(ports.events.consume, [Topic.PROFILES], GROUP, handle), "forgetting the erased")
