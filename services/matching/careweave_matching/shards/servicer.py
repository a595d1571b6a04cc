"""The MatchingService of one shard: it answers for who lives here, and for everybody together with its peers.

Who lives elsewhere is not looked up here: the answer names their shard, and the front asks there. That comes before the
policy is asked, so shards are reached by the front and by services alone; see docs/operators.md.
"""

from collections.abc import AsyncIterator

from careweave.errors import FailedPrecondition
from careweave.policy import Action, Resource, authorise
from careweave.rpc.caller import caller_of
from careweave.v1 import matching_pb2 as pb
from careweave.v1 import pathways_pb2
from careweave_matching.decisions import Decisions
from careweave_matching.following import ReadModel
from careweave_matching.pathways.plans import Careers
from careweave_matching.ports import Ports
from careweave_matching.review_store import owner_of
from careweave_matching.servicer import Context, MatchingServicer
from careweave_matching.shards import spanning
from careweave_matching.shards.spanning import Joint, Peers


class ShardServicer(MatchingServicer):
    """Answers the RPCs of MatchingService for one shard."""

    def __init__(
        self,
        ports: Ports,
        model: ReadModel,
        decisions: Decisions,
        token_key: bytes,
        careers: Careers,
        *,
        peers: Peers,
    ) -> None:
        """Answer from `ports` and `model`, and with `peers` what goes beyond them."""
        super().__init__(ports, model, decisions, token_key, careers)
        self._joint = Joint(model, decisions, peers)

    async def find_opportunities(self, request: pb.FindOpportunitiesRequest, context: Context) -> bytes:
        """Rank opportunities for a person who lives here; the reply comes in the wire format."""
        await self._at_home(request.person)
        if not request.include_ineligible and not self._roams(request.person):
            return await super().find_opportunities(request, context)
        wanted = self._wanted_list(request)
        found = await spanning.find_everywhere(self._joint, caller_of(context), request, wanted)
        place = str(wanted.offset + len(found.matches)) if found.more else ""
        return pb.FindOpportunitiesResponse(
            matches=found.matches,
            next_page_token=self._token(request, place),
            decision=found.decision,
            total_size=found.total,
        ).SerializeToString()

    async def FindCandidates(self, request: pb.FindCandidatesRequest, context: Context) -> pb.FindCandidatesResponse:
        """Rank people of all shards for an opportunity."""
        reply = await spanning.find_candidates_everywhere(
            self._joint, caller_of(context), request, self._wanted(request)
        )
        reply.next_page_token = self._token(request, reply.next_page_token)
        return reply

    async def RankEveryone(
        self, request: pb.RankEveryoneRequest, context: Context
    ) -> AsyncIterator[pb.RankEveryoneResponse]:
        """Rank opportunities for everyone who lives here."""
        async for some in self._ranked_for_everyone(
            request, context, lambda wanted: spanning.roaming_lists(self._joint, wanted)
        ):
            yield some

    async def ExplainMatch(self, request: pb.ExplainMatchRequest, context: Context) -> pb.Match:
        """Explain one pair whose person lives here."""
        await self._at_home(request.person)
        await self._model.set_aside(request.opportunity)
        return await super().ExplainMatch(request, context)

    async def FindSkillGains(self, request: pb.FindSkillGainsRequest, context: Context) -> pb.SkillGains:
        """Say what would change a ranking of somebody who lives here, and to whom nothing farther away is open."""
        await self._at_home(request.person)
        self._require_settled(request.person, Action.FIND_SKILL_GAINS, context)
        await self._model.set_aside(request.opportunity)
        return await super().FindSkillGains(request, context)

    async def PlanPathways(
        self, request: pathways_pb2.PlanPathwaysRequest, context: Context
    ) -> pathways_pb2.PlanPathwaysResponse:
        """Plan routes for somebody who lives here, and to whom nothing farther away is open."""
        await self._at_home(request.person)
        self._require_settled(request.person, Action.PLAN_PATHWAYS, context)
        return await super().PlanPathways(request, context)

    async def WatchOpportunities(
        self, request: pb.WatchOpportunitiesRequest, context: Context
    ) -> AsyncIterator[pb.WatchOpportunitiesResponse]:
        """Tell of opportunities that fit somebody who lives here, wherever they are."""
        await self._at_home(request.person)
        async for seen in super().WatchOpportunities(request, context):
            yield seen

    async def RequestReview(self, request: pb.RequestReviewRequest, context: Context) -> pb.DecisionReview:
        """Take in what somebody asks who lives here."""
        await self._at_home(request.parent)
        await self._model.set_aside(request.review.opportunity)
        return await super().RequestReview(request, context)

    async def GetReview(self, request: pb.GetReviewRequest, context: Context) -> pb.DecisionReview:
        """Return one review."""
        await self._at_home(owner_of(request.name))
        return await super().GetReview(request, context)

    async def StartReview(self, request: pb.StartReviewRequest, context: Context) -> pb.DecisionReview:
        """Note that a human looks."""
        await self._at_home(owner_of(request.name))
        return await super().StartReview(request, context)

    async def ExtendReview(self, request: pb.ExtendReviewRequest, context: Context) -> pb.DecisionReview:
        """Give a review two further months."""
        await self._at_home(owner_of(request.name))
        return await super().ExtendReview(request, context)

    async def AnswerReview(self, request: pb.AnswerReviewRequest, context: Context) -> pb.DecisionReview:
        """Record what a human has decided."""
        await self._at_home(owner_of(request.name))
        return await super().AnswerReview(request, context)

    async def WithdrawReview(self, request: pb.WithdrawReviewRequest, context: Context) -> pb.DecisionReview:
        """Take a review back."""
        await self._at_home(owner_of(request.name))
        return await super().WithdrawReview(request, context)

    async def _at_home(self, person: str) -> None:
        """Return if `person` lives here, or nowhere.

        Raises:
            FailedPrecondition: they live in another shard, which it names. Unavailable: no index yet.
        """
        if self._model.index.person(person, self._model.today()) is None:
            shard = await self._model.home_elsewhere(person)
            if shard is not None:
                raise spanning.elsewhere(person, shard)

    def _roams(self, person: str) -> bool:
        index = self._model.index
        entry = index.person(person, self._model.today())
        return entry is not None and spanning.territory_of(index).roams(entry.person)

    def _require_settled(self, person: str, action: Action, context: Context) -> None:
        """Return if all that is open to `person` is held here.

        Raises:
            FailedPrecondition: more may be open to them. Forbidden: the caller may not ask.
        """
        if self._roams(person):
            authorise(caller_of(context), action, Resource(person=person))
            raise FailedPrecondition(
                f"{person} would travel farther than one shard of this installation reaches, and {action.value} looks "
                "at one; set a shorter longest journey, or ask FindOpportunities, which looks at all.",
                reason="SPANS_SHARDS",
                metadata={"resource": person},
            )
