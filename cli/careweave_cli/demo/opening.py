"""The opportunity that the demo publishes while somebody watches."""

from collections.abc import Collection
from datetime import date, timedelta
from typing import Final

from careweave.errors import NotFound
from careweave.rpc.channels import Channels
from careweave.v1 import common_pb2, matching_pb2, profiles_pb2, skills_pb2

TITLE: Final = "Reablement Support Worker"
DESCRIPTION: Final = (
    "Help people get back on their feet at home after a hospital stay. You will support washing, dressing and "
    "meals so that people do more for themselves each week, give and record medication, notice changes in health "
    "and report them to the nurse or occupational therapist, and keep clear notes of each visit. Shadowing, the "
    "Care Certificate and medication training are given in the first month. This advert is part of a demonstration; "
    "the organisation is fictional."
)
ASKED_FOR: Final = (
    "tend to elderly people",
    "assist in the administration of medication to elderly",
    "assist social service users with physical disabilities",
    "monitor service users' health",
    "support social service users to live at home",
    "maintain records of work with service users",
    "apply person-centred care",
)
"""Essential skills of the post, by ESCO label."""
_DAYS_OPEN: Final = 28


async def an_opening(services: Channels, today: date, away_from: Collection[str]) -> matching_pb2.Opportunity:
    """Return a new post in Winsford, not published yet, at an NHS organisation other than `away_from`.

    Raises:
        NotFound: there is no such organisation or skill; the sample place or ESCO is not loaded.
    """
    listed = await services.profiles.ListOrganisations(
        profiles_pb2.ListOrganisationsRequest(sector=profiles_pb2.SECTOR_NHS, page_size=100)
    )
    employers = [each.name for each in listed.organisations if each.name not in away_from]
    if not employers:
        raise NotFound("No NHS organisation is there. Load the sample: careweave load sample", "SAMPLE_MISSING")
    return matching_pb2.Opportunity(
        title=TITLE,
        kind=common_pb2.OPPORTUNITY_KIND_JOB,
        description=DESCRIPTION,
        organisation=employers[0],
        place="places/CW7",
        requirements=[
            common_pb2.SkillRequirement(skill=skill, importance=common_pb2.IMPORTANCE_ESSENTIAL)
            for skill in [await _skill(services, label) for label in ASKED_FOR]
        ],
        credentials=[
            common_pb2.CredentialRequirement(
                kind=common_pb2.CREDENTIAL_KIND_DBS,
                dbs_level=common_pb2.DBS_LEVEL_ENHANCED,
                provided_by_employer=True,
            )
        ],
        minimum_weekly_hours=16,
        maximum_weekly_hours=37.5,
        pay_band="AfC 3",
        closing_date=_as_date(today + timedelta(days=_DAYS_OPEN)),
        fictional=True,
    )


async def _skill(services: Channels, label: str) -> str:
    found = await services.skills.SearchSkills(skills_pb2.SearchSkillsRequest(query=label, page_size=10))
    for hit in found.hits:
        if hit.skill.label == label:
            return hit.skill.name
    raise NotFound(f"ESCO's skill “{label}” is not there. Load the taxonomies: careweave load all", "TAXONOMY_MISSING")


def _as_date(day: date) -> common_pb2.Date:
    return common_pb2.Date(year=day.year, month=day.month, day=day.day)
