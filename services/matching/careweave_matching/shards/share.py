"""What of an installation one process holds, as its settings say."""

from dataclasses import dataclass

from careweave.config import Settings
from careweave.errors import InvalidArgument
from careweave_matching.geography import Geography
from careweave_matching.shards.plan import Plan, read_plan
from careweave_matching.shards.territory import Territory


@dataclass(frozen=True, slots=True)
class Share:
    """The shard of number `own` of a plan."""

    plan: Plan
    own: int

    def territory(self, geography: Geography) -> Territory:
        """Return what it holds over `geography`."""
        return Territory(self.plan, self.own, geography)


def share_of(settings: Settings) -> Share | None:
    """Return the share of a process that serves matching; None if it holds everything.

    Raises:
        InvalidArgument: the settings cannot be used, or do not say which shard it is.
    """
    if not settings.shards and not settings.shard:
        return None
    plan = plan_of(settings)
    if not settings.shard:
        raise InvalidArgument(
            "CAREWEAVE_SHARDS shares matching out: set CAREWEAVE_SHARD to the one that this process is, or serve "
            "matching-front.",
            reason="SHARD_MISSING",
        )
    return Share(plan, plan.number(settings.shard))


def plan_of(settings: Settings) -> Plan:
    """Return the plan of the settings.

    Raises:
        InvalidArgument: there is none, or it cannot be used.
    """
    if not settings.shards:
        raise InvalidArgument(
            "CAREWEAVE_SHARDS is empty: say which shards there are, for example "
            "north=north-west-england+scotland@matching-north:50051,rest=*@matching-rest:50051.",
            reason="SHARDS_MISSING",
        )
    return read_plan(settings.shards)
