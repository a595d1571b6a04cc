"""Loading taxonomies through the skills service, with progress and a summary of each."""

from collections.abc import Sequence
from typing import Final

from careweave.rpc.channels import Channels
from careweave.v1 import skills_pb2
from careweave_cli.show.progress import Report

ESCO: Final = skills_pb2.TAXONOMY_SOURCE_ESCO
CARE_PATHWAY: Final = skills_pb2.TAXONOMY_SOURCE_CARE_WORKFORCE_PATHWAY
STANDARDS: Final = skills_pb2.TAXONOMY_SOURCE_APPRENTICESHIP_STANDARDS
LINKS: Final = skills_pb2.TAXONOMY_SOURCE_LINKS

TITLES: Final = {
    ESCO: "ESCO 1.1.1",
    CARE_PATHWAY: "Care Workforce Pathway",
    STANDARDS: "Apprenticeship standards",
    LINKS: "Links between taxonomies",
}


async def import_taxonomies(
    services: Channels, request: skills_pb2.ImportTaxonomyRequest, report: Report
) -> list[skills_pb2.ImportSummary]:
    """Import what `request` names and return a summary of each source.

    Raises:
        AioRpcError: the service refused, or could not finish; nothing is half-written.
    """
    summaries = []
    async for step in services.skills.ImportTaxonomy(request):
        if step.HasField("summary"):
            summaries.append(step.summary)
        if step.activity:
            report(f"{TITLES.get(step.source, 'Taxonomies')}: {step.activity}", step.done, step.total)
    return summaries


def requested(
    sources: Sequence["skills_pb2.TaxonomySource.ValueType"], folder: str = "", *, force: bool = False
) -> skills_pb2.ImportTaxonomyRequest:
    """Return the request for `sources`; all if there are none."""
    return skills_pb2.ImportTaxonomyRequest(sources=sources, folder=folder, force=force)
