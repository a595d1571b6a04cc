"""How long what matching holds on people is kept, and the deletion of what is past it.

What is not named here goes with the person, or when the opportunity closes.
"""

import asyncio
import logging
from datetime import datetime, timedelta
from typing import Final

from careweave.errors import CareweaveError
from careweave.graph.port import Graph
from careweave_matching import review_store
from careweave_matching.ports import Ports
from careweave_matching.reviewing import months_after

_LOG: Final = logging.getLogger(__name__)
_FIRST_SECONDS: Final = 60.0
_DAY_SECONDS: Final = 86_400.0
REVIEWS_KEPT_YEARS: Final = 6
"""How long a review is kept after it was answered or taken back: as long as a claim about it can be brought. Limitation
Act 1980: section 2 (tort), section 5 (simple contract), section 9 (sums recoverable by statute, such as compensation
under UK GDPR Article 82) each say six years. Open ones are kept."""
DECISIONS_KEPT: Final = timedelta(days=365)
"""How long the record of a ranking is needed: a claim of discrimination must be brought within months of what it is
about (Equality Act 2010 section 123: three, to become six under the Employment Rights Act 2025) after conciliation,
and is known to an employer well within the year. Set the topic's retention to no less."""


async def drop_past_reviews(graph: Graph, now: datetime) -> int:
    """Delete reviews that are past `REVIEWS_KEPT_YEARS`; returns how many."""
    async with graph.unit_of_work() as unit:
        return await review_store.drop_closed_before(unit, months_after(now, -12 * REVIEWS_KEPT_YEARS))


async def keep_to_rules(ports: Ports) -> None:
    """Delete what is past its time a minute after the start, and then daily, until cancelled."""
    await asyncio.sleep(_FIRST_SECONDS)
    while True:
        try:
            removed = await drop_past_reviews(ports.graph, ports.clock())
        except CareweaveError:
            _LOG.warning("old reviews could not be deleted; trying again tomorrow", exc_info=True)
        else:
            _LOG.info("retention rules were applied", extra={"removed": {"reviews": removed}})
        await asyncio.sleep(_DAY_SECONDS)
