"""What an opportunity must keep to beyond the field rules of the protos, and the resources it names."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence

from careweave.errors import FieldViolation, InvalidArgument
from careweave.graph.port import Reads
from careweave_matching import store
from careweave_matching.model import Opportunity
from careweave_matching.terms import CredentialKind

_KEPT_CONTROLS = "\n\r\t"


def check_rules(opportunity: Opportunity, prefix: str = "opportunity.") -> None:
    """Return if `opportunity` makes sense in itself.

    Raises:
        InvalidArgument: it does not; every breach is named.
    """
    found = [FieldViolation(f"{prefix}{field}", text) for field, text in _breaches(opportunity)]
    _refuse(found, "OPPORTUNITY_INVALID")


def _breaches(opportunity: Opportunity) -> Iterator[tuple[str, str]]:
    yield from _breaches_of_texts(opportunity)
    yield from _breaches_of_needs(opportunity)
    if not opportunity.kind:
        yield "kind", "must be set"
    if not opportunity.organisation:
        yield "organisation", "must be set"
    first, last, closing = opportunity.start_date, opportunity.end_date, opportunity.closing_date
    if first is not None and last is not None and last < first:
        yield "end_date", "must not come before start_date"
    if last is not None and closing is not None and closing > last:
        yield "closing_date", "must not come after end_date"
    if 0 < opportunity.maximum_weekly_hours < opportunity.minimum_weekly_hours:
        yield "maximum_weekly_hours", "must not be below minimum_weekly_hours"


def _breaches_of_texts(opportunity: Opportunity) -> Iterator[tuple[str, str]]:
    if not opportunity.title.strip():
        yield "title", "must hold more than white space"
    for field in ("title", "description", "pay_band"):
        text = str(getattr(opportunity, field))
        if any(unicodedata.category(letter) == "Cc" and letter not in _KEPT_CONTROLS for letter in text):
            yield field, "must hold no control characters but tabs and line breaks"


def _breaches_of_needs(opportunity: Opportunity) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for position, need in enumerate(opportunity.requirements):
        if need.skill in seen:
            yield f"requirements[{position}].skill", "must not be named twice"
        seen.add(need.skill)
    for position, credential in enumerate(opportunity.credentials):
        if credential.kind != CredentialKind.DBS and (credential.dbs_level or credential.recheck_months):
            yield f"credentials[{position}]", "may state dbs_level and recheck_months only for kind DBS"
    if len(set(opportunity.credentials)) != len(opportunity.credentials):
        yield "credentials", "must not repeat a requirement"


async def check_references(reads: Reads, opportunities: Sequence[Opportunity], prefix: str) -> None:
    """Return if everything that `opportunities` name exists.

    Raises:
        InvalidArgument: something does not; every name is listed.
    """
    paths: dict[str, dict[str, str]] = defaultdict(dict)
    for opportunity in opportunities:
        for label, name, field in _named(opportunity):
            if name:
                paths[label].setdefault(name, f"{prefix}{field}")
    found: list[FieldViolation] = []
    for label, named in paths.items():
        missing = await store.unknown(reads, label, named)
        found += [FieldViolation(named[name], f"there is no {name}") for name in named if name in missing]
    _refuse(found, "REFERENCE_UNKNOWN")


def _named(opportunity: Opportunity) -> Iterator[tuple[str, str, str]]:
    yield "Organisation", opportunity.organisation, "organisation"
    yield "Place", opportunity.place, "place"
    yield "Hub", opportunity.hub, "hub"
    yield "Occupation", opportunity.occupation, "occupation"
    yield "Standard", opportunity.standard, "standard"
    yield "Course", opportunity.course, "course"
    for position, need in enumerate(opportunity.requirements):
        yield "Skill", need.skill, f"requirements[{position}].skill"
    for position, skill in enumerate(opportunity.develops):
        yield "Skill", skill, f"develops[{position}]"


def _refuse(found: Sequence[FieldViolation], reason: str) -> None:
    if found:
        more = f" ({len(found) - 1} more)" if len(found) > 1 else ""
        raise InvalidArgument(
            f"{found[0].field}: {found[0].description}{more}.", reason=reason, violations=tuple(found)
        )
