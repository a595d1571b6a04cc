"""The RPCs of MatchingService about decisions, reviews and what is held on a person: protos to use-cases and back."""

from collections.abc import AsyncIterator
from typing import Any, TypeAlias

import grpc
from google.protobuf.message import Message

from careweave.rpc.caller import caller_of
from careweave.rpc.paging import SIZE_FIELD, decode_token, encode_token, page
from careweave.v1 import common_pb2
from careweave.v1 import matching_pb2 as pb
from careweave.v1.matching_pb2_grpc import MatchingServiceServicer
from careweave_matching import exporting, past_decisions, replaying, reviews, safeguards
from careweave_matching.opportunities import Service
from careweave_matching.past_decisions import Page

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]

_LISTED = 50
_MOST_DECISIONS, _MOST_REVIEWS = 100, 1000


class SafeguardsServicer(MatchingServiceServicer):
    """What people can do about rankings.

    token_key: signs page tokens.
    """

    def __init__(self, service: Service, token_key: bytes) -> None:
        """Answer from what `service` works with."""
        self._service = service
        self._token_key = token_key

    async def GetDecision(self, request: pb.GetDecisionRequest, context: Context) -> pb.Decision:
        """Return one ranking as far as it concerns a person."""
        return await past_decisions.get(self._service.ports, caller_of(context), request.name)

    async def ListDecisions(self, request: pb.ListDecisionsRequest, context: Context) -> pb.ListDecisionsResponse:
        """Return a page of the rankings of a person."""
        wanted = Page(*self._page(request, _MOST_DECISIONS))
        found, place = await past_decisions.list_some(self._service.ports, caller_of(context), request, wanted)
        return pb.ListDecisionsResponse(decisions=found, next_page_token=self._token(request, place))

    async def ReplayDecision(self, request: pb.ReplayDecisionRequest, context: Context) -> pb.DecisionReplay:
        """Make a ranking again and compare."""
        return await replaying.replay(self._service, caller_of(context), request.name)

    async def RequestReview(self, request: pb.RequestReviewRequest, context: Context) -> pb.DecisionReview:
        """Take in what a person asks."""
        return await reviews.request_review(self._service, caller_of(context), request)

    async def GetReview(self, request: pb.GetReviewRequest, context: Context) -> pb.DecisionReview:
        """Return one review."""
        return await reviews.get(self._service, caller_of(context), request.name)

    async def ListReviews(self, request: pb.ListReviewsRequest, context: Context) -> pb.ListReviewsResponse:
        """Return a page of reviews."""
        wanted = Page(*self._page(request, _MOST_REVIEWS))
        found, place = await reviews.list_some(self._service, caller_of(context), request, wanted)
        return pb.ListReviewsResponse(reviews=found, next_page_token=self._token(request, place))

    async def StartReview(self, request: pb.StartReviewRequest, context: Context) -> pb.DecisionReview:
        """Note that a human looks."""
        return await reviews.start(self._service, caller_of(context), request)

    async def ExtendReview(self, request: pb.ExtendReviewRequest, context: Context) -> pb.DecisionReview:
        """Give a review two further months."""
        return await reviews.extend(self._service, caller_of(context), request)

    async def AnswerReview(self, request: pb.AnswerReviewRequest, context: Context) -> pb.DecisionReview:
        """Record what a human has decided."""
        return await reviews.answer(self._service, caller_of(context), request)

    async def WithdrawReview(self, request: pb.WithdrawReviewRequest, context: Context) -> pb.DecisionReview:
        """Take a review back."""
        return await reviews.withdraw(self._service, caller_of(context), request.name)

    async def GetSafeguards(self, request: pb.GetSafeguardsRequest, context: Context) -> pb.Safeguards:
        """Say what a ranking does and does not decide."""
        del request
        return await safeguards.get(self._service.model, caller_of(context))

    async def ExportPerson(
        self, request: common_pb2.ExportPersonRequest, context: Context
    ) -> AsyncIterator[common_pb2.PersonSection]:
        """Return all that is held here about a person."""
        async for section in exporting.export(self._service.ports, caller_of(context), request.name):
            yield section

    def _page(self, request: Message, most: int) -> tuple[str, int]:
        return decode_token(self._token_key, request), page(request, SIZE_FIELD, _LISTED, most)

    def _token(self, request: Message, place: str) -> str:
        return encode_token(self._token_key, request, place) if place else ""
