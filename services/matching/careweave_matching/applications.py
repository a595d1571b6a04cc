"""Interest in an opportunity, and what became of it."""

from careweave.audit.asked import note_people
from careweave.errors import FailedPrecondition
from careweave.events.port import Event, Topic
from careweave.graph.port import UnitOfWork
from careweave.policy import Action, Caller, Resource, authorise
from careweave.v1.events_pb2 import ApplicationAdvanced
from careweave_matching import store
from careweave_matching.applying import Application, Step
from careweave_matching.messages import time_message
from careweave_matching.model import Pair
from careweave_matching.opportunities import existing
from careweave_matching.ports import EVENT_SOURCE, Ports
from careweave_matching.ranking import no_such
from careweave_matching.terms import Stage


async def express_interest(ports: Ports, caller: Caller, pair: Pair, comment: str) -> Application:
    """Record that `person` is interested. Doing it again changes nothing, whatever stage has been reached.

    Someone who was declined may be interested again.

    Raises:
        Forbidden: the caller may not. NotFound: person or opportunity does not exist.
        FailedPrecondition: no interest is taken any more.
    """
    person, opportunity = pair.person, pair.opportunity
    authorise(caller, Action.EXPRESS_INTEREST, Resource(person=person))
    now = ports.clock()
    async with ports.graph.unit_of_work() as unit:
        offered = await existing(unit, opportunity)
        before = await store.application(unit, person, opportunity)
        if before is not None and before.stage != Stage.DECLINED:
            return before
        if not offered.is_offered(now.date()):
            raise FailedPrecondition(
                f"{opportunity} is closed; no interest is taken any more.",
                reason="OPPORTUNITY_CLOSED",
                metadata={"resource": opportunity},
            )
        step = Step(Stage.INTERESTED, now, comment)
        after = before.advanced(step) if before else Application(person, opportunity, (step,))
        await _save(ports, unit, after)
    return after


async def record_outcome(ports: Ports, caller: Caller, pair: Pair, stage: Stage, comment: str) -> Application:
    """Record that an application has reached `stage`; reaching the current one again changes nothing.

    Raises:
        Forbidden: the caller may not. NotFound: there is no such application.
        FailedPrecondition: `stage` cannot follow the current one.
    """
    person, opportunity = pair.person, pair.opportunity
    async with ports.graph.unit_of_work() as unit:
        offered = await store.opportunity(unit, opportunity)
        resource = Resource(person=person, organisation=offered.organisation if offered else "")
        authorise(caller, Action.DECLINE if stage == Stage.DECLINED else Action.RECORD_OUTCOME, resource)
        before = await store.application(unit, person, opportunity) if offered else None
        if before is None:
            raise no_such("application", f"application of {person} for {opportunity}")
        if before.stage == stage:
            return before
        after = before.advanced(Step(stage, ports.clock(), comment))
        await _save(ports, unit, after)
    return after


async def list_applications(
    ports: Ports, caller: Caller, parent: Pair, after: str, limit: int
) -> tuple[list[Application], str]:
    """Return at most `limit` applications past the name `after`, and where the next page begins.

    Exactly one side of `parent` is set; `after` is a name of the other side.

    Raises:
        Forbidden: the caller may not. NotFound: there is no such opportunity.
    """
    person, opportunity = parent.person, parent.opportunity
    if opportunity:
        offered = await store.opportunity(ports.graph, opportunity)
        organisation = offered.organisation if offered else ""
        authorise(caller, Action.LIST_APPLICATIONS, Resource(organisation=organisation))
        if offered is None:
            raise no_such("opportunity", opportunity)
    else:
        authorise(caller, Action.LIST_APPLICATIONS, Resource(person=person))
    found = await store.applications(ports.graph, person, opportunity, after, limit + 1)
    shown = found[:limit]
    note_people(each.person for each in shown)
    if len(found) <= limit:
        return shown, ""
    return shown, shown[-1].opportunity if person else shown[-1].person


async def _save(ports: Ports, unit: UnitOfWork, application: Application) -> None:
    if not await store.save_application(unit, application):
        raise no_such("person", application.person)
    step = application.steps[-1]
    payload = ApplicationAdvanced(
        person=application.person,
        opportunity=application.opportunity,
        stage=int(step.stage),  # type: ignore[arg-type]  # numbers of terms.py are the proto's
        step_time=time_message(step.at),
    )
    unit.emit(
        Event(
            topic=Topic.APPLICATIONS,
            id=ports.new_id(),
            type=ApplicationAdvanced.DESCRIPTOR.full_name,
            source=EVENT_SOURCE,
            key=f"{application.opportunity}/applications/{application.person.removeprefix('people/')}",
            version=len(application.steps),
            time=step.at,
            payload=payload.SerializeToString(deterministic=True),
        )
    )
