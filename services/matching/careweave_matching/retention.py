"""How long what matching holds on people is kept, and the deletion of what is past it.

What is not named here goes with the person, or when the opportunity closes.
"""

from datetime import datetime
from typing import Final

from careweave.config import Settings
from careweave.graph.port import Graph
from careweave.policy import Action, Caller, authorise
from careweave.retention import rule_of
from careweave.v1.common_pb2 import AppliedRetention, ApplyRetentionRequest, ApplyRetentionResponse
from careweave_matching import earlier, review_store
from careweave_matching.ports import Ports
from careweave_matching.reviewing import months_after

REVIEWS_KEPT_YEARS: Final = 6
"""How long a review is kept after it was answered or taken back: as long as a claim about it can be brought. Limitation
Act 1980: section 2 (tort), section 5 (simple contract), section 9 (sums recoverable by statute, such as compensation
under UK GDPR Article 82) each say six years. Open ones are kept."""


async def drop_past_reviews(graph: Graph, now: datetime) -> int:
    """Delete reviews that are past `REVIEWS_KEPT_YEARS`; returns how many."""
    async with graph.unit_of_work() as unit:
        return await review_store.drop_closed_before(unit, _reviews_before(now))


async def apply_retention(ports: Ports, caller: Caller, request: ApplyRetentionRequest) -> ApplyRetentionResponse:
    """Remove what is older than its rule, or say how much is.

    Raises:
        Forbidden: `caller` may not. Unavailable: the graph does not answer.
    """
    authorise(caller, Action.APPLY_RETENTION)
    return await apply_rules(ports, dry=request.validate_only)


async def apply_rules(ports: Ports, *, dry: bool = False) -> ApplyRetentionResponse:
    """Do as `apply_retention`, for the service itself."""
    now = ports.clock()
    if dry:
        removed = len(await review_store.closed_before(ports.graph, _reviews_before(now)))
    else:
        removed = await drop_past_reviews(ports.graph, now)
    rule = rule_of("reviews", Settings())
    applied = [AppliedRetention(kind=rule.kind, title=rule.holds, removed=removed)]
    if ports.decisions_kept is not None:
        old = await earlier.drop_opportunities(ports.graph, now - ports.decisions_kept, dry=dry)
        title = "earlier versions of opportunities, which are about nobody"
        applied.append(AppliedRetention(kind="opportunity-versions", title=title, removed=old))
    return ApplyRetentionResponse(applied=applied)


def _reviews_before(now: datetime) -> datetime:
    return months_after(now, -12 * REVIEWS_KEPT_YEARS)
