"""Asking the services for the next steps of every vignette."""

import asyncio
from collections.abc import Sequence
from datetime import date
from typing import Final

from careweave.client import calling
from careweave.errors import FailedPrecondition
from careweave.rpc.channels import Channels
from careweave.v1 import matching_pb2, profiles_pb2
from careweave_cli.demo.asking import until_indexed
from careweave_cli.sample.catalogue import Catalogue, catalogue
from careweave_cli.sample.vignettes.facts import Surroundings
from careweave_cli.sample.vignettes.judging import Match, Outcome, judge
from careweave_cli.sample.vignettes.profiles import make_person, person_id
from careweave_cli.sample.vignettes.stories import Story
from careweave_cli.show.progress import Report

_PAGE: Final = 1000
_MATCHES_PAGE: Final = 100


async def run_stories(services: Channels, stories: Sequence[Story], today: date, report: Report) -> list[Outcome]:
    """Return how the lists for `stories` do; the sample place must be loaded.

    Each person is created for the time of the run and deleted at its end.

    Raises:
        FailedPrecondition: nothing is on offer.
        CareweaveError: as the services answer.
    """
    taxonomies = await asyncio.to_thread(catalogue)
    with calling():
        around = await _surroundings(services, taxonomies)
        outcomes = []
        for number, story in enumerate(stories, start=1):
            report("Vignettes", number - 1, len(stories))
            person = make_person(story, taxonomies, today)
            outcomes.append(judge(story, person, await _list_for(services, story, person), around, today))
        report("Vignettes", len(stories), len(stories))
    return outcomes


async def _list_for(services: Channels, story: Story, person: profiles_pb2.Person) -> list[Match]:
    """Return the eligible opportunities for `person`, best first."""
    gone = profiles_pb2.DeletePersonRequest(name=person.name, allow_missing=True)
    await services.profiles.DeletePerson(gone)
    await services.profiles.CreatePerson(profiles_pb2.CreatePersonRequest(person=person, person_id=person_id(story)))
    try:
        await until_indexed(services, person.name)
        return await _all_matches(services, person.name)
    finally:
        await services.profiles.DeletePerson(gone)


async def _all_matches(services: Channels, person: str) -> list[Match]:
    request = matching_pb2.FindOpportunitiesRequest(
        person=person, page_size=_MATCHES_PAGE, view=matching_pb2.MATCH_VIEW_FULL
    )
    found: list[Match] = []
    while True:
        page = await services.matching.FindOpportunities(request)
        found += page.matches
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token


async def _surroundings(services: Channels, taxonomies: Catalogue) -> Surroundings:
    opportunities: dict[str, matching_pb2.Opportunity] = {}
    request = matching_pb2.ListOpportunitiesRequest(page_size=_PAGE)
    while True:
        page = await services.matching.ListOpportunities(request)
        opportunities.update({one.name: one for one in page.opportunities})
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    if not opportunities:
        raise FailedPrecondition("Nothing is on offer; run `careweave load sample` first.", "SAMPLE_NOT_LOADED")
    places = await services.profiles.ListPlaces(profiles_pb2.ListPlacesRequest(page_size=_PAGE))
    organisations = await services.profiles.ListOrganisations(profiles_pb2.ListOrganisationsRequest(page_size=_PAGE))
    return Surroundings(
        opportunities,
        {one.name: one for one in organisations.organisations},
        frozenset(one.name for one in places.places if one.rurality == profiles_pb2.RURALITY_RURAL),
        {name: label for label, name in taxonomies.occupations.items()},
    )
