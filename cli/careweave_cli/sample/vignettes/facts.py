"""What the clauses of a vignette ask of an opportunity."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from careweave.v1 import common_pb2, matching_pb2, profiles_pb2
from careweave_cli.sample.organisations import SECTORS
from careweave_cli.sample.vignettes.stories import Step

_WORD_OF_SECTOR: Final = {number: word for word, number in SECTORS.items()}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is on offer, and what clauses look up by resource name.

    rural: names of the places that are rural.
    """

    opportunities: Mapping[str, matching_pb2.Opportunity]
    organisations: Mapping[str, profiles_pb2.Organisation]
    rural: frozenset[str]
    occupation_labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Facts:
    """An opportunity in the words of the vignettes.

    title: in lower case. place: postcode district; empty if anywhere. registers_lacked: those that it
    needs an entry on and the person has none.
    """

    kind: str
    standard: str
    occupation: str
    title: str
    sector: str
    place: str
    rural: bool
    registers_lacked: frozenset[str]
    driving: bool
    pay: int
    least_hours: float


def facts_of(opportunity: matching_pb2.Opportunity, around: Surroundings, held: frozenset[str]) -> Facts:
    """Return `opportunity` in the words of the vignettes; `held` are the registers that the person is on."""
    sector = around.organisations[opportunity.organisation].sector
    return Facts(
        kind=common_pb2.OpportunityKind.Name(opportunity.kind).removeprefix("OPPORTUNITY_KIND_").lower(),
        standard=opportunity.standard.removeprefix("standards/"),
        occupation=around.occupation_labels.get(opportunity.occupation, ""),
        title=opportunity.title.lower(),
        sector=_WORD_OF_SECTOR.get(sector, ""),
        place=opportunity.place.removeprefix("places/"),
        rural=opportunity.place in around.rural,
        registers_lacked=frozenset(_titles(opportunity, common_pb2.CREDENTIAL_KIND_REGISTRATION)) - held,
        driving=bool(_titles(opportunity, common_pb2.CREDENTIAL_KIND_DRIVING_LICENCE)),
        pay=opportunity.annual_pay_gbp,
        least_hours=opportunity.minimum_weekly_hours,
    )


def holds(step: Step, facts: Facts) -> bool:
    """Tell whether `step` holds for the opportunity of `facts`."""
    return any(all(_ASKED[key](facts, wanted) for key, wanted in clause.items()) for clause in step.clauses)


def _titles(opportunity: matching_pb2.Opportunity, kind: "common_pb2.CredentialKind.ValueType") -> list[str]:
    return [one.title for one in opportunity.credentials if one.kind == kind]


_ASKED: Final[Mapping[str, Callable[[Facts, Any], bool]]] = {
    "kinds": lambda facts, wanted: facts.kind in wanted,
    "standards": lambda facts, wanted: facts.standard in wanted,
    "occupations": lambda facts, wanted: facts.occupation in wanted,
    "title": lambda facts, wanted: any(phrase in facts.title for phrase in wanted),
    "without": lambda facts, wanted: not any(phrase in facts.title for phrase in wanted),
    "sectors": lambda facts, wanted: facts.sector in wanted,
    "places": lambda facts, wanted: facts.place in wanted,
    "rural": lambda facts, wanted: bool(facts.place) and facts.rural == wanted,
    "registration": lambda facts, wanted: bool(facts.registers_lacked) == wanted,
    "driving": lambda facts, wanted: facts.driving == wanted,
    "pay_below": lambda facts, wanted: 0 < facts.pay < wanted,
    "hours_above": lambda facts, wanted: facts.least_hours > wanted,
}
