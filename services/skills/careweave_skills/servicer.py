"""The SkillsService over gRPC: requests to use-cases, results to replies, and nothing else."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final, TypeAlias

import grpc
from google.protobuf.message import Message

from careweave.errors import FieldViolation, Forbidden, InvalidArgument
from careweave.policy import Caller
from careweave.rpc.caller import caller_of
from careweave.rpc.paging import SIZE_FIELD, decode_token, encode_token, page
from careweave.rpc.peers import peer_of
from careweave.v1 import skills_pb2 as pb
from careweave.v1.skills_pb2_grpc import SkillsServiceServicer
from careweave_skills import usecases
from careweave_skills.import_store import ImportSummary, NotedRows
from careweave_skills.importing import Progress
from careweave_skills.knowledge import Knowledge
from careweave_skills.taxonomy import Scheme, Source
from careweave_skills.taxonomy_import import Importer

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]

_LOOPBACK: Final = ("ipv4:127.", "ipv6:[::1]", "ipv6:%5B::1%5D", "unix:")


class SkillsServicer(SkillsServiceServicer):
    """Answers the RPCs of SkillsService.

    token_key: signs page tokens.
    """

    def __init__(self, knowledge: Knowledge, importer: Importer, token_key: bytes) -> None:
        """Answer from `knowledge`, and import by `importer`."""
        self._knowledge = knowledge
        self._importer = importer
        self._token_key = token_key

    async def GetSkill(self, request: pb.GetSkillRequest, context: Context) -> pb.Skill:
        """Return a skill."""
        return await usecases.get_skill(self._knowledge.graph, caller_of(context), request.name)

    async def ListSkills(self, request: pb.ListSkillsRequest, context: Context) -> pb.ListSkillsResponse:
        """Return a page of skills."""
        found, place = await usecases.list_skills(
            self._knowledge.graph,
            caller_of(context),
            self._page(request, 50, 1000),
            Scheme(request.scheme),
            request.collection,
        )
        return pb.ListSkillsResponse(skills=found, next_page_token=self._token(request, place))

    async def SearchSkills(self, request: pb.SearchSkillsRequest, context: Context) -> pb.SearchSkillsResponse:
        """Return a page of the skills that fit a query."""
        found = await usecases.search_skills(
            self._knowledge, caller_of(context), request.query, self._page(request, 20, 100), Scheme(request.scheme)
        )
        return pb.SearchSkillsResponse(
            hits=[
                pb.SkillHit(skill=skill, score=hit.score, matched_label=hit.matched_label) for hit, skill in found.hits
            ],
            next_page_token=self._token(request, found.next_place),
            semantic_coverage=found.semantic_coverage,
        )

    async def ExtractSkills(self, request: pb.ExtractSkillsRequest, context: Context) -> pb.ExtractSkillsResponse:
        """Return the skills that a text speaks of."""
        found = await usecases.extract_skills(
            self._knowledge,
            caller_of(context),
            request.text,
            Scheme(request.scheme) or Scheme.ESCO,
            request.minimum_confidence,
        )
        return pb.ExtractSkillsResponse(
            skills=[
                pb.ExtractedSkill(
                    skill=each.name,
                    label=each.label,
                    span=_span(request.text, each.start, each.end),
                    confidence=each.confidence,
                    method=pb.LinkMethod.ValueType(each.method),
                    mention=pb.SkillMention.ValueType(each.mention),
                    wording=each.wording,
                )
                for each in found.found
            ],
            unmatched=[_span(request.text, each.start, each.end) for each in found.unmatched],
        )

    async def ListRelatedSkills(
        self, request: pb.ListRelatedSkillsRequest, context: Context
    ) -> pb.ListRelatedSkillsResponse:
        """Return a page of the links of a skill."""
        found, place = await usecases.list_related_skills(
            self._knowledge.graph, caller_of(context), request.name, self._page(request, 50, 500)
        )
        return pb.ListRelatedSkillsResponse(links=found, next_page_token=self._token(request, place))

    async def GetOccupation(self, request: pb.GetOccupationRequest, context: Context) -> pb.Occupation:
        """Return an occupation."""
        return await usecases.get_occupation(self._knowledge.graph, caller_of(context), request.name)

    async def SearchOccupations(
        self, request: pb.SearchOccupationsRequest, context: Context
    ) -> pb.SearchOccupationsResponse:
        """Return a page of the occupations that fit a query."""
        found = await usecases.search_occupations(
            self._knowledge, caller_of(context), request.query, self._page(request, 20, 100)
        )
        return pb.SearchOccupationsResponse(
            hits=[
                pb.OccupationHit(occupation=occupation, score=hit.score, matched_label=hit.matched_label)
                for hit, occupation in found.hits
            ],
            next_page_token=self._token(request, found.next_place),
            semantic_coverage=found.semantic_coverage,
        )

    async def GetStandard(self, request: pb.GetStandardRequest, context: Context) -> pb.Standard:
        """Return an apprenticeship standard."""
        return await usecases.get_standard(self._knowledge.graph, caller_of(context), request.name)

    async def ListStandards(self, request: pb.ListStandardsRequest, context: Context) -> pb.ListStandardsResponse:
        """Return a page of standards."""
        found, place = await usecases.list_standards(
            self._knowledge.graph, caller_of(context), self._page(request, 50, 1000)
        )
        return pb.ListStandardsResponse(standards=found, next_page_token=self._token(request, place))

    async def GetCourse(self, request: pb.GetCourseRequest, context: Context) -> pb.Course:
        """Return a course."""
        return await usecases.get_course(self._knowledge.graph, caller_of(context), request.name)

    async def ListCourses(self, request: pb.ListCoursesRequest, context: Context) -> pb.ListCoursesResponse:
        """Return a page of courses."""
        found, place = await usecases.list_courses(
            self._knowledge.graph, caller_of(context), self._page(request, 50, 1000), request.develops
        )
        return pb.ListCoursesResponse(courses=found, next_page_token=self._token(request, place))

    async def ImportTaxonomy(
        self, request: pb.ImportTaxonomyRequest, context: Context
    ) -> AsyncIterator[pb.ImportTaxonomyResponse]:
        """Import, telling progress as it goes.

        The import goes on to its end, or to its failure, even if the caller goes away.
        """
        root = _root(request.folder, peer_of(context))
        steps: asyncio.Queue[pb.ImportTaxonomyResponse | None] = asyncio.Queue()
        running = asyncio.create_task(self._import(caller_of(context), request, root, steps))
        while (step := await steps.get()) is not None:
            yield step
        await running

    async def GetTaxonomyStatus(self, request: pb.GetTaxonomyStatusRequest, context: Context) -> pb.TaxonomyStatus:
        """Return what is loaded."""
        status = await usecases.taxonomy_status(self._knowledge, caller_of(context))
        return pb.TaxonomyStatus(
            sources=[_summary(summary) for summary in status.sources],
            version=status.version,
            model=status.model,
            embedded=status.embedded,
            to_embed=status.to_embed,
        )

    async def _import(
        self,
        caller: Caller,
        request: pb.ImportTaxonomyRequest,
        root: Path | None,
        steps: "asyncio.Queue[pb.ImportTaxonomyResponse | None]",
    ) -> None:
        def report(progress: Progress) -> None:
            steps.put_nowait(
                pb.ImportTaxonomyResponse(
                    source=pb.TaxonomySource.ValueType(progress.source),
                    activity=progress.activity,
                    done=progress.done,
                    total=progress.total,
                )
            )

        try:
            sources = [Source(source) for source in request.sources]
            async for summary in self._importer.import_taxonomy(caller, sources, root, report, force=request.force):
                steps.put_nowait(
                    pb.ImportTaxonomyResponse(
                        source=pb.TaxonomySource.ValueType(summary.source), activity="done", summary=_summary(summary)
                    )
                )
        finally:
            steps.put_nowait(None)

    def _page(self, request: Message, default: int, maximum: int) -> usecases.Page:
        return usecases.Page(page(request, SIZE_FIELD, default, maximum), decode_token(self._token_key, request))

    def _token(self, request: Message, place: str) -> str:
        return encode_token(self._token_key, request, place) if place else ""


def _root(folder: str, peer: str) -> Path | None:
    if not folder:
        return None
    if not peer.startswith(_LOOPBACK):
        raise Forbidden(
            "folder is a place on the server's machine; only callers on that machine may name one.",
            reason="FOLDER_FROM_AFAR",
        )
    if not Path(folder).is_dir():
        problem = f"there is no folder {folder} on the server's machine"
        raise InvalidArgument(
            f"{problem[0].upper()}{problem[1:]}; name one that holds the folders of the packaged data.",
            reason="FOLDER_NOT_FOUND",
            violations=[FieldViolation("folder", problem)],
        )
    return Path(folder)


def _span(text: str, start: int, end: int) -> pb.TextSpan:
    return pb.TextSpan(start=start, end=end, text=text[start:end])


def _summary(summary: ImportSummary) -> pb.ImportSummary:
    return pb.ImportSummary(
        source=pb.TaxonomySource.ValueType(summary.source),
        version=summary.version,
        unchanged=summary.unchanged,
        loaded=summary.loaded,
        dropped=[_rows(noted) for noted in summary.dropped],
        seconds=summary.seconds,
        corrected=[_rows(noted) for noted in summary.corrected],
    )


def _rows(noted: NotedRows) -> pb.DroppedRows:
    return pb.DroppedRows(file=noted.file, reason=noted.reason, count=noted.count, examples=noted.examples)
