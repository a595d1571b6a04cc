"""All that this service holds about a person, for them to read (UK GDPR Articles 15 and 20)."""

from collections.abc import AsyncIterator

from careweave.audit.search import entries_about
from careweave.events.port import EventLog, Topic
from careweave.events.reading import all_kept
from careweave.policy import Action, Caller, Resource, authorise
from careweave.v1.common_pb2 import ExportPersonRequest, PersonSection
from careweave_profiles.accesses import as_seen
from careweave_profiles.holdings import Holding, holdings, plain
from careweave_profiles.people import existing_person
from careweave_profiles.ports import Ports
from careweave_profiles.pseudonyms import known_pseudonym


async def export_person(
    ports: Ports, events: EventLog, caller: Caller, request: ExportPersonRequest
) -> AsyncIterator[PersonSection]:
    """Yield a section for each kind of thing that is held, those of which there is nothing too.

    events: whence the audit trail is read, whole: some seconds for ten million entries.

    Raises:
        Forbidden: `caller` may not.
        NotFound: there is no such person.
    """
    authorise(caller, Action.EXPORT_PERSON, Resource(person=request.name))
    person = await existing_person(ports.graph, request.name)
    for holding in await holdings(ports.graph, person):
        yield _section(ports, holding)
    yield _section(ports, await _accesses(ports, events, request.name))


async def _accesses(ports: Ports, events: EventLog, name: str) -> Holding:
    pseudonym = await known_pseudonym(ports.graph, name)
    entries = await entries_about(all_kept(events, Topic.AUDIT), pseudonym) if pseudonym else []
    rows = [plain(as_seen(entry, pseudonym)) for entry in entries]
    return Holding("accesses", "audit-events", "Who saw or changed what is held", rows)


def _section(ports: Ports, holding: Holding) -> PersonSection:
    rule = ports.rule(holding.rule)
    section = PersonSection(kind=holding.kind, title=holding.title, purpose=rule.why, kept=rule.period)
    for row in holding.rows:
        section.rows.add().update(dict(row))
    return section
