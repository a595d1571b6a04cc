"""The open opportunities of the sample, each in its own words."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from careweave.v1.matching_pb2 import Opportunity
from careweave_cli.sample.calendar import as_message
from careweave_cli.sample.catalogue import Catalogue
from careweave_cli.sample.chance import random_id, stream
from careweave_cli.sample.demands import as_requirements, draw_credentials, draw_demand
from careweave_cli.sample.descriptions import Draft, describe, titled
from careweave_cli.sample.geography import place_of
from careweave_cli.sample.offers import Offer, make_offers
from careweave_cli.sample.records import suited
from careweave_cli.sample.terms import Terms, draw_terms
from careweave_cli.sample.wording import Texts, shingles

_CLOSE_ENOUGH: Final = 0.4
"""Share of five-word sequences up to which a new text is taken at once."""
_ATTEMPTS: Final = 12


@dataclass(frozen=True, slots=True)
class SampleOpportunity:
    """A fictional opportunity and its id."""

    opportunity_id: str
    opportunity: Opportunity


def opportunity_id(seed: int, number: int) -> str:
    """Return the id of opportunity `number` of the sample."""
    return random_id(seed, "opportunity", number)


def make_opportunities(seed: int, count: int, catalogue: Catalogue, today: date) -> list[SampleOpportunity]:
    """Return `count` opportunities that are open on `today` and begin later."""
    texts = Texts()
    return [_make(seed, offer, catalogue, today, texts) for offer in make_offers(seed, count, catalogue)]


def _make(seed: int, offer: Offer, catalogue: Catalogue, today: date, texts: Texts) -> SampleOpportunity:
    """Return the opportunity for `offer`, worded unlike any of `texts`, to which its own is added."""
    chance = stream(seed, "opportunity", offer.number)
    setting = offer.employer.setting
    title = chance.choice(suited(offer.role.titles, setting))
    about = chance.choice(suited(offer.role.about, setting))
    demand = draw_demand(chance, offer, catalogue)
    terms = draw_terms(chance, offer, today)
    needs = draw_credentials(chance, offer)
    draft = Draft(offer, title, about, demand, terms, needs)
    best, least = "", 1.1
    for attempt in range(_ATTEMPTS):
        words = stream(seed, "description", offer.number, attempt)
        text = describe(words, draft)
        likeness = texts.most_shared(shingles(text))
        if likeness < least:
            best, least = text, likeness
        if least <= _CLOSE_ENOUGH:
            break
    texts.add(shingles(best))
    own_id = opportunity_id(seed, offer.number)
    opportunity = Opportunity(
        name=f"opportunities/{own_id}",
        title=titled(offer, title, about),
        kind=offer.kind,
        description=best,
        organisation=offer.employer.name,
        place=place_of(offer.site) if offer.site else "",
        occupation=catalogue.occupation(offer.role.occupation),
        requirements=as_requirements(chance, demand, offer.role),
        develops=dict.fromkeys(skill.name for skill in demand.develops),
        credentials=needs,
        hub=f"hubs/{offer.hub.key}" if offer.hub else "",
        standard=offer.standard.name if offer.standard else "",
        course=offer.course.name if offer.course else "",
        fictional=True,
    )
    _put_terms(opportunity, terms)
    return SampleOpportunity(own_id, opportunity)


def _put_terms(opportunity: Opportunity, terms: Terms) -> None:
    opportunity.minimum_weekly_hours = terms.least_hours
    opportunity.maximum_weekly_hours = terms.most_hours
    opportunity.unsocial_hours = terms.unsocial
    if terms.band:
        opportunity.pay_band = terms.band.name
        opportunity.annual_pay_gbp = terms.band.least
    opportunity.start_date.CopyFrom(as_message(terms.start))
    opportunity.closing_date.CopyFrom(as_message(terms.closing))
    if terms.end:
        opportunity.end_date.CopyFrom(as_message(terms.end))
