"""All that this service holds about a person, for them to read (UK GDPR Articles 15 and 20)."""

from collections.abc import AsyncIterator

from careweave.policy import Action, Caller, Resource, authorise
from careweave.v1.common_pb2 import ExportPersonRequest, PersonSection
from careweave_profiles.holdings import Holding, holdings
from careweave_profiles.people import existing_person
from careweave_profiles.ports import Ports


async def export_person(ports: Ports, caller: Caller, request: ExportPersonRequest) -> AsyncIterator[PersonSection]:
    """Yield a section for each kind of thing that is held, those of which there is nothing too.

    Raises:
        Forbidden: `caller` may not.
        NotFound: there is no such person.
    """
    authorise(caller, Action.EXPORT_PERSON, Resource(person=request.name))
    person = await existing_person(ports.graph, request.name)
    for holding in await holdings(ports.graph, person):
        yield _section(ports, holding)


def _section(ports: Ports, holding: Holding) -> PersonSection:
    rule = ports.rule(holding.rule)
    section = PersonSection(kind=holding.kind, title=holding.title, purpose=rule.why, kept=rule.period)
    for row in holding.rows:
        section.rows.add().update(dict(row))
    return section
