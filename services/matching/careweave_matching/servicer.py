"""The MatchingService over gRPC: requests to use-cases, results to replies, and nothing else."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any, TypeAlias

import grpc

from careweave.errors import InvalidArgument
from careweave.rpc.caller import caller_of
from careweave.rpc.paging import SIZE_FIELD, decode_token, page
from careweave.v1 import common_pb2, pathways_pb2
from careweave.v1 import matching_pb2 as pb
from careweave_matching import (
    applications,
    gains,
    index_status,
    opportunities,
    ranking,
    replaying,
    retention,
    whole_place,
    wire,
)
from careweave_matching.applying import Application
from careweave_matching.decisions import Decisions
from careweave_matching.following import ReadModel
from careweave_matching.messages import match_message, time_message
from careweave_matching.model import Pair
from careweave_matching.pair import Match
from careweave_matching.pathways.messages import plan_message, read_wanted
from careweave_matching.pathways.plans import Careers, plan_pathways
from careweave_matching.ports import Ports
from careweave_matching.ranking import Wanted
from careweave_matching.servicer_safeguards import SafeguardsServicer
from careweave_matching.shards import spanning
from careweave_matching.terms import Stage
from careweave_matching.watch import watch

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]
_Ranking: TypeAlias = pb.FindOpportunitiesRequest | pb.FindCandidatesRequest

_RANKED, _MOST_RANKED = 20, 100
_MOST_LISTED = 1000
_LISTED_OF_EACH, _MOST_LISTED_OF_EACH = 5, 20


class MatchingServicer(SafeguardsServicer):
    """Answers the RPCs of MatchingService; those about decisions and reviews are its base's."""

    def __init__(
        self, ports: Ports, model: ReadModel, decisions: Decisions, token_key: bytes, careers: Careers | None = None
    ) -> None:
        """Answer from `ports` and `model`; record in `decisions`. token_key: signs page tokens.

        careers: what pathways are planned on; made when it is first asked for if none is given.
        """
        super().__init__(opportunities.Service(ports, model), token_key)
        self._replica = ports.new_id()
        self._ports = ports
        self._model = model
        self._decisions = decisions
        self._careers = careers or Careers(ports.graph)

    async def ApplyRetention(
        self, request: common_pb2.ApplyRetentionRequest, context: Context
    ) -> common_pb2.ApplyRetentionResponse:
        """Remove what is older than its rule."""
        return await retention.apply_retention(self._ports, caller_of(context), request)

    async def CreateOpportunity(self, request: pb.CreateOpportunityRequest, context: Context) -> pb.Opportunity:
        """Publish an opportunity."""
        return await opportunities.create(self._service, caller_of(context), request)

    async def BatchCreateOpportunities(
        self, request: pb.BatchCreateOpportunitiesRequest, context: Context
    ) -> pb.BatchCreateOpportunitiesResponse:
        """Publish many opportunities."""
        return await opportunities.batch_create(self._service, caller_of(context), request)

    async def GetOpportunity(self, request: pb.GetOpportunityRequest, context: Context) -> pb.Opportunity:
        """Return an opportunity."""
        return await opportunities.get(self._service, caller_of(context), request.name)

    async def ListOpportunities(
        self, request: pb.ListOpportunitiesRequest, context: Context
    ) -> pb.ListOpportunitiesResponse:
        """Return a page of opportunities."""
        after, limit = self._page(request, _MOST_LISTED)
        found, place = await opportunities.list_some(self._service, caller_of(context), request, after, limit)
        return pb.ListOpportunitiesResponse(opportunities=found, next_page_token=self._token(request, place))

    async def UpdateOpportunity(self, request: pb.UpdateOpportunityRequest, context: Context) -> pb.Opportunity:
        """Change an opportunity."""
        return await opportunities.update(self._service, caller_of(context), request)

    async def CloseOpportunity(self, request: pb.CloseOpportunityRequest, context: Context) -> pb.Opportunity:
        """Close an opportunity."""
        return await opportunities.close(self._service, caller_of(context), request)

    async def find_opportunities(self, request: pb.FindOpportunitiesRequest, context: Context) -> bytes:
        """Rank opportunities for a person; the reply comes in the wire format."""
        wanted = self._wanted_list(request)
        found = await ranking.find_opportunities(
            self._model, self._decisions, caller_of(context), request.person, wanted
        )
        place = str(wanted.offset + found.shown) if found.more else ""
        ending = (
            wire.text(2, self._token(request, place)),
            wire.text(3, found.decision),
            wire.integer(4, found.total),
        )
        return b"".join((found.matches, *ending))

    async def FindOpportunities(
        self, request: pb.FindOpportunitiesRequest, context: Context
    ) -> pb.FindOpportunitiesResponse:
        """Rank opportunities for a person."""
        return pb.FindOpportunitiesResponse.FromString(await self.find_opportunities(request, context))

    async def FindCandidates(self, request: pb.FindCandidatesRequest, context: Context) -> pb.FindCandidatesResponse:
        """Rank people for an opportunity."""
        wanted = self._wanted(request)
        found = await ranking.find_candidates(
            self._model, self._decisions, caller_of(context), request.opportunity, wanted
        )
        place = str(wanted.offset + len(found.candidates)) if found.more else ""
        return pb.FindCandidatesResponse(
            candidates=[
                pb.Candidate(person=each.person, display_name=each.display_name, match=self._match(each.match))
                for each in found.candidates
            ],
            next_page_token=self._token(request, place),
            decision=found.decision,
            total_size=found.total,
        )

    async def RankEveryone(
        self, request: pb.RankEveryoneRequest, context: Context
    ) -> AsyncIterator[pb.RankEveryoneResponse]:
        """Rank opportunities for everyone."""
        async for some in self._ranked_for_everyone(request, context):
            yield some

    async def _ranked_for_everyone(
        self,
        request: pb.RankEveryoneRequest,
        context: Context,
        roaming: Callable[[int], whole_place.Roaming] | None = None,
    ) -> AsyncIterator[pb.RankEveryoneResponse]:
        """Rank for everyone. roaming: how many are wanted → what ranks for those who roam."""
        wanted = min(request.top or _LISTED_OF_EACH, _MOST_LISTED_OF_EACH)
        beyond = roaming(wanted) if roaming else None
        async for some in whole_place.rank_whole_place(
            self._model, self._decisions, caller_of(context), wanted, beyond
        ):
            yield pb.RankEveryoneResponse(people=[_person_list(each) for each in some.lists], total_size=some.people)

    async def FindShardOpportunities(
        self, request: pb.FindShardOpportunitiesRequest, context: Context
    ) -> pb.FindOpportunitiesResponse:
        """Rank what this shard owns for somebody who lives in another."""
        wanted = replace(self._wanted_list(request.request, paged=False), size=request.first)
        return await spanning.answer_for_list(self._model, caller_of(context), request, wanted)

    async def FindShardCandidates(
        self, request: pb.FindShardCandidatesRequest, context: Context
    ) -> pb.FindCandidatesResponse:
        """Rank who lives here for an opportunity, wherever it is."""
        asked = request.request
        wanted = Wanted(0, request.first, ineligible=asked.include_ineligible, full=asked.view != pb.MATCH_VIEW_BASIC)
        return await spanning.answer_for_candidates(self._model, caller_of(context), request, wanted)

    async def ExplainMatch(self, request: pb.ExplainMatchRequest, context: Context) -> pb.Match:
        """Explain one pair."""
        caller = caller_of(context)
        if request.decision:
            return self._match(await replaying.explain(self._service, caller, request))
        match = await ranking.explain_match(self._model, caller, Pair(request.person, request.opportunity))
        return self._match(match, own=caller.role not in ranking.EMPLOYER_ROLES)

    async def FindSkillGains(self, request: pb.FindSkillGainsRequest, context: Context) -> pb.SkillGains:
        """Say what would change a ranking."""
        return await gains.find_skill_gains(self._model, caller_of(context), request)

    async def PlanPathways(
        self, request: pathways_pb2.PlanPathwaysRequest, context: Context
    ) -> pathways_pb2.PlanPathwaysResponse:
        """Plan routes for a person."""
        wanted = read_wanted(request)
        plan = await plan_pathways(self._careers, self._model, self._decisions, caller_of(context), wanted)
        return plan_message(plan, self._model.index.organisation_title)

    async def WatchOpportunities(
        self, request: pb.WatchOpportunitiesRequest, context: Context
    ) -> AsyncIterator[pb.WatchOpportunitiesResponse]:
        """Tell of opportunities that fit."""
        caller = caller_of(context)
        async for seen in watch(self._ports, self._model, caller, request.person, request.minimum_score):
            if seen is None:
                yield pb.WatchOpportunitiesResponse()
            else:
                yield pb.WatchOpportunitiesResponse(
                    match=self._match(seen.match, own=True), event_time=time_message(seen.at)
                )

    async def ExpressInterest(self, request: pb.ExpressInterestRequest, context: Context) -> pb.Application:
        """Record interest."""
        return self._advanced(
            await applications.express_interest(
                self._ports, caller_of(context), Pair(request.person, request.opportunity), request.comment
            )
        )

    async def RecordOutcome(self, request: pb.RecordOutcomeRequest, context: Context) -> pb.Application:
        """Record an outcome."""
        return self._advanced(
            await applications.record_outcome(
                self._ports,
                caller_of(context),
                Pair(request.person, request.opportunity),
                Stage(request.stage),
                request.comment,
            )
        )

    async def ListApplications(
        self, request: pb.ListApplicationsRequest, context: Context
    ) -> pb.ListApplicationsResponse:
        """Return a page of applications."""
        after, limit = self._page(request, _MOST_LISTED)
        parent = Pair(request.person, request.opportunity)
        found, place = await applications.list_applications(self._ports, caller_of(context), parent, after, limit)
        return pb.ListApplicationsResponse(
            applications=[_application(each) for each in found], next_page_token=self._token(request, place)
        )

    async def GetIndexStatus(self, request: pb.GetIndexStatusRequest, context: Context) -> pb.IndexStatus:
        """Say how the index stands."""
        del request
        return await index_status.get(self._model, caller_of(context), self._replica)

    async def RebuildIndex(
        self, request: pb.RebuildIndexRequest, context: Context
    ) -> AsyncIterator[pb.RebuildIndexResponse]:
        """Build the index from nothing."""
        del request
        async for step in index_status.rebuild(self._model, caller_of(context), self._replica):
            yield step

    def _advanced(self, application: Application) -> pb.Application:
        self._model.take_application(application)
        return _application(application)

    def _match(self, match: Match, *, own: bool = False) -> pb.Match:
        index, opportunity = self._model.index, match.entry.opportunity
        stage = index.applied.of(match.person).get(opportunity.name, 0) if own else 0
        return match_message(match, index.organisation_title(opportunity.organisation), stage)

    def _wanted_list(self, request: pb.FindOpportunitiesRequest, *, paged: bool = True) -> Wanted:
        wanted = self._wanted(request) if paged else _unpaged(request)
        if request.kinds or request.maximum_per_organisation or request.include_dismissed or request.exclude_applied:
            wanted = replace(
                wanted,
                kinds=frozenset(request.kinds),
                per_organisation=request.maximum_per_organisation,
                dismissed=request.include_dismissed,
                applied=not request.exclude_applied,
            )
        return wanted

    def _wanted(self, request: _Ranking) -> Wanted:
        place = decode_token(self._token_key, request)
        return Wanted(
            offset=_offset(place),
            size=page(request, SIZE_FIELD, _RANKED, _MOST_RANKED),
            ineligible=request.include_ineligible,
            full=request.view != pb.MATCH_VIEW_BASIC,
        )


def _unpaged(request: _Ranking) -> Wanted:
    """Return what is wanted from the beginning on; how much, the caller knows."""
    return Wanted(0, 0, ineligible=request.include_ineligible, full=request.view != pb.MATCH_VIEW_BASIC)


def _offset(place: str) -> int:
    if place and not place.isdecimal():
        raise InvalidArgument("page_token does not belong to this request.", reason="PAGE_TOKEN_INVALID")
    return int(place or 0)


def _person_list(found: whole_place.PersonList) -> pb.PersonList:
    return pb.PersonList(
        person=found.person,
        lines=[
            pb.ListedOpportunity(opportunity=line.opportunity, score=line.score, suitability=line.suitability)
            for line in found.lines
        ],
        total_size=found.total,
        decision=found.decision,
    )


def _application(application: Application) -> pb.Application:
    return pb.Application(
        person=application.person,
        opportunity=application.opportunity,
        stage=int(application.stage),  # type: ignore[arg-type]  # numbers of terms.py are the proto's
        steps=[
            pb.ApplicationStep(
                stage=int(step.stage),  # type: ignore[arg-type]
                step_time=time_message(step.at),
                comment=step.comment,
            )
            for step in application.steps
        ],
    )
