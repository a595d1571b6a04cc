"""Which shard answers an RPC of MatchingService."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from careweave_matching.review_store import owner_of

PersonOf = Callable[[Any], str]
"""Request → `people/…`."""

AT_HOME: Final[Mapping[str, PersonOf]] = {
    **dict.fromkeys(
        ("FindOpportunities", "ExplainMatch", "FindSkillGains", "PlanPathways", "WatchOpportunities"),
        lambda request: str(request.person),
    ),
    "RequestReview": lambda request: str(request.parent),
    **dict.fromkeys(
        ("GetReview", "StartReview", "ExtendReview", "AnswerReview", "WithdrawReview"),
        lambda request: owner_of(request.name),
    ),
}
"""Answered by the shard that the person lives in."""

ANYWHERE: Final = frozenset((
    "CreateOpportunity", "GetOpportunity", "ListOpportunities", "UpdateOpportunity", "CloseOpportunity",
    "BatchCreateOpportunities", "FindCandidates", "ExpressInterest", "RecordOutcome", "ListApplications", "GetDecision",
    "ReplayDecision", "ListDecisions", "ListReviews", "GetSafeguards", "ExportPerson", "ApplyRetention",
))  # fmt: skip
"""Answered alike by any: from graph and event log, or by a shard that asks the others itself."""

EVERYWHERE: Final = frozenset(("RankEveryone",))
"""Answered by all, each for who lives there; the front puts the answers together."""

NOWHERE: Final[Mapping[str, str]] = {
    **dict.fromkeys(("GetIndexStatus", "RebuildIndex"), "is about one process; ask each shard at its own address"),
    **dict.fromkeys(("FindShardOpportunities", "FindShardCandidates"), "is asked by one shard of another"),
}
"""Refused by the front, and why."""
