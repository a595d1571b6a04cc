"""Sending the sample to the services. Sending it again changes nothing."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from time import monotonic
from typing import Final, TypeVar

from rich.table import Table

from careweave.client import calling
from careweave.rpc.channels import Channels
from careweave.v1 import matching_pb2, profiles_pb2
from careweave_cli.sample.catalogue import catalogue
from careweave_cli.sample.geography import make_places
from careweave_cli.sample.opportunities import make_opportunities, opportunity_id
from careweave_cli.sample.organisations import make_hubs, make_organisations
from careweave_cli.sample.people import make_people, person_id
from careweave_cli.sample.place import OPPORTUNITIES, PEOPLE
from careweave_cli.show.progress import Report

_BATCH: Final = 500
_SMALL_BATCH: Final = 50
"""Opportunities a call, so that progress shows while the server reads skills from their texts."""
_PAGE: Final = 1000

_T = TypeVar("_T")
_Named = TypeVar("_Named", profiles_pb2.Place, profiles_pb2.Organisation, profiles_pb2.Hub)


@dataclass(slots=True)
class SampleSummary:
    """What loading did: how many were created and how many were there already, by what they are.

    renewed: opportunities of an earlier load that had closed since and were offered again.
    """

    seed: int
    created: dict[str, int] = field(default_factory=dict)
    unchanged: dict[str, int] = field(default_factory=dict)
    renewed: int = 0
    seconds: float = 0.0

    def __rich__(self) -> Table:
        """Return a table of the counts."""
        table = Table(title=f"Sample place, seed {self.seed}: all people and organisations are fictional")
        table.add_column("")
        table.add_column("created", justify="right")
        table.add_column("there already", justify="right")
        for what, count in self.created.items():
            table.add_row(what, f"{count:,}", f"{self.unchanged.get(what, 0):,}")
        if self.renewed:
            table.add_row("opportunities offered again", f"{self.renewed:,}", "")
        table.caption = f"{self.seconds:.1f} s"
        return table


async def load_sample(services: Channels, seed: int, today: date, report: Report) -> SampleSummary:
    """Make what is missing of the sample for `seed` and send it to the services; the taxonomies must be there.

    What is there already is left as it is, whatever has become of it; opportunities that have closed
    are offered again, with dates counted from `today`.

    Raises:
        CareweaveError: a service refused or does not answer; what was sent before stays.
    """
    began = monotonic()
    summary = SampleSummary(seed)
    with calling():
        await _load_surroundings(services, summary, report)
        await _load_people(services, today, summary, report)
        await _load_opportunities(services, today, summary, report)
    summary.seconds = monotonic() - began
    return summary


async def _load_surroundings(services: Channels, summary: SampleSummary, report: Report) -> None:
    """Load places, organisations and hubs; each may name an earlier one, so they go in order of what they need."""
    profiles = services.profiles
    all_places, all_organisations, all_hubs = make_places(), make_organisations(), make_hubs()
    places = await profiles.ListPlaces(profiles_pb2.ListPlacesRequest(page_size=_PAGE))
    organisations = await profiles.ListOrganisations(profiles_pb2.ListOrganisationsRequest(page_size=_PAGE))
    hubs = await profiles.ListHubs(profiles_pb2.ListHubsRequest(page_size=_PAGE))
    missing_places = _missing(all_places, places.places, "places", summary)
    for level in sorted({one.level for one in missing_places}, reverse=True):
        same = [one for one in missing_places if one.level == level]
        await asyncio.gather(*(_update_place(services, one) for one in same))
    for organisation in _missing(all_organisations, organisations.organisations, "organisations", summary):
        request = profiles_pb2.UpdateOrganisationRequest(organisation=organisation, allow_missing=True)
        await profiles.UpdateOrganisation(request)
    for hub in _missing(all_hubs, hubs.hubs, "hubs", summary):
        await profiles.UpdateHub(profiles_pb2.UpdateHubRequest(hub=hub, allow_missing=True))
    count = len(all_places) + len(all_organisations) + len(all_hubs)
    report("Places, organisations and hubs", count, count)


async def _update_place(services: Channels, place: profiles_pb2.Place) -> None:
    await services.profiles.UpdatePlace(profiles_pb2.UpdatePlaceRequest(place=place, allow_missing=True))


def _missing(wanted: Sequence[_Named], present: Iterable[_Named], what: str, summary: SampleSummary) -> list[_Named]:
    """Return those of `wanted` whose name none of `present` has, and count both sorts."""
    names = {one.name for one in present}
    missing = [one for one in wanted if one.name not in names]
    summary.created[what], summary.unchanged[what] = len(missing), len(wanted) - len(missing)
    return missing


async def _load_people(services: Channels, today: date, summary: SampleSummary, report: Report) -> None:
    """Load those who are missing; only they are made, which is most of the work of loading again."""
    activity, total = "People", PEOPLE
    report(activity, 0, total)
    number_of = {f"people/{person_id(summary.seed, number)}": number for number in range(total)}
    missing: list[int] = []
    for names in _batches(list(number_of)):
        request = profiles_pb2.BatchGetPersonSnapshotsRequest(names=names)
        answer = await services.profiles.BatchGetPersonSnapshots(request)
        missing += (number_of[name] for name in answer.missing)
    done = total - len(missing)
    summary.created["people"], summary.unchanged["people"] = len(missing), done
    report(activity, done, total)
    if not missing:
        return
    new = await asyncio.to_thread(lambda: make_people(summary.seed, sorted(missing), catalogue(), today))
    for batch in _batches(new):
        await services.profiles.BatchCreatePeople(
            profiles_pb2.BatchCreatePeopleRequest(
                requests=[
                    profiles_pb2.CreatePersonRequest(person=one.person, person_id=one.person_id) for one in batch
                ],
                consents=[profiles_pb2.SampleConsents(consents=one.consents) for one in batch],
            )
        )
        done += len(batch)
        report(activity, done, total)


async def _load_opportunities(services: Channels, today: date, summary: SampleSummary, report: Report) -> None:
    """Load those that are missing and renew those that have run out; nothing is made if there are none."""
    activity, total = "Opportunities", OPPORTUNITIES
    report(activity, 0, total)
    present = await _present_opportunities(services)
    names = {f"opportunities/{opportunity_id(summary.seed, number)}" for number in range(total)}
    run_out = {name for name in names & present.keys() if _has_run_out(present[name], today)}
    done = len(names & present.keys())
    summary.created["opportunities"], summary.unchanged["opportunities"] = total - done, done
    if not run_out and done == total:
        report(activity, total, total)
        return
    offered = await asyncio.to_thread(lambda: make_opportunities(summary.seed, total, catalogue(), today))
    new = [one for one in offered if one.opportunity.name not in present]
    for batch in _batches(new, _SMALL_BATCH):
        requests = [
            matching_pb2.CreateOpportunityRequest(opportunity=one.opportunity, opportunity_id=one.opportunity_id)
            for one in batch
        ]
        await services.matching.BatchCreateOpportunities(
            matching_pb2.BatchCreateOpportunitiesRequest(requests=requests)
        )
        done += len(batch)
        report(activity, done, total)
    for one in offered:
        if one.opportunity.name in run_out:
            request = matching_pb2.UpdateOpportunityRequest(opportunity=one.opportunity)
            request.update_mask.paths.append("*")
            await services.matching.UpdateOpportunity(request)
            summary.renewed += 1
    report(activity, total, total)


async def _present_opportunities(services: Channels) -> dict[str, matching_pb2.Opportunity]:
    """Return every opportunity by name, those that were closed included."""
    found: dict[str, matching_pb2.Opportunity] = {}
    request = matching_pb2.ListOpportunitiesRequest(page_size=_PAGE, include_closed=True)
    while True:
        page = await services.matching.ListOpportunities(request)
        found.update({one.name: one for one in page.opportunities})
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token


def _has_run_out(opportunity: matching_pb2.Opportunity, today: date) -> bool:
    """Tell whether the closing date is past; what somebody closed on purpose stays closed."""
    closing = opportunity.closing_date
    last = (closing.year, closing.month, closing.day)
    return opportunity.state == matching_pb2.OPPORTUNITY_STATE_OPEN and last < (today.year, today.month, today.day)


def _batches(items: Sequence[_T], size: int = _BATCH) -> Iterator[Sequence[_T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
